"""A cancel at every stage reaches whoever is at work, ends as designed, and leaves nothing behind."""

import contextlib
import datetime
import sqlite3
import uuid
from collections.abc import AsyncGenerator

import grpc
import pytest
import pytest_asyncio
from reelmesh.mesh.v1 import step_service_pb2, step_service_pb2_grpc
from reelmesh_kit import clock
from reelmesh_standalone import settings as standalone_settings
from reelmesh_storage import app as storage_app
from reelmesh_storage import settings as storage_settings
from reelmesh_storage.model import note

from tests.e2e import caller as callers
from tests.e2e import films
from tests.e2e import mesh as meshes
from tests.support import chassis as chassis_support

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

STALLED = "A glacier [[stall]]"
# One media worker looks at clips as they come in; the other one also develops them, and is now and then away.
LOOKOUT, DARKROOM = 0, 1
# Longer than anything provisional lives, and than bytes without a row are left alone.
TOMORROW = datetime.timedelta(hours=26)
FRESH = str(uuid.UUID(int=77))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    told = {f"media-{LOOKOUT}": {"lanes": frozenset({"quick"})}}
    async with meshes.up(tmp_path_factory.mktemp("mesh"), meshes.Wanted(media=2, told=told)) as running:
        yield running


async def _cancelled(mesh: meshes.Mesh, generation_id: str) -> callers.Body:
    """Cancel, wait for the end, and return it."""
    asked = await mesh.caller.cancel(generation_id)
    assert asked["state"] in ("CANCELLING", "CANCELLED")
    done = await mesh.caller.ended(generation_id)
    assert (done["state"], done["delivery"], done["renditions"]) == ("CANCELLED", None, [])
    assert (done["held_micros"], done["spent_micros"]) == (0, 0)
    assert {shot["state"] for shot in done["shots"]} <= {"CANCELLED", "DONE"}
    assert (await mesh.caller.cancel(generation_id))["state"] == "CANCELLED"
    story = await mesh.caller.story(generation_id)
    assert (story.count("cancelling"), story.count("cancelled")) == (1, 1)
    return done


def _attempt_states(generation: callers.Body) -> list[str]:
    return [attempt["state"] for shot in generation["shots"] for attempt in shot["attempts"]]


async def test_planned(mesh) -> None:
    admitted = await mesh.caller.create("A queue [[busy=60:1]]")
    await mesh.caller.becomes(
        admitted["id"], lambda found: _attempt_states(found) == ["FAILED", "PLANNED"], "the next attempt waits"
    )
    done = await _cancelled(mesh, admitted["id"])
    assert _attempt_states(done) == ["FAILED", "DROPPED"]
    assert mesh.jobs(done) == {}


async def test_dispatched_and_taken_by_a_worker_afterwards(mesh) -> None:
    worker = mesh.one(meshes.WORKER)
    await worker.stop()
    admitted = await mesh.caller.create("An empty house")
    await mesh.caller.becomes(admitted["id"], lambda found: _attempt_states(found) == ["DISPATCHED"], "dispatched")
    done = await _cancelled(mesh, admitted["id"])
    assert _attempt_states(done) == ["DROPPED"]
    await worker.start()
    await mesh.caller.made("Whoever comes next")
    assert mesh.submits(done) == {}


async def test_submitting(mesh) -> None:
    admitted = await mesh.caller.create("A slow clerk [[accept-delay=2]][[stall]]")
    await mesh.caller.happened(admitted["id"], "attempt_submitting")
    done = await _cancelled(mesh, admitted["id"])
    assert _attempt_states(done) == ["CANCELLED"]
    assert set(mesh.jobs(done).values()) == {"CANCELLED"}


async def test_rendering(mesh) -> None:
    admitted = await mesh.caller.create(STALLED)
    await mesh.caller.happened(admitted["id"], "attempt_accepted")
    done = await _cancelled(mesh, admitted["id"])
    assert _attempt_states(done) == ["CANCELLED"]
    assert set(mesh.jobs(done).values()) == {"CANCELLED"}
    assert "attempt_cancelled" in await mesh.caller.story(done["id"])


async def test_lost_its_job_is_found_later_and_stopped(mesh) -> None:
    admitted = await mesh.caller.create("A parcel lost in the post [[accept-delay=30]][[stall]]")
    await mesh.caller.happened(admitted["id"], "attempt_submitting")
    asked = await mesh.caller.cancel(admitted["id"])
    assert asked["state"] == "CANCELLING"
    done = await mesh.caller.ended(admitted["id"])
    assert done["state"] == "CANCELLED"
    stopped = await mesh.caller.becomes(
        admitted["id"], lambda found: _attempt_states(found) == ["CANCELLED"], "the job was found and has stopped"
    )
    assert set(mesh.jobs(stopped).values()) == {"CANCELLED"}
    assert {len(results) for results in mesh.submits(stopped).values()} == {1}


async def _processing(mesh: meshes.Mesh, prompt: str) -> tuple[str, str]:
    """Ask for a film, and return its id and that of its step once it waits to be processed."""
    admitted = await mesh.caller.create(prompt)
    await mesh.caller.happened(admitted["id"], "step_sent")
    (sent,) = [event for event in await mesh.caller.events(admitted["id"]) if event["type"] == "step_sent"]
    return admitted["id"], sent["attributes"]["step_id"]


