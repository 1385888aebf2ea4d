"""What operators do about attempts of which nobody knows what became of them. All of it stands in the history."""

import uuid
from collections.abc import Sequence

from reelmesh_kit import errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model.recovering import LONGEST_REASON_CHARACTERS
from reelmesh_orchestrator.usecases import attempts

LARGEST_PAGE = 1000
DEFAULT_PAGE = 100
LONGEST_JOB_ID_CHARACTERS = 1000


class Reconciling:
    """The verbs of operators."""

    def __init__(self, record: ports.Record, protocol: attempts.Attempts) -> None:
        """Take the record, and the attempt protocol."""
        self._record = record
        self._attempts = protocol

    async def doubtful(
        self, after: ports.DoubtPlace | None, page_size: int
    ) -> tuple[Sequence[ports.Doubt], ports.DoubtPlace | None]:
        """Return a page of attempts in doubt, and the place where the next one begins.

        Raises:
            errors.InvalidArgument: the page size is negative.
        """
        if page_size < 0:
            raise errors.InvalidArgument("page_size", f"must be 0 (meaning {DEFAULT_PAGE}) to {LARGEST_PAGE}")
        size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = await self._record.read(lambda store: store.doubtful(after, size + 1))
        last = found[size - 1] if len(found) > size else None
        return found[:size], ports.DoubtPlace(last.since, last.attempt.id) if last else None

    async def adopt(self, attempt_id: uuid.UUID, job_id: str, who: str, reason: str) -> ports.Doubt:
        """State that a job is an attempt's.

        Raises:
            errors.NotFound, errors.WrongState: see `Attempts.adopt`.
            errors.InvalidArgument: the job's id or the reason is missing or too long.
        """
        if not 0 < len(job_id) <= LONGEST_JOB_ID_CHARACTERS or not job_id.isprintable():
            raise errors.InvalidArgument("job_id", f"must be 1 to {LONGEST_JOB_ID_CHARACTERS} printable characters")
        message = f"Job {job_id} is adopted by {_signed(who, reason)}"
        await self._attempts.adopt(attempt_id, job_id, message)
        return await self._seen(attempt_id)

    async def resubmit(self, attempt_id: uuid.UUID, who: str, reason: str) -> ports.Doubt:
        """Give an attempt up and let its candidate be tried again.

        Raises:
            errors.NotFound: there is no such attempt.
            errors.WrongState: it is not in doubt.
            errors.InvalidArgument: the reason is missing or too long.
        """
        return await self._give_up(attempt_id, f"To be submitted again, by {_signed(who, reason)}", again=True)

    async def write_off(self, attempt_id: uuid.UUID, who: str, reason: str) -> ports.Doubt:
        """Give an attempt up, and its candidate with it.

        Raises:
            errors.NotFound, errors.WrongState, errors.InvalidArgument: as for `resubmit`.
        """
        return await self._give_up(attempt_id, f"Written off by {_signed(who, reason)}", again=False)

    async def _give_up(self, attempt_id: uuid.UUID, message: str, *, again: bool) -> ports.Doubt:
        seen = await self._seen(attempt_id)
        if seen.attempt.message == message:
            # The answer to the same was lost.
            return seen
        await self._attempts.write_off(attempt_id, message, again=again)
        return await self._seen(attempt_id)

    async def _seen(self, attempt_id: uuid.UUID) -> ports.Doubt:
        aggregate = await self._record.read(lambda store: store.of_attempt(attempt_id))
        if aggregate is None:
            raise errors.NotFound(f"there is no attempt {attempt_id}")
        return ports.Doubt(aggregate.generation.id, aggregate.generation.tenant_id, aggregate.attempt(attempt_id))


def _signed(who: str, reason: str) -> str:
    if not 0 < len(reason) <= LONGEST_REASON_CHARACTERS or not reason.isprintable() or not reason.strip():
        raise errors.InvalidArgument(
            "reason", f"must say why, in 1 to {LONGEST_REASON_CHARACTERS} printable characters"
        )
    return f"{who}: {reason}"
