"""Keeps what a generation delivered as files: names them, downloads them."""

import dataclasses
import pathlib
from collections.abc import Callable

from reelmesh.v1 import generation_pb2

from reelmesh_client import client, errors, transfer

# Told before each file: its name.
OnFile = Callable[[str], None]

_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclasses.dataclass(frozen=True)
class Saved:
    """The files of one generation, renditions highest first."""

    renditions: list[pathlib.Path]
    thumbnail: pathlib.Path | None
    poster: pathlib.Path | None
    infographic: pathlib.Path | None = None


def rendition(generation: generation_pb2.Generation, name: str = "", take: int = 0) -> generation_pb2.Rendition:
    """Return the rendition called `name`, or the best: of an alternate take, or of what was delivered.

    What was delivered may be a still picture; it is called "infographic".

    Raises:
        errors.WrongState: the generation, or the take, has no files (yet).
        errors.InvalidArgument: it has no such rendition, or no such take.
    """
    of, files = f"generation {generation.id}", list(generation.renditions)
    if take:
        of, files = f"take {take} of {of}", _files_of(generation, take)
    elif generation.HasField("infographic"):
        files.append(generation.infographic)
    if not files:
        raise errors.WrongState(f"{of} has no files to download")
    for each in files:
        if name in ("", each.name):
            return each
    names = ", ".join(each.name for each in files)
    raise errors.InvalidArgument(f"{of} has no rendition {name}; it has {names}")


def _files_of(generation: generation_pb2.Generation, number: int) -> list[generation_pb2.Rendition]:
    for take in generation.takes:
        if take.number == number:
            return list(take.renditions)
    numbers = ", ".join(str(take.number) for take in generation.takes) or "none"
    raise errors.InvalidArgument(f"generation {generation.id} has no take {number}; it has {numbers}")


def suffix(content_type: str) -> str:
    """Return the file name's ending for a media type."""
    return _SUFFIXES.get(content_type, ".bin")


def file_for(target: pathlib.Path, chosen: generation_pb2.Rendition, generation_id: str) -> pathlib.Path:
    """Return the file to write: `target` itself, or a named file in it if it is a folder."""
    if target.is_dir():
        return target / f"{generation_id}{suffix(chosen.content_type)}"
    return target


def video_file(target: pathlib.Path) -> pathlib.Path:
    """Return the file that a video not yet made would be written to: `target`, or one in it if it is a folder."""
    return target / f"video{_SUFFIXES['video/mp4']}" if target.is_dir() else target


async def save(
    source: client.Client,
    chosen: generation_pb2.Rendition,
    target: pathlib.Path,
    on_bytes: transfer.OnBytes | None = None,
) -> pathlib.Path:
    """Download one rendition into the file `target`."""
    return await source.download(chosen.asset_id, target, on_bytes=on_bytes)


async def save_all(
    source: client.Client,
    generation: generation_pb2.Generation,
    folder: pathlib.Path,
    *,
    on_file: OnFile | None = None,
    on_bytes: transfer.OnBytes | None = None,
) -> Saved:
    """Download all that was delivered into a folder, which is made if need be.

    Raises:
        errors.WrongState: the generation has no files (yet).
    """
    rendition(generation)

    async def fetch(asset_id: str, name: str) -> pathlib.Path:
        if on_file:
            on_file(name)
        return await source.download(asset_id, folder / name, on_bytes=on_bytes)

    renditions = [
        await fetch(each.asset_id, f"{generation.id}-{_file_safe(each.name)}{suffix(each.content_type)}")
        for each in generation.renditions
    ]
    thumbnail = poster = infographic = None
    if generation.thumbnail_asset_id:
        thumbnail = await fetch(generation.thumbnail_asset_id, f"{generation.id}-thumbnail.jpg")
    if generation.poster_asset_id:
        poster = await fetch(generation.poster_asset_id, f"{generation.id}-poster.jpg")
    if generation.HasField("infographic"):
        still = generation.infographic
        infographic = await fetch(still.asset_id, f"{generation.id}-infographic{suffix(still.content_type)}")
    return Saved(renditions, thumbnail, poster, infographic)


def _file_safe(name: str) -> str:
    """Return a server's name for something as part of a file name: it must not lead to another folder."""
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in name)
