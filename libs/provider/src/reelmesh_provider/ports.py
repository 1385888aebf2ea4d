"""What the worker needs from the mesh, in its own words."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from reelmesh_provider import model


class Attempts(Protocol):
    """The orchestrator's side of the attempt protocol. Every verb may be repeated; all raise reelmesh errors."""

    async def begin(self, attempt_id: str, worker_id: str, nonce: str) -> model.Go | model.Drop:
        """Ask for leave to submit. The same nonce gets the same answer."""
        ...

    async def record(self, fact: model.JobFact) -> bool:
        """State that the provider gave an attempt an id. Returns whether to ask the provider to stop it now."""
        ...

    async def decline(self, attempt_id: str, worker_id: str, nonce: str, declined: model.Declined) -> None:
        """State how a submit ended that yielded no id."""
        ...

    async def finish(self, ending: model.Ending) -> None:
        """State that a job ended."""
        ...

    async def conclude(self, attempt_id: str, worker_id: str, revision: int, message: str) -> bool:
        """Conclude that an attempt was never created. Returns False when the generation changed since `revision`."""
        ...

    async def give_back(self, attempt_id: str, worker_id: str, reason: str, *, unreachable: bool = False) -> None:
        """Give an attempt back that will not be begun here; `unreachable`: the provider could not be reached."""
        ...


class Pool(Protocol):
    """The orchestrator's side of workers' lives."""

    async def register(self, card: model.ProviderCard) -> None:
        """State what the provider can do."""
        ...

    async def renew(self, report: model.LeaseReport) -> model.LeaseAnswer:
        """Renew the lease, telling what is held, learning what must be known."""
        ...

    async def release(self, worker_id: str) -> None:
        """End the lease: what was watched is handed to others at once."""
        ...

    async def report_census(self, page: model.CensusPage) -> bool:
        """Tell a part of what an account has. Returns False when nobody asks for it any more."""
        ...


class Assets(Protocol):
    """Storage, as far as a worker needs it."""

    async def read_picture(self, asset_id: str, tenant_id: str) -> model.Picture:
        """Read an image. Raises NotFound when it is gone, TooLarge when it is no picture of a sane size."""
        ...

    async def put_clip(self, task: model.Task, asset_id: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a clip provisionally, whole or not at all, and return its size in bytes.

        What `chunks` raises passes through, and nothing is stored then.
        """
        ...


class Clips(Protocol):
    """Media, as far as a worker needs it."""

    async def probe(self, asset_id: str, size_bytes: int) -> model.ClipFacts:
        """Measure a stored clip. Raises BrokenMedia when it is no video that can be decoded."""
        ...


class Progress(Protocol):
    """Tells watchers how far a clip is: lossy, never raises."""

    async def tell(self, task: model.Task, percent: int, activity: str) -> None:
        """Tell it, if anybody listens."""
        ...


class Page(Protocol):
    """One reserved page of the journal."""

    attempt_id: str

    async def write(self, fact: model.JobFact) -> None:
        """Put the fact on disk (fsync)."""
        ...

    async def tear_out(self) -> None:
        """Let go of the page: its fact is acknowledged and goes to the retained ones, or there never was one."""
        ...


class Journal(Protocol):
    """A durable list of accepted ids, and what the next life must know.

    What the orchestrator has not acknowledged yet has a page. What it has acknowledged is retained for long, bounded by
    size: its record may go back and forget it.
    """

    async def reserve(self, attempt_id: str) -> Page:
        """Reserve room for one fact, before leave is asked for. Raises StorageFull when the disk has none."""
        ...

    async def unacknowledged(self) -> Sequence[tuple[Page, model.JobFact]]:
        """Return what a former life wrote and never saw acknowledged; drop pages that it reserved and left empty."""
        ...

    async def retained(self) -> Sequence[model.JobFact]:
        """Return acknowledged facts, the oldest first, as far back as there is room for."""
        ...

    async def recall(self) -> model.Remembered:
        """Return what was remembered last; nothing when that cannot be read."""
        ...

    async def remember(self, remembered: model.Remembered) -> None:
        """Keep what the next life must know."""
        ...
