"""What the gateway's verbs need from outside: issued keys, stored bytes, and somebody who looks at pixels."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from reelmesh_gateway.model import assets, condition, hooks, keys


class Keys(Protocol):
    """The issued API keys."""

    def find(self, key_id: str) -> keys.Key | None:
        """Return the key with this id; None when none was issued or it was revoked."""
        ...


class KeyRing(Keys, Protocol):
    """The issued API keys, for who issues and revokes them."""

    def all(self) -> list[keys.Key]:
        """Return every key, oldest first."""
        ...

    def add(self, key: keys.Key) -> None:
        """Keep a new key: it works from now on.

        Raises:
            StorageFull: there is no room for it.
        """
        ...

    def remove(self, key_id: str) -> None:
        """Forget a key, if it is there: it stops working at once."""
        ...


class Audit(Protocol):
    """Where it stands who did what with keys, and when."""

    def note(self, action: str, key: keys.Key) -> None:
        """Note that something is about to be done with a key."""
        ...


class Files(Protocol):
    """Where bytes are kept. An empty `tenant_id` acts for all tenants."""

    async def put(self, upload: assets.Upload, chunks: AsyncIterator[bytes]) -> None:
        """Store an upload, whole or not at all. What `chunks` raises is raised here, and nothing is stored."""
        ...

    async def find(self, asset_id: str, tenant_id: str) -> assets.Asset:
        """Return what is known about an asset.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ...

    def read(self, asset: assets.Asset, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Yield `length` bytes from `offset` on; `length` is not 0."""
        ...

    async def remove(self, asset_id: str, tenant_id: str) -> None:
        """Delete an asset and its bytes; one that was deleted already is fine.

        Raises:
            NotFound: there never was one, it was somebody else's, or it was deleted so long ago that nobody knows.
        """
        ...

    async def sign(self, asset_id: str, tenant_id: str) -> str:
        """Return a URL that serves the asset for a while without a key: absolute, or a path below our own root."""
        ...

    async def verify(self, token: str) -> str:
        """Return the id of the asset that a URL of our own making names.

        Raises:
            PermissionDenied: the token is not ours, or has expired.
        """
        ...


class Web(Protocol):
    """The web, where pictures may lie."""

    async def fetch(self, url: str, limit_bytes: int) -> bytes:
        """Return what lies at an address.

        Raises:
            InvalidArgument: it may not be asked, or does not answer with a file.
            TooLarge: it has more than `limit_bytes`.
        """
        ...


class Hooks(Protocol):
    """The addresses at which vendors tell us of jobs."""

    def at(self, account_id: str, token: str, attempt_id: str) -> hooks.Hook | None:
        """Return the address, if it is ours; `attempt_id` is "" for that of a whole account.

        Raises:
            Unavailable: it is, but the secret by which its notices are checked is not there.
        """
        ...


class VendorKeys(Protocol):
    """The public keys of vendors who sign by their own."""

    async def fits(self, url: str, told: hooks.Signed) -> bool:
        """Tell whether a key that is published at `url` made one of the signatures.

        Raises:
            Unavailable: nobody knows the keys at this moment.
        """
        ...


class Nudging(Protocol):
    """Tells workers that a job is worth a look."""

    async def nudge(self, nudge: hooks.Nudge) -> None:
        """Tell it, to whoever listens.

        Raises:
            Unavailable: nobody can be told at this moment.
        """
        ...


class Media(Protocol):
    """Who looks at pixels."""

    async def draw(self, asset_id: str, what: assets.Drawing) -> assets.Drawn:
        """Return a small picture of what is stored.

        Raises:
            NotFound: there is no such asset.
            BrokenMedia: nothing can be drawn from it.
        """
        ...

    async def prepare_reference(self, upload_id: str, reference_id: str) -> assets.Asset:
        """Check an uploaded image, clean it of metadata and store the clean copy under `reference_id`.

        Raises:
            BrokenMedia: it is not an image that can be used.
        """
        ...


class Peer(Protocol):
    """A service behind the gateway, asked about itself."""

    async def ask(self) -> condition.Answer:
        """Return how it is, part by part.

        Raises:
            ReelmeshError: it does not answer.
        """
        ...
