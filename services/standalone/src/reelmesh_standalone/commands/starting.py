"""`reelmesh up`: runs a mesh until Ctrl-C."""

import asyncio
import errno
import functools
import pathlib
from typing import TextIO, cast

import click
from reelmesh_client import discovery
from reelmesh_client import errors as client_errors
from reelmesh_client.commands import outcome, showing
from reelmesh_kit import clock, errors, event_loop, process, telemetry
from reelmesh_kit import settings as kit_settings

from reelmesh_standalone import app, children, layout, logs, opening
from reelmesh_standalone.commands import terminal
from reelmesh_standalone.settings import StandaloneSettings

SERVICE = "standalone"


def up(data_folder: pathlib.Path | None, http_port: int | None, grpc_port: int | None, *, processes: bool) -> None:
    """Run a mesh with these over what the environment says, where they are not None.

    Raises:
        outcome.Ended: it could not start; why was said.
        click.UsageError: a variable of the environment is not usable.
    """
    given = {"data_folder": data_folder, "http_port": http_port, "grpc_port": grpc_port}
    told = settings({name: value for name, value in given.items() if value is not None})
    extra = f" --data {data_folder}" if data_folder else ""
    screen = terminal.Terminal(showing.err())

    def on_ready(ready: process.Running) -> None:
        del ready
        folder = told.data_folder.expanduser().absolute()
        event_loop.settle()
        mesh = discovery.read(folder)
        if mesh is not None:
            screen.banner(mesh, folder, extra)

    until_stopped(told, screen, processes=processes, on_ready=on_ready)


def until_stopped(
    told: StandaloneSettings, screen: terminal.Terminal, *, processes: bool, on_ready: process.OnReady
) -> None:
    """Run a mesh until SIGINT or SIGTERM.

    Raises:
        outcome.Ended: it could not start; why was said.
    """
    try:
        event_loop.run(_run(told, screen, processes, on_ready), starts_processes=True)
    except kit_settings.SettingsError as error:
        raise click.UsageError(str(error)) from error
    except (
        process.CannotStart,
        errors.ReelmeshError,
        client_errors.ReelmeshError,
    ) as error:
        screen.show(f"error {error}")
        raise outcome.Ended(outcome.Exit.FAILED) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        named = f": {error.filename}" if error.filename else ""
        screen.show(f"error {error.strerror}{named}. Free space or choose another folder with --data.")
        raise outcome.Ended(outcome.Exit.FAILED) from error


async def _run(told: StandaloneSettings, screen: terminal.Terminal, processes: bool, on_ready: process.OnReady) -> None:
    with process.stop_on_signals() as stop:
        await run(told, screen, stop, processes=processes, on_ready=on_ready)
    screen.show("stopped")


async def run(
    told: StandaloneSettings,
    screen: terminal.Terminal,
    stop: asyncio.Event,
    *,
    processes: bool,
    on_ready: process.OnReady,
) -> None:
    """Run a mesh until `stop` is set, with its logs in the data folder and its warnings on the screen."""
    where = layout.Layout(told.data_folder.expanduser().absolute())
    kept = logs.Logs(where.logs_folder, screen.show, clock.SystemClock())
    telemetry.configure_logging(told.log_level, service=SERVICE, stream=cast("TextIO", logs.Stream(kept)))

    def build(loaded: StandaloneSettings, own: process.Chassis) -> app.Composed:
        starter = children.Children(own, kept, screen.show) if processes else None
        return app.build(loaded, own, show=screen.show, check=functools.partial(_open, screen), starter=starter)

    await process.run(SERVICE, build, told, on_ready=on_ready, stop=stop)


async def _open(screen: terminal.Terminal, mesh: discovery.Mesh) -> None:
    try:
        if not await opening.takes_orders(mesh, clock.SystemClock()):
            screen.show("warning no provider has announced itself: requests are refused until one does; see the logs")
    except (client_errors.Unauthenticated, FileNotFoundError):
        screen.show(
            f"warning {mesh.key_file} holds no key that is valid: it was revoked or moved away. Commands need another, "
            "given with --api-key or REELMESH_API_KEY"
        )


def settings(given: dict[str, object]) -> StandaloneSettings:
    """Return the settings: what the command line gave over the environment's.

    Raises:
        click.UsageError: a variable of the environment is not usable.
    """
    try:
        return kit_settings.load(StandaloneSettings, given)
    except kit_settings.SettingsError as error:
        raise click.UsageError(str(error)) from error
