"""The commands that ask for a video: generate, quote, retry."""

import asyncio
import datetime
import decimal
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import click
import rich.progress
from reelmesh.v1 import generation_pb2

from reelmesh_client import client, errors, requests, saving, transfer
from reelmesh_client.commands import following, outcome, running, showing

# As a file to write: what comes goes on to another program.
STDOUT = pathlib.Path("-")

_FLOORS = {
    "video": generation_pb2.DELIVERY_VIDEO,
    "infographic": generation_pb2.DELIVERY_INFOGRAPHIC,
    "text": generation_pb2.DELIVERY_TEXT,
}


class Money(click.ParamType[int]):
    """US dollars on the command line, exact micro-dollars inside."""

    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return micro-dollars."""
        try:
            micros = decimal.Decimal(str(value).removeprefix("$")) * showing.MICROS_PER_DOLLAR
            exact = int(micros)
        except (decimal.InvalidOperation, ValueError, OverflowError):
            self.fail(f"{value} is not an amount of dollars, such as 0.50", param, ctx)
        if exact != micros or exact <= 0:
            self.fail(f"{value} is not above zero with at most six decimals", param, ctx)
        return exact


def labels(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Return key=value pairs as a mapping."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{pair} is not like key=value", context, parameter)
        found[key] = value
    return found


def _frame(option: str, verb: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option that names an image which the video begins or ends on."""
    path = click.Path(exists=True, dir_okay=False, path_type=pathlib.Path)
    return click.option(option, type=path, help=f"Image that it {verb} (JPEG, PNG, WebP, at most 10 MB).")


