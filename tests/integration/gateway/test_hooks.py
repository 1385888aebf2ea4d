"""Webhooks of vendors at a real gateway with a real NATS: simulators tell, forge and repeat; only a nudge goes on."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from reelmesh.mesh.v1 import task_pb2
from reelmesh_gateway import settings
from reelmesh_gateway.routes import limits
from reelmesh_kit import bus, clock, webhooks
from reelmesh_simulators import serving, vendor
from reelmesh_simulators import webhooks as simulated
from reelmesh_simulators.dialects import fal, fal_signing, omni, openai

from tests.support import chassis as chassis_support
from tests.support import vendors

KEY = "a key of sixteen and more"
SECRET = "the vendor's and ours"
ACCOUNTS = """
accounts:
  - {{id: fal-one, provider: fal, webhooks: {{signed: fal, keys: '{keys}'}}}}
  - {{id: omni-one, provider: omni, webhooks: {{signed: google, keys: '{google}'}}}}
  - {{id: sora-one, provider: sora, endpoint: 'http://localhost/v1',
      webhooks: {{signed: standard, secret: TEST_WEBHOOK_SECRET}}}}
  - {{id: sora-two, provider: sora, endpoint: 'http://localhost/v1'}}
  - {{id: sora-three, provider: sora, endpoint: 'http://localhost/v1',
      webhooks: {{signed: standard, secret: TEST_NO_SUCH_VARIABLE}}}}
"""
FOR_SORA = webhooks.path(KEY, "sora-one")
NOWHERE = "http://127.0.0.1:1/nothing"
PUBLISHED = "/.well-known/jwks.json"
BODY = b'{"type": "video.completed", "data": {"id": "video_1"}}'
TIME = clock.SystemClock()


class Scene:
    """A gateway with webhooks, and who listens to its nudges."""

    def __init__(self, url: str, google_url: str, notes: AsyncIterator[bus.Note]) -> None:
        self.url, self.google_url = url, google_url
        self.nudges: list[tuple[str, task_pb2.JobNudge]] = []
        self._notes = notes

    async def listen(self) -> None:
        async for note in self._notes:
            self.nudges.append((note.subject, task_pb2.JobNudge.FromString(note.payload)))

    async def nudged(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.nudges) < count:
                await TIME.sleep(0.01)

    async def post(self, path: str, body: bytes, headers: Any = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            return await client.post(path, content=body, headers=headers)

    async def counted(self) -> dict[tuple[str, str], float]:
        """Return how many notices were counted, by provider and result."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            text = (await client.get("/metrics")).text
        found: dict[tuple[str, str], float] = {}
        for line in text.splitlines():
            if line.startswith("provider_webhooks_total{"):
                labels = dict(each.split("=") for each in line.split("{")[1].split("}")[0].split(","))
                found[labels["provider"].strip('"'), labels["result"].strip('"')] = float(line.rpartition(" ")[2])
        return found


