"""provider-local as a service: from a message on the bus to a clip in storage, through every fault asked of it."""

import asyncio
import io

import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from PIL import Image
from reelmesh_provider import model
from reelmesh_provider.testing import State
from reelmesh_provider_local import app, jobs

from tests.integration.provider.conftest import LONGEST_WAIT_SECONDS, dispatch, local_task, running, send, until


def submits(told, **of: str) -> int:
    listed = jobs.Jobs.open_at(told.data_folder / "provider-local" / "jobs.sqlite")
    try:
        return listed.submits(**of)
    finally:
        listed.close()


async def test_a_task_becomes_a_clip_in_storage(chassis, mesh, mesh_bus, told) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "JPEG")
    mesh.pictures["ref"] = model.Picture("ref", "image/jpeg", buffer.getvalue())
    async with mesh_bus.hear("progress.>") as notes, running(app.build, told):
        # Slow enough that a poll sees it under way, whatever else this machine does.
        pictures = {"reference_asset_ids": ("ref",), "first_frame_asset_id": "ref"}
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[slow=3]]", **pictures))
        note = await asyncio.wait_for(anext(notes), LONGEST_WAIT_SECONDS)
        await until(chassis, lambda: row.state is State.ENDED)
    assert note.subject == f"progress.{row.task.generation_id}"
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED
    clip = mesh.clips[row.ending.clip_asset_id]
    assert clip[4:8] == b"ftyp"
    assert row.ending.clip == model.ClipFacts(160, 90, 1.0, len(clip))
    header = mesh.headers[row.ending.clip_asset_id]
    assert (header.tenant_id, header.generation_id) == (row.task.tenant_id, row.task.generation_id)
    assert mesh.attempts.cards[0].provider == "local"
    assert (await mesh_bus.depth("generate-local")).pending == 0
    assert submits(told, tag=row.task.attempt_id) == 1


@pytest.mark.parametrize(
    ("picture", "outcome"), [(b"", model.Outcome.SUCCEEDED), (b"no picture at all", model.Outcome.FAILED)]
)
async def test_a_render_is_a_span_below_the_generation(
    chassis, mesh, mesh_bus, told, picture: bytes, outcome: model.Outcome
) -> None:
    exporter = in_memory_span_exporter.InMemorySpanExporter()
    mesh.pictures["ref"] = model.Picture("ref", "image/jpeg", picture)
    wishes = {"reference_asset_ids": ("ref",)} if picture else {}
    async with running(app.build, told, exporter):
        row = await dispatch(mesh_bus, mesh, local_task(traceparent=f"00-{'5':0>32}-{'7':0>16}-01", **wishes))
        await until(chassis, lambda: row.ending is not None)
    assert row.ending is not None
    assert row.ending.outcome is outcome
    (span,) = [span for span in exporter.get_finished_spans() if span.name == "render"]
    assert span.context is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (5, 7)
    assert span.attributes is not None
    assert span.attributes["reelmesh.attempt.id"] == row.task.attempt_id
    assert span.attributes["gen_ai.response.id"] == row.job_ids[0]
    assert span.status.is_ok == (outcome is model.Outcome.SUCCEEDED)


async def test_a_message_delivered_again_submits_nothing_again(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task())
        await until(chassis, lambda: row.state is State.ENDED)
        for copy in (1, 2):
            await send(mesh_bus, row.task, copy)
            await until(chassis, lambda copy=copy: mesh.attempts.calls.count("begin") == copy + 1)
    assert submits(told, tag=row.task.attempt_id) == 1


@pytest.mark.parametrize(
    ("marker", "verdict"),
    [
        ("[[busy=7]]", model.Verdict.BUSY),
        ("[[refuse]]", model.Verdict.REFUSED),
        ("[[refuse-for-good]]", model.Verdict.REFUSED_FOR_GOOD),
        ("[[unsafe]]", model.Verdict.UNSAFE),
    ],
)
async def test_refusals_are_told(chassis, mesh, mesh_bus, told, marker: str, verdict: model.Verdict) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt=f"a cat {marker}"))
        await until(chassis, lambda: row.declined is not None)
    assert row.declined is not None
    assert row.declined.verdict is verdict
    assert row.declined.retry_after_seconds == (7.0 if verdict is model.Verdict.BUSY else None)


@pytest.mark.parametrize(
    ("marker", "outcome"),
    [
        ("[[fail]]", model.Outcome.FAILED),
        ("[[filter]]", model.Outcome.FILTERED),
        ("[[fetch-lost]]", model.Outcome.FETCH_LOST),
        ("[[fetch-fails=1]]", model.Outcome.SUCCEEDED),
    ],
)
async def test_endings_are_told(chassis, mesh, mesh_bus, told, marker: str, outcome: model.Outcome) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt=f"a cat {marker}"))
        await until(chassis, lambda: row.ending is not None)
    assert row.ending is not None
    assert row.ending.outcome is outcome


@pytest.mark.parametrize(("hidden", "seed_is_users"), [(False, False), (False, True), (True, False)])
async def test_a_job_whose_id_was_lost_is_adopted(
    chassis, mesh, mesh_bus, told, hidden: bool, seed_is_users: bool
) -> None:
    told = told.model_copy(update={"local_hides_tags": hidden})
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[drop]]", seed_is_users=seed_is_users))
        await until(chassis, lambda: row.state is State.ENDED)
    assert row.evidence == [model.Evidence.ADOPTION]
    assert submits(told, tag=row.task.attempt_id) == 1


async def test_a_submit_that_created_nothing_is_concluded_as_never_created(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[vanish]]"))
        row.wait_seconds = 1.0
        await until(chassis, lambda: row.state is State.NEVER_CREATED)
    assert submits(told, tag=row.task.attempt_id) == 0


async def test_a_cancelled_generation_stops_the_renderer(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[stall]]"))
        await until(chassis, lambda: row.state is State.ACCEPTED)
        row.cancel = True
        await until(chassis, lambda: row.ending is not None)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.CANCELLED


async def test_a_restarted_service_goes_on_with_its_jobs_under_their_ids(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        row = await dispatch(mesh_bus, mesh, local_task(prompt="a cat [[slow=2]]"))
        await until(chassis, lambda: row.state is State.ACCEPTED)
    async with running(app.build, told):
        await until(chassis, lambda: row.state is State.ENDED)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.SUCCEEDED
    assert submits(told) == 1


async def test_a_job_that_went_with_another_machine_is_gone(chassis, mesh, mesh_bus, told) -> None:
    row = mesh.attempts.dispatch(local_task())
    row.state, row.job_ids = State.ACCEPTED, ["local-of-another-machine"]
    async with running(app.build, told):
        await until(chassis, lambda: row.ending is not None)
    assert row.ending is not None
    assert row.ending.outcome is model.Outcome.GONE


async def test_a_poisonous_message_is_kept_as_a_dead_letter(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        await mesh_bus.publish("task.generate.local", b"\xff\xff no task", message_id="poison")
        letters = []
        while not letters:
            letters = await mesh_bus.dead_letters()
            await chassis.clock.sleep(0.1)
    assert "GenerateTask" in letters[0].reason


async def test_ten_tasks_at_once_are_each_submitted_once(chassis, mesh, mesh_bus, told) -> None:
    async with running(app.build, told):
        rows = [await dispatch(mesh_bus, mesh, local_task(number)) for number in range(1, 11)]
        await until(chassis, lambda: all(row.state is State.ENDED for row in rows))
    assert [row.begins for row in rows] == [1] * 10
    assert submits(told) == 10
    assert {row.ending.outcome for row in rows if row.ending} == {model.Outcome.SUCCEEDED}
