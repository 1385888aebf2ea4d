"""Builds FFmpeg filter graphs node by node, as PyAV has no parser for their strings, and drains their ends."""

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av.error
import av.filter
import av.filter.context
import av.frame

from reelmesh_media.engine import opening
from reelmesh_media.model import colours
from reelmesh_media.model.video import Size

Node = av.filter.context.FilterContext
SCALER = "bicubic"


def new_graph() -> av.filter.Graph:
    """An empty graph whose filters may use as many threads as a codec."""
    graph = av.filter.Graph()
    graph.threads = opening.threads()
    return graph


def chain(graph: av.filter.Graph, head: Node, steps: Sequence[tuple[str, str]], output: int = 0) -> Node:
    """Append filters, given as (name, arguments), one after another; returns the last."""
    for name, arguments in steps:
        node = graph.add(name, arguments or None)
        head.link_to(node, output)
        head, output = node, 0
    return head


def picture_source(
    graph: av.filter.Graph, size: Size, pixel_format: str, time_base: Fraction, pixel_aspect: Fraction = Fraction(1)
) -> Node:
    """Where frames go in."""
    return graph.add(
        "buffer",
        video_size=f"{size.width}x{size.height}",
        pix_fmt=pixel_format,
        time_base=f"{time_base.numerator}/{time_base.denominator}",
        pixel_aspect=f"{pixel_aspect.numerator}/{pixel_aspect.denominator}",
    )


def scale(size: Size, flags: str = SCALER) -> tuple[str, str]:
    """The step that scales to a size."""
    return "scale", f"{size.width}:{size.height}:flags={flags}"


def tagged(meant: colours.Colour, *, rgb: bool) -> tuple[str, str]:
    """The step that says what colours its frames mean, whatever their own tags say; RGB has no matrix."""
    light = f"color_primaries={meant.primaries}:color_trc={meant.transfer}"
    return "setparams", light if rgb else f"{light}:colorspace={meant.matrix}:range={meant.range}"


def converting(meant: colours.Colour, wanted: colours.Colour) -> str:
    """The options of a scale step for its colours.

    The light itself is changed only for HDR and wide gamuts: what BT.601 and BT.709 differ by is not worth a table.
    """
    options = f"out_color_matrix={wanted.matrix}:out_range={wanted.range}"
    if dataclasses.replace(meant, range=wanted.range).plain:
        return options
    return f"{options}:out_primaries={wanted.primaries}:out_transfer={wanted.transfer}:intent=perceptual"


def drain(sink: Node) -> Iterator[av.frame.Frame]:
    """Take out of a graph's end all that is ready."""
    while True:
        try:
            yield sink.pull()
        except (BlockingIOError, av.error.EOFError):
            return
