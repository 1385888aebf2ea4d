"""One generation is one tree of spans through every service, also when somebody was killed on the way."""

from collections.abc import AsyncGenerator, Collection, Sequence

import pytest
import pytest_asyncio
from reelmesh_kit import telemetry
from reelmesh_kit.telemetry import span_files

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

# Spans are handed over every quarter of a second.
SOON_SECONDS = 10.0
HEIR, MORTAL = 0, 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    told = {"orchestrator": {"request_timeout_seconds": 2.0}, meshes.WORKER: {"submit_timeout_seconds": 2.0}}
    wanted = meshes.Wanted(workers=2, told=told, apart=frozenset({f"{meshes.WORKER}-{MORTAL}"}))
    async with meshes.up(tmp_path_factory.mktemp("mesh"), wanted) as running:
        yield running


def _orphans(spans: Sequence[telemetry.SpanRecord]) -> list[telemetry.SpanRecord]:
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id and span.parent_id not in known]


def _edges(spans: Sequence[telemetry.SpanRecord]) -> set[tuple[str, str]]:
    """Return which service's spans are children of which other's."""
    by_id = {span.span_id: span for span in spans}
    pairs = ((by_id[span.parent_id].service, span.service) for span in spans if span.parent_id in by_id)
    return {(above, below) for above, below in pairs if above != below}


def _open(spans: Sequence[telemetry.SpanRecord]) -> set[str]:
    """Return the spans that have not ended."""
    return {span.span_id for span in spans if span.status_message == span_files.NOT_ENDED}


async def _complete(mesh: meshes.Mesh, trace_id: str, ignored: Collection[str] = ()) -> list[telemetry.SpanRecord]:
    """Return the spans of a trace once all have ended but those ignored, and have been written down."""

    def all_ended() -> bool:
        return not _open(mesh.spans(trace_id)) - set(ignored)

    await callers.until(all_ended, "all spans have ended", SOON_SECONDS)
    return mesh.spans(trace_id)


async def test_one_tree_from_the_request_to_the_film(mesh) -> None:
    done = await mesh.caller.made("A family tree")
    spans = await _complete(mesh, done["trace_id"])
    assert not _orphans(spans)
    (root,) = [span for span in spans if not span.parent_id]
    assert (root.service, root.kind, root.name) == ("gateway", "SERVER", "POST /api/v1/generations")
    assert {span.trace_id for span in spans} == {done["trace_id"]}
    assert {
        ("gateway", "orchestrator"),
        ("orchestrator", meshes.WORKER),
        (meshes.WORKER, "orchestrator"),
        (meshes.WORKER, "storage"),
        (meshes.WORKER, "media"),
        ("orchestrator", "media"),
        ("media", "storage"),
    } <= _edges(spans)
    by_id = {span.span_id: span for span in spans}
    taken = [(by_id[span.parent_id].name, span.service) for span in spans if span.kind == "CONSUMER"]
    assert ("send task.generate.local", meshes.WORKER) in taken
    assert ("send task.media.ladder", "media") in taken
    (render,) = [span for span in spans if span.name == "render"]
    assert render.service == meshes.WORKER
    assert not [span for span in spans if span.status == "ERROR"]


async def test_a_caller_may_bring_a_trace_of_their_own(mesh) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    body = {"prompt": "A guest [[refuse-for-good]]", "output": dict(callers.TINY)}
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    admitted = callers.answered(await mesh.caller.http.post(callers.GENERATIONS, json=body, headers=headers), 202)
    assert admitted["trace_id"] == trace_id
    await mesh.caller.ended(admitted["id"])
    spans = await _complete(mesh, trace_id)
    # What is missing is the caller's own.
    assert {span.parent_id for span in _orphans(spans)} == {span_id}
    assert [span.name for span in _orphans(spans)] == ["POST /api/v1/generations"]
    assert all(span.parent_id for span in spans)


async def test_no_span_is_an_orphan_when_a_worker_was_killed_and_another_one_went_on(mesh) -> None:
    heir, mortal = mesh.replicas[meshes.WORKER][HEIR], mesh.apart(meshes.WORKER, MORTAL)
    await heir.stop()
    rendering = await mesh.caller.create("A relay [[slow=1]]")
    submitting = await mesh.caller.create("A slow clerk [[accept-delay=30]]")
    await mesh.caller.happened(rendering["id"], "attempt_accepted")
    await callers.until(lambda: mesh.jobs_at(MORTAL, submitting), "the provider has a job whose id nobody knows")
    await mortal.kill()
    left = {each["id"]: mesh.spans(each["trace_id"]) for each in (rendering, submitting)}
    cut_short = _open(left[submitting["id"]])
    assert "submit" in [span.name for span in left[submitting["id"]] if span.span_id in cut_short]
    await heir.start()
    for admitted in (rendering, submitting):
        done = await mesh.caller.ended(admitted["id"])
        assert done["delivery"] == "VIDEO", await mesh.caller.events(done["id"])
        assert mesh.jobs_at(HEIR, done), "the other worker has made it"
        assert all(len(results) == 1 for results in mesh.submits(done).values())
        spans = await _complete(mesh, done["trace_id"], _open(left[done["id"]]))
        assert not _orphans(spans)
        assert len([span for span in spans if not span.parent_id]) == 1
        assert {span.service for span in spans} == {"gateway", "orchestrator", meshes.WORKER, "media", "storage"}
    await mortal.start()