@pytest.fixture
async def scene(
    open_gateway: Callable[..., Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Scene]:
    own = chassis_support.make_chassis("listener")
    monkeypatch.setenv("TEST_WEBHOOK_SECRET", SECRET)
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats = await enter(bus.nats_server(own, tmp_path / "nats"))
        keys, google = await enter(vendors.selling(fal.Fal)), await enter(vendors.selling(omni.Omni))
        file = tmp_path / "accounts.yaml"
        file.write_text(ACCOUNTS.format(keys=keys.url + PUBLISHED, google=google.url + PUBLISHED))
        gateway = await enter(open_gateway(accounts_file=file, webhook_key=KEY, nats_url=nats.url))
        link = await enter(bus.connect(own, nats.url))
        found = Scene(gateway.url, google.url, await enter(link.hear("nudge.>")))
        listening = asyncio.create_task(found.listen())
        stack.callback(listening.cancel)
        yield found


def signed(body: bytes = BODY, *, at: float | None = None, secret: str = SECRET, event: str = "evt_1") -> Any:
    return simulated.standard(secret.encode(), event, TIME.now().timestamp() if at is None else at, body)


async def test_a_signed_notice_is_a_nudge_and_its_repetition_none(scene: Scene) -> None:
    for _ in range(2):
        assert (await scene.post(FOR_SORA, BODY, signed())).status_code == 204
    assert (await scene.post(FOR_SORA, BODY, signed(event="evt_2"))).status_code == 204
    await scene.nudged(2)
    nudge = task_pb2.JobNudge(account_id="sora-one", vendor_job_id="video_1")
    assert scene.nudges == [("nudge.sora.sora-one", nudge)] * 2
    assert await scene.counted() == {("sora", "nudged"): 2, ("sora", "duplicate"): 1}


async def test_forged_old_and_misdirected_notices_are_refused_and_counted(scene: Scene) -> None:
    now = TIME.now().timestamp()
    refused = [
        (FOR_SORA, signed(secret="somebody else's"), 403),
        (FOR_SORA, {}, 403),
        (FOR_SORA, signed(b"{}"), 403),
        (FOR_SORA, signed(at=now - 1000), 400),
        (FOR_SORA, signed(at=now + 1000), 400),
        # Addresses: of nobody, of an account without webhooks, of an attempt that nobody was given.
        (FOR_SORA[:-1] + "x", signed(), 404),
        (webhooks.path(KEY, "sora-two"), signed(), 404),
        (f"{FOR_SORA}/some-attempt", signed(), 404),
        (webhooks.path(KEY, "nobody"), signed(), 404),
        # Ours, but its secret is not set.
        (webhooks.path(KEY, "sora-three"), signed(), 503),
    ]
    for path, headers, status in refused:
        assert (await scene.post(path, BODY, headers)).status_code == status, path
    assert await scene.counted() == {
        ("sora", "forged"): 3, ("sora", "stale"): 2, ("", "unknown"): 4, ("", "unready"): 1,
    }  # fmt: skip
    assert not scene.nudges


async def test_a_notice_of_no_job_is_taken_and_nothing_follows(scene: Scene) -> None:
    body = b'{"type": "something.else"}'
    assert (await scene.post(FOR_SORA, body, signed(body))).status_code == 204
    assert await scene.counted() == {("sora", "ignored"): 1}


async def test_a_body_that_is_too_large_is_not_read(scene: Scene) -> None:
    body = b" " * (limits.JSON_LIMIT_BYTES + 1)
    assert (await scene.post(FOR_SORA, body, signed(body))).status_code == 413


async def test_what_fal_tells_is_checked_by_its_published_keys(scene: Scene) -> None:
    path, now = webhooks.path(KEY, "fal-one", "attempt-1"), TIME.now().timestamp()
    forged = fal_signing.headers("r1", "key", now, b"{}", forged=True)
    assert (await scene.post(path, b"{}", forged)).status_code == 403
    for _ in range(2):
        told = fal_signing.headers("r1", "key", now, b"{}", forged=False)
        assert (await scene.post(path, b"{}", told)).status_code == 204
    await scene.nudged(1)
    nudge = task_pb2.JobNudge(account_id="fal-one", vendor_job_id="r1", attempt_id="attempt-1")
    assert scene.nudges == [("nudge.fal.fal-one", nudge)]
    assert await scene.counted() == {("fal", "forged"): 1, ("fal", "nudged"): 1, ("fal", "duplicate"): 1}


async def test_what_a_request_at_google_asks_for_is_checked_by_googles_published_keys(scene: Scene) -> None:
    path = webhooks.path(KEY, "omni-one", "attempt-1")
    asked = {
        "model": "gemini-omni-1.2-flash",
        "input": "a cat [[webhook-forged]] [[webhook-twice]]",
        "background": True,
        "store": True,
        "response_format": {"type": "video"},
        "webhook_config": {"uris": [scene.url + path]},
    }
    async with httpx.AsyncClient(base_url=scene.google_url, timeout=20, headers={"x-goog-api-key": "key"}) as google:
        made = (await google.post("/v1/interactions", json=asked)).json()
    async with asyncio.timeout(20):
        while ("omni", "duplicate") not in (counted := await scene.counted()):
            await TIME.sleep(0.05)
    # Who forges is refused, and comes again.
    assert counted.pop(("omni", "forged")) >= 1
    assert counted == {("omni", "nudged"): 1, ("omni", "duplicate"): 1}
    await scene.nudged(1)
    nudge = task_pb2.JobNudge(account_id="omni-one", vendor_job_id=made["id"], attempt_id="attempt-1")
    assert scene.nudges == [("nudge.omni.omni-one", nudge)]


@pytest.mark.parametrize("prompt", ["a cat", "a cat [[webhook-twice]]", "a cat [[webhook-forged]] [[webhook-twice]]"])
async def test_simulators_tell_forge_and_repeat(scene: Scene, prompt: str) -> None:
    def telling(seller: vendor.Vendor) -> serving.Dialect:
        return openai.OpenAI(seller, webhook_url=scene.url + FOR_SORA, webhook_secret=SECRET.encode())

    async with vendors.selling(telling) as served, httpx.AsyncClient(timeout=20) as client:
        headers = {"authorization": "Bearer key"}
        told = {"prompt": prompt, "seconds": "4", "size": "1280x720"}
        made = await client.post(f"{served.url}/v1/videos", json=told, headers=headers)
        await scene.nudged(1)
        assert scene.nudges[0][1].vendor_job_id == made.json()["id"]
        forged, twice = float("forged" in prompt), float("twice" in prompt)
        async with asyncio.timeout(20):
            while sum((found := await scene.counted()).values()) < 1 + forged + twice:
                await TIME.sleep(0.05)
        # Who forges is refused, and comes again.
        assert found.get(("sora", "forged"), 0) >= forged
        assert (found[("sora", "nudged")], found.get(("sora", "duplicate"), 0)) == (1, twice)


async def test_without_nats_the_vendor_is_asked_to_come_again(
    open_gateway: Callable[..., Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_WEBHOOK_SECRET", SECRET)
    file = tmp_path / "accounts.yaml"
    file.write_text(ACCOUNTS.format(keys=NOWHERE, google=NOWHERE))
    async with (
        open_gateway(accounts_file=file, webhook_key=KEY, nats_url="nats://127.0.0.1:1") as gateway,
        gateway.client("") as client,
    ):
        answer = await client.post(FOR_SORA, content=BODY, headers=signed())
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        told = fal_signing.headers("r1", "key", TIME.now().timestamp(), b"{}", forged=False)
        path = webhooks.path(KEY, "fal-one", "attempt-1")
        assert (await client.post(path, content=b"{}", headers=told)).status_code == 503


def test_accounts_with_webhooks_need_a_key_of_ours(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(ACCOUNTS.format(keys=NOWHERE, google=NOWHERE))
    with pytest.raises(ValueError, match="account fal-one uses webhooks: set REELMESH_WEBHOOK_KEY"):
        settings.GatewaySettings(accounts_file=file, _env_file=None)  # pyright: ignore[reportCallIssue]
