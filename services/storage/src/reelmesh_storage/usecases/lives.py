"""How long assets live: keeping provisional ones for good, and removing those that nobody wants any more."""

import uuid
from collections.abc import Collection

from reelmesh_kit import errors

from reelmesh_storage import crash_points, ports

KEEP_LIMIT_ASSETS = 1000


class Lives:
    """Keeps and removes assets."""

    def __init__(self, index: ports.Index, bucket: ports.Bucket) -> None:
        """Wire the ports."""
        self._index = index
        self._bucket = bucket

    async def keep(self, asset_ids: Collection[uuid.UUID]) -> Collection[uuid.UUID]:
        """Make assets permanent; return those that expired, were removed or never were.

        Raises:
            errors.InvalidArgument: too many at once.
        """
        if len(asset_ids) > KEEP_LIMIT_ASSETS:
            raise errors.InvalidArgument("asset_ids", f"at most {KEEP_LIMIT_ASSETS} at once")
        with crash_points.KEEP:
            return await self._index.keep(asset_ids) if asset_ids else ()

    async def remove(self, asset_id: uuid.UUID, tenant_id: str) -> None:
        """Remove an asset, kept or not, and its bytes; once more is fine, for as long as `leftovers.TOMBSTONE_LIFE`.

        From the first step on nobody can read it; if a later one fails the sweep, or a repetition, goes on.

        Raises:
            errors.NotFound: there never was one, it belonged to somebody else, or its last trace is gone.
            errors.Unavailable: the bytes cannot be removed now; they will be.
        """
        with crash_points.CONDEMN:
            found = await self._index.condemn(asset_id, tenant_id)
        for condemned in found:
            await self._bucket.delete(condemned.key)
            crash_points.DELETED.passed()
            with crash_points.REMOVED:
                await self._index.removed([condemned.write_id])
