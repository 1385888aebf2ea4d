"""How long it takes until all who follow a generation know that it has ended, by gRPC streams and by HTTP (SSE).

    python -m bench.fanout [--database sqlite|postgresql] [--clients N] [--rounds 3] [--json PATH]

Clients follow one waiting generation, each by a stream of its own; then it is cancelled. Timed from the cancel to the
last message of each stream. Also told: how long it takes until all have their first message, and what it costs to be
followed while nothing happens.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import grpc
from reelmesh.v1 import generation_service_pb2, generation_service_pb2_grpc

from bench import calls, command, figures, load, mesh, processes, reports

# The most that one orchestrator can be told to have places for: of the calls that it takes at once, some are kept free.
CLIENTS = 900
STREAMS_PER_CONNECTION = 20
# Clients that wait for their first message at the same time.
ARRIVING = 50
PATIENCE_SECONDS = 120.0
ROOMY = dataclasses.replace(calls.QUIET, told={**calls.QUIET.told, "orchestrator": {"followers_limit": CLIENTS}})
IDLE_SECONDS = 5.0
FRAME_END = b"\n\n"
SERVICES = ("gateway", "orchestrator")
# Follows a generation: calls back at its first message, and returns after the last one.
Follow = Callable[[str, Callable[[], None]], Awaitable[None]]


class CutShort(Exception):
    """A stream ended before it told the end of its generation."""


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"streams at once (default {CLIENTS})")
    parser.add_argument("--rounds", type=int, default=3, help="generations that are followed (default 3)")
    return command.on_databases("fanout", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure both doors on one kind of database; print and return a row for each."""
    rows: list[dict[str, Any]] = []
    clients: int = told.clients
    async with (
        mesh.on_empty(kind, ROOMY) as running,
        load.caller(running) as calling,
        grpc_streams(running, clients) as streams,
    ):
        await calling.create()  # takes the account, so that all others wait
        for door, follow in (("SSE", sse(running)), ("gRPC", streams)):
            rounds = [await follow_one(running, calling, follow, clients) for _ in range(told.rounds)]
            rows.append({"door": door, "clients": clients, **figures.medians(rounds)})
    print(f"\nfollowing a generation on {kind}")
    print(reports.table(rows))
    return rows


async def follow_one(running: mesh.Mesh, calling: load.Caller, follow: Follow, clients: int) -> dict[str, float]:
    """Let all clients follow a generation, end it, and return what that took.

    Raises:
        CutShort, grpc.aio.AioRpcError: a stream was refused or broken.
        TimeoutError: not everybody knew within PATIENCE_SECONDS.
    """
    elapsed = running.chassis.clock.elapsed
    generation_id = await calling.create()
    began, first, ends = elapsed(), list[float](), list[float]()
    arriving = asyncio.Semaphore(ARRIVING)

    def here() -> None:
        first.append(elapsed() - began)
        arriving.release()

    async def one() -> None:
        await arriving.acquire()
        await follow(generation_id, here)
        ends.append(elapsed())

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(one())
        while len(first) < clients:
            await running.chassis.clock.sleep(0.05)
        idle_from = await running.settled_cpu_seconds()
        await running.chassis.clock.sleep(IDLE_SECONDS)
        idle = processes.spent(idle_from, before := running.cpu_seconds())
        cancelled = elapsed()
        await calling.cancel(generation_id)
    spent = processes.spent(before, await running.settled_cpu_seconds())
    told_after = [end - cancelled for end in ends]
    return {
        "all begun s": max(first),
        "p50_ms": figures.percentile(told_after, 50) * figures.MILLISECONDS,
        "all told ms": max(told_after) * figures.MILLISECONDS,
        **{f"{name} CPU ms": spent[name] * figures.MILLISECONDS for name in SERVICES},
        **{f"{name} idle CPU %": idle[name] / IDLE_SECONDS * 100 for name in SERVICES},
    }


def sse(running: mesh.Mesh) -> Follow:
    """Return what follows by server-sent events, over a connection of its own each."""
    service = running.services["gateway"].running

    async def follow(generation_id: str, on_first: Callable[[], None]) -> None:
        reader, writer = await asyncio.open_connection(mesh.HOST, service.http_port)
        try:
            path = f"{calls.GENERATIONS}/{generation_id}/watch"
            head = f"GET {path} HTTP/1.1\r\nHost: {mesh.HOST}\r\n{mesh.KEY_HEADER}: {running.key}\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise CutShort(f"refused: {answer!r}")
            for number in itertools.count():
                frame = await reader.readuntil(FRAME_END)
                if number == 0:
                    on_first()
                if b"event: error" in frame:
                    raise CutShort(f"told an error: {frame!r}")
                if b"event: ended" in frame:
                    return
        finally:
            writer.close()

    return follow


@contextlib.asynccontextmanager
async def grpc_streams(running: mesh.Mesh, clients: int) -> AsyncGenerator[Follow]:
    """Yield what follows by gRPC streams, a few on each connection."""
    async with contextlib.AsyncExitStack() as opened:
        options = [("grpc.use_local_subchannel_pool", 1)]
        connections = [
            await opened.enter_async_context(grpc.aio.insecure_channel(running.grpc_target, options=options))
            for _ in range(-(-clients // STREAMS_PER_CONNECTION))
        ]
        stubs: list[Any] = [generation_service_pb2_grpc.GenerationServiceStub(each) for each in connections]
        turns = itertools.cycle(stubs)

        async def follow(generation_id: str, on_first: Callable[[], None]) -> None:
            request = generation_service_pb2.WatchGenerationRequest(generation_id=generation_id)
            seen = 0
            async for message in next(turns).WatchGeneration(request, metadata=running.metadata):
                seen += 1
                if seen == 1:
                    on_first()
                if message.HasField("ended"):
                    return
            raise CutShort("the stream ended before the generation")

        yield follow


if __name__ == "__main__":
    raise SystemExit(main())
