"""What a sweep may take away, and when it must rather stop and call for help."""

import collections
import dataclasses
import datetime
import enum
from collections.abc import Collection, Sequence

from reelmesh_storage.model import asset, layout

# A write may take this long; one that is older than the second number has died.
WRITE_LIMIT = datetime.timedelta(hours=1)
STALE_WRITE = datetime.timedelta(hours=2)
# Bytes without a row are left alone for this long. Their age is by the bucket's clock, so it is generous.
ORPHAN_GRACE = datetime.timedelta(hours=24)
# How long the row of removed bytes keeps their key from being used again, whoever may still be about to touch it.
TOMBSTONE_LIFE = datetime.timedelta(days=7)
# This many orphans in a page are taken for what crashes leave behind; more than that only if most bytes have a row.
TOLERATED_ORPHANS = 10


class Reason(enum.StrEnum):
    """Why bytes are swept."""

    EXPIRED = "expired"
    STALE = "stale"
    ORPHANED = "orphaned"


@dataclasses.dataclass(frozen=True)
class Listed:
    """One object in the bucket."""

    key: str
    size_bytes: int
    modified_at: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Orphan:
    """Bytes without a row."""

    key: str
    kind: asset.Kind
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a page of the bucket holds that no row knows."""

    removable: Sequence[Orphan]
    alarming: bool
    """So many that the index is likelier to be wrong than the bucket: nothing of it may be removed."""


@dataclasses.dataclass
class Swept:
    """What one sweep did."""

    condemned: collections.Counter[tuple[Reason, asset.Kind]] = dataclasses.field(
        default_factory=collections.Counter[tuple[Reason, asset.Kind]]
    )
    removed: int = 0
    """Writes whose bytes are gone now."""
    failed: int = 0
    """Writes whose bytes could not be removed; they are tried again."""
    discarded_uploads: int = 0
    alarming: bool = False
    """The bucket has so many bytes that the index does not know that nothing of them was touched."""


def judge(page: Sequence[Listed], known: Collection[str], now: datetime.datetime) -> Verdict:
    """Find the orphans in a page of the bucket. What this layout would never have named is not ours to judge."""
    found = [
        Orphan(listed.key, kind, listed.size_bytes)
        for listed in page
        if listed.key not in known
        and listed.modified_at <= now - ORPHAN_GRACE
        and (kind := layout.kind_of(listed.key)) is not None
    ]
    alarming = len(found) > max(TOLERATED_ORPHANS, len(known))
    return Verdict(removable=() if alarming else found, alarming=alarming)
