"""What happened in a run: lines for people, a digest that two runs of a seed share, and what was wrong."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable


@dataclasses.dataclass(frozen=True)
class Violation:
    """Something that may never be: the rule that was broken, and how."""

    rule: str
    message: str


class History:
    """The history of one run."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Take the virtual clock."""
        #: The virtual clock.
        self.now = now
        self._digest = hashlib.sha256()
        self.lines: list[str] = []
        self.violations: list[Violation] = []
        #: How often each kind of fault took effect.
        self.faults: Counter[str] = Counter()
        #: How often each type of event was recorded.
        self.events: Counter[str] = Counter()

    def note(self, who: str, what: str) -> None:
        """Add a line that every run of the seed must repeat."""
        line = f"{self.now():12.6f}  {who:<16} {what}"
        self.lines.append(line)
        self._digest.update(line.encode())

    def struck(self, kind: str, who: str, what: str) -> None:
        """Add that a fault took effect."""
        self.faults[kind] += 1
        self.note(who, f"FAULT {kind}: {what}")

    def wrong(self, rule: str, messages: Iterable[str]) -> None:
        """Add violations of a rule, each once."""
        for message in messages:
            found = Violation(rule, message)
            if found not in self.violations:
                self.violations.append(found)
                self.note("checker", f"VIOLATION {rule}: {message}")

    @property
    def digest(self) -> str:
        """Return the digest of all lines so far."""
        return self._digest.hexdigest()
