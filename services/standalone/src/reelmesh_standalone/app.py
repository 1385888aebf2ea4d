"""The composition root of a mesh on one machine: nats-server first, then each service, the gateway last."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from reelmesh_client import discovery
from reelmesh_kit import process, settings
from reelmesh_kit.bus import server

from reelmesh_standalone import layout, locking, parts, ports
from reelmesh_standalone.settings import StandaloneSettings, tell

# Told one line for people at a time: what has started.
Show = Callable[[str], None]
# Waits until a mesh takes orders.
Check = Callable[[discovery.Mesh], Awaitable[None]]
# A mesh that runs while its context is open.
Composed = AbstractAsyncContextManager[process.Running]


class Starter(Protocol):
    """A way to run services."""

    def start(self, part: parts.Part, values: Mapping[str, object]) -> Composed:
        """Run a service with its settings by name; the context is its life. It may serve only after `settled`."""
        ...

    async def settled(self) -> None:
        """Return once every service that was started serves.

        Raises:
            process.CannotStart: one of them does not.
        """
        ...


@contextlib.asynccontextmanager
async def build(
    told: StandaloneSettings,
    own: process.Chassis,
    *,
    show: Show,
    check: Check,
    starter: Starter | None = None,
    wanted: Sequence[parts.Part] | None = None,
) -> AsyncGenerator[process.Running]:
    """Run a whole mesh; yield the gateway's ports. Unwinding stops everything in reverse order.

    Args:
        told: the settings.
        own: the chassis of the mesh itself, beside those of its services.
        show: is told what starts.
        check: returns once the mesh does what it is for; it is announced only then.
        starter: how services are run; default: within this process.
        wanted: the services, the gateway last; default: all that are installed.

    Raises:
        process.CannotStart: the folder is in use, a port is, or nats-server is missing; the message says what to do.
        settings.SettingsError: a service's settings are not usable.
        reelmesh_kit.errors.ReelmeshError: a service cannot open what it keeps, such as a damaged database.
    """
    where = layout.Layout(told.data_folder.expanduser().absolute())
    async with contextlib.AsyncExitStack() as opened:
        enter = opened.enter_async_context
        opened.enter_context(locking.held(where.lock_file))
        ports.check_free(told.host, told.http_port, "--http-port")
        ports.check_free(told.host, told.grpc_port, "--grpc-port")
        chosen = _complete(wanted or parts.all_parts(), _wiring(told, where, told.nats_url), show)
        nats = await enter(server.nats_server(own, where.nats_folder))
        show(f"{'nats-server':<16} {nats.url.removeprefix('nats://')}, pid {nats.pid}")
        runs = starter or Within(show)
        wiring = _wiring(told, where, nats.url)
        running = process.Running()
        for part in chosen:
            given = _edge(told) if part.name == parts.GATEWAY else {}
            running = await enter(runs.start(part, wiring.values(part, given)))
            wiring.learn(part, running)
        await runs.settled()
        note = _note(told, where, running, nats.url)
        await check(note)
        opened.callback(discovery.remove, where.folder)
        discovery.write(where.folder, note)
        yield running


class Within:
    """Runs services in this process, each with a chassis of its own: a `Starter`."""

    def __init__(self, show: Show) -> None:
        """Tell `show` what serves."""
        self._show = show

    @contextlib.asynccontextmanager
    async def start(self, part: parts.Part, values: Mapping[str, object]) -> AsyncGenerator[process.Running]:
        """Run a service; it serves once the context is open."""
        told = tell(part.settings_class(), values)
        own = process.chassis(part.name, told)
        try:
            async with part.build()(told, own) as running:
                own.logger.info("The service is ready.")
                self._show(f"{part.name:<16} {_answers(running)}")
                try:
                    yield running
                finally:
                    own.health.drain()
                    own.logger.info("The service stops.")
        finally:
            # Handing over the last spans may wait for a collector.
            await asyncio.to_thread(own.telemetry.shutdown)

    async def settled(self) -> None:
        """Return: all of them serve since their contexts are open."""


def _answers(running: process.Running) -> str:
    return f"{ports.LOOPBACK}:{running.grpc_port}" if running.grpc_port else "at work"


def _wiring(told: StandaloneSettings, where: layout.Layout, nats_url: str) -> parts.Wiring:
    return parts.Wiring(where, nats_url=nats_url, log_level=told.log_level, drain_seconds=told.drain_seconds)


def _complete(wanted: Sequence[parts.Part], wiring: parts.Wiring, show: Show) -> list[parts.Part]:
    """Return the parts without the optional ones whose settings lack something, which are named.

    Providers that are paid are not named where no accounts are listed at all: nobody misses them.

    Raises:
        settings.SettingsError: the settings of one that is not optional do, or are wrong.
    """
    complete: list[parts.Part] = []
    for part in wanted:
        lacking = _lacking(part, wiring) if part.optional else None
        if lacking is None:
            tell(part.settings_class(), wiring.values(part, {}))
            complete.append(part)
        elif lacking.missing != parts.WITHOUT_ACCOUNTS:
            show(f"{part.name:<16} not started: {' '.join(str(lacking).split())}")
    return complete


def _lacking(part: parts.Part, wiring: parts.Wiring) -> settings.SettingsError | None:
    try:
        tell(part.settings_class(), wiring.values(part, {}))
    except settings.SettingsError as error:
        return error
    return None


def _edge(told: StandaloneSettings) -> dict[str, object]:
    """Return what the gateway alone is told: where the world reaches the mesh."""
    return {"host": told.host, "http_port": told.http_port, "grpc_port": told.grpc_port}


def _note(told: StandaloneSettings, where: layout.Layout, running: process.Running, nats_url: str) -> discovery.Mesh:
    return discovery.Mesh(
        grpc=f"{told.host}:{running.grpc_port}",
        http=f"http://{told.host}:{running.http_port}",
        key_file=str(where.key_file),
        spans_folder=str(where.spans_folder),
        pid=os.getpid(),
        nats=nats_url,
    )
