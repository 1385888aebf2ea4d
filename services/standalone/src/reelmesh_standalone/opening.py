"""Finds out when a mesh takes orders: services that serve are not enough, a provider must have announced itself."""

import asyncio
import pathlib

from reelmesh_client import client, discovery, errors
from reelmesh_kit import clock

PATIENCE_SECONDS = 60.0
_ASK_EVERY_SECONDS = 0.2
_PROMPT = "a test card"


async def takes_orders(mesh: discovery.Mesh, time: clock.Clock, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Return True once a mesh would accept a request, False if it still does not after `patience_seconds`.

    Raises:
        errors.ReelmeshError: it refuses for another reason than that no provider is there yet.
    """
    key = await asyncio.to_thread(pathlib.Path(mesh.key_file).read_text)
    deadline = time.elapsed() + patience_seconds
    async with client.Client(mesh.grpc, key.strip()) as opened:
        while True:
            try:
                await opened.quote(_PROMPT)
            except (errors.NoCandidate, errors.Unavailable):
                if time.elapsed() >= deadline:
                    return False
                await time.sleep(_ASK_EVERY_SECONDS)
            else:
                return True
