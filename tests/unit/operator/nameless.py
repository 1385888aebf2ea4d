"""Watches a Kubernetes that answers nothing, until it was asked once: run as a user who has a number and no name."""

import asyncio
import pathlib
import sys

from reelmesh_operator import handlers, ports

PATIENCE_SECONDS = 60.0


async def main() -> None:
    """Fail if the watch ends before it asks."""
    asked = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        nowhere = pathlib.Path("/nonexistent")
        access = ports.Access(f"http://127.0.0.1:{port}", nowhere, nowhere)
        watching = asyncio.create_task(handlers.Watching(access, "films", asyncio.Event()).run())
        waiting = asyncio.create_task(asked.wait())
        await asyncio.wait({watching, waiting}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        watching.cancel()
        if not asked.is_set():
            sys.exit(f"nothing was asked: {await asyncio.gather(watching, return_exceptions=True)}")


if __name__ == "__main__":
    asyncio.run(main())
