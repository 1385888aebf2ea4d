"""Finds out when a mesh takes orders: services that serve are not enough, a provider must have announced itself."""

import asyncio
import pathlib
import urllib.request

from reelmesh_client import client, discovery, errors
from reelmesh_kit import clock

PATIENCE_SECONDS = 60.0
_ASK_EVERY_SECONDS = 0.2
_ANSWER_TIMEOUT_SECONDS = 5.0
_PROMPT = "a test card"


async def takes_orders(mesh: discovery.Mesh, time: clock.Clock, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Return True once a mesh would accept a request, False if it still does not after `patience_seconds`.

    Raises:
        errors.ReelmeshError: it refuses for another reason than that no provider is there yet.
    """
    key = await asyncio.to_thread(pathlib.Path(mesh.key_file).read_text)
    deadline = time.elapsed() + patience_seconds
    async with client.Client(mesh.grpc, key.strip()) as opened:
        # Asked only once the gateway reaches what it needs: an order before that fails, and is told as a failure.
        while not (await asyncio.to_thread(_is_well, mesh) and await _quotes(opened)):
            if time.elapsed() >= deadline:
                return False
            await time.sleep(_ASK_EVERY_SECONDS)
    return True


async def _quotes(opened: client.Client) -> bool:
    try:
        await opened.quote(_PROMPT)
    except (errors.NoCandidate, errors.Unavailable):
        return False
    return True


def _is_well(mesh: discovery.Mesh) -> bool:
    """Return whether the gateway says that everything it needs is there."""
    try:
        with urllib.request.urlopen(f"{mesh.http}/health/detailed", timeout=_ANSWER_TIMEOUT_SECONDS):  # noqa: S310 - our own note's URL
            return True
    except OSError:
        return False
