"""Runs one command against a mesh: finds the mesh, opens the client, turns what goes wrong into an exit code."""

import asyncio
import dataclasses
import functools
import pathlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from reelmesh_client import client, discovery, errors, machine, settings
from reelmesh_client.commands import outcome, showing

# In place of an id: the newest generation.
LAST = "last"

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


@dataclasses.dataclass(frozen=True)
class Where:
    """The mesh that a command line asks for; None where it says nothing."""

    address: str | None
    api_key: str | None
    data_folder: pathlib.Path | None

    def target(self) -> discovery.Target:
        """Return the mesh to talk to, by options first, then by the environment, then by the data folder."""
        known = settings.load()
        # A folder that was named on the command line outranks an address from the environment.
        address = self.address or ("" if self.data_folder else known.address)
        return discovery.locate(address, self.api_key or known.api_key, self.data_folder or known.data_folder)

    def folder(self) -> pathlib.Path:
        """Return the data folder."""
        return self.data_folder or settings.load().data_folder

    def again(self, verb: str) -> str:
        """Return the command line of another command against the same mesh."""
        data = f" --data {self.data_folder}" if self.data_folder else ""
        address = f" --address {self.address}" if self.address else ""
        return f"reelmesh {verb}{address}{data}"


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names a data folder."""
    return click.option(
        "--data",
        "data_folder",
        type=click.Path(path_type=pathlib.Path, file_okay=False),
        help=f"Data folder of the mesh. [{settings.DATA_FOLDER}; default: ~/.local/share/reelmesh]",
    )(function)


def mesh_command(
    function: Callable[Concatenate[Where, Parameters], None],
) -> Callable[..., None]:
    """Add the options that name a mesh, and pass them on as the first argument."""

    @data_option
    @click.option("--address", help=f"Mesh: host:port or https://host:port. [{settings.ADDRESS}]")
    @click.option("--api-key", help=f"API key. [{settings.API_KEY}; default: the key of the mesh on the data folder]")
    @functools.wraps(function)
    def command(
        address: str | None,
        api_key: str | None,
        data_folder: pathlib.Path | None,
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> None:
        function(Where(address, api_key, data_folder), *arguments, **options)

    return command


def run(where: Where, work: Callable[[client.Client], Awaitable[Result]]) -> Result:
    """Run `work` with a client of the mesh.

    Raises:
        outcome.Ended: it failed or was interrupted; what can be said was said.
    """

    async def within() -> Result:
        async with mesh(where) as opened:
            return await work(opened)

    return wait_for(within())


def mesh(where: Where) -> client.Client:
    """Return a client of the mesh, not open yet."""
    target = where.target()
    return client.Client(target.address, target.api_key, on_full=_say_full, ca_file=settings.load().ca_file)


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """Run work to its end.

    Raises:
        outcome.Ended: it failed or was interrupted; what can be said was said.
    """
    try:
        return asyncio.run(work)
    except errors.ReelmeshError as error:
        outcome.explain(error, showing.err())
        raise outcome.Ended(outcome.of(error)) from error
    except KeyboardInterrupt:
        raise outcome.Ended(outcome.Exit.INTERRUPTED) from None


def _say_full(error: errors.QueueFull, seconds: float) -> None:
    text = f"The queue is full: {showing.plain(error.message)}. Asking again in {seconds:.0f} s; Ctrl-C gives up."
    showing.err().print(text, markup=False, soft_wrap=True, style="yellow")


async def generation_id(opened: client.Client, given: str) -> str:
    """Return the id that was meant: the given one, or the newest generation's for "last".

    Raises:
        errors.NotFound: there is no generation yet.
    """
    if given != LAST:
        return given
    async for newest in opened.list(limit=1):
        return newest.id
    raise errors.NotFound("there is no generation yet")


def device() -> machine.Machine:
    """Return the machine's time and chance."""
    return machine.SystemMachine()
