"""Draws small pictures of what is stored, at once, for whoever asks."""

import asyncio
import pathlib

from reelmesh_kit import errors

from reelmesh_media import ports
from reelmesh_media.model import refusals, sheets
from reelmesh_media.usecases import performing, references

_NAMES = {sheets.Kind.THUMBNAIL: "picture.webp", sheets.Kind.SPRITESHEET: "picture.jpg"}


class Pictures:
    """Draws, and keeps nothing."""

    def __init__(self, assets: ports.Assets, engine: ports.Engine, folder: pathlib.Path) -> None:
        """Take the ports and the folder that scratch folders are made in."""
        self._assets = assets
        self._engine = engine
        self._folder = folder

    async def draw(self, asset_id: str, kind: sheets.Kind) -> bytes:
        """Return the bytes of a picture.

        Raises:
            errors.NotFound: there is no such asset.
            errors.BrokenMedia: it is nothing that such a picture can be drawn from.
        """
        with performing.scratch(self._folder) as folder:
            stored, out = folder / "stored", folder / _NAMES[kind]
            await self._assets.download(asset_id, stored)
            draw = self._engine.webp if kind is sheets.Kind.THUMBNAIL else self._engine.spritesheet
            try:
                made = await draw(stored, out)
            except (refusals.VideoRefused, refusals.ImageRefused) as error:
                raise errors.BrokenMedia(str(error)) from error
            except refusals.MediaError as error:
                raise references.in_our_words(error) from error
            content = await asyncio.to_thread(made.path.read_bytes)
        if len(content) > sheets.PICTURE_LIMIT_BYTES:
            raise errors.BrokenMedia(f"The picture has more than {sheets.PICTURE_LIMIT_BYTES} bytes.")
        return content
