"""What clients have asked for and were told, as they saw it; and what must follow from it."""

import collections
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from reelmesh_orchestrator.model import generation

from tests.support import invariants

#: The outcomes of one call: the mesh's own word that it did it, its own word that it did not, or neither.
OK, FAIL, UNKNOWN = "ok", "fail", "unknown"
ENDED = frozenset(state.value for state in generation.ENDED)


@dataclasses.dataclass
class Call:
    """One call of one client, invoked and, perhaps, answered."""

    verb: str
    #: What it was about: an idempotency key, or the id of a resource.
    about: str
    invoked: float
    answered: float = 0.0
    outcome: str = UNKNOWN
    status: int = 0
    value: Any = None


class History:
    """All calls of all clients, in the order of their invocation."""

    def __init__(self) -> None:
        """Begin with none."""
        self.calls: list[Call] = []
        #: What a client noticed by itself to be wrong.
        self.wrong: list[str] = []
        self._seen: dict[str, tuple[int, str, str]] = {}
        self._names: dict[str, str] = {}
        #: From when to when what happened is forgotten: from each backup until it was put back.
        self.forgotten: list[tuple[float, float]] = []
        #: Generations that are gone, and that an operator was told of, or whose deadline has passed meanwhile.
        self.reported: set[str] = set()
        self._goes_back_to: float | None = None

    def invoke(self, verb: str, about: str, now: float) -> Call:
        """Note a call before it is made."""
        call = Call(verb, about, now)
        self.calls.append(call)
        return call

    def acknowledged(self) -> dict[str, str]:
        """Return the generations that somebody was told to exist, by their keys."""
        return dict(self._names)

    def created(self, key: str, found: dict[str, Any]) -> None:
        """Take the answer to a create: the same key names the same generation, whoever answers, whenever."""
        known = self._names.setdefault(key, found["id"])
        if known != found["id"]:
            self.wrong.append(f"the key {key} was answered with generation {known}, and then with {found['id']}")

    @property
    def forgets(self) -> bool:
        """Whether the record ever went back, or is just about to."""
        return bool(self.forgotten) or self._goes_back_to is not None

    def may_have_forgotten(self, key: str) -> bool:
        """Tell whether the record went back, or may have by now, to before a create under a key was answered."""
        spans = [*self.forgotten]
        if self._goes_back_to is not None:
            spans.append((self._goes_back_to, math.inf))
        answered = [call.answered for call in self.calls if call.verb == "create" and call.about == key]
        return any(since <= at <= back for at in answered for since, back in spans)

    def goes_back(self, since: float) -> None:
        """Take that the record will be what it was at `since`, at any moment; what is seen by then is not compared."""
        self._goes_back_to = since

    def went_back(self, now: float) -> list[str]:
        """Take that it is; return the generations whose cancel it has forgotten.

        What was seen of a generation before says nothing any more of what may be seen.
        """
        assert self._goes_back_to is not None, "nobody said so before"
        since, self._goes_back_to = self._goes_back_to, None
        self.forgotten.append((since, now))
        self._seen.clear()
        forgotten = [call for call in self.calls if call.verb == "cancel" and since <= call.answered <= now]
        for call in forgotten:
            call.outcome = UNKNOWN
        return list(dict.fromkeys(call.about for call in forgotten if call.status < 300))

    def saw(self, found: dict[str, Any], verb: str) -> None:
        """Take a generation as it was answered to `verb`: its revision and its state only go forward.

        Calls of several clients overlap, so that an older answer may come later: only what one and the same client
        reads one after the other is compared; each generation has one client.
        """
        if self._goes_back_to is not None:
            return
        revision, state = int(found.get("revision", 0)), found["state"]
        before = self._seen.get(found["id"])
        self._seen[found["id"]] = (revision, state, verb)
        if before is None:
            return
        if revision < before[0]:
            self.wrong.append(
                f"generation {found['id']} was seen at revision {before[0]} ({before[1]}) by {before[2]}, and then at "
                f"{revision} ({state}) by {verb}"
            )
        if not invariants.reachable(generation.MACHINE, generation.GenerationState, before[1], state):
            self.wrong.append(f"generation {found['id']} was seen {before[1]}, and then {state}")

    def followed(self, generation_id: str, sequences: list[int]) -> None:
        """Take what a watcher was told: every event, once, in order."""
        if sequences != list(range(1, len(sequences) + 1)):
            self.wrong.append(f"a watcher of generation {generation_id} was told of events {sequences}")

    def judged(self, now_known: dict[str, dict[str, Any]]) -> Iterator[str]:
        """Return what is wrong at the end, given every acknowledged generation that can still be read, by its id."""
        yield from self.wrong
        for key, generation_id in self._names.items():
            found = now_known.get(generation_id)
            if found is None and generation_id in self.reported:
                continue
            if found is None:
                yield f"generation {generation_id} was acknowledged under the key {key} and is not there"
            elif found["state"] not in ENDED:
                yield f"generation {generation_id} was acknowledged and is still {found['state']}"
        for call in self.calls:
            if call.verb == "cancel" and call.outcome == OK:
                found = now_known.get(call.about)
                # What came too late may have been delivered all the same, on its owner's word.
                promoted = found is not None and any(take["promoted"] for take in found.get("takes", []))
                if found is not None and found["state"] != "CANCELLED" and not promoted:
                    yield f"generation {call.about} was cancelled and is {found['state']}"

    def counted(self) -> collections.Counter[tuple[str, str]]:
        """Count calls by verb and outcome."""
        return collections.Counter((call.verb, call.outcome) for call in self.calls)
