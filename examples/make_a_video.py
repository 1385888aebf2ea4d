"""Makes a video with the typed client: start a mesh with `reelmesh up`, then `python examples/make_a_video.py`."""

# ruff: noqa: T201 - a script for people

import asyncio
import pathlib
import sys

import reelmesh_client
from reelmesh_client import discovery, errors, watching

PROMPT = "A paper boat sails down a gutter in the rain"
FILE = pathlib.Path("boat.mp4")


def show(seen: watching.Seen) -> None:
    """Print what happens while it happens."""
    if seen.HasField("event"):
        print(seen.event.message)
    elif seen.HasField("progress"):
        print(f"{seen.progress.progress_percent} % {seen.progress.activity}".rstrip())


async def main() -> int:
    """Ask for a video, follow it, download it."""
    mesh = discovery.from_environment()
    async with reelmesh_client.Client(mesh.address, mesh.api_key) as client:
        generation = await client.create_and_wait(
            PROMPT, duration_seconds=6, aspect_ratio="16:9", labels={"made-by": "example"}, on_seen=show
        )
        if not generation.renditions:
            print(f"no video: {generation.failure.message}", file=sys.stderr)
            return 1
        best = generation.renditions[0]
        await client.download(best.asset_id, FILE)
        print(f"{FILE}: {best.width}x{best.height}, {best.duration_seconds:.1f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except errors.ReelmeshError as error:
        sys.exit(f"{error}\n{error.hint}")
