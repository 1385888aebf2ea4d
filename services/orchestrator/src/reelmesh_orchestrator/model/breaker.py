"""The circuit breaker of a model at an account: it stops new submits where they do not succeed, and nothing else.

Theory of operation. What attempts teach (`News`) counts, and nothing is asked for the sake of counting: submits that
came to nothing, and jobs that failed, each in a row, until one does not. At the threshold the breaker opens: nothing
new is submitted, what is in flight is watched on. After a while the next attempts that are wanted are let through as
trials, few at a time; one that is taken (or, where jobs had failed, made) closes it, one that fails opens it for twice
as long. News of attempts that were sent out before the last move say nothing about what came after it. What is the
caller's fault (a refusal for safety, a request that no submit could save) is no news at all.
"""

import dataclasses
import datetime
import enum
import uuid

from reelmesh_orchestrator.model import attempt
from reelmesh_orchestrator.model.machine import Machine

# Longest that others wait because one of them was told to come later, seconds. That one waits as long as it was told.
LONGEST_REST_SECONDS = 60.0
LONGEST_MESSAGE_CHARACTERS = 300


class BreakerState(enum.StrEnum):
    """Whether submits go through; the names are those of `reelmesh.v1.BreakerState`."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class BreakerEvent(enum.StrEnum):
    """What moves a breaker."""

    TRIP = "TRIP"
    TRY = "TRY"
    MEND = "MEND"


_S, _E = BreakerState, BreakerEvent

MACHINE: Machine[BreakerState, BreakerEvent] = Machine(
    "breaker",
    {
        _S.CLOSED: {_E.TRIP: _S.OPEN},
        _S.OPEN: {_E.TRY: _S.HALF_OPEN},
        _S.HALF_OPEN: {_E.MEND: _S.CLOSED, _E.TRIP: _S.OPEN},
    },
)


class Sign(enum.StrEnum):
    """What an attempt says about the model at its account."""

    TAKEN = "TAKEN"  # the provider gave an id
    MADE = "MADE"
    SUBMIT_FAILED = "SUBMIT_FAILED"
    JOB_FAILED = "JOB_FAILED"
    BUSY = "BUSY"


@dataclasses.dataclass(frozen=True)
class News:
    """What was learnt of one attempt."""

    sign: Sign
    generation_id: uuid.UUID
    #: When the attempt was sent out.
    dispatch_time: datetime.datetime | None
    #: The provider's words.
    message: str = ""
    #: Seconds that a busy provider asked to wait.
    retry_after_seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """When breakers open, and for how long."""

    #: Submits, or jobs, that fail in a row before it opens; 0: it never does.
    failures: int = 5
    #: Seconds until the first trial; each that fails doubles them.
    open_seconds: float = 30.0
    #: Seconds until the next trial at most.
    longest_open_seconds: float = 900.0
    #: Attempts that may be under way at once as trials.
    trials: int = 1
    #: Seconds that a shot waits for a trial rather than being made by who costs nothing.
    patience_seconds: float = 60.0
    #: Seconds that others wait when a busy provider does not say how long.
    busy_seconds: float = 5.0


@dataclasses.dataclass(frozen=True)
class Breaker:
    """What is known about a model at an account."""

    account_id: str
    model: str
    state: BreakerState = BreakerState.CLOSED
    #: In a row, lately.
    failed_submits: int = 0
    #: In a row, lately.
    failed_jobs: int = 0
    #: How often it has opened since it was last closed.
    openings: int = 0
    #: When it moved last; None when it never has.
    since: datetime.datetime | None = None
    #: When the next trial may be made, while it is open.
    trial_time: datetime.datetime | None = None
    #: Until then nothing is submitted, because the provider asked for a pause.
    rest_until: datetime.datetime | None = None
    #: Why it is open, in words for anybody.
    reason: str = ""
    #: What the provider said last, in words for operators: they may be about somebody's prompt.
    message: str = ""
    #: Whose job failed last: one generation's shots count once.
    blamed_generation_id: uuid.UUID | None = None

    @property
    def quiet(self) -> bool:
        """Whether nothing speaks against it."""
        return self.state is BreakerState.CLOSED and not self.failed_submits and not self.failed_jobs

    def moved(self, event: BreakerEvent, now: datetime.datetime, **changes: object) -> "Breaker":
        """Return the breaker after `event`.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), since=now, **changes)  # pyright: ignore[reportArgumentType]

    def resting(self, now: datetime.datetime) -> bool:
        """Tell whether the provider has asked for a pause that is not over."""
        return self.rest_until is not None and self.rest_until > now

    def trial_due(self, now: datetime.datetime) -> bool:
        """Tell whether a trial may be made although it is open."""
        return self.state is BreakerState.OPEN and self.trial_time is not None and self.trial_time <= now

    def lets_begin(self, dispatch_time: datetime.datetime | None, now: datetime.datetime) -> bool:
        """Tell whether an attempt that was sent out at `dispatch_time` may be submitted."""
        if self.state is BreakerState.OPEN or self.resting(now):
            return False
        return self.state is BreakerState.CLOSED or not self._before_last_move(dispatch_time)

    def tried(self, now: datetime.datetime) -> "Breaker":
        """Return it as it is while trials are made."""
        return self.moved(BreakerEvent.TRY, now, trial_time=None)

    def heard(self, news: News, now: datetime.datetime, thresholds: Thresholds) -> "Breaker":
        """Return it after news; the same object where they change nothing."""
        if news.sign is Sign.BUSY:
            return self._rested(news, now, thresholds)
        if news.sign in (Sign.TAKEN, Sign.MADE):
            return self._praised(news, now, thresholds)
        if self.state is BreakerState.OPEN or self._before_last_move(news.dispatch_time):
            return self
        return self._blamed(news, now, thresholds)

    def _before_last_move(self, dispatch_time: datetime.datetime | None) -> bool:
        return self.since is not None and (dispatch_time is None or dispatch_time < self.since)

    def _rested(self, news: News, now: datetime.datetime, thresholds: Thresholds) -> "Breaker":
        seconds = min(news.retry_after_seconds or thresholds.busy_seconds, LONGEST_REST_SECONDS)
        until = now + datetime.timedelta(seconds=seconds)
        if self.rest_until is not None and self.rest_until >= until:
            return self
        return dataclasses.replace(self, rest_until=until)

    def _praised(self, news: News, now: datetime.datetime, thresholds: Thresholds) -> "Breaker":
        late = self._before_last_move(news.dispatch_time)
        # A job of old that is made after all says nothing about whether new ones are taken.
        submits = self.failed_submits if late else 0
        jobs = 0 if news.sign is Sign.MADE else self.failed_jobs
        heard = self
        if (submits, jobs) != (self.failed_submits, self.failed_jobs):
            heard = dataclasses.replace(self, failed_submits=submits, failed_jobs=jobs)
        if self.state is BreakerState.HALF_OPEN and not late and jobs < max(thresholds.failures, 1):
            cleared: dict[str, object] = {"openings": 0, "failed_jobs": 0, "reason": "", "message": ""}
            return heard.moved(BreakerEvent.MEND, now, **cleared)
        return heard

    def _blamed(self, news: News, now: datetime.datetime, thresholds: Thresholds) -> "Breaker":
        trial = self.state is BreakerState.HALF_OPEN
        by_job = news.sign is Sign.JOB_FAILED
        if by_job and not trial and news.generation_id == self.blamed_generation_id:
            return self
        heard = dataclasses.replace(
            self,
            failed_submits=self.failed_submits + (not by_job),
            failed_jobs=self.failed_jobs + by_job,
            message=news.message[:LONGEST_MESSAGE_CHARACTERS],
            blamed_generation_id=news.generation_id if by_job else self.blamed_generation_id,
        )
        failed = heard.failed_jobs if by_job else heard.failed_submits
        if not trial and (not thresholds.failures or failed < thresholds.failures):
            return heard
        what = "job" if by_job else "submit"
        wait = min(thresholds.open_seconds * 2.0 ** min(self.openings, 30), thresholds.longest_open_seconds)
        return heard.moved(
            BreakerEvent.TRIP,
            now,
            openings=self.openings + 1,
            trial_time=now + datetime.timedelta(seconds=wait),
            reason="the trial failed" if trial else f"{failed} {what}{'' if failed == 1 else 's'} in a row failed",
        )


