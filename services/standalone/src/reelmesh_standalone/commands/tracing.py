"""`reelmesh trace`: what happened to a generation across all services, as a waterfall."""

import pathlib
import re

from reelmesh_client import client, discovery
from reelmesh_client.commands import outcome, running, showing
from reelmesh_kit import telemetry

from reelmesh_standalone import layout, waterfall
from reelmesh_standalone.commands import drawing

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")


def trace(where: running.Where, generation_id: str) -> None:
    """Print the waterfall of a generation, or of a trace id.

    Raises:
        outcome.Ended: there is none; why was said.
    """
    mesh = discovery.read(where.folder())
    folder = pathlib.Path(mesh.spans_folder) if mesh else layout.Layout(where.folder()).spans_folder
    trace_id = generation_id if _TRACE_ID.fullmatch(generation_id) else _trace_of(where, generation_id)
    spans = telemetry.read_trace(folder, trace_id)
    if not spans:
        showing.err().print(
            f"✗ {folder} has no spans of the trace {trace_id}.\n"
            "  → Old spans are dropped, and each mesh keeps its own: name its folder with --data.",
            markup=False,
        )
        raise outcome.Ended(outcome.Exit.REFUSED)
    showing.out().print(drawing.Drawing(waterfall.build(spans)))


def _trace_of(where: running.Where, generation_id: str) -> str:
    async def work(opened: client.Client) -> str:
        wanted = await running.generation_id(opened, generation_id)
        return (await opened.get(wanted)).trace_id

    return running.run(where, work)
