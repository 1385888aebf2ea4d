"""What was said of jobs before anybody here knew of them: a vendor may tell before we have written down its id."""

import collections

from reelmesh_kit import clock as clocks

from reelmesh_provider import model

NUDGES_LIMIT = 1000
KEPT_SECONDS = 600.0


class Nudges:
    """The last nudges about what is not watched here, for a while."""

    def __init__(self, clock: clocks.Clock) -> None:
        """Keep time by `clock`."""
        self._clock = clock
        self._kept: collections.OrderedDict[tuple[str, str, str], tuple[float, model.Nudge]] = collections.OrderedDict()

    def keep(self, nudge: model.Nudge) -> None:
        """Remember a nudge, for the oldest one if there is no room."""
        key = _key(nudge.account_id, nudge.attempt_id, nudge.vendor_job_id)
        self._kept[key] = self._clock.elapsed(), nudge
        self._kept.move_to_end(key)
        if len(self._kept) > NUDGES_LIMIT:
            self._kept.popitem(last=False)

    def of(self, account_id: str, attempt_id: str, vendor_job_id: str) -> model.Nudge | None:
        """Return what was said of an attempt, or of a job by its id alone, and forget it."""
        by_attempt = self._kept.pop(_key(account_id, attempt_id, ""), None)
        by_job = self._kept.pop(_key(account_id, "", vendor_job_id), None)
        found = by_attempt or by_job
        if found is None or self._clock.elapsed() - found[0] > KEPT_SECONDS:
            return None
        return found[1]


def _key(account_id: str, attempt_id: str, vendor_job_id: str) -> tuple[str, str, str]:
    """Return what a nudge is found by: its attempt where it names one."""
    return account_id, attempt_id, "" if attempt_id else vendor_job_id
