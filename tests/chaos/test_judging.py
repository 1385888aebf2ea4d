"""Those who judge a chaos see what they are there for: each of their sentences is heard once."""

import collections
import contextlib
import pathlib
import uuid

import pytest
import sqlalchemy as sa
from reelmesh_kit import bus, chance, clock, process, sql
from reelmesh_storage.adapters.sql import tables as storage_tables

from tests.chaos import crashes, history, judging, logbook, places, progress, reporting, vendor
from tests.support import record

ID, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def body(state: str = "COMPLETED", revision: int = 3, generation_id: str = ID) -> dict[str, object]:
    return {"id": generation_id, "state": state, "revision": revision}


@pytest.fixture
def told() -> history.History:
    made = history.History()
    made.created("key", body())
    return made


def test_what_was_acknowledged_and_is_not_there_is_lost(told: history.History) -> None:
    assert list(told.judged({})) == [f"generation {ID} was acknowledged under the key key and is not there"]


def test_what_was_acknowledged_and_does_not_end_is_lost(told: history.History) -> None:
    assert list(told.judged({ID: body("GENERATING")})) == [f"generation {ID} was acknowledged and is still GENERATING"]
    assert list(told.judged({ID: body()})) == []


def test_one_key_names_one_generation(told: history.History) -> None:
    told.created("key", body(generation_id=OTHER))
    assert told.wrong == [f"the key key was answered with generation {ID}, and then with {OTHER}"]


def test_revisions_and_states_go_forward_only(told: history.History) -> None:
    told.saw(body("GENERATING", 3), "get")
    told.saw(body("GENERATING", 2), "cancel")
    told.saw(body("COMPLETED", 4), "get")
    told.saw(body("QUEUED", 5), "get")
    assert told.wrong == [
        f"generation {ID} was seen at revision 3 (GENERATING) by get, and then at 2 (GENERATING) by cancel",
        f"generation {ID} was seen COMPLETED, and then QUEUED",
    ]


def test_what_was_cancelled_is_cancelled(told: history.History) -> None:
    call = told.invoke("cancel", ID, 0.0)
    assert list(told.judged({ID: body()})) == []
    call.outcome = history.OK
    assert list(told.judged({ID: body()})) == [f"generation {ID} was cancelled and is COMPLETED"]
    assert list(told.judged({ID: {**body(), "takes": [{"promoted": True}]}})) == []


@pytest.mark.parametrize("sequences", [[1, 3], [1, 2, 2], [2, 3], [2, 1]])
def test_a_watcher_misses_nothing(told: history.History, sequences: list[int]) -> None:
    told.followed(ID, sequences)
    assert len(told.wrong) == 1


async def test_recovery_lasts_until_the_last_one_has_moved(tmp_path: pathlib.Path) -> None:
    time = clock.ManualClock()
    async with record.opened(f"sqlite:///{tmp_path / 'orchestrator.db'}") as kept:
        watched = progress.Progress(kept.database, time)
        for number in range(2):
            await kept.admit(number)
        await watched.look()
        at = time.elapsed()
        assert watched.recovery_seconds(at) is None
        for number, seconds in ((0, 3.0), (1, 4.0)):
            time.advance(seconds)
            await kept.put_accounts("paid")
            await kept.advance_to(number, "submitting")
            await watched.look()
        assert watched.recovery_seconds(at) == 7.0
        assert watched.wrong == {}


async def test_bytes_and_jobs_that_nobody_owns_are_orphans(stands_on: places.Places) -> None:
    async with record.opened(stands_on.urls["orchestrator"]) as kept:
        assert (await _judged(stands_on, kept.database)).sentences == []
        stands_on.bucket.plant("faces/nobody/1.jpg", 0)
        await _store(stands_on, "faces/known/2.jpg", expires=False)
        stands_on.vendor.jobs["job-1"] = vendor.Job("job-1", ID, ID, "chaos", 1.0, 0.0, "")
        stands_on.vendor.arrivals[ID] = [1.0, 2.0]
        found = await _judged(stands_on, kept.database)
    assert found.submitted_twice == [f"attempt {ID} was sent to the vendor 2 times"]
    assert found.orphans[0] == f"job job-1 of attempt {ID} is known to nobody"
    assert found.orphans[1] == "the bytes under faces/nobody/1.jpg have no row"
    assert found.orphans[2].endswith("are gone")
    assert found.orphans[3].endswith("(FACE) is kept for nobody")
    assert found.broken == []


