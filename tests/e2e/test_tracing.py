"""One generation is one tree of spans through every service, however it is asked for, and also over a kill.

The spans are those that a collector gets. The span files, which also have what was begun and never ended, say which
spans a trace must come to.
"""

import dataclasses
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence

import pytest
import pytest_asyncio
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import telemetry
from reelmesh_kit.telemetry import early, span_files

from tests.e2e import caller as callers
from tests.e2e import films
from tests.e2e import mesh as meshes
from tests.support import otlp

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

HEIR, MORTAL = 0, 1
WORKER = meshes.WORKER
# A worker that is asked for a second more than it makes at once makes two shots.
LONGEST_CLIP_SECONDS = 1.0
TWO_SHOTS = {**callers.TINY, "duration_seconds": 2}

# Which service's spans are children of which other's.
ADMITTED = {("gateway", "orchestrator")}
ASKED = {*ADMITTED, ("orchestrator", WORKER), (WORKER, "orchestrator")}
MADE = {*ASKED, (WORKER, "storage"), (WORKER, "media"), ("orchestrator", "media"), ("media", "storage")}
DRAWN = {*ASKED, ("orchestrator", "media"), ("media", "orchestrator"), ("media", "storage")}


@dataclasses.dataclass(frozen=True)
class Scene:
    """A mesh, and the collector that it tells."""

    mesh: meshes.Mesh
    sink: otlp.Sink

    def ended(self, trace_id: str) -> set[str]:
        """Return the spans of a trace that have ended, by the files of those who ended them."""
        return {span.span_id for span in self.mesh.spans(trace_id) if span.status_message != span_files.NOT_ENDED}

    def open(self, trace_id: str) -> set[str]:
        """Return the spans of a trace that have begun and not ended."""
        return {span.span_id for span in self.mesh.spans(trace_id)} - self.ended(trace_id)

    def unsent(self, trace_id: str) -> set[str]:
        """Return the spans of a trace that have ended and have not come to the collector, or not with their rest."""
        sent = self.sink.spans(trace_id)
        without_rest = {span.span_id for span in _open_at_the_end(sent)}
        return self.ended(trace_id) - ({span.span_id for span in sent} - without_rest)

    async def complete(self, trace_id: str, lost: set[str] = frozenset()) -> Sequence[telemetry.SpanRecord]:  # pyright: ignore[reportArgumentType]
        """Return what the collector has of a trace once every span has ended, but those lost, and has been sent."""

        def all_there() -> bool:
            return (self.open(trace_id) | self.unsent(trace_id)) <= lost

        await callers.until(all_there, "every span has ended and been sent")
        return self.sink.spans(trace_id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene]:
    with otlp.collecting() as sink:
        told: dict[str, dict[str, object]] = {tier: {"otlp_endpoint": sink.url} for tier in meshes.TIERS}
        told["orchestrator"] |= {"request_timeout_seconds": 2.0, "free_account_slots": 50}
        told[WORKER] |= {
            "submit_timeout_seconds": 2.0,
            "submit_slots": 50,
            "local_longest_seconds": LONGEST_CLIP_SECONDS,
        }
        # Its submit goes on for as long as it lives.
        told[f"{WORKER}-{MORTAL}"] = {"submit_timeout_seconds": 300.0}
        wanted = meshes.Wanted(workers=2, told=told, apart=frozenset({f"{WORKER}-{MORTAL}"}))
        async with meshes.up(tmp_path_factory.mktemp("mesh"), wanted) as running:
            yield Scene(running, sink)


def _open_at_the_end(spans: Sequence[telemetry.SpanRecord]) -> list[telemetry.SpanRecord]:
    """Return what was told while it went on and of which the rest never came."""
    rest = {span.parent_id for span in spans if early.REST in span.attributes}
    return [span for span in spans if early.GOES_ON in span.attributes and span.span_id not in rest]


async def _by_http(mesh: meshes.Mesh) -> str:
    return (await mesh.caller.made("A family tree"))["trace_id"]