def _wishes(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe a video."""
    for option in reversed(
        (
            click.option(
                "--image",
                "images",
                multiple=True,
                type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path),
                help="Image to start from (JPEG, PNG, WebP, at most 10 MB); up to four times.",
            ),
            _frame("--first-frame", "begins on"),
            _frame("--last-frame", "ends on"),
            click.option("--negative-prompt", metavar="TEXT", help="What it should not show."),
            click.option("--duration", type=click.FloatRange(1, 60), help="Length in seconds, 1 to 60. [default: 8]"),
            click.option("--aspect", metavar="W:H", help="Width to height, such as 9:16. [default: 16:9]"),
            click.option("--resolution", type=click.Choice(["480", "720", "1080"]), help="Short side. [default: 720]"),
            click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="For a result that can be made again."),
            click.option("--model", metavar="PROVIDER[/MODEL]", help="Pins the provider. [default: routing decides]"),
            click.option("--policy", metavar="NAME", help="How the provider is chosen, such as premium."),
            click.option("--category", metavar="NAME", help="What it is about, for the choice of a policy."),
            click.option("--silent", is_flag=True, help="Without sound."),
            click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", callback=labels, help="To find it."),
            click.option("--max-cost", "max_cost_micros", type=Money(), help="Most that it may cost, in US dollars."),
            click.option("--deadline", type=click.FloatRange(min=1), metavar="SECONDS", help="Time it may take."),
            click.option("--floor", type=click.Choice(list(_FLOORS)), help="Least to deliver. [default: text]"),
        )
    ):
        function = option(function)
    return function


def _options(wishes: dict[str, Any]) -> requests.Options:
    """Return the request's options for what the command line said; what it left out is left to the mesh."""
    options = requests.Options()
    for name in (
        *("images", "first_frame", "last_frame", "negative_prompt"),
        *("model", "policy", "category", "labels", "max_cost_micros"),
    ):
        if wishes[name]:
            options[name] = wishes[name]
    if wishes["duration"] is not None:
        options["duration_seconds"] = wishes["duration"]
    if wishes["aspect"]:
        options["aspect_ratio"] = wishes["aspect"]
    if wishes["resolution"]:
        options["resolution"] = int(wishes["resolution"])
    if wishes["seed"] is not None:
        options["seed"] = wishes["seed"]
    if wishes["silent"]:
        options["audio"] = False
    if wishes["deadline"] is not None:
        options["deadline_time"] = running.device().now() + datetime.timedelta(seconds=wishes["deadline"])
    if wishes["floor"]:
        options["fallback_floor"] = _FLOORS[wishes["floor"]]
    return options


@click.command(epilog=outcome.EXPLAINED)
@click.argument("prompt")
@_wishes
@click.option("--watch/--no-watch", default=True, help="Whether to wait for the end. [default: wait]")
@click.option("-o", "--output", type=click.Path(path_type=pathlib.Path), help="File or folder for the video.")
@click.option("--json", "as_json", is_flag=True, help="Print the generation as JSON to stdout.")
@running.mesh_command
def generate(
    where: running.Where, prompt: str, watch: bool, output: pathlib.Path | None, as_json: bool, **wishes: Any
) -> None:
    """Make a video from a prompt.

    PROMPT is what it shows; "-" reads it from stdin.
    """
    if output and not watch:
        raise click.UsageError("-o needs the end of the generation: leave --no-watch out, or use download later.")
    if output == STDOUT:
        raise click.UsageError("stdout gets the generation: name a file, or use `reelmesh download ID -o -` later.")
    text = sys.stdin.read().strip() if prompt == "-" else prompt

    async def work(opened: client.Client) -> generation_pb2.Generation:
        if output:
            # Before anything is made, and paid, for it.
            transfer.check_target(saving.video_file(output))
        created = await opened.create(text, **_options(wishes))
        if not watch:
            return created
        ended = await follow(opened, where, created.id)
        await _keep(opened, where, ended, output)
        return ended

    generation = running.run(where, work)
    report(where, generation, as_json, saved=output is not None)
    if watch:
        end_by(generation)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("prompt")
@_wishes
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@running.mesh_command
def quote(where: running.Where, prompt: str, as_json: bool, **wishes: Any) -> None:
    """Show plan and price; make nothing.

    PROMPT is what the video would show.
    """
    answer = running.run(where, lambda opened: opened.quote(prompt, **_options(wishes)))
    if as_json:
        click.echo(showing.as_json(answer))
    else:
        showing.out().print(showing.quote(answer))


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@click.option("--watch/--no-watch", default=True, help="Whether to wait for the end. [default: wait]")
@click.option("--json", "as_json", is_flag=True, help="Print the generation as JSON to stdout.")
@running.mesh_command
def retry(where: running.Where, generation_id: str, watch: bool, as_json: bool) -> None:
    """Try a failed generation again.

    ID is its id, or "last" for the newest.
    """

    async def work(opened: client.Client) -> generation_pb2.Generation:
        wanted = await running.generation_id(opened, generation_id)
        so_far = [event.sequence async for event in opened.events(wanted)]
        started = await opened.retry(wanted)
        return await follow(opened, where, wanted, max(so_far, default=0)) if watch else started

    generation = running.run(where, work)
    report(where, generation, as_json, saved=False)
    if watch:
        end_by(generation)


async def follow(
    opened: client.Client, where: running.Where, generation_id: str, after_sequence: int = 0
) -> generation_pb2.Generation:
    """Show what happens until the generation has ended; after Ctrl-C, say how to go on."""
    console = showing.err()
    with following.Follower(console) as follower:
        follower.say(f"generation {generation_id}")
        try:
            async for seen in opened.watch(generation_id, after_sequence=after_sequence, on_lost=follower.lost):
                follower.saw(seen)
                if seen.HasField("ended"):
                    return seen.ended
        except asyncio.CancelledError:
            follower.say("\nThe generation goes on without you.")
            follower.say(f"  follow it  {where.again(f'watch {generation_id}')}")
            follower.say(f"  stop it    {where.again(f'cancel {generation_id}')}")
            raise
    return await opened.get(generation_id)


def report(where: running.Where, generation: generation_pb2.Generation, as_json: bool, *, saved: bool) -> None:
    """Print a generation, and how to get its file or follow it."""
    if as_json:
        click.echo(showing.as_json(generation))
        return
    showing.out().print(showing.generation(generation))
    if (generation.renditions or generation.HasField("infographic")) and not saved:
        _say_how_to_download(where, generation)
    elif not generation.HasField("complete_time"):
        showing.err().print(f"→ {where.again(f'watch {generation.id}')}", markup=False, soft_wrap=True)


def end_by(generation: generation_pb2.Generation) -> None:
    """Return if the generation ended with a video.

    Raises:
        outcome.Ended: it did not.
    """
    if generation.delivery != generation_pb2.DELIVERY_VIDEO:
        raise outcome.Ended(outcome.Exit.NO_VIDEO)


def _say_how_to_download(where: running.Where, generation: generation_pb2.Generation) -> None:
    best = saving.rendition(generation)
    name = "video" if generation.renditions else best.name
    verb = f"download {generation.id} -o {name}{saving.suffix(best.content_type)}"
    showing.err().print(f"→ {where.again(verb)}", markup=False, soft_wrap=True)


async def _keep(
    opened: client.Client, where: running.Where, generation: generation_pb2.Generation, output: pathlib.Path | None
) -> None:
    if output is None or not generation.renditions:
        return
    best = saving.rendition(generation)
    try:
        await keep(opened, best, saving.file_for(output, best, generation.id))
    except errors.ReelmeshError:
        showing.err().print("The video is made, and stays in the mesh:", markup=False)
        _say_how_to_download(where, generation)
        raise


async def keep(opened: client.Client, chosen: generation_pb2.Rendition, target: pathlib.Path) -> None:
    """Download one rendition with a bar, and print where it is; STDOUT gets the bytes."""
    if target == STDOUT:
        await _pour(opened, chosen)
        return
    console = showing.err()
    with rich.progress.Progress(
        rich.progress.TextColumn("downloading", markup=False),
        rich.progress.BarColumn(bar_width=32),
        rich.progress.DownloadColumn(),
        rich.progress.TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or console.is_dumb_terminal,
    ) as bar:
        task = bar.add_task("", total=chosen.size_bytes or None)
        await saving.save(opened, chosen, target, lambda done, total: bar.update(task, completed=done, total=total))
    console.print(f"✓ {target}", markup=False, soft_wrap=True, style="green")


async def _pour(opened: client.Client, chosen: generation_pb2.Rendition) -> None:
    """Write a rendition to stdout once it is there as a whole."""
    with tempfile.TemporaryDirectory(prefix="reelmesh-") as folder:
        whole = await saving.save(opened, chosen, pathlib.Path(folder, "whole"))
        try:
            with whole.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise errors.UnusableFile(f"cannot write to stdout: {error.strerror or error}") from error
