"""Where in the list each job stood when it was seen last, so that a page is asked for which shows many; pure.

The list has the newest first, and a page begins behind the job that it is told: `after` some job it is the same page
for as long as that job is there, however many newer ones have come. The newest page is another one with each job that
comes; what it showed stands behind the first of it.
"""

import collections
from collections.abc import Iterable, Sequence

MOST_REMEMBERED = 20_000
NEWEST = ""


class Pages:
    """The pages of one account's list, and which jobs that have not ended stand there."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        """Know of none, and of `most` jobs at most."""
        self._most = most
        self._after: collections.OrderedDict[str, str] = collections.OrderedDict()
        # In the order of the list.
        self._on: dict[str, dict[str, None]] = {}

    def __contains__(self, job_id: str) -> bool:
        """Tell whether it is known where a job stands."""
        return job_id in self._after

    def saw(self, after: str, job_ids: Sequence[str]) -> None:
        """Note the jobs on the page that begins behind `after`, newest first, and that no other job is there.

        The oldest notes go when there are too many.
        """
        self._clear(after)
        if after == NEWEST:
            self._note(NEWEST, job_ids[:1])
            self._note_behind_first(job_ids)
        else:
            self._note(after, job_ids)
        while len(self._after) > self._most:
            self.forget(next(iter(self._after)))

    def lost(self, after: str) -> None:
        """Note that nothing begins behind `after` any more: what stood there begins behind the first of it."""
        self._note_behind_first(self._clear(after))

    def forget(self, job_id: str) -> None:
        """Forget where a job stood."""
        after = self._after.pop(job_id, None)
        if after is None:
            return
        del self._on[after][job_id]
        if not self._on[after]:
            del self._on[after]

    def worth_reading(self, job_ids: Iterable[str], least: int) -> Sequence[str]:
        """Return the pages with some of these jobs, by what they begin behind, that show `least` jobs or more."""
        pages = dict.fromkeys(self._after[each] for each in job_ids if each in self._after)
        return [after for after in pages if len(self._on[after]) >= least]

    def _clear(self, after: str) -> Sequence[str]:
        """Forget what stood on a page; return it."""
        there = tuple(self._on.get(after, ()))
        for job_id in there:
            self.forget(job_id)
        return there

    def _note_behind_first(self, job_ids: Sequence[str]) -> None:
        for first in job_ids[:1]:
            self._note(first, job_ids[1:])

    def _note(self, after: str, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self.forget(job_id)
            self._after[job_id] = after
            self._on.setdefault(after, {})[job_id] = None
