"""What the use cases need beside the record."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from reelmesh_orchestrator.model import draft, eras


class Assets(Protocol):
    """What is stored."""

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        """Make sure that reference images exist, belong to the tenant and have not expired.

        Raises:
            errors.AssetUnusable: naming the asset and what is wrong with it.
        """
        ...


class MarkNote(Protocol):
    """A note that lies outside of the database: what was seen of the record last."""

    async def read(self) -> eras.Mark | None:
        """Return what was noted; None when nothing was.

        Raises:
            errors.Unavailable: it cannot be read now, so that nobody knows.
        """
        ...

    async def write(self, mark: eras.Mark) -> None:
        """Note it in place of what was noted before."""
        ...


class Bell(Protocol):
    """Rings when something happened; may miss something."""

    async def wait(self) -> object:
        """Wait until it rings."""
        ...

    def set(self) -> None:
        """Ring it."""
        ...

    def clear(self) -> None:
        """Forget that it rang."""
        ...


class ProgressBoard(Protocol):
    """How far generations are, as workers last shouted."""

    def bell(self, generation_id: uuid.UUID) -> AbstractAsyncContextManager[Bell]:
        """Ring while something happens to a generation."""
        ...

    def percent(self, aggregate: draft.Aggregate) -> int:
        """Return 0 to 100, best effort."""
        ...

    def activity(self, generation_id: uuid.UUID) -> str:
        """Return what is being done, in words; empty when unknown."""
        ...
