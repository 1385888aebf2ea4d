"""Assets and the writes that make them: the nouns, their states, and what may follow what.

A *write* is one try to store an asset's bytes. Each write has a key of its own that no other write ever gets while
its row exists, so that two writers of one asset, or a frozen one that thaws, can never overwrite each other's bytes.
The first write that settles *is* the asset; the others are condemned.
"""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping

DEFAULT_TENANT = "default"

SIZE_LIMIT_BYTES = 2 * 1024**3
LONGEST_LIFE = datetime.timedelta(days=366)

# References are temporary, and so is whatever nobody asked to keep.
REFERENCE_LIFE = datetime.timedelta(hours=24)
PROVISIONAL_LIFE = datetime.timedelta(hours=24)


class Kind(enum.StrEnum):
    """What an asset is."""

    REFERENCE = "REFERENCE"
    CLIP = "CLIP"
    RENDITION = "RENDITION"
    THUMBNAIL = "THUMBNAIL"
    POSTER = "POSTER"
    FRAME = "FRAME"
    INFOGRAPHIC = "INFOGRAPHIC"
    FACE = "FACE"


DEFAULT_LIVES: Mapping[Kind, datetime.timedelta] = {
    kind: REFERENCE_LIFE if kind is Kind.REFERENCE else PROVISIONAL_LIFE for kind in Kind
}


class State(enum.StrEnum):
    """Where a write stands."""

    WRITING = "WRITING"
    """The intent is on disk; bytes may be on their way to the key."""
    STORED = "STORED"
    """The bytes are published: this is the asset."""
    REMOVING = "REMOVING"
    """Nobody may read it any more; its bytes may still be there."""
    REMOVED = "REMOVED"
    """The bytes are gone. The row stays for a while, so that nobody else gets its key meanwhile."""


# What may follow what; everything else is refused. REMOVED rows are forgotten after TOMBSTONE_LIFE.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.WRITING: frozenset({State.STORED, State.REMOVING}),
    State.STORED: frozenset({State.REMOVING}),
    State.REMOVING: frozenset({State.REMOVED}),
    State.REMOVED: frozenset(),
}


def sources(target: State) -> tuple[State, ...]:
    """Return the states from which `target` may be entered: the guard of the update that enters it."""
    return tuple(state for state, following in TRANSITIONS.items() if target in following)


@dataclasses.dataclass(frozen=True)
class Content:
    """What bytes are, without them."""

    size_bytes: int
    sha256: str
    """64 lower-case hex digits."""


@dataclasses.dataclass(frozen=True)
class Intent:
    """What somebody is about to store."""

    asset_id: uuid.UUID
    tenant_id: str
    kind: Kind
    content_type: str
    user_id: str = ""
    generation_id: uuid.UUID | None = None
    name: str = ""
    life: datetime.timedelta | None = None
    """How long it lives unless kept; None means the default of its kind."""
    width: int = 0
    height: int = 0
    duration_seconds: float = 0.0
    expected_size_bytes: int = 0
    """0 if not known before."""
    expected_sha256: str = ""
    """"" if not known before."""

    @property
    def expires_after(self) -> datetime.timedelta:
        """Return how long the asset lives unless kept."""
        return DEFAULT_LIVES[self.kind] if self.life is None else self.life


@dataclasses.dataclass(frozen=True)
class Asset:
    """Stored bytes with an owner, a kind and, often, an expiry."""

    id: uuid.UUID
    write_id: uuid.UUID
    tenant_id: str
    user_id: str
    kind: Kind
    content_type: str
    content: Content
    key: str
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    """None: it stays until it is removed."""
    generation_id: uuid.UUID | None
    width: int
    height: int
    duration_seconds: float


@dataclasses.dataclass(frozen=True)
class KindCount:
    """How much of one kind is stored."""

    kind: Kind
    assets: int
    size_bytes: int


def same(asset: Asset, intent: Intent, content: Content) -> bool:
    """Tell whether storing `content` for `intent` again would change nothing."""
    owner = (asset.tenant_id, asset.user_id, asset.kind)
    return owner == (intent.tenant_id, intent.user_id, intent.kind) and asset.content == content


def prolonged(asset: Asset, intent: Intent, now: datetime.datetime) -> datetime.datetime | None:
    """Return the expiry after the same bytes were stored again: a kept asset stays kept, no life gets shorter."""
    return None if asset.expires_at is None else max(asset.expires_at, now + intent.expires_after)
