"""A mesh whose record may go back: what tests of recovery talk to."""

import uuid

from reelmesh_kit import clock, process
from reelmesh_orchestrator.model import card, draft, eras, facts, recovering
from reelmesh_orchestrator.usecases import dispatching, pools, vouching
from reelmesh_orchestrator.usecases import recovering as verbs

from tests.support import orchestrator, record

PAID = (orchestrator.PAID,)
WORKER = "0190c2a8-0000-7000-8000-000000000001"
UNKNOWN = uuid.UUID(int=99)
EXACT = orchestrator.provider_card("paid", recovery=card.Recovery.EXACT)
PATIENCE_SECONDS = 60.0


class Note:
    """A note in memory."""

    def __init__(self) -> None:
        self.mark: eras.Mark | None = None
        self.error: Exception | None = None

    async def read(self) -> eras.Mark | None:
        if self.error:
            raise self.error
        return self.mark

    async def write(self, mark: eras.Mark) -> None:
        self.mark = mark


class Mesh:
    """An orchestrator's verbs on one record, with time that stands still."""

    def __init__(self, kept: record.Kept, own: process.Chassis) -> None:
        self.kept = kept
        self.time = clock.ManualClock()
        self.note = Note()
        self.seen = vouching.Seen()
        self.vouching = self.restarted("")
        self.pools = pools.Pools(
            kept.record,
            orchestrator.POLICY,
            self.seen,
            submit_within_seconds=1.0,
            free_slots=2,
            step_grace_seconds=15.0,
        )
        self.attempts = record.attempts_of(kept, self.seen)
        self.lost = verbs.Recovering(
            kept.record,
            orchestrator.POLICY,
            self.time,
            submit_within_seconds=1.0,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.dispatcher = dispatching.Dispatcher(kept.record, orchestrator.POLICY)
        self._own = own

    def restarted(self, restored: str) -> vouching.Vouching:
        """Return what a process has that starts now."""
        logger = orchestrator.logger()
        return vouching.Vouching(
            self.kept.record, self.note, self.seen, self.time, logger, every_seconds=1.0, restored=restored
        )

    async def start(self) -> None:
        """Start on a record with an account and a card."""
        await self.kept.put_accounts("paid")
        await self.kept.write(lambda store: store.put_card(EXACT))
        await self.vouching.compare()

    async def renew(
        self, *holding: str, mark: eras.Mark | None = None, counted: uuid.UUID | None = None
    ) -> pools.Orders:
        """Renew the lease of the one worker."""
        told = pools.Renewal(
            WORKER, "provider", "paid", "w", frozenset(holding), frozenset(), 100, mark, str(counted or "")
        )
        return await self.pools.renew(told)

    async def era(self) -> eras.Era:
        """Return the present era."""
        standing = await self.kept.read(lambda store: store.standing())
        assert standing.era is not None
        return standing.era

    async def tell(self, *jobs: recovering.Found, complete: bool = True, message: str = "") -> bool:
        """Tell all that the account has, and that nothing more is known."""
        era = await self.era()
        told = await self.lost.report(verbs.Report(str(era.id), "paid", jobs, True, complete, message))
        await self.renew(counted=era.id)
        return told

    async def generation(self, number: int) -> draft.Aggregate:
        return await self.kept.look(number)

    async def events(self, number: int) -> list[str]:
        """Return what is said to have been recovered."""
        found = await self.kept.read(lambda store: store.events("tenant", record.identifier(number), 0, 100))
        return [event.message for event in found or () if event.type == "recovered"]


def job(attempt_id: uuid.UUID | None, job_id: str = "job") -> recovering.Found:
    return recovering.Found("paid", job_id, "paid", "paid", "m-1", facts.Evidence.ADOPTION, attempt_id)


async def future(mesh: Mesh) -> eras.Mark:
    """Return a mark of this era that the record does not have."""
    return eras.Mark((await mesh.era()).id, 10_000, UNKNOWN)