_JOB_ENDINGS = frozenset(
    {attempt.Ending.JOB_FAILED, attempt.Ending.FETCH_LOST, attempt.Ending.GONE, attempt.Ending.BROKEN}
)


def news_of(
    generation_id: uuid.UUID, before: attempt.Attempt, after: attempt.Attempt, *, unreachable: str = ""
) -> News | None:
    """Return what a fact about an attempt says about its provider; None for what is the caller's affair, or nothing.

    Args:
        generation_id: whose attempt it is.
        before: the attempt as it was.
        after: the attempt as the fact has left it.
        unreachable: how connecting to the provider failed, if the attempt was given back for that.
    """
    sign = _sign(before, after, unreachable=bool(unreachable))
    if sign is None:
        return None
    return News(sign, generation_id, before.dispatch_time, unreachable or after.message, after.retry_after_seconds)


def _sign(before: attempt.Attempt, after: attempt.Attempt, *, unreachable: bool) -> Sign | None:
    if before.state is after.state:
        return None
    match after.state:
        case attempt.AttemptState.ACCEPTED if before.state is attempt.AttemptState.SUBMITTING:
            return Sign.TAKEN
        case attempt.AttemptState.SUCCEEDED:
            return Sign.MADE
        case attempt.AttemptState.INDETERMINATE if before.state is attempt.AttemptState.SUBMITTING:
            return Sign.SUBMIT_FAILED
        case attempt.AttemptState.PLANNED if unreachable:
            return Sign.SUBMIT_FAILED
        case attempt.AttemptState.FAILED:
            return _sign_of_failure(after.ending)
        case _:
            return None


def _sign_of_failure(ending: attempt.Ending) -> Sign | None:
    if ending is attempt.Ending.BUSY:
        return Sign.BUSY
    if ending is attempt.Ending.REFUSED:
        return Sign.SUBMIT_FAILED
    return Sign.JOB_FAILED if ending in _JOB_ENDINGS else None
