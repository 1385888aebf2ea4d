"""Checks uploaded images and measures clips, at once, for whoever asks."""

import pathlib

from reelmesh_kit import errors

from reelmesh_media import crash_points, ports
from reelmesh_media.model import images, refusals, steps, video
from reelmesh_media.usecases import performing

_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


class References:
    """Looks at pixels for other services."""

    def __init__(self, assets: ports.Assets, engine: ports.Engine, folder: pathlib.Path) -> None:
        """Take the ports and the folder that scratch folders are made in."""
        self._assets = assets
        self._engine = engine
        self._folder = folder

    async def prepare(self, upload_asset_id: str, reference_asset_id: str) -> steps.Stored:
        """Check an uploaded image, clean it, store the clean copy; return what was stored.

        Raises:
            errors.BrokenMedia: it is no image that is taken; the message says what to send.
        """
        with performing.scratch(self._folder) as folder:
            raw, out = folder / "upload", folder / "clean"
            owner = await self._assets.download(upload_asset_id, raw)
            clean = await self._cleaned(raw, out)
            crash_points.REFERENCE_CLEANED.passed()
            upload = steps.Upload(
                asset_id=reference_asset_id,
                owner=owner,
                kind=steps.Kind.REFERENCE,
                content_type=_TYPES[clean.format],
                width=clean.width,
                height=clean.height,
            )
            stored = await self._assets.upload(clean.path, upload)
            crash_points.REFERENCE_STORED.passed()
            return stored

    async def _cleaned(self, raw: pathlib.Path, out: pathlib.Path) -> images.CleanImage:
        try:
            facts = await self._engine.clean_image(raw, out)
        except refusals.ImageRefused as error:
            raise errors.BrokenMedia(str(error)) from error
        except refusals.MediaError as error:
            raise in_our_words(error) from error
        if facts.clean is None:
            raise errors.BrokenMedia
        return facts.clean

    async def probe(self, asset_id: str) -> video.MediaFacts:
        """Measure a stored clip.

        Raises:
            errors.BrokenMedia: it is no video that can be decoded.
        """
        with performing.scratch(self._folder) as folder:
            clip = folder / "clip"
            await self._assets.download(asset_id, clip)
            try:
                measured = await self._engine.probe(clip)
            except refusals.VideoRefused as error:
                raise errors.BrokenMedia(str(error)) from error
            except refusals.MediaError as error:
                raise in_our_words(error) from error
            crash_points.PROBED.passed()
            return measured


def in_our_words(error: refusals.MediaError) -> errors.ReelmeshError:
    """Return a worker's trouble as what the caller should do: come again, or suspect the file."""
    return errors.Unavailable(str(error)) if error.retryable else errors.BrokenMedia(str(error))
