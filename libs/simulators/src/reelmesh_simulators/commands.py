"""`reelmesh-sim`: a vendor on a port. `reelmesh-chaos`: what a gateway pays when vendors go wrong."""

import asyncio
import dataclasses
import json
import logging
import pathlib
import signal
import sys
from collections.abc import Sequence

import click
from reelmesh_kit import chance, clock, ids

from reelmesh_simulators import catalogue, ledger, orders, serving, vendor
from reelmesh_simulators.measuring import cases, clients, counting, running

# Those that a gateway can buy from by OpenAI's dialect.
VIDEOS = ("openai", "sglang", "vllm-omni", "litellm")
EXIT_BROKEN, EXIT_UNREACHABLE = 1, 4


@click.command()
@click.argument("dialect", type=click.Choice(sorted(catalogue.DIALECTS)))
@click.option(
    "--host",
    default=serving.LOOPBACK,
    show_default=True,
    help="Address to answer at; 0.0.0.0 lets others in, who may do with it what they like.",
)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port there. [a free one]")
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
@click.option(
    "--smaller",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Make clips so many times narrower and lower than ordered: quicker, for load.",
)
@click.option("--seed", default=0, show_default=True, help="Decides which requests a rule with a share strikes.")
def main(
    dialect: str,
    host: str,
    port: int,
    path: pathlib.Path | None,
    queue_seconds: float,
    render_seconds: float,
    concurrency: int | None,
    smaller: int,
    seed: int,
) -> None:
    """Serve the API of a vendor, at no cost, until Ctrl-C.

    What it was asked for and what it made stands under /_sim/ledger. A prompt may ask for trouble, as by
    [[accept-drop]]; POST /_sim/faults does so for all.
    """
    pace = orders.Pace(queue_seconds, render_seconds, smaller)
    book = ledger.Ledger(path)
    book.slots = concurrency
    asyncio.run(_serve(dialect, (host, port), book, pace, chance.SeededChance(seed)))


async def _serve(
    dialect: str, address: tuple[str, int], book: ledger.Ledger, pace: orders.Pace, luck: chance.Chance
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    seller = vendor.Vendor(book, clock.SystemClock(), luck, ids.RandomIds(), pace)
    async with serving.serve(catalogue.DIALECTS[dialect](seller), seller, host=address[0], port=address[1]) as served:
        click.echo(f"ready {dialect} {served.url}")
        await stop.wait()
    book.close()


@click.command()
@click.option("--target", required=True, help="Base URL of the gateway, with its /v1.")
@click.option("--key", default="sk-reelmesh-chaos", envvar="OPENAI_API_KEY", help="Its API key. [OPENAI_API_KEY]")
@click.option("--model", default="sora-2", show_default=True, help="What it calls the model.")
@click.option("--seconds", default="4", show_default=True)
@click.option("--size", default="1280x720", show_default=True)
@click.option("--dialect", default="openai", show_default=True, type=click.Choice(VIDEOS), help="Of the vendors.")
@click.option("--port", default=9001, show_default=True, type=click.IntRange(1, 65535), help="Of the first vendor.")
@click.option(
    "--fallback-port", type=click.IntRange(1, 65535), help="Of a second vendor, for the gateway to fall back to."
)
@click.option("--fault", "wanted", multiple=True, type=click.Choice(list(cases.BY_NAME)), help="[all of them]")
@click.option("--requests", default=3, show_default=True, type=click.IntRange(1), help="Of each fault.")
@click.option(
    "--retries", default=0, show_default=True, type=click.IntRange(0), help="Of the SDK; its own default would be 2."
)
@click.option("--parallel", default=6, show_default=True, type=click.IntRange(1), help="Requests at a time.")
@click.option("--patience", default=120.0, show_default=True, help="How long a video may take, seconds.")
@click.option("--wait", default=600.0, show_default=True, help="How long the gateway may take to answer, seconds.")
@click.option("--json", "json_file", type=click.Path(path_type=pathlib.Path, dir_okay=False), help="File for the rows.")
def chaos(
    target: str,
    key: str,
    model: str,
    seconds: str,
    size: str,
    dialect: str,
    port: int,
    fallback_port: int | None,
    wanted: Sequence[str],
    requests: int,
    retries: int,
    parallel: int,
    patience: float,
    wait: float,
    json_file: pathlib.Path | None,
) -> None:
    """Measure what a gateway pays and delivers when its vendors go wrong.

    Starts vendors that cost nothing, says how the gateway is told of them, asks it for videos as any user of the openai
    SDK does, and prints what the vendors' books say. Ends with 1 if a request was paid twice or came to no video.
    """
    plan = running.Plan(
        target=target,
        key=key,
        wish=clients.Wish(model, seconds, size),
        dialect=dialect,
        ports=[port, *([fallback_port] if fallback_port else [])],
        cases=[cases.BY_NAME[name] for name in wanted] or cases.ALL,
        requests=requests,
        retries=retries,
        parallel=parallel,
        patience_seconds=patience,
        wait_seconds=wait,
    )
    # Connections that the vendors break are what is wanted.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    try:
        rows = asyncio.run(_measured(plan))
    except running.Unreachable as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_UNREACHABLE)
    except OSError as error:
        raise click.ClickException(f"a vendor cannot listen: {error}. Choose other ports.") from error
    broken = counting.broken(rows)
    click.echo("\n".join([counting.text(rows), "", *(f"BROKEN: {sentence}" for sentence in broken)]))
    if json_file:
        json_file.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(EXIT_BROKEN if broken else 0)


async def _measured(plan: running.Plan) -> Sequence[counting.Row]:
    async with running.vendors(plan.dialect, plan.ports) as served:
        for number, one in enumerate(served):
            which = "the fallback" if number else "the first choice"
            _tell(f"{which}: base URL {one.url}/v1, any key, {plan.dialect}'s dialect")
        if sys.stdin.isatty():
            click.pause("Tell the gateway of them, start it, and press any key.", err=True)
        _tell(f"waiting for {plan.target}")
        await running.reached(plan.target, plan.wait_seconds)
        return await running.Measurement(plan, [one.vendor for one in served], _tell).run()


def _tell(line: str) -> None:
    click.echo(line, err=True)
