"""What is printed, and the same in JSON."""

import collections
import dataclasses
import json
import math
from collections.abc import Sequence

from tests.chaos import crashes, judging, logbook

MOST_RECOVERY_SECONDS = 20.0
# After the record went back: as long as its census has to wait, and then as long as after anything else.
MOST_RESTORE_SECONDS = 40.0
MOST_SENTENCES = 40


@dataclasses.dataclass
class Report:
    """How a run went."""

    database: str
    seed: int
    jobs: int
    book: logbook.Logbook
    points: crashes.Points
    judgement: judging.Judgement
    #: How generations ended, by state and delivery.
    endings: collections.Counter[str]
    calls: collections.Counter[tuple[str, str]]
    #: What an operator did, and why not.
    said: collections.Counter[str]
    looks: int
    seconds: float
    #: What happened to the generations that were the last to move after the longest recoveries.
    slowest_stories: Sequence[str] = ()
    #: What happened to generations of which something is wrong.
    wrong_stories: Sequence[str] = ()

    @property
    def broken(self) -> list[str]:
        """Which promises were broken, and where nobody died."""
        return [*self.judgement.sentences, *(f"nobody died at {name}" for name in self.points.left)]

    @property
    def troubles(self) -> list[str]:
        """What makes the run fail: what was broken, and what took too long."""
        found = self.broken
        longest = self.book.longest_recovery_seconds
        if longest > MOST_RECOVERY_SECONDS:
            found.append(f"a recovery took {longest:.1f} s, more than {MOST_RECOVERY_SECONDS:.0f}")
        longest = self.book.longest_restore_seconds
        if longest > MOST_RESTORE_SECONDS:
            found.append(f"the way back from a restore took {longest:.1f} s, more than {MOST_RESTORE_SECONDS:.0f}")
        return found

    def table(self) -> Sequence[str]:
        """Return the lines that are printed."""
        lines = ["", f"What was done to whom ({self.database}, seed {self.seed})", *self.book.lines(), ""]
        lines += [f"crash points visited: {len(self.points.visited)} of {len(self.points.names)}"]
        lines += [f"generations: {_counts(self.endings)}", f"calls of clients: {_calls(self.calls)}"]
        lines += [f"an operator: {_counts(self.said)}"]
        lines += [f"the record was looked at {self.looks} times; {self.seconds:.0f} s in all"]
        longest, restore = self.book.longest_recovery_seconds, self.book.longest_restore_seconds
        lines += [
            f"longest recovery: {longest:.1f} s; after the record went back, its census included: {restore:.1f} s"
        ]
        lines += [f"assets that a lost future has left: {self.judgement.left_over}"] if self.judgement.left_over else []
        if longest > MOST_RECOVERY_SECONDS or restore > MOST_RESTORE_SECONDS:
            lines += self.slowest_stories
        lines += self.wrong_stories
        lines += [f"WRONG: {sentence}" for sentence in self.troubles[:MOST_SENTENCES]]
        return lines

    def json(self) -> str:
        """Return the figures."""
        longest, restore = self.book.longest_recovery_seconds, self.book.longest_restore_seconds
        return json.dumps(
            {
                "jobs": self.jobs,
                "kills": self.book.kills,
                "crash_points": len(self.points.names),
                "crash_points_visited": len(self.points.visited),
                "lost": len(self.judgement.lost),
                "submitted_twice": len(self.judgement.submitted_twice),
                "orphans": len(self.judgement.orphans),
                "longest_recovery_seconds": None if math.isinf(longest) else round(longest, 1),
                "longest_restore_seconds": None if math.isinf(restore) else round(restore, 1),
            }
        )


def _counts(counted: collections.Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counted.most_common())


def _calls(counted: collections.Counter[tuple[str, str]]) -> str:
    by_outcome: collections.Counter[str] = collections.Counter()
    for (_, outcome), number in counted.items():
        by_outcome[outcome] += number
    return _counts(by_outcome)
