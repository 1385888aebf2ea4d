"""A client that gives nothing up: any gateway will do, and an answer that never came is asked for again."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
from reelmesh_kit import chance, clock

from tests.chaos import history

GENERATIONS = "/api/v1/generations"
ASSETS = "/api/v1/assets"
RECOVERY = "/api/v1/recovery"
#: How often something is asked for again that was forgotten.
REPEATS = 3
TIMEOUT_SECONDS = 4.0
AGAIN_SECONDS = 0.2
LOOK_SECONDS = 0.3
#: Nobody waits for longer for anything.
PATIENCE_SECONDS = 120.0
# Answers that say: not now.
_PASSING = frozenset({429, 502, 503, 504})
Body = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Wish:
    """What was asked for, to be asked for again."""

    key: str
    body: Mapping[str, object]
    shots: frozenset[str]


class Impatient(Exception):
    """Something took longer than anybody waits."""


@dataclasses.dataclass
class Caller:
    """Somebody with an API key, and all gateways to use it at."""

    clients: list[httpx.AsyncClient]
    time: clock.Clock
    seeded: chance.Chance
    history: history.History
    #: By generation.
    wishes: dict[str, Wish] = dataclasses.field(default_factory=dict[str, Wish])

    async def create(self, key: str, body: Mapping[str, object]) -> Body | None:
        """Ask for a generation until somebody answers; None when it is refused."""
        answer = await self._sure("create", key, "POST", GENERATIONS, json=body, headers={"idempotency-key": key})
        if answer.status_code != 202:
            return None
        found: Body = answer.json()
        # Read no further: creates under one key may run side by side, so that an older answer comes later.
        self.history.created(key, found)
        self.wishes[found["id"]] = Wish(key, body, frozenset(shot["id"] for shot in found["shots"]))
        return found

    async def ask_again(self, generation_id: str) -> bool:
        """Ask under its key for a generation that the record has forgotten; tell whether it is there again."""
        wish = self.wishes[generation_id]
        if await self.create(wish.key, wish.body) is not None:
            return True
        if "deadline_time" in wish.body:
            # It has passed: that is told, and true.
            self.history.reported.add(generation_id)
        return False

    async def refused(self, key: str, body: Mapping[str, object], status: int) -> None:
        """Ask for a generation that must be refused, unless the record has forgotten what stands in its way."""
        answer = await self._sure("refused", key, "POST", GENERATIONS, json=body, headers={"idempotency-key": key})
        if answer.status_code == 202 and self.history.may_have_forgotten(key):
            return
        if answer.status_code != status:
            self.history.wrong.append(f"a create under {key} was answered {answer.status_code}, not {status}")

    async def get(self, generation_id: str) -> Body:
        """Read a generation."""
        answer = await self._about("get", generation_id, "GET", f"{GENERATIONS}/{generation_id}")
        found: Body = answer.json()
        if answer.status_code == 200:
            self.history.saw(found, "get")
        elif generation_id not in self.history.reported:
            self.history.wrong.append(f"generation {generation_id} was answered {answer.status_code}: {answer.text}")
        return found

    async def look(self, generation_id: str) -> Body | None:
        """Read a generation that may be forgotten; None when it is, and nothing is done about it."""
        answer = await self._sure("look", generation_id, "GET", f"{GENERATIONS}/{generation_id}")
        return answer.json() if answer.status_code == 200 else None

    async def _about(self, verb: str, generation_id: str, method: str, path: str) -> httpx.Response:
        """Call about a generation; one that the record has forgotten is asked for again first."""
        for _ in range(REPEATS):
            answer = await self._sure(verb, generation_id, method, path)
            if answer.status_code != 404 or not self.history.forgets or not await self.ask_again(generation_id):
                return answer
        raise Impatient(f"generation {generation_id} is forgotten again and again")

    async def recovery(self) -> Body | None:
        """Return what operators are told of the last recovery."""
        found: Body = (await self._sure("recovery", "", "GET", RECOVERY)).json()
        return found["recovery"]

    async def start_recovery(self, reason: str) -> Body:
        """Look for lost jobs."""
        found: Body = (await self._sure("start recovery", "", "POST", RECOVERY, json={"reason": reason})).json()
        return found["recovery"]

    async def recovered(self, after: int) -> Body:
        """Wait until a recovery stands whose number is higher.

        Raises:
            Impatient: none does.
        """
        ends = self.time.elapsed() + PATIENCE_SECONDS
        while self.time.elapsed() < ends:
            found = await self.recovery()
            if found is not None and found["number"] > after and found["state"] == "STANDING":
                return found
            await self.time.sleep(LOOK_SECONDS)
        raise Impatient(f"no recovery after number {after} came to an end")

    async def release(self, account_id: str) -> None:
        """Say that an account has nothing that is not known; another search may have begun meanwhile."""
        path = f"{RECOVERY}/accounts/{account_id}/release"
        answer = await self._sure("release", account_id, "POST", path, json={"reason": "nobody works there"})
        if answer.status_code not in (200, 404, 409):
            self.history.wrong.append(f"the release of {account_id} was answered {answer.status_code}: {answer.text}")

    async def orphans(self) -> list[Body]:
        """Return the jobs that belong to nobody."""
        found: list[Body] = []
        token = ""
        while True:
            answer = await self._sure("orphans", "", "GET", f"{RECOVERY}/orphans", params={"page_token": token})
            page: Body = answer.json()
            found += page["orphans"]
            token = page["next_page_token"]
            if not token:
                return found

    async def cancel(self, generation_id: str) -> Body:
        """Cancel a generation; that it has ended otherwise is as good."""
        return await self._changed("cancel", generation_id, 200, 409)

    async def retry(self, generation_id: str) -> Body:
        """Retry a failed generation; that it is at it already is as good."""
        return await self._changed("retry", generation_id, 202, 409)

    async def promote(self, generation_id: str, take: int) -> Body:
        """Have a take delivered; that its generation is gone with the record is as good."""
        return await self._changed(f"takes/{take}/promote", generation_id, 200, 404, 409)

    async def discard(self, key: str, body: Mapping[str, object]) -> None:
        """Ask for a generation, think better of it, and delete it: nobody asks for it any more.

        Raises:
            Impatient: it does not end.
        """
        made = await self._sure("create", key, "POST", GENERATIONS, json=body, headers={"idempotency-key": key})
        if made.status_code != 202:
            return
        path = f"{GENERATIONS}/{made.json()['id']}"
        await self._sure("give up", key, "POST", f"{path}/cancel")
        ends = self.time.elapsed() + PATIENCE_SECONDS
        # 409: it has not ended yet. 404: it is deleted, and the answer was lost; or the record has forgotten it.
        while (answer := await self._sure("delete", key, "DELETE", path)).status_code == 409:
            if self.time.elapsed() > ends:
                raise Impatient(f"what was asked for under {key} does not end")
            await self.time.sleep(LOOK_SECONDS)
        if answer.status_code not in (204, 404):
            self.history.wrong.append(f"the delete under {key} was answered {answer.status_code}: {answer.text}")
        again = await self._sure("get deleted", key, "GET", path)
        if again.status_code != 404 and not self.history.forgets:
            self.history.wrong.append(f"what was deleted under {key} is answered {again.status_code}")

    async def _changed(self, verb: str, generation_id: str, *expected: int) -> Body:
        answer = await self._about(verb, generation_id, "POST", f"{GENERATIONS}/{generation_id}/{verb}")
        if answer.status_code not in expected and generation_id not in self.history.reported:
            self.history.wrong.append(f"{verb} of {generation_id} was answered {answer.status_code}: {answer.text}")
        found: Body = answer.json()
        if answer.status_code < 300:
            self.history.saw(found, verb)
        return found

    async def becomes(self, generation_id: str, *states: str) -> Body:
        """Wait until a generation is in one of these states.

        Raises:
            Impatient: it takes too long.
        """
        ends = self.time.elapsed() + PATIENCE_SECONDS
        while self.time.elapsed() < ends:
            found = await self.get(generation_id)
            if found.get("state") in states or generation_id in self.history.reported:
                return found
            await self.time.sleep(LOOK_SECONDS)
        raise Impatient(f"generation {generation_id} did not become {' or '.join(states)}")

    async def upload(self, content: bytes) -> Body | None:
        """Store a reference image. Uploads have no key: one whose answer is lost is made again, the other expires."""
        headers = {"content-type": "image/png"}
        answer = await self._sure("upload", "", "POST", ASSETS, content=content, headers=headers)
        if answer.status_code != 201:
            self.history.wrong.append(f"an upload was answered {answer.status_code}: {answer.text}")
            return None
        found: Body = answer.json()
        return found

    async def remove(self, asset_id: str) -> None:
        """Delete an asset; that it is gone already is as good, for an answer may have been lost."""
        answer = await self._sure("remove", asset_id, "DELETE", f"{ASSETS}/{asset_id}")
        if answer.status_code not in (204, 404):
            self.history.wrong.append(f"asset {asset_id} cannot be deleted: {answer.status_code} {answer.text}")
        again = await self._sure("get asset", asset_id, "GET", f"{ASSETS}/{asset_id}")
        if again.status_code != 404:
            self.history.wrong.append(f"asset {asset_id} was deleted and is answered {again.status_code}")

    async def download(self, asset_id: str) -> bytes:
        """Read the bytes of an asset."""
        answer = await self._sure("download", asset_id, "GET", f"{ASSETS}/{asset_id}/content")
        if answer.status_code != 200:
            self.history.wrong.append(f"asset {asset_id} cannot be read: {answer.status_code} {answer.text[:200]}")
        return answer.content

    async def follow(self, generation_id: str) -> list[int]:
        """Follow a generation by server-sent events to its end, across interruptions; return the events' sequences."""
        told: list[int] = []
        ends = self.time.elapsed() + PATIENCE_SECONDS
        while self.time.elapsed() < ends:
            with contextlib.suppress(httpx.HTTPError):
                if self.history.forgets:
                    await self.get(generation_id)
                async for name, sequence in self._events(generation_id, told[-1] if told else 0):
                    if name == "event":
                        told.append(sequence)
                    elif name == "ended":
                        return told
            await self.time.sleep(AGAIN_SECONDS)
        raise Impatient(f"generation {generation_id} was followed and did not end")

    async def _events(self, generation_id: str, after: int) -> AsyncGenerator[tuple[str, int]]:
        headers = {"last-event-id": str(after)} if after else {}
        async with self._any().stream("GET", f"{GENERATIONS}/{generation_id}/watch", headers=headers) as answer:
            name, sequence = "", 0
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    sequence = int(value)
                elif not line and name:
                    yield name, sequence
                    name = ""

    async def _sure(self, verb: str, about: str, method: str, path: str, **keywords: Any) -> httpx.Response:
        """Call until there is an answer that is the mesh's own word.

        Raises:
            Impatient: there is none.
        """
        ends = self.time.elapsed() + PATIENCE_SECONDS
        while self.time.elapsed() < ends:
            call = self.history.invoke(verb, about, self.time.elapsed())
            try:
                answer = await self._any().request(method, path, **keywords)
            except httpx.HTTPError:
                await self.time.sleep(AGAIN_SECONDS)
                continue
            self._note(call, answer)
            if answer.status_code not in _PASSING:
                return answer
            await self.time.sleep(AGAIN_SECONDS)
        raise Impatient(f"{verb} {about} was not answered")

    def _note(self, call: history.Call, answer: httpx.Response) -> None:
        call.answered, call.status = self.time.elapsed(), answer.status_code
        if answer.status_code < 300:
            call.outcome = history.OK
            with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError):
                call.value = answer.json() if answer.content[:1] == b"{" else None
        elif answer.status_code < 500:
            call.outcome = history.FAIL
        if answer.status_code == 500:
            self.history.wrong.append(f"{call.verb} {call.about} was answered 500: {answer.text[:300]}")

    def _any(self) -> httpx.AsyncClient:
        return self.clients[int(self.seeded.uniform(0, len(self.clients)))]


@contextlib.asynccontextmanager
async def opened(
    ports: list[int], key: str, time: clock.Clock, seeded: chance.Chance, kept: history.History
) -> AsyncGenerator[Caller]:
    """Be somebody with this key, at gateways on these ports."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": key}, timeout=TIMEOUT_SECONDS
                )
            )
            for port in ports
        ]
        yield Caller(clients, time, seeded, kept)
