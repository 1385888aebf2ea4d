"""Where in the list each job stood when it was seen last, so that a page is asked for which shows many; pure.

The list has the newest first, and a page begins behind the job that it is told: `after` some job it is the same page
for as long as that job is there, however many newer ones have come.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence

MOST_REMEMBERED = 20_000
NEWEST = ""


class Pages:
    """The pages of one account's list."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        """Know of none, and of `most` jobs at most."""
        self._most = most
        self._after: collections.OrderedDict[str, str] = collections.OrderedDict()

    def saw(self, after: str, job_ids: Iterable[str]) -> None:
        """Note which jobs stood on the page that begins behind `after`; the oldest notes go when there are too many."""
        for job_id in job_ids:
            self._after[job_id] = after
            self._after.move_to_end(job_id)
        while len(self._after) > self._most:
            self._after.popitem(last=False)

    def forget(self, job_id: str) -> None:
        """Forget where a job stood."""
        self._after.pop(job_id, None)

    def worth_reading(self, job_ids: Sequence[str], least: int) -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
        """Return the pages that show at least `least` of some jobs, fullest first, and the jobs of no known page."""
        groups: dict[str, list[str]] = {}
        for job_id in job_ids:
            after = self._after.get(job_id)
            if after is not None:
                groups.setdefault(after, []).append(job_id)
        full = sorted((after for after in groups if len(groups[after]) >= least), key=lambda a: -len(groups[a]))
        return {after: groups[after] for after in full}, [each for each in job_ids if each not in self._after]
