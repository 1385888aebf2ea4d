"""What the use cases need from the outside, in our words: a bucket for bytes and an index of them."""

import dataclasses
import datetime
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from reelmesh_storage.model import asset, leftovers

# What travels in one piece.
CHUNK_BYTES = 512 * 1024
CHUNK_LIMIT_BYTES = 1024 * 1024


class Upload(Protocol):
    """Bytes on their way into a bucket; nobody sees them before `publish`."""

    @property
    def content(self) -> asset.Content:
        """Size and SHA-256 of what was written so far."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Append bytes; returns when there is room for more.

        Raises:
            errors.StorageFull: there is no room for them.
            errors.Unavailable: the bucket does not answer.
        """
        ...

    async def publish(self) -> None:
        """Make all of it appear under its key at once, durably, in place of whatever was there.

        Raises:
            errors.StorageFull: there is no room; nothing appeared.
            errors.Unavailable: the bucket does not answer; it may have appeared nevertheless.
        """
        ...


class Bucket(Protocol):
    """Bytes by key. Keys are relative paths with "/"; what is published is never changed, only removed."""

    def upload(self, key: str, content_type: str) -> AbstractAsyncContextManager[Upload]:
        """Begin to write. What is not published when the context ends is thrown away."""
        ...

    def read(self, key: str, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Stream `length` bytes from `offset`, which must exist, in pieces of at most CHUNK_LIMIT_BYTES.

        Raises:
            errors.NotFound: there is nothing under this key.
            errors.Unavailable: the bucket does not answer.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove what is under this key; nothing there is fine.

        Raises:
            errors.Unavailable: the bucket does not answer.
        """
        ...

    async def list(self, after: str, limit: int) -> Sequence[leftovers.Listed]:
        """Return up to `limit` objects whose keys are behind `after` ("" for the first page), sorted by key."""
        ...

    async def discard_uploads(self, before: datetime.datetime) -> int:
        """Throw away uploads begun before that time and never published, as a killed process leaves; count them."""
        ...

    async def sign(self, key: str, validity: datetime.timedelta) -> str | None:
        """Return an absolute URL that serves the bytes for a while; None if this bucket has no URLs."""
        ...

    async def check(self) -> None:
        """Return if bytes can be stored and read now.

        Raises:
            errors.Unavailable: they cannot; the message says why.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Begun:
    """A write's intent is on disk: its bytes may go to the key."""

    write_id: uuid.UUID
    key: str


@dataclasses.dataclass(frozen=True)
class Seen:
    """An asset at a moment of the database's time."""

    asset: asset.Asset
    now: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Condemned:
    """Bytes that are to be removed."""

    write_id: uuid.UUID
    key: str


class Index(Protocol):
    """The record of all writes. Every method is one transaction; times are the database's.

    Every method raises errors.Unavailable while the database does not answer.
    """

    async def begin(self, intent: asset.Intent, write_id: uuid.UUID) -> Begun | asset.Asset:
        """Record the intent to write; return the asset instead if it is stored already.

        An asset that expired and was not swept yet is condemned to make room.
        """
        ...

    async def settle(self, intent: asset.Intent, write_id: uuid.UUID, content: asset.Content) -> asset.Asset:
        """Record that the bytes are published; return the asset that stands under this id now.

        If another write of the same asset settled first, that one is returned, and this write is condemned: compare.

        Raises:
            errors.Unavailable: the write was given up meanwhile, as it took too long; nothing was stored.
        """
        ...

    async def forget(self, write_id: uuid.UUID) -> None:
        """Drop an intent that published nothing."""
        ...

    async def condemn_write(self, write_id: uuid.UUID) -> None:
        """Give up a write that may have published its bytes: the sweep removes them."""
        ...

    async def find(self, asset_id: uuid.UUID, tenant_id: str) -> Seen:
        """Return a stored asset that has not expired; `tenant_id` "" acts for all.

        Raises:
            errors.NotFound: there is none, or it belongs to somebody else.
        """
        ...

    async def prolong(self, intent: asset.Intent) -> asset.Asset:
        """Give a stored asset the expiry that storing it now would give; a kept one stays kept.

        Raises:
            errors.NotFound: it is gone.
        """
        ...

    async def keep(self, asset_ids: Collection[uuid.UUID]) -> Collection[uuid.UUID]:
        """Make assets permanent; return those that are not there any more."""
        ...

    async def condemn(self, asset_id: uuid.UUID, tenant_id: str) -> Sequence[Condemned]:
        """Hide an asset from everybody; return what is to be removed, empty if that happened already.

        Raises:
            errors.NotFound: there never was one, it belonged to somebody else, or its last trace is gone.
        """
        ...

    async def removed(self, write_ids: Collection[uuid.UUID]) -> None:
        """Record that condemned bytes are gone."""
        ...

    async def count(self, tenant_id: str) -> Sequence[asset.KindCount]:
        """Count what is stored, by kind; `tenant_id` "" means all."""
        ...

    async def check(self) -> None:
        """Return if the database answers."""
        ...


class SweepIndex(Protocol):
    """What the sweep asks of the same record."""

    async def condemn_expired(self, limit: int) -> Mapping[asset.Kind, int]:
        """Condemn up to `limit` assets whose time is over; count them by kind."""
        ...

    async def condemn_stale(self, limit: int) -> Mapping[asset.Kind, int]:
        """Condemn up to `limit` writes that were begun too long ago; count them by kind."""
        ...

    async def condemned(self, after: uuid.UUID | None, limit: int) -> Sequence[Condemned]:
        """Return up to `limit` condemned writes whose bytes may still be there, in the order of their ids."""
        ...

    async def removed(self, write_ids: Collection[uuid.UUID]) -> None:
        """Record that condemned bytes are gone."""
        ...

    async def known(self, keys: Collection[str]) -> tuple[Collection[str], datetime.datetime]:
        """Return which of these keys belong to a write, and the database's time."""
        ...

    async def adopt(self, orphans: Mapping[uuid.UUID, leftovers.Orphan]) -> int:
        """Take bytes without a row in, condemned; leave out those that got a row meanwhile. Count the others."""
        ...

    async def purge_removed(self, limit: int) -> int:
        """Forget up to `limit` writes whose bytes have been gone for long enough; count them."""
        ...
