"""`reelmesh demo`: one real video, end to end, on a mesh that lives as long as it takes."""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator

import click
from reelmesh.v1 import generation_pb2
from reelmesh_client import client, discovery, errors, saving
from reelmesh_client.commands import following, outcome, showing
from reelmesh_kit import clock, event_loop, process, telemetry
from reelmesh_kit import errors as kit_errors
from reelmesh_kit import settings as kit_settings

from reelmesh_standalone import checking, layout, waterfall
from reelmesh_standalone.commands import drawing, starting, terminal
from reelmesh_standalone.settings import StandaloneSettings

PROMPT = "A lighthouse keeper lights the lamp as a storm rolls in over the northern sea"
DURATION_SECONDS = 6.0
WIDTH = 1280
HEIGHT = 720
SEED = 7
# After this the demo gives up and says where the log is.
TIMEOUT_SECONDS = 120.0
# Spans reach their files a moment after they end.
SPANS_WAIT_SECONDS = 3.0
_SPANS_LOOK_SECONDS = 0.25


class DemoFailed(Exception):
    """The demo did not do what it should; the message says what happened."""


@dataclasses.dataclass(frozen=True)
class _Made:
    generation: generation_pb2.Generation
    saved: saving.Saved


def demo(data_folder: pathlib.Path | None, output: pathlib.Path, prompt: str, *, processes: bool) -> None:
    """Make one video on a mesh of its own, into the folder `output`; the last line of stdout is JSON.

    Raises:
        outcome.Ended: it did not do what it should; why was said.
    """
    time = clock.SystemClock()
    began = time.elapsed()
    with _folder(data_folder) as folder:
        where = layout.Layout(folder.absolute())
        try:
            made = event_loop.run(_demo(where, output, prompt, processes, time), starts_processes=True)
        except _FAILURES as error:
            words = str(error) or type(error).__name__
            showing.err().print(f"✗ {words}\n  → the logs are in {where.logs_folder}", markup=False, soft_wrap=True)
            raise outcome.Ended(outcome.Exit.FAILED) from error
        except KeyboardInterrupt:
            raise outcome.Ended(outcome.Exit.INTERRUPTED) from None
    click.echo(_last_line(made, time.elapsed() - began))


_FAILURES = (
    DemoFailed,
    checking.NotAsAsked,
    errors.ReelmeshError,
    kit_errors.ReelmeshError,
    kit_settings.SettingsError,
    process.CannotStart,
    OSError,
    TimeoutError,
)


async def _demo(where: layout.Layout, output: pathlib.Path, prompt: str, processes: bool, time: clock.Clock) -> _Made:
    screen = terminal.Terminal(showing.out())
    told = StandaloneSettings(data_folder=where.folder, http_port=0, grpc_port=0)
    async with _mesh(told, screen, processes) as mesh:
        key = await asyncio.to_thread(pathlib.Path(mesh.key_file).read_text)
        async with client.Client(mesh.grpc, key.strip()) as opened:
            return await time.wait_for(_make(opened, mesh, output, prompt, time), TIMEOUT_SECONDS)


@contextlib.asynccontextmanager
async def _mesh(told: StandaloneSettings, screen: terminal.Terminal, processes: bool) -> AsyncGenerator[discovery.Mesh]:
    """Run a mesh beside the body; an error that ends the mesh ends the body too."""
    ready = asyncio.Event()
    stop = asyncio.Event()
    serving = asyncio.create_task(
        starting.run(told, screen, stop, processes=processes, on_ready=lambda _: ready.set()), name="mesh"
    )
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        mesh = discovery.read(told.data_folder)
        if serving.done() or mesh is None:
            await serving
            raise DemoFailed("The mesh stopped before it was ready.")
        yield mesh
    finally:
        waiting.cancel()
        stop.set()
        await serving


async def _make(
    opened: client.Client, mesh: discovery.Mesh, output: pathlib.Path, prompt: str, time: clock.Clock
) -> _Made:
    console = showing.out()
    console.print(f"\nprompt: {showing.plain(prompt)}", markup=False, style="bold")
    created = await opened.create(
        prompt, duration_seconds=DURATION_SECONDS, width=WIDTH, height=HEIGHT, seed=SEED, labels={"made-by": "demo"}
    )
    with following.Follower(console) as follower:
        follower.say(f"generation {created.id}")
        ended = await opened.wait(created.id, on_seen=follower.saw)
    if ended.delivery != generation_pb2.DELIVERY_VIDEO:
        state = showing.state_name(ended.state).lower()
        raise DemoFailed(f"The generation ended {state} without a video: {showing.plain(ended.failure.message)}")
    saved = await saving.save_all(opened, ended, output)
    facts = checking.check(saved.renditions[0], duration_seconds=DURATION_SECONDS, width=WIDTH, height=HEIGHT)
    if len(saved.renditions) != len(ended.renditions) or saved.thumbnail is None:
        raise DemoFailed("Renditions or the thumbnail are missing.")
    await _show_trace(mesh, ended, time)
    console.print()
    console.print(showing.generation(ended))
    console.print(
        f"\n✓ {saved.renditions[0]}: {facts.video_codec}+{facts.audio_codec}, "
        f"{facts.width}x{facts.height}, {facts.duration_seconds:.2f} s",
        markup=False,
        style="green",
        soft_wrap=True,
    )
    return _Made(ended, saved)


async def _show_trace(mesh: discovery.Mesh, ended: generation_pb2.Generation, time: clock.Clock) -> None:
    """Print the waterfall once its spans are all there, or after a bounded wait with what there is."""
    folder = pathlib.Path(mesh.spans_folder)
    deadline = time.elapsed() + SPANS_WAIT_SECONDS
    seen = -1
    while True:
        spans = await asyncio.to_thread(telemetry.read_trace, folder, ended.trace_id)
        found = waterfall.build(spans)
        settled = found.spans == seen and found.spans > 0 and found.orphans == 0
        if settled or time.elapsed() > deadline:
            break
        seen = found.spans
        await time.sleep(_SPANS_LOOK_SECONDS)
    console = showing.out()
    console.print(f"\ntrace {ended.trace_id}", markup=False, style="bold")
    console.print(drawing.Drawing(found))


@contextlib.contextmanager
def _folder(given: pathlib.Path | None) -> Generator[pathlib.Path]:
    """Yield the data folder: the given one, or a new one that is removed unless something goes wrong."""
    if given is not None:
        yield given
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reelmesh-demo-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _last_line(made: _Made, seconds: float) -> str:
    saved = made.saved
    return json.dumps(
        {
            "generation": made.generation.id,
            "video": str(saved.renditions[0].absolute()),
            "renditions": [str(each.absolute()) for each in saved.renditions],
            "thumbnail": str(saved.thumbnail.absolute()) if saved.thumbnail else "",
            "seconds": round(seconds, 1),
        }
    )