async def _by_grpc(mesh: meshes.Mesh) -> str:
    stub = generation_service_pb2_grpc.GenerationServiceStub(mesh.channel)
    output = generation_pb2.OutputSpec(width=160, height=90, duration_seconds=1)
    asked = generation_service_pb2.GenerationRequest(prompt="A family tree", output=output)
    request = generation_service_pb2.CreateGenerationRequest(generation=asked, request_id=str(uuid.uuid4()))  # noqa: TID251
    created = await stub.CreateGeneration(request, metadata=mesh.metadata, timeout=60)  # pyright: ignore
    done = await mesh.caller.ended(created.generation.id)
    assert done["delivery"] == "VIDEO"
    return done["trace_id"]


async def _by_the_words_of_openai(mesh: meshes.Mesh) -> str:
    answer = await mesh.caller.http.post("/v1/videos", json={"prompt": "A tree", "size": "160x90", "seconds": "1"})
    video = callers.answered(answer, 200)

    async def completed() -> bool:
        return (await mesh.caller.http.get(f"/v1/videos/{video['id']}")).json()["status"] == "completed"

    await callers.until(completed, "the video is there")
    return answer.headers["traceparent"].split("-")[1]


async def _of_two_shots(mesh: meshes.Mesh) -> str:
    done = await mesh.caller.made("A family tree and its shadow", TWO_SHOTS)
    assert len(done["shots"]) == 2
    return done["trace_id"]


async def _with_references(mesh: meshes.Mesh) -> str:
    picture = await mesh.caller.upload(films.picture((200, 20, 20)))
    return (await mesh.caller.made("A red tree", reference_asset_ids=[picture["id"]]))["trace_id"]


async def _of_a_picture_instead(mesh: meshes.Mesh) -> str:
    admitted = await mesh.caller.create("No tree [[refuse-for-good]]")
    assert (await mesh.caller.ended(admitted["id"]))["delivery"] == "INFOGRAPHIC"
    return admitted["trace_id"]


async def _tried_by_another_attempt(mesh: meshes.Mesh) -> str:
    return (await mesh.caller.made("A second try [[refuse:1]]"))["trace_id"]


async def _cancelled(mesh: meshes.Mesh) -> str:
    admitted = await mesh.caller.create("A tree for ever [[stall]]")
    await mesh.caller.happened(admitted["id"], "attempt_accepted")
    await mesh.caller.cancel(admitted["id"])
    assert (await mesh.caller.ended(admitted["id"]))["state"] == "CANCELLED"
    return admitted["trace_id"]


async def _retried(mesh: meshes.Mesh) -> str:
    admitted = await mesh.caller.create("A phoenix [[refuse-for-good:1]]", fallback_floor="VIDEO")
    run = await mesh.caller.ended(admitted["id"])
    assert run["state"] == "FAILED"
    # Each of the workers refuses once.
    for _ in range(len(mesh.replicas[WORKER])):
        if run["state"] == "FAILED":
            callers.answered(await mesh.caller.http.post(f"{callers.GENERATIONS}/{run['id']}/retry"), 202)
            run = await mesh.caller.ended(run["id"])
    assert (run["state"], run["trace_id"]) == ("COMPLETED", admitted["trace_id"])
    return admitted["trace_id"]


@dataclasses.dataclass(frozen=True)
class Feature:
    """Something that is asked of a mesh, and the shape of its trace."""

    ask: Callable[[meshes.Mesh], Coroutine[None, None, str]]
    """Asks, waits for the end, and returns the id of the trace."""
    root: str
    edges: set[tuple[str, str]]
    names: frozenset[str] = frozenset()
    """Spans of ours that are in it, among others."""


CREATE = "POST /api/v1/generations"
DELIVERED = frozenset({"generation", "submit", "render", "ingest", "fetch", "finish", "keep"})
FEATURES: Mapping[str, Feature] = {
    "http": Feature(_by_http, CREATE, MADE, DELIVERED),
    "grpc": Feature(_by_grpc, "reelmesh.v1.GenerationService/CreateGeneration", MADE, DELIVERED),
    "openai": Feature(_by_the_words_of_openai, "POST /v1/videos", MADE, DELIVERED),
    "two shots": Feature(_of_two_shots, CREATE, MADE, DELIVERED),
    "references": Feature(_with_references, CREATE, MADE, DELIVERED),
    "fallback": Feature(_of_a_picture_instead, CREATE, DRAWN, frozenset({"submit", "keep"})),
    "another attempt": Feature(_tried_by_another_attempt, CREATE, MADE, DELIVERED),
    "cancel": Feature(_cancelled, CREATE, ASKED, frozenset({"submit", "cancel", "finish"})),
    "retry": Feature(_retried, CREATE, MADE, DELIVERED),
}


