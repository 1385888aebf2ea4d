"""A trace becomes a tree, and what does not hang together is found out."""

import random  # noqa: TID251 - seeded: orders of spans

import pytest
import rich.console
from reelmesh_kit import telemetry
from reelmesh_standalone import waterfall
from reelmesh_standalone.commands import drawing

MILLISECOND = 1_000_000


def _span(span_id: str, parent_id: str = "", start: int = 0, end: int = 10, **more) -> telemetry.SpanRecord:
    fields = {"name": span_id, "kind": "INTERNAL", "service": "gateway", "status": "UNSET"} | more
    return telemetry.SpanRecord(
        trace_id="t",
        span_id=span_id,
        parent_id=parent_id,
        start_ns=1_000 * MILLISECOND + start * MILLISECOND,
        end_ns=1_000 * MILLISECOND + end * MILLISECOND,
        **fields,
    )


def _drawn(spans: list[telemetry.SpanRecord], width: int = 120) -> str:
    console = rich.console.Console(width=width, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(drawing.Drawing(waterfall.build(spans)))
    return captured.get()


def test_nothing_is_an_empty_waterfall() -> None:
    assert waterfall.build([]) == waterfall.Waterfall([], 0.0, 0, [], 0)


def test_children_stand_below_their_parent_in_the_order_of_their_start() -> None:
    spans = [
        _span("root", end=100),
        _span("b", "root", 50, 90),
        _span("a", "root", 10, 40),
        _span("a1", "a", 12, 20),
    ]
    random.Random(3).shuffle(spans)
    found = waterfall.build(spans)
    assert [line.guides + line.name for line in found.lines] == ["root", "├─ a", "│  └─ a1", "└─ b"]
    assert [line.offset_seconds for line in found.lines] == [0.0, 0.01, 0.012, 0.05]
    assert found.seconds == pytest.approx(0.1)
    assert found.orphans == 0


def test_a_span_without_its_parent_is_an_orphan() -> None:
    found = waterfall.build([_span("root"), _span("lost", "nobody", 5), _span("child", "lost", 6)])
    assert [(line.name, line.orphan) for line in found.lines] == [("root", False), ("lost", True), ("child", False)]
    assert found.orphans == 1


def test_a_second_root_is_no_orphan() -> None:
    assert waterfall.build([_span("root"), _span("later", start=5)]).orphans == 0


def test_services_are_listed_as_they_appear() -> None:
    found = waterfall.build(
        [_span("root"), _span("b", "root", 5, service="storage"), _span("a", "root", 2, service="media")]
    )
    assert found.services == ["gateway", "media", "storage"]


def test_many_alike_are_one_line() -> None:
    polls = [_span(f"p{number}", "root", number, number + 1, name="poll") for number in range(50)]
    found = waterfall.build([_span("root", end=60), *polls])
    assert [(line.name, line.count) for line in found.lines] == [("root", 1), ("poll", 50)]
    assert found.lines[1].seconds == pytest.approx(0.05)
    assert found.spans == 51


def test_one_that_failed_among_many_has_its_own_line() -> None:
    polls = [_span(f"p{number}", "root", number, number + 1, name="poll") for number in range(50)]
    failed = _span("bad", "root", 20, 21, name="poll", status="ERROR", status_message="no answer")
    found = waterfall.build([_span("root", end=60), *polls, failed])
    assert sorted((line.count, line.failed) for line in found.lines[1:]) == [(1, True), (50, False)]


def test_few_alike_stay_apart() -> None:
    polls = [_span(f"p{number}", "root", number, number + 1, name="poll") for number in range(4)]
    assert len(waterfall.build([_span("root"), *polls]).lines) == 5


def test_a_drawing_names_services_errors_and_orphans() -> None:
    text = _drawn(
        [
            _span("reelmesh.v1.GenerationService/CreateGeneration", end=100),
            _span("bad", "reelmesh.v1.GenerationService/CreateGeneration", 10, status="ERROR", status_message="oh no"),
            _span("lost", "nobody", 20, 30, service="media"),
        ]
    )
    assert "GenerationService/CreateGeneration" in text
    assert "reelmesh.v1" not in text
    assert "oh no" in text
    assert "orphan" in text
    assert "3 spans, 2 services, 100.0 ms, 1 failed, 1 orphans" in text


def test_several_bars_share_a_row() -> None:
    row = drawing.bars([(0, 1), (5, 0)], 10)
    assert row.startswith("██")
    assert row[drawing.BAR_CELLS // 2] == "▏"
    assert row.strip().count("▏") == 1


@pytest.mark.parametrize(
    ("offset", "seconds", "total", "expected"),
    [
        (0, 10, 10, "█" * drawing.BAR_CELLS),
        (5, 5, 10, " " * (drawing.BAR_CELLS // 2) + "█" * (drawing.BAR_CELLS // 2)),
        (0, 0, 10, "▏"),
        (10, 0, 10, " " * (drawing.BAR_CELLS - 1) + "▏"),
        (0, 0, 0, "▏"),
    ],
)
def test_bars_have_their_place_and_length(offset, seconds, total, expected) -> None:
    drawn = drawing.bar(offset, seconds, total)
    assert drawn.rstrip() == expected
    assert len(drawn) == drawing.BAR_CELLS