def test_points_that_nobody_died_at_and_long_recoveries_fail_a_run() -> None:
    report = _report()
    assert report.troubles == ["nobody died at a.b"]
    report.points.visit("a.b", "a-0")
    assert report.troubles == []
    report.book.note("SIGKILL", "a", 1.0, at=1.0).recovery_seconds = 25.0
    assert report.troubles == ["a recovery took 25.0 s, more than 20"]
    report.book.note("SIGKILL", "a", 1.0, at=1.0)
    assert "inf" in report.troubles[0]
    assert '"longest_recovery_seconds": null' in report.json()


def test_points_are_waited_for_at_earlier_and_earlier_passes() -> None:
    points = crashes.Points(["media.step.made"], chance.SeededChance(2))
    told = [points.told(points.of("media")) for _ in range(8)]
    assert told == sorted(told, reverse=True)
    assert told[0] > told[-1] == "media.step.made:1"
    assert points.seldom("media") == []
    assert points.of("gateway") == []


@pytest.fixture
def stands_on(chassis: process.Chassis, nats_server: bus.NatsServer, tmp_path: pathlib.Path) -> places.Places:
    """Return something for a mesh to stand on, with nothing in it."""
    seller = vendor.Vendor(chassis.clock, 1, {}, 0.0)
    urls = {service: f"sqlite:///{tmp_path / service}.sqlite" for service in ("orchestrator", "storage")}
    bucket = places.Bucket(tmp_path / "assets")
    return places.Places(
        folder=tmp_path,
        kind=places.SQLITE,
        chassis=chassis,
        nats=nats_server,
        vendor=seller,
        disk=places.Disk(tmp_path),
        bucket=bucket,
        postgresql=None,
        index_server=None,
        urls=urls,
        closing=contextlib.ExitStack(),
    )


def test_what_is_gone_although_the_record_went_back_is_lost_unless_an_operator_was_told(told: history.History) -> None:
    told.goes_back(1.0)
    assert told.went_back(2.0) == []
    assert list(told.judged({})) == [f"generation {ID} was acknowledged under the key key and is not there"]
    told.reported.add(ID)
    assert list(told.judged({})) == []


def test_what_was_seen_or_cancelled_in_a_time_that_is_forgotten_may_be_otherwise_again(told: history.History) -> None:
    told.saw(body("COMPLETED", 9), "get")
    for answered, generation_id in ((1.0, OTHER), (3.0, ID)):
        call = told.invoke("cancel", generation_id, answered)
        call.answered, call.outcome, call.status = answered, history.OK, 200
    told.goes_back(2.0)
    told.saw(body("QUEUED", 1), "get")
    told.saw(body("COMPLETED", 9), "get")
    assert told.forgets
    assert told.went_back(4.0) == [ID]
    told.saw(body("GENERATING", 2), "get")
    now_known = {ID: body(), OTHER: body(generation_id=OTHER)}
    assert list(told.judged(now_known)) == [f"generation {OTHER} was cancelled and is COMPLETED"]


def test_a_create_is_forgotten_that_was_answered_in_a_time_that_is() -> None:
    told = history.History()
    for key, answered in (("before", 1.0), ("within", 3.0), ("after", 6.0)):
        told.invoke("create", key, answered).answered = answered
    assert not told.may_have_forgotten("within")
    told.goes_back(2.0)
    assert told.may_have_forgotten("within"), "it may have gone back by now"
    told.went_back(5.0)
    assert [told.may_have_forgotten(key) for key in ("before", "within", "after")] == [False, True, False]


@pytest.mark.parametrize(
    ("arrivals", "job_began", "twice"),
    [
        ([3.0, 6.0], None, 0),
        ([3.0, 6.0], 6.0, 0),
        ([3.0, 6.0], 3.0, 1),
        ([1.0, 6.0], None, 1),
        ([3.0, 3.5], None, 1),
        ([6.0, 7.0], None, 1),
        ([3.0, 6.0, 7.0], None, 1),
    ],
    ids=["forgotten", "job by the second", "job by the first", "known", "before it went back", "after", "a third"],
)
async def test_a_second_submit_is_excused_when_the_first_is_forgotten_and_came_to_nothing(
    stands_on: places.Places, arrivals: list[float], job_began: float | None, twice: int
) -> None:
    told = history.History()
    told.goes_back(2.0)
    told.went_back(5.0)
    stands_on.vendor.arrivals[ID] = arrivals
    if job_began is not None:
        stands_on.vendor.jobs["job-1"] = vendor.Job("job-1", ID, ID, "chaos", 1.0, job_began, "")
    async with record.opened(stands_on.urls["orchestrator"]) as kept:
        found = await judging.judged(stands_on, kept.database, told, {}, ())
    assert len(found.submitted_twice) == twice


