"""Turns the spans of one trace into the lines of a waterfall: a tree, with what has no parent found out."""

import dataclasses
from collections.abc import Iterable, Sequence

from reelmesh_kit import telemetry

# Siblings of the same service and name (polls, chunks) beyond this many are summed up in one line.
SIBLINGS_SHOWN = 4
NANOSECONDS = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a waterfall: a span, or a sum of siblings that are alike."""

    service: str
    name: str
    kind: str
    guides: str
    """What leads to it in the tree, such as "│  ├─ "."""
    pieces: Sequence[tuple[float, float]]
    """Start, from the start of the trace, and length of each span that it stands for; seconds."""
    failed: bool
    message: str
    """What went wrong; "" if nothing did."""
    orphan: bool
    """Whether it names a parent that no file has."""

    @property
    def count(self) -> int:
        """How many spans it stands for."""
        return len(self.pieces)

    @property
    def offset_seconds(self) -> float:
        """When the first of them began, from the start of the trace."""
        return self.pieces[0][0]

    @property
    def seconds(self) -> float:
        """How long they took together."""
        return sum(seconds for _, seconds in self.pieces)


@dataclasses.dataclass(frozen=True)
class Waterfall:
    """A trace as lines, the earliest root first."""

    lines: Sequence[Line]
    seconds: float
    """From the first start to the last end."""
    spans: int
    services: Sequence[str]
    """In the order in which they first appear."""
    orphans: int


@dataclasses.dataclass
class _Node:
    span: telemetry.SpanRecord
    children: "list[_Node]" = dataclasses.field(default_factory=list["_Node"])
    orphan: bool = False


def build(spans: Sequence[telemetry.SpanRecord]) -> Waterfall:
    """Return the waterfall of the spans of one trace; of none, an empty one."""
    if not spans:
        return Waterfall([], 0.0, 0, [], 0)
    began_ns = min(span.start_ns for span in spans)
    roots = _trees(spans)
    lines: list[Line] = []
    for root in roots:
        _draw(root, "", "", began_ns, lines)
    return Waterfall(
        lines=lines,
        seconds=(max(span.end_ns for span in spans) - began_ns) / NANOSECONDS,
        spans=len(spans),
        services=list(dict.fromkeys(span.service for span in sorted(spans, key=_when))),
        orphans=sum(root.orphan for root in roots),
    )


def _trees(spans: Sequence[telemetry.SpanRecord]) -> list[_Node]:
    nodes = {span.span_id: _Node(span) for span in sorted(spans, key=_when)}
    roots: list[_Node] = []
    for node in nodes.values():
        parent = nodes.get(node.span.parent_id)
        if parent is None or parent is node:
            node.orphan = bool(node.span.parent_id)
            roots.append(node)
        else:
            parent.children.append(node)
    return roots


def _draw(node: _Node, before: str, below: str, began_ns: int, lines: list[Line]) -> None:
    lines.append(_line([node.span], before, began_ns, orphan=node.orphan))
    groups = _groups(node.children)
    for place, group in enumerate(groups):
        last = place == len(groups) - 1
        branch, onward = ("└─ ", "   ") if last else ("├─ ", "│  ")
        if len(group) == 1:
            _draw(group[0], below + branch, below + onward, began_ns, lines)
        else:
            lines.append(_line([each.span for each in group], below + branch, began_ns))


def _groups(children: Iterable[_Node]) -> list[list[_Node]]:
    """Return children one by one, but those that are many, alike, well and childless together."""
    alike: dict[tuple[str, str], list[_Node]] = {}
    for child in children:
        alike.setdefault((child.span.service, child.span.name), []).append(child)
    groups: list[list[_Node]] = []
    for siblings in alike.values():
        dull = [each for each in siblings if not each.children and each.span.status != "ERROR"]
        if len(dull) > SIBLINGS_SHOWN:
            groups.append(dull)
            siblings = [each for each in siblings if each not in dull]
        groups.extend([each] for each in siblings)
    return sorted(groups, key=lambda group: _when(group[0].span))


def _line(spans: Sequence[telemetry.SpanRecord], guides: str, began_ns: int, *, orphan: bool = False) -> Line:
    first = spans[0]
    return Line(
        service=first.service,
        name=first.name,
        kind=first.kind,
        guides=guides,
        pieces=[
            ((span.start_ns - began_ns) / NANOSECONDS, (span.end_ns - span.start_ns) / NANOSECONDS) for span in spans
        ],
        failed=first.status == "ERROR",
        message=first.status_message,
        orphan=orphan,
    )


def _when(span: telemetry.SpanRecord) -> tuple[int, int]:
    return span.start_ns, -span.end_ns
