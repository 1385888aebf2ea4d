"""How generations look in a terminal."""

import datetime
import json
import sys
import unicodedata
from collections.abc import Iterable

import rich.console
import rich.text
from google.protobuf import message, timestamp_pb2
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_json import messages

from reelmesh_client.commands import fitting

MICROS_PER_DOLLAR = 1_000_000
# Columns of a line that goes to a file or another program.
_PIPE_WIDTH = 160
_ID_CELLS = 36
_EVENT_CELLS_LEAST = 30
_NARROW_INDENT = "    "

# They make text run the other way, also the text after them.
_TURNERS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

_STYLES = {
    "PENDING": "cyan",
    "QUEUED": "cyan",
    "GENERATING": "blue",
    "PROCESSING": "magenta",
    "COMPLETED": "green",
    "REJECTED": "red",
    "FAILED": "red",
    "CANCELLING": "yellow",
    "CANCELLED": "yellow",
    "EXPIRED": "red",
}


def out() -> rich.console.Console:
    """Return the console for results: stdout."""
    return _console(rich.console.Console(highlight=False))


def err() -> rich.console.Console:
    """Return the console for progress and errors: stderr."""
    return _console(rich.console.Console(stderr=True, highlight=False))


def _console(console: rich.console.Console) -> rich.console.Console:
    if not console.is_terminal:  # a file or a pipe: nothing is cut to the width of a terminal that is not there
        console.width = max(console.width, _PIPE_WIDTH)
    return console


def plain(text: str) -> str:
    """Return text of a server or vendor without the control characters that a terminal would obey."""
    return "".join(" " if unicodedata.category(each) == "Cc" or each in _TURNERS else each for each in text)


def as_json(answer: message.Message) -> str:
    """Return a message as one JSON object, the same that HTTP answers."""
    return dumped(messages.to_json(answer))


def as_json_list(answers: Iterable[message.Message]) -> str:
    """Return messages as a JSON array."""
    return dumped([messages.to_json(each) for each in answers])


def dumped(content: object) -> str:
    """Return JSON for stdout: where that cannot carry every letter, they are escaped."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(content, indent=2, ensure_ascii=not unicode)


def state_name(state: generation_pb2.GenerationState) -> str:
    """Return a state in one word, as in "COMPLETED"."""
    return generation_pb2.GenerationState.Name(state).removeprefix("GENERATION_STATE_")


def delivery_name(delivery: generation_pb2.Delivery) -> str:
    """Return what was delivered in one word, as in "video"; "" for nothing."""
    if delivery == generation_pb2.DELIVERY_UNSPECIFIED:
        return ""
    return generation_pb2.Delivery.Name(delivery).removeprefix("DELIVERY_").lower()


def state_text(state: generation_pb2.GenerationState, width: int = 0) -> rich.text.Text:
    """Return a state in its colour."""
    name = state_name(state)
    return rich.text.Text(name.lower().ljust(width), style=_STYLES.get(name, ""))


def dollars(micros: int) -> str:
    """Return micro-dollars as "$1.25", with as many digits as it takes."""
    whole, rest = divmod(abs(micros), MICROS_PER_DOLLAR)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}${whole}.{digits}"


def size(size_bytes: int) -> str:
    """Return a file size as "3.4 MB"."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def ago(then: timestamp_pb2.Timestamp, now: datetime.datetime) -> str:
    """Return how long ago something was, as "3 min"."""
    return passed((now - then.ToDatetime(tzinfo=datetime.UTC)).total_seconds())


def passed(seconds: float) -> str:
    """Return a time that has passed, as "3 min"."""
    seconds = max(0, int(seconds))
    for unit, unit_seconds in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= unit_seconds:
            return f"{seconds // unit_seconds} {unit}"
    return f"{seconds} s"


def seconds_between(first: timestamp_pb2.Timestamp, second: timestamp_pb2.Timestamp) -> float:
    """Return the seconds from one time to another."""
    return (second.ToNanoseconds() - first.ToNanoseconds()) / 1e9


def generation(it: generation_pb2.Generation) -> rich.console.Group:
    """Return everything about a generation that people ask about."""
    facts = [(rich.text.Text(name, style="dim"), value) for name, value in _facts(it)]
    parts: list[rich.console.RenderableType] = [fitting.Rows((), facts)]
    if it.renditions or it.HasField("infographic"):
        parts.append(_files(it))
    parts.extend(rich.text.Text(f"⚠ {plain(each.message)}", style="yellow") for each in it.findings)
    return rich.console.Group(*parts)