def test_the_way_back_from_a_restore_has_a_figure_and_a_limit_of_its_own() -> None:
    report = _report()
    report.points.visit("a.b", "a-0")
    entry = report.book.note("put back", "the database", 1.0, at=1.0)
    entry.restore, entry.recovery_seconds = True, 30.0
    assert report.troubles == []
    assert "0.0 s; after the record went back, its census included: 30.0 s" in "\n".join(report.table())
    assert '"longest_recovery_seconds": 0' in report.json()
    assert '"longest_restore_seconds": 30.0' in report.json()
    entry.recovery_seconds = 50.0
    assert report.troubles == ["the way back from a restore took 50.0 s, more than 40"]


def test_a_recovery_that_was_measured_is_not_measured_again() -> None:
    book = logbook.Logbook(0.0, print)
    first, second = (book.note("killed", "a-0", at, at=at) for at in (1.0, 2.0))
    book.measured({1.0: 3.0, 2.0: None}.get)
    book.measured({1.0: 30.0, 2.0: 4.0}.get)
    assert (first.recovery_seconds, second.recovery_seconds) == (3.0, 4.0)


async def test_after_the_record_went_back_nobody_has_moved_until_it_moves_again(stands_on: places.Places) -> None:
    time = clock.ManualClock()
    async with record.opened(stands_on.urls["orchestrator"]) as kept:
        watched = progress.Progress(kept.database, time)
        for number in (1, 2):
            await kept.admit(number)
            await watched.look()
            time.advance(1.0)
        async with watched.going_back(0.5):
            await kept.write(lambda store: store.lock_era())
        at = time.elapsed()
        await watched.look()
        assert watched.recovery_seconds(at) is None
        assert watched.touched == {record.identifier(2)}
        time.advance(3.0)
        for number in (1, 2):
            await kept.advance_to(number, "dispatched")
        await watched.look()
        assert watched.recovery_seconds(at) == 3.0
        assert watched.wrong == {}


async def test_what_is_wrong_is_told_with_the_story_of_its_generation(stands_on: places.Places) -> None:
    async with record.opened(stands_on.urls["orchestrator"]) as kept:
        for number in (1, 2, 3):
            await kept.admit(number)
        attempt_id = (await kept.look(2)).attempts[0].id
        watched = progress.Progress(kept.database, clock.ManualClock())
        sentences = [f"generation {record.identifier(1)} is lost", f"attempt {attempt_id} too", "and something else"]
        assert set(await watched.named(sentences)) == {record.identifier(1), record.identifier(2)}
        assert any("created" in line for line in await watched.story(record.identifier(2)))


async def _judged(stands_on: places.Places, database: sql.Database) -> judging.Judgement:
    return await judging.judged(stands_on, database, history.History(), {}, ())


async def _store(stands_on: places.Places, key: str, *, expires: bool) -> None:
    """Write the row of an asset whose bytes are not there."""
    async with sql.open_database(
        stands_on.urls["storage"], stands_on.chassis.clock, migrations="reelmesh_storage"
    ) as index:
        now = stands_on.chassis.clock.now()
        row = {column.name: "" for column in storage_tables.WRITES.c if isinstance(column.type, sa.Text)}
        row |= {"write_id": uuid.UUID(ID), "asset_id": uuid.UUID(ID), "key": key, "state": "STORED", "kind": "FACE"}
        row |= {"size_bytes": 1, "width": 0, "height": 0, "duration_seconds": 0.0, "generation_id": None}
        row |= {"created_at": now, "changed_at": now, "expires_at": now if expires else None}
        await index.write(lambda transaction: transaction.execute(storage_tables.WRITES.insert().values(row)))


def _report() -> reporting.Report:
    return reporting.Report(
        database=places.SQLITE,
        seed=1,
        jobs=1,
        book=logbook.Logbook(0.0, print),
        points=crashes.Points(["a.b"], chance.SeededChance()),
        judgement=judging.Judgement(),
        endings=collections.Counter(),
        calls=collections.Counter(),
        said=collections.Counter(),
        looks=1,
        seconds=1.0,
    )
