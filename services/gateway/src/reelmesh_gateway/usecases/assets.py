"""Keeping and serving bytes: references in, whatever is stored out."""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from reelmesh_kit import clock, errors, ids

from reelmesh_gateway import crash_points, ports
from reelmesh_gateway.model import assets, images

# An upload that nobody finished looking at is swept; its clean copy has an expiry of its own.
UPLOAD_LIFETIME = datetime.timedelta(hours=1)
# A read that breaks goes on where it was: bytes never change.
READ_REPEATS_LIMIT = 3
READ_PAUSE_SECONDS = 0.2
USER_ID_LIMIT_CHARACTERS = 255
# What one answer may sign at once.
SIGNATURES_LIMIT = 32


class Assets:
    """The verbs on assets; each acts for an owner whom the edge has let in."""

    def __init__(
        self,
        files: ports.Files,
        media: ports.Media,
        asset_ids: ids.Ids,
        assets_clock: clock.Clock,
        logger: logging.Logger,
        *,
        upload_limit_bytes: int,
    ) -> None:
        """Keep bytes in `files` and have them looked at by `media`; refuse uploads above `upload_limit_bytes`."""
        self._files = files
        self._media = media
        self._ids = asset_ids
        self._clock = assets_clock
        self._logger = logger
        self._upload_limit_bytes = upload_limit_bytes

    async def upload_reference(
        self, owner: assets.Owner, chunks: AsyncIterator[bytes], *, reference_id: str = ""
    ) -> assets.Asset:
        """Store an image as a reference, under an id of its own or the one given: sniffed, bounded, checked, cleaned.

        Raises:
            InvalidArgument: the owner's user cannot be one.
            BrokenMedia: it is no JPEG, PNG or WebP, or cannot be decoded.
            TooLarge: it has more bytes than allowed.
        """
        if len(owner.user_id) > USER_ID_LIMIT_CHARACTERS or not owner.user_id.isprintable():
            # As for who a generation is made.
            raise errors.InvalidArgument("user_id", f"must be at most {USER_ID_LIMIT_CHARACTERS} printable characters")
        bounded = self._bounded(chunks)
        head = await _head(bounded)
        content_type = images.sniff(head)
        if content_type is None:
            raise errors.BrokenMedia(
                "The upload is no JPEG, PNG or WebP image, by its first bytes. Convert it to one of them and try again."
            )
        upload = assets.Upload(str(self._ids.fresh()), owner, content_type, UPLOAD_LIFETIME)
        try:
            await self._files.put(upload, _joined(head, bounded))
            crash_points.UPLOADED.passed()
            reference = await self._media.prepare_reference(upload.id, reference_id or str(self._ids.fresh()))
            crash_points.UPLOAD_PREPARED.passed()
            return reference
        finally:
            await self._forget(upload)

    async def find(self, owner: assets.Owner, asset_id: str) -> assets.Asset:
        """Return what is known about an asset of the owner's tenant.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        return await self._files.find(asset_id, owner.tenant_id)

    async def shared(self, token: str) -> assets.Asset:
        """Return the asset that a signed URL names.

        Raises:
            PermissionDenied: the URL is not ours, or has expired.
            NotFound: its asset is gone.
        """
        return await self._files.find(await self._files.verify(token), "")

    async def read(self, asset: assets.Asset, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Yield `length` bytes of an asset from `offset` on, across interruptions of the storage service."""
        end = offset + length
        failures = 0
        while offset < end:
            try:
                async with contextlib.aclosing(self._files.read(asset, offset, end - offset)) as chunks:
                    async for chunk in chunks:
                        failures = 0
                        offset += len(chunk)
                        yield chunk
                return
            except errors.Unavailable:
                failures += 1
                if failures > READ_REPEATS_LIMIT:
                    raise
            await self._clock.sleep(READ_PAUSE_SECONDS)

    async def remove(self, owner: assets.Owner, asset_id: str) -> None:
        """Delete an asset of the owner's tenant; one that was deleted already is fine.

        Raises:
            NotFound: there never was one, it was somebody else's, or it was deleted so long ago that nobody knows.
        """
        await self._files.remove(asset_id, owner.tenant_id)
        crash_points.ASSET_REMOVED.passed()

    async def draw(self, owner: assets.Owner, asset_id: str, what: assets.Drawing) -> assets.Drawn:
        """Return a small picture of an asset of the owner's tenant.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        found = await self._files.find(asset_id, owner.tenant_id)
        return await self._media.draw(found.id, what)

    async def discard(self, owner: assets.Owner, asset_ids: Sequence[str]) -> None:
        """Delete assets of the owner's tenant, those that are there."""
        for asset_id in asset_ids:
            with contextlib.suppress(errors.NotFound):
                await self.remove(owner, asset_id)

    async def urls(self, owner: assets.Owner, asset_ids: Sequence[str]) -> dict[str, str]:
        """Return signed URLs by asset id. One that cannot be had is left out: it is a convenience, not the answer."""
        wanted = list(dict.fromkeys(asset_ids))[:SIGNATURES_LIMIT]
        signed = await asyncio.gather(*(self._url(owner, each) for each in wanted))
        return {asset_id: url for asset_id, url in zip(wanted, signed, strict=True) if url}

    async def _url(self, owner: assets.Owner, asset_id: str) -> str:
        try:
            return await self._files.sign(asset_id, owner.tenant_id)
        except errors.ReelmeshError as error:
            self._logger.warning("No URL for asset %s: %s", asset_id, error)
            return ""

    async def _forget(self, upload: assets.Upload) -> None:
        """Remove what was uploaded, if it got that far: only the clean copy is of use."""
        try:
            await self._files.remove(upload.id, upload.owner.tenant_id)
        except errors.NotFound:
            return
        except errors.ReelmeshError as error:
            self._logger.warning("The upload %s stays until it expires: %s", upload.id, error)
        else:
            crash_points.UPLOAD_FORGOTTEN.passed()

    async def _bounded(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        seen_bytes = 0
        async for chunk in chunks:
            seen_bytes += len(chunk)
            if seen_bytes > self._upload_limit_bytes:
                raise errors.TooLarge(
                    f"The upload has more than {self._upload_limit_bytes} bytes. Send a smaller image.",
                    limit_bytes=self._upload_limit_bytes,
                )
            if chunk:
                yield chunk


async def _head(chunks: AsyncIterator[bytes]) -> bytes:
    """Take chunks until there is enough to sniff, or no more."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= images.HEAD_BYTES:
            break
    return head


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
