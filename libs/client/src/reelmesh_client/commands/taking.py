"""The commands about alternate takes: takes, promote."""

import click
import rich.text
from reelmesh.v1 import generation_pb2

from reelmesh_client import client
from reelmesh_client.commands import fitting, making, outcome, running, showing


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array, with their files.")
@running.mesh_command
def takes(where: running.Where, generation_id: str, as_json: bool) -> None:
    """List the videos of a generation that were not delivered.

    ID is its id, or "last" for the newest. Such a video came too late, or another one was promoted over it. It is paid
    for: look at it with `reelmesh download ID --take N`, have it delivered with `reelmesh promote ID N`.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        return await opened.get(await running.generation_id(opened, generation_id))

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found.takes))
    elif found.takes:
        showing.out().print(_table(found))
    else:
        showing.err().print("None: everything that providers made of it was delivered.", markup=False)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.argument("take", metavar="N", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print the generation as JSON.")
@running.mesh_command
def promote(where: running.Where, generation_id: str, take: int, as_json: bool) -> None:
    """Have an alternate take delivered.

    ID is the generation's id, or "last" for the newest; N is the number that `reelmesh takes` shows. Nothing more is
    paid. A video that was delivered before becomes a take.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        return await opened.promote(await running.generation_id(opened, generation_id), take)

    making.report(where, running.run(where, work), as_json, saved=False)


def _table(of: generation_pb2.Generation) -> fitting.Rows:
    rows = [
        (
            str(each.number),
            rich.text.Text(_standing(each), style="green" if each.promoted else ""),
            f"{each.provider}/{each.model}" if each.provider else "delivered first",
            showing.dollars(each.cost_micros),
            ", ".join(showing.plain(file.name) for file in each.renditions) or showing.plain(each.message),
        )
        for each in of.takes
    ]
    return fitting.Rows(("take", "state", "made by", "cost", "files"), rows, right=(0, 3))


def _standing(take: generation_pb2.Take) -> str:
    if take.promoted:
        return "delivered"
    name = generation_pb2.TakeState.Name(take.state).removeprefix("TAKE_STATE_").lower()
    return name if take.whole else f"{name}, one shot"