async def test_processing_before_anybody_has_begun(mesh) -> None:
    await mesh.replicas["media"][DARKROOM].stop()
    generation_id, _ = await _processing(mesh, "An undeveloped film")
    done = await _cancelled(mesh, generation_id)
    assert _attempt_states(done) == ["SUCCEEDED"]
    await mesh.replicas["media"][DARKROOM].start()
    await mesh.caller.made("The next film")
    assert "step_done" not in await mesh.caller.story(generation_id)


async def test_processing_while_somebody_is_at_it(mesh) -> None:
    await mesh.replicas["media"][DARKROOM].stop()
    generation_id, step_id = await _processing(mesh, "A film in the bath")
    address = f"127.0.0.1:{mesh.one('orchestrator').running.grpc_port}"
    async with grpc.aio.insecure_channel(address) as channel:
        stub = step_service_pb2_grpc.StepServiceStub(channel)
        begin = step_service_pb2.BeginStepRequest(step_id=step_id, worker_id="somebody")
        work = (await stub.BeginStep(begin, timeout=30)).work
        assert work.generation_id == generation_id
        await _cancelled(mesh, generation_id)
        made = step_service_pb2.LadderDone(thumbnail_asset_id=FRESH, poster_asset_id=FRESH)
        finish = step_service_pb2.FinishStepRequest(
            step_id=step_id, token=work.token, worker_id="somebody", ladder=made
        )
        assert not (await stub.FinishStep(finish, timeout=30)).accepted
    assert (await mesh.caller.get(generation_id))["state"] == "CANCELLED"
    await mesh.replicas["media"][DARKROOM].start()


async def test_what_has_ended_cannot_be_cancelled(mesh) -> None:
    done = await mesh.caller.made("A finished work")
    answer = await mesh.caller.http.post(f"{callers.GENERATIONS}/{done['id']}/cancel")
    assert "COMPLETED" in callers.refused(answer, 409, "WRONG_STATE")


async def test_when_what_is_provisional_has_expired_no_bytes_are_left_but_those_in_use(mesh) -> None:
    kept = await mesh.caller.made("A film for the archive")
    reference = await mesh.caller.upload(films.picture((1, 2, 3)))
    rendering = await mesh.caller.create(STALLED, reference_asset_ids=[reference["id"]])
    await mesh.caller.happened(rendering["id"], "attempt_accepted")
    await _cancelled(mesh, rendering["id"])
    await callers.until(lambda: _provisional(mesh, kept["id"]) == [], "what is in use is kept")
    assert _provisional(mesh) != [], "a sweep of nothing would prove nothing"
    await mesh.one("storage").stop()
    async with _storage_of_tomorrow(mesh):
        await callers.until(lambda: _provisional(mesh) == [] and _unswept(mesh) == 0, "tomorrow's sweep is over")
    assert _files(mesh) == _keys(mesh)
    await mesh.one("storage").start()
    in_use = [kept["thumbnail_asset_id"], kept["poster_asset_id"], *(each["asset_id"] for each in kept["renditions"])]
    for asset_id in in_use:
        assert await mesh.caller.content(asset_id)
    gone = await mesh.caller.http.get(f"{callers.ASSETS}/{reference['id']}")
    assert callers.refused(gone, 404, "NOT_FOUND")


class _Tomorrow(clock.SystemClock):
    """The machine's clock, more than a day ahead."""

    def now(self) -> datetime.datetime:
        return super().now() + TOMORROW


@contextlib.asynccontextmanager
async def _storage_of_tomorrow(mesh: meshes.Mesh) -> AsyncGenerator[None]:
    values = {**mesh.one("storage").values, "sweep_every_seconds": 0.1}
    told = standalone_settings.tell(storage_settings.StorageSettings, values)
    own = chassis_support.make_chassis("storage", time=_Tomorrow())
    try:
        async with storage_app.build(told, own):
            yield
    finally:
        own.telemetry.shutdown()


def _index(mesh: meshes.Mesh, query: str) -> list[str]:
    file = mesh.folder / "storage-0" / "storage.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5.0)) as connection:
        return [str(value) for (value,) in connection.execute(query)]


def _provisional(mesh: meshes.Mesh, generation_id: str = "") -> list[str]:
    of = f"AND generation_id = '{uuid.UUID(generation_id).hex}' AND kind <> 'FRAME'" if generation_id else ""
    return _index(mesh, f"SELECT key FROM storage_writes WHERE state = 'STORED' AND expires_at IS NOT NULL {of}")  # noqa: S608


def _unswept(mesh: meshes.Mesh) -> int:
    return len(_index(mesh, "SELECT key FROM storage_writes WHERE state IN ('WRITING', 'REMOVING')"))


def _keys(mesh: meshes.Mesh) -> set[str]:
    return set(_index(mesh, "SELECT key FROM storage_writes WHERE state = 'STORED'"))


def _files(mesh: meshes.Mesh) -> set[str]:
    folder = mesh.folder / "storage-0" / "assets"
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    # Notes are no assets: they lie beside them and have no row.
    return {str(path) for path in found if not path.parts[0].startswith((".", note.FOLDER.rstrip("/")))}
