"""The commands about generations that exist: get, list, watch, cancel, events, download."""

import pathlib
from typing import cast

import click
from reelmesh.v1 import generation_pb2

from reelmesh_client import client, saving
from reelmesh_client.commands import making, outcome, running, showing

_STATES = {
    name.removeprefix("GENERATION_STATE_").lower(): cast("generation_pb2.GenerationState", number)
    for name, number in generation_pb2.GenerationState.items()
    if number != generation_pb2.GENERATION_STATE_UNSPECIFIED
}
LISTED_DEFAULT = 20
LISTED_MOST = 10_000


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with shots and attempts.")
@running.mesh_command
def get(where: running.Where, generation_id: str, as_json: bool) -> None:
    """Show a generation.

    ID is its id, or "last" for the newest.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        return await opened.get(await running.generation_id(opened, generation_id))

    making.report(where, running.run(where, work), as_json, saved=False)


@click.command(name="list", epilog=outcome.EXPLAINED)
@click.option("--state", "states", multiple=True, type=click.Choice(list(_STATES)), help="Only in this state.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", callback=making.labels, help="Only with this.")
@click.option("--limit", type=click.IntRange(1, LISTED_MOST), default=LISTED_DEFAULT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def list_(where: running.Where, states: tuple[str, ...], labels: dict[str, str], limit: int, as_json: bool) -> None:
    """List your generations, newest first."""

    async def work(opened: client.Client) -> list[generation_pb2.Generation]:
        chosen = [_STATES[each] for each in states]
        return [each async for each in opened.list(states=chosen, labels=labels, limit=limit)]

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        showing.out().print(showing.generations(found, running.device().now()))
    else:
        showing.err().print(f'None. Make one: {where.again("generate")} "a paper boat in the rain"', markup=False)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the generation as it ended as JSON to stdout.")
@running.mesh_command
def watch(where: running.Where, generation_id: str, as_json: bool) -> None:
    """Follow a generation until its end.

    ID is its id, or "last" for the newest.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        return await making.follow(opened, where, await running.generation_id(opened, generation_id))

    generation = running.run(where, work)
    making.report(where, generation, as_json, saved=False)
    making.end_by(generation)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the generation as JSON.")
@running.mesh_command
def cancel(where: running.Where, generation_id: str, as_json: bool) -> None:
    """Cancel a generation.

    ID is its id, or "last" for the newest. Attempts that a provider has accepted are stopped there.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        return await opened.cancel(await running.generation_id(opened, generation_id))

    making.report(where, running.run(where, work), as_json, saved=False)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array, with their attributes.")
@running.mesh_command
def events(where: running.Where, generation_id: str, as_json: bool) -> None:
    """Show what happened to a generation.

    ID is its id, or "last" for the newest.
    """

    async def work(opened: client.Client) -> list[generation_pb2.GenerationEvent]:
        wanted = await running.generation_id(opened, generation_id)
        return [each async for each in opened.events(wanted)]

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found))
        return
    console = showing.out()
    for each in found:
        since = showing.seconds_between(found[0].create_time, each.create_time)
        showing.print_event(console, each, since)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option(
    "-o", "--output", type=click.Path(path_type=pathlib.Path), help="File or folder; - is stdout. [default: here]"
)
@click.option("--rendition", default="", metavar="NAME", help="Such as 480p. [default: the best]")
@click.option("--take", type=click.IntRange(min=1), default=None, metavar="N", help="Of an alternate take.")
@click.option("--all", "everything", is_flag=True, help="All that was delivered, into a folder.")
@running.mesh_command
def download(
    where: running.Where,
    generation_id: str,
    output: pathlib.Path | None,
    rendition: str,
    take: int | None,
    everything: bool,
) -> None:
    """Download a generation's files.

    ID is its id, or "last" for the newest. An interrupted download goes on where it stopped.
    """
    if everything and (rendition or take):
        raise click.UsageError("--all goes with neither --rendition nor --take.")
    if everything and output == making.STDOUT:
        raise click.UsageError("--all needs a folder: several files do not go to stdout.")

    async def work(opened: client.Client) -> None:
        generation = await opened.get(await running.generation_id(opened, generation_id))
        if everything:
            folder = output or pathlib.Path(generation.id)
            saved = await saving.save_all(opened, generation, folder)
            for path in (*saved.renditions, saved.thumbnail, saved.poster, saved.infographic):
                if path is not None:
                    click.echo(path)
            return
        chosen = saving.rendition(generation, rendition, take or 0)
        await making.keep(opened, chosen, saving.file_for(output or pathlib.Path(), chosen, generation.id))

    running.run(where, work)
