"""Storage, media, progress and journal in memory."""

from collections.abc import AsyncIterator, Sequence

from reelmesh_kit import errors as kit_errors

from reelmesh_provider import model


class MemoryAssets:
    """`ports.Assets` in memory.

    Attributes:
        pictures: what can be read.
        clips: what was stored, by asset id.
        errors: raised by the next calls, one each.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.pictures: dict[str, model.Picture] = {}
        self.clips: dict[str, bytes] = {}
        self.errors: list[Exception] = []

    async def read_picture(self, asset_id: str, tenant_id: str) -> model.Picture:
        """Return a picture."""
        del tenant_id
        self._fail()
        if asset_id not in self.pictures:
            raise kit_errors.NotFound(f"There is no asset {asset_id}.")
        return self.pictures[asset_id]

    async def put_clip(self, task: model.Task, asset_id: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a clip, whole or not at all."""
        del task
        content = b"".join([chunk async for chunk in chunks])
        self._fail()
        self.clips[asset_id] = content
        return len(content)

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


class MemoryClips:
    """`ports.Clips` that finds every clip as it was told."""

    def __init__(self) -> None:
        """Find 640x360 and 4 s in everything."""
        self.facts = model.ClipFacts(640, 360, 4.0, 0)
        self.errors: list[Exception] = []

    async def probe(self, asset_id: str, size_bytes: int) -> model.ClipFacts:
        """Return the facts."""
        del asset_id
        if self.errors:
            raise self.errors.pop(0)
        return model.ClipFacts(self.facts.width, self.facts.height, self.facts.duration_seconds, size_bytes)


class MemoryProgress:
    """`ports.Progress` that remembers."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.told: list[tuple[str, int, str]] = []

    async def tell(self, task: model.Task, percent: int, activity: str) -> None:
        """Remember it."""
        self.told.append((task.attempt_id, percent, activity))


class MemoryPage:
    """A page of a MemoryJournal."""

    def __init__(self, journal: "MemoryJournal", attempt_id: str) -> None:
        """Stand for the page of an attempt."""
        self.attempt_id = attempt_id
        self._journal = journal

    async def write(self, fact: model.JobFact) -> None:
        """Write the fact, unless the disk is broken."""
        if self._journal.broken:
            raise OSError(5, "the disk is broken")
        self._journal.facts[self.attempt_id] = fact

    async def tear_out(self) -> None:
        """Remove the page."""
        fact = self._journal.facts.pop(self.attempt_id, None)
        if fact is not None:
            self._journal.acknowledged.append(fact)
        self._journal.reserved.discard(self.attempt_id)


class MemoryJournal:
    """`ports.Journal` that does not survive anything, but can be full or broken."""

    def __init__(self) -> None:
        """Start empty."""
        self.facts: dict[str, model.JobFact] = {}
        self.acknowledged: list[model.JobFact] = []
        self.remembered = model.Remembered()
        self.reserved: set[str] = set()
        self.full = False
        self.broken = False

    async def reserve(self, attempt_id: str) -> MemoryPage:
        """Reserve a page."""
        if self.full:
            raise kit_errors.StorageFull
        self.reserved.add(attempt_id)
        return MemoryPage(self, attempt_id)

    async def unacknowledged(self) -> Sequence[tuple[MemoryPage, model.JobFact]]:
        """Return what was written and not torn out."""
        return [(MemoryPage(self, attempt_id), fact) for attempt_id, fact in self.facts.items()]

    async def retained(self) -> Sequence[model.JobFact]:
        """Return what was acknowledged."""
        return list(self.acknowledged)

    async def recall(self) -> model.Remembered:
        """Return what was remembered."""
        return self.remembered

    async def remember(self, remembered: model.Remembered) -> None:
        """Remember it, unless the disk is broken."""
        if self.broken:
            raise OSError(5, "the disk is broken")
        self.remembered = remembered
