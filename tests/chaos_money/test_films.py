"""How requests are told apart, and how far they are said to be."""

import pathlib
import sqlite3
import uuid

import pytest
from reelmesh_kit import clock
from reelmesh_provider import card_files
from reelmesh_simulators import vendor

from tests.chaos_money import dialects, faults, films, record, scene
from tests.support import vendors

BY_NAME = {one.name: one for one in dialects.ALL}
SEEN = """
CREATE TABLE generations (id, state);
CREATE TABLE attempts (generation_id, state, provider, run, ordinal);
CREATE TABLE steps (generation_id, kind, state);
"""


@pytest.fixture
def seller() -> vendor.Vendor:
    return vendors.make_vendor()


def film(seller: vendor.Vendor, dialect: dialects.Dialect, fault: faults.Fault) -> films.Film:
    return films.Film(1, dialect.name, scene.Shop(dialect, seller, 0, pathlib.Path("none")), fault)


def test_where_a_list_tells_nobody_apart_each_fault_that_loses_has_a_shape_of_its_own(seller: vendor.Vendor) -> None:
    sglang = BY_NAME["sglang"]
    asked = [film(seller, sglang, fault).output for fault in (faults.NONE, *faults.LOST)]
    assert len({tuple(each.values()) for each in asked}) == len(asked)
    (sold,) = [
        each for each in card_files.parse(sglang.card, sglang.provider, "1").models if each.model == sglang.model
    ]
    assert {each["duration_seconds"] for each in asked} <= set(sold.durations_seconds)
    assert {f"{each['width']}x{each['height']}" for each in asked} <= set(sold.sizes)


def test_elsewhere_all_ask_for_the_same(seller: vendor.Vendor) -> None:
    openai = BY_NAME["openai"]
    assert {tuple(film(seller, openai, fault).output.values()) for fault in faults.ALL} == {(4, 1280, 720, False)}


async def test_a_record_says_how_far_a_generation_is(tmp_path: pathlib.Path) -> None:
    file, known = tmp_path / "record.sqlite", uuid.UUID(int=7)
    with sqlite3.connect(file) as written:
        written.executescript(SEEN)
        written.execute("INSERT INTO generations VALUES (?, 'PROCESSING')", [known.hex])
        written.execute("INSERT INTO attempts VALUES (?, 'PLANNED', 'local', 1, 2)", [known.hex])
        written.execute("INSERT INTO attempts VALUES (?, 'FAILED', 'runway', 1, 1)", [known.hex])
        written.executemany(
            "INSERT INTO steps VALUES (?, ?, ?)", [(known.hex, "LADDER", "SENT"), (known.hex, "FRAME", "DONE")]
        )
    seen = record.Record(file, clock.SystemClock())
    assert seen.standing(str(known)) == "not seen yet"
    await seen.look()
    assert seen.standing(str(known)) == "PROCESSING, runway FAILED, local PLANNED, step LADDER SENT"
    assert seen.standing("") == "is being asked for"
    assert not seen.answered(str(known))


@pytest.mark.parametrize(
    ("dialect", "fault", "left", "waits"),
    [
        ("runway", "accept-drop", 500.0, 60.0),
        ("openai", "accept-drop", 500.0, 500.0),
        ("openai", "stall", 500.0, 60.0),
        # Its answer may come too late as well, and then only a deadline ends the wait.
        ("runway", "none", 500.0, 120.0),
        ("runway", "none", 100.0, 100.0),
        ("runway", "none", 10.0, 60.0),
    ],
)
def test_no_film_is_waited_for_without_end(
    seller: vendor.Vendor, dialect: str, fault: str, left: float, waits: float
) -> None:
    limits = films.Limits(1, 60.0, film_seconds=1.0, asking_seconds=1.0, doubtful_seconds=120.0, over_seconds=1.0)
    assert limits.waits_seconds(film(seller, BY_NAME[dialect], faults.BY_NAME[fault]), left) == waits


@pytest.mark.parametrize(
    ("attempt", "was_open"),
    [
        ({"state": "ACCEPTED"}, True),
        ({"state": "INDETERMINATE"}, True),
        ({"state": "CANCELLED", "complete_time": "2026-01-01T12:00:01.5Z"}, True),
        ({"state": "FAILED", "complete_time": "2026-01-01T11:59:59Z"}, False),
    ],
)
def test_what_ends_after_its_film_was_open_at_the_end(
    seller: vendor.Vendor, attempt: dict[str, str], was_open: bool
) -> None:
    one = film(seller, BY_NAME["runway"], faults.NONE)
    shot = {"attempts": [{"provider": "runway", **attempt}]}
    one.found = {"shots": [shot], "complete_time": "2026-01-01T12:00:01Z"}
    assert one.open_at_the_end is was_open
