"""`reelmesh-sim`: a vendor on a port."""

import asyncio
import pathlib
import signal

import click
from reelmesh_kit import chance, clock, ids

from reelmesh_simulators import catalogue, ledger, orders, serving, vendor


@click.command()
@click.argument("dialect", type=click.Choice(sorted(catalogue.DIALECTS)))
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port on the loopback address. [a free one]")
@click.option(
    "--ledger",
    "path",
    type=click.Path(path_type=pathlib.Path, dir_okay=False),
    help="SQLite file that remembers every create and job. [memory]",
)
@click.option("--queue-seconds", default=1.0, show_default=True, help="How long a job waits.")
@click.option("--render-seconds", default=4.0, show_default=True, help="How long a job takes.")
@click.option(
    "--concurrency", type=click.IntRange(1), help="How many jobs of a key run at a time; others wait. [any number]"
)
@click.option("--seed", default=0, show_default=True, help="Decides which requests a rule with a share strikes.")
def main(
    dialect: str,
    port: int,
    path: pathlib.Path | None,
    queue_seconds: float,
    render_seconds: float,
    concurrency: int | None,
    seed: int,
) -> None:
    """Serve the API of a vendor, at no cost, until Ctrl-C.

    What it was asked for and what it made stands under /_sim/ledger. A prompt may ask for trouble, as by
    [[accept-drop]]; POST /_sim/faults does so for all.
    """
    pace = orders.Pace(queue_seconds, render_seconds)
    book = ledger.Ledger(path)
    book.slots = concurrency
    asyncio.run(_serve(dialect, port, book, pace, chance.SeededChance(seed)))


async def _serve(dialect: str, port: int, book: ledger.Ledger, pace: orders.Pace, luck: chance.Chance) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    seller = vendor.Vendor(book, clock.SystemClock(), luck, ids.RandomIds(), pace)
    async with serving.serve(catalogue.DIALECTS[dialect](seller), seller, port=port) as served:
        click.echo(f"ready {dialect} {served.url}")
        await stop.wait()
    book.close()
