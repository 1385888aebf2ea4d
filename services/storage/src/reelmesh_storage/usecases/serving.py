"""Serving assets: what is known about them, their bytes by range, and links that work for a while without a key."""

import datetime
import uuid
from collections.abc import AsyncGenerator, Sequence

from reelmesh_kit import errors

from reelmesh_storage import ports
from reelmesh_storage.model import asset, link

# Below the gateway's root, for buckets without URLs of their own.
FILES_PATH = "/files/"


class Serving:
    """Reads for owners, and for bearers of a link."""

    def __init__(self, index: ports.Index, bucket: ports.Bucket, link_secret: bytes) -> None:
        """Wire the ports; `link_secret` proves that a link is ours."""
        self._index = index
        self._bucket = bucket
        self._link_secret = link_secret

    async def stat(self, asset_id: uuid.UUID, tenant_id: str) -> asset.Asset:
        """Return what is known about an asset; `tenant_id` "" acts for all.

        Raises:
            errors.NotFound: there is none (any more), or it belongs to somebody else.
        """
        return (await self._index.find(asset_id, tenant_id)).asset

    async def read(
        self, asset_id: uuid.UUID, tenant_id: str, offset: int, length: int
    ) -> tuple[asset.Asset, AsyncGenerator[bytes]]:
        """Return an asset and a stream of its bytes; close the stream.

        Args:
            asset_id: which asset.
            tenant_id: whose it must be; "" acts for all.
            offset: first byte.
            length: how many bytes; 0 means to the end.

        Raises:
            errors.NotFound: there is none (any more), or it belongs to somebody else.
            errors.InvalidArgument: it does not have these bytes.
        """
        found = await self.stat(asset_id, tenant_id)
        size_bytes = found.content.size_bytes
        if not 0 <= offset < size_bytes:
            raise errors.InvalidArgument("offset", f"must be from 0 to {size_bytes - 1}", size_bytes=size_bytes)
        if not 0 <= length <= size_bytes - offset:
            raise errors.InvalidArgument(
                "length", f"must be from 0 to {size_bytes - offset} at this offset", size_bytes=size_bytes
            )
        return found, self._bucket.read(found.key, offset, length or size_bytes - offset)

    async def sign(
        self, asset_id: uuid.UUID, tenant_id: str, validity: datetime.timedelta
    ) -> tuple[str, datetime.datetime]:
        """Return a link to an asset and when it stops working, at the latest with the asset itself.

        Absolute if the bucket has URLs of its own, else a path below the gateway's root.

        Raises:
            errors.NotFound: there is none (any more), or it belongs to somebody else.
            errors.InvalidArgument: a link cannot be valid for that long.
        """
        if not datetime.timedelta(seconds=1) <= validity <= link.LONGEST_VALIDITY:
            raise errors.InvalidArgument("valid_for", f"must be from 1 second to {link.LONGEST_VALIDITY.days} days")
        seen = await self._index.find(asset_id, tenant_id)
        expires_at = link.expiry(seen.now, validity, seen.asset.expires_at)
        url = await self._bucket.sign(seen.asset.key, expires_at - seen.now)
        if url is None:
            url = FILES_PATH + link.token(link.Link(asset_id, expires_at), self._link_secret)
        return url, expires_at

    async def verify(self, token: str) -> uuid.UUID:
        """Return the asset that a link of ours names.

        Raises:
            errors.PermissionDenied: it is not of our making, or its time is over.
            errors.NotFound: the asset is not there any more.
        """
        said = link.read(token, self._link_secret)
        if said is None:
            raise errors.PermissionDenied("This link is not valid. Ask for a new one.")
        seen = await self._index.find(said.asset_id, "")
        if said.expires_at <= seen.now:
            raise errors.PermissionDenied("This link has expired. Ask for a new one.")
        return said.asset_id

    async def count(self, tenant_id: str) -> Sequence[asset.KindCount]:
        """Count what is stored, by kind; `tenant_id` "" means all."""
        return await self._index.count(tenant_id)