def _facts(it: generation_pb2.Generation) -> Iterable[tuple[str, rich.text.Text]]:
    yield "generation", rich.text.Text(it.id, style="bold")
    yield "state", _state_and_delivery(it)
    yield "prompt", rich.text.Text(plain(it.prompt))
    yield "asked for", rich.text.Text(_asked(it.output))
    if it.labels:
        yield "labels", rich.text.Text(", ".join(f"{plain(k)}={plain(v)}" for k, v in sorted(it.labels.items())))
    if it.queue_position:
        yield "queue", rich.text.Text(f"place {it.queue_position}")
    if it.HasField("complete_time"):
        yield "took", rich.text.Text(f"{seconds_between(it.create_time, it.complete_time):.1f} s")
    yield "cost", rich.text.Text(_money(it))
    if it.HasField("cancellation"):
        yield "cancel", rich.text.Text(plain(it.cancellation.message))
    if it.takes:
        yield "takes", rich.text.Text(_takes(it))
    if it.failure.reason:
        yield "failure", rich.text.Text(f"{it.failure.reason}: {plain(it.failure.message)}", style="red")
    if it.text:
        yield "text", rich.text.Text(plain(it.text))
    if it.trace_id:
        yield "trace", rich.text.Text(it.trace_id, style="dim")


def _state_and_delivery(it: generation_pb2.Generation) -> rich.text.Text:
    text = rich.text.Text().append_text(state_text(it.state))
    if it.delivery:
        text.append(f", delivered: {delivery_name(it.delivery)}")
    if it.run > 1:
        text.append(f", run {it.run}")
    return text


def _asked(output: generation_pb2.OutputSpec) -> str:
    size_asked = (
        f"{output.width}x{output.height}"
        if output.width and output.height
        else f"{output.aspect_ratio or '16:9'} {output.resolution or 720}p"
    )
    return f"{output.duration_seconds:g} s, {size_asked}"


def _money(it: generation_pb2.Generation) -> str:
    held = f", {dollars(it.held_micros)} held" if it.held_micros else ""
    return f"{dollars(it.spent_micros)}{held}"


def _takes(it: generation_pb2.Generation) -> str:
    ready = sum(each.state == generation_pb2.TAKE_STATE_READY and not each.promoted for each in it.takes)
    return f"{len(it.takes)}, {ready} to be had in place of what was delivered: reelmesh takes {it.id}"


def _files(it: generation_pb2.Generation) -> fitting.Rows:
    stills = [it.infographic] if it.HasField("infographic") else []
    rows = [
        (
            plain(each.name),
            size(each.size_bytes),
            f"{each.width}x{each.height}",
            f"{each.duration_seconds:.2f}" if each.duration_seconds else "",
            each.asset_id,
        )
        for each in (*it.renditions, *stills)
    ]
    named = (("thumbnail", it.thumbnail_asset_id), ("poster", it.poster_asset_id))
    rows += [(name, "", "", "", asset_id) for name, asset_id in named if asset_id]
    # An id is not broken: it is copied.
    return fitting.Rows(("file", "size", "pixels", "seconds", "asset"), rows, least=_ID_CELLS)


def generations(them: Iterable[generation_pb2.Generation], now: datetime.datetime) -> fitting.Rows:
    """Return generations as a table: prompts are cut to what is left."""
    rows = [
        (each.id, _ending(each), ago(each.create_time, now), dollars(each.spent_micros), plain(each.prompt))
        for each in them
    ]
    return fitting.Rows(("generation", "state", "age", "cost", "prompt"), rows, right=(2, 3), cut=True)


def _ending(it: generation_pb2.Generation) -> rich.text.Text:
    """Return the state, and what was delivered if that is not a video."""
    text = rich.text.Text().append_text(state_text(it.state))
    if it.delivery not in (generation_pb2.DELIVERY_UNSPECIFIED, generation_pb2.DELIVERY_VIDEO):
        text.append(f" ({delivery_name(it.delivery)})")
    return text


def quote(answer: generation_service_pb2.QuoteGenerationResponse) -> rich.console.Group:
    """Return a plan with its candidates and its price."""
    rows = [
        (
            str(shot.ordinal + 1) if place == 0 else "",
            f"{shot.duration_seconds:g}" if place == 0 else "",
            _struck(f"{candidate.provider}/{candidate.model}", candidate, "dim strike"),
            dollars(candidate.price_micros),
            _struck(candidate.reason, candidate, "dim"),
        )
        for shot in answer.shots
        for place, candidate in enumerate(shot.route)
    ]
    total = rich.text.Text().append(dollars(answer.price_micros), style="bold")
    if answer.estimated_seconds:
        total.append(f", about {answer.estimated_seconds:.0f} s")
    return rich.console.Group(fitting.Rows(("shot", "seconds", "candidate", "price", "why"), rows), total)


def _struck(words: str, candidate: generation_pb2.Candidate, style: str) -> rich.text.Text:
    return rich.text.Text(plain(words), style=style if candidate.struck else "")


def print_event(console: rich.console.Console, event: generation_pb2.GenerationEvent, since_seconds: float) -> None:
    """Print an event: when, where the generation stands then, and what happened; on one line unless on a terminal."""
    head = rich.text.Text().append(f"{since_seconds:8.1f} s  ", style="dim")
    head.append_text(state_text(event.state, width=11))
    head.append(" ")
    words = rich.text.Text(plain(event.message or event.type))
    if not console.is_terminal:
        console.print(head + words, soft_wrap=True)
        return
    room = console.width - head.cell_len
    if room < _EVENT_CELLS_LEAST:
        console.print(head)
        head, room = rich.text.Text(_NARROW_INDENT), console.width - len(_NARROW_INDENT)
    console.print(fitting.hanging(console, head, words, room))
