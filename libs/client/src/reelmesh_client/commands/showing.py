"""How generations look in a terminal."""

import datetime
import json
import unicodedata
from collections.abc import Iterable

import rich.cells
import rich.console
import rich.table
import rich.text
from google.protobuf import message, timestamp_pb2
from reelmesh.v1 import generation_pb2, generation_service_pb2
from reelmesh_json import messages

MICROS_PER_DOLLAR = 1_000_000
# Columns of a line that goes to a file or another program.
_PIPE_WIDTH = 160
_PROMPT_LEAST = 12

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
    return json.dumps(messages.to_json(answer), indent=2, ensure_ascii=False)


def as_json_list(answers: Iterable[message.Message]) -> str:
    """Return messages as a JSON array."""
    return json.dumps([messages.to_json(each) for each in answers], indent=2, ensure_ascii=False)


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
    seconds = max(0, int((now - then.ToDatetime(tzinfo=datetime.UTC)).total_seconds()))
    for unit, unit_seconds in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= unit_seconds:
            return f"{seconds // unit_seconds} {unit}"
    return f"{seconds} s"


def seconds_between(first: timestamp_pb2.Timestamp, second: timestamp_pb2.Timestamp) -> float:
    """Return the seconds from one time to another."""
    return (second.ToNanoseconds() - first.ToNanoseconds()) / 1e9


def generation(it: generation_pb2.Generation) -> rich.console.Group:
    """Return everything about a generation that people ask about."""
    facts = rich.table.Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(it):
        facts.add_row(name, value)
    parts: list[rich.console.RenderableType] = [facts]
    if it.renditions:
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
    if it.failure.reason:
        yield "failure", rich.text.Text(f"{it.failure.reason}: {plain(it.failure.message)}", style="red")
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


def _files(it: generation_pb2.Generation) -> rich.table.Table:
    table = rich.table.Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("file", "size", "pixels", "seconds", "asset"):
        table.add_column(heading, no_wrap=True)
    for each in it.renditions:
        table.add_row(
            plain(each.name),
            size(each.size_bytes),
            f"{each.width}x{each.height}",
            f"{each.duration_seconds:.2f}",
            each.asset_id,
        )
    for name, asset_id in (("thumbnail", it.thumbnail_asset_id), ("poster", it.poster_asset_id)):
        if asset_id:
            table.add_row(name, "", "", "", asset_id)
    return table


def generations(them: Iterable[generation_pb2.Generation], now: datetime.datetime, width: int) -> rich.table.Table:
    """Return generations as a table of `width` columns: prompts are cut to what is left."""
    table = rich.table.Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    rows = [(each.id, _ending(each), ago(each.create_time, now), dollars(each.spent_micros), each) for each in them]
    headings = ("generation", "state", "age", "cost")
    for place, heading in enumerate(headings):
        widest = max([len(heading), *(rich.cells.cell_len(str(row[place])) for row in rows)])
        table.add_column(heading, no_wrap=True, min_width=widest, justify="right" if place > 1 else "left")
        width -= widest + 2
    table.add_column("prompt", no_wrap=True)
    for row in rows:
        prompt = rich.text.Text(plain(row[-1].prompt))
        prompt.truncate(max(width, _PROMPT_LEAST), overflow="ellipsis")
        table.add_row(*row[:-1], prompt)
    return table


def _ending(it: generation_pb2.Generation) -> rich.text.Text:
    """Return the state, and what was delivered if that is not a video."""
    text = rich.text.Text().append_text(state_text(it.state))
    if it.delivery not in (generation_pb2.DELIVERY_UNSPECIFIED, generation_pb2.DELIVERY_VIDEO):
        text.append(f" ({delivery_name(it.delivery)})")
    return text


def quote(answer: generation_service_pb2.QuoteGenerationResponse) -> rich.console.Group:
    """Return a plan with its candidates and its price."""
    table = rich.table.Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("shot", "seconds", "candidate", "price", "why"):
        table.add_column(heading)
    for shot in answer.shots:
        for place, candidate in enumerate(shot.route):
            style = "dim strike" if candidate.struck else ""
            table.add_row(
                str(shot.ordinal + 1) if place == 0 else "",
                f"{shot.duration_seconds:g}" if place == 0 else "",
                rich.text.Text(plain(f"{candidate.provider}/{candidate.model}"), style=style),
                dollars(candidate.price_micros),
                rich.text.Text(plain(candidate.reason), style="dim" if candidate.struck else ""),
            )
    total = rich.text.Text().append(dollars(answer.price_micros), style="bold")
    if answer.estimated_seconds:
        total.append(f", about {answer.estimated_seconds:.0f} s")
    return rich.console.Group(table, total)


def event_line(event: generation_pb2.GenerationEvent, since_seconds: float) -> rich.text.Text:
    """Return an event as one line: when, where the generation stands then, and what happened."""
    line = rich.text.Text().append(f"{since_seconds:8.1f} s  ", style="dim")
    line.append_text(state_text(event.state, width=11))
    line.append(" ")
    line.append(plain(event.message or event.type))
    return line