@pytest.mark.parametrize("name", FEATURES)
async def test_one_tree_from_the_request_to_the_end(scene: Scene, name: str) -> None:
    feature = FEATURES[name]
    trace_id = await feature.ask(scene.mesh)
    spans = await scene.complete(trace_id)
    assert not otlp.orphans(spans)
    (root,) = [span for span in spans if not span.parent_id]
    assert (root.service, root.kind) == ("gateway", "SERVER")
    # Of one that was told early its rest has the route.
    assert feature.root in {root.name, *(span.name for span in spans if span.parent_id == root.span_id)}
    assert feature.edges <= otlp.edges(spans), otlp.edges(spans)
    assert feature.names <= {span.name for span in spans}
    assert len({span.span_id for span in spans}) == len(spans), "no span is told twice"
    assert not _open_at_the_end(spans)
    by_id = {span.span_id: span for span in spans}
    taken = [(by_id[span.parent_id].name, span.service) for span in spans if span.kind == "CONSUMER"]
    assert ("send task.generate.local", WORKER) in taken


async def test_a_caller_may_bring_a_trace_of_their_own(scene: Scene) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    body = {"prompt": "A guest [[refuse-for-good]]", "output": dict(callers.TINY)}
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    caller = scene.mesh.caller
    admitted = callers.answered(await caller.http.post(callers.GENERATIONS, json=body, headers=headers), 202)
    assert admitted["trace_id"] == trace_id
    await caller.ended(admitted["id"])
    spans = await scene.complete(trace_id)
    # What is missing is the caller's own.
    assert [(span.name, span.parent_id) for span in otlp.orphans(spans)] == [(CREATE, span_id)]
    assert all(span.parent_id for span in spans)


async def test_no_span_is_an_orphan_when_a_worker_was_killed_and_another_one_went_on(scene: Scene) -> None:
    mesh = scene.mesh
    heir, mortal = mesh.replicas[WORKER][HEIR], mesh.apart(WORKER, MORTAL)
    await heir.stop()
    rendering = await mesh.caller.create("A relay [[slow=5]]")
    submitting = await mesh.caller.create("A slow clerk [[accept-delay=30]]")
    await mesh.caller.happened(rendering["id"], "attempt_accepted")
    await callers.until(lambda: mesh.jobs_at(MORTAL, submitting), "the provider has a job whose id nobody knows")

    both = [rendering["trace_id"], submitting["trace_id"]]

    def told() -> bool:
        """Tell whether the collector knows of the submit that goes on, and of all that has ended."""
        going_on = {span.name for span in _open_at_the_end(scene.sink.spans(submitting["trace_id"]))}
        return "submit" in going_on and not any(scene.unsent(each) for each in both)

    await callers.until(told, "the collector knows of the submit that goes on")
    await mortal.kill()
    lost = {each: scene.open(each) | scene.unsent(each) for each in both}
    assert lost[submitting["trace_id"]]
    await heir.start()
    for admitted in (rendering, submitting):
        done = await mesh.caller.ended(admitted["id"])
        assert done["delivery"] == "VIDEO", await mesh.caller.events(done["id"])
        assert mesh.jobs_at(HEIR, done), "the other worker has made it"
        assert all(len(results) == 1 for results in mesh.submits(done).values())
        spans = await scene.complete(done["trace_id"], lost[done["trace_id"]])
        assert not otlp.orphans(spans)
        assert len([span for span in spans if not span.parent_id]) == 1
        assert otlp.edges(spans) >= MADE
    assert "submit" in {span.name for span in _open_at_the_end(scene.sink.spans(submitting["trace_id"]))}
    await mortal.start()
