"""kopf in a container, where the user has a number and no name."""

import asyncio
import getpass
import pathlib

import pytest
from reelmesh_operator import handlers, ports

PATIENCE_SECONDS = 60.0


async def test_the_watch_asks_for_no_users_name(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    asked = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    monkeypatch.setattr(getpass, "getuser", nobody)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        access = ports.Access(f"http://127.0.0.1:{address[1]}", tmp_path / "token", tmp_path / "ca.crt")
        watching = asyncio.create_task(handlers.Watching(access, "films", asyncio.Event()).run())
        waiting = asyncio.create_task(asked.wait())
        try:
            done, _ = await asyncio.wait(
                {watching, waiting}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            assert done == {waiting}
        finally:
            waiting.cancel()
            watching.cancel()
            await asyncio.wait({watching})
