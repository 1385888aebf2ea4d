"""A request becomes a video: through HTTP and gRPC, and every part of the mesh."""

import datetime
import io
import itertools
import pathlib
import uuid
from collections.abc import AsyncGenerator

import httpx
import PIL.Image
import pytest
import pytest_asyncio
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import clock, ids
from reelmesh_standalone import checking

from tests.e2e import caller as callers
from tests.e2e import films
from tests.e2e import mesh as meshes
from tests.support import s3

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

LONGEST_CLIP_SECONDS = 2.0
# Nobody makes it: the words come back at once.
NOBODY = "[[refuse-for-good]]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Mesh]:
    told = {meshes.WORKER: {"local_longest_seconds": LONGEST_CLIP_SECONDS}}
    async with meshes.up(tmp_path_factory.mktemp("mesh"), meshes.Wanted(told=told)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def film(mesh: meshes.Mesh) -> callers.Body:
    """Return a finished generation that tests look at and leave as it is."""
    return await mesh.caller.made("A paper boat")


def _stub(mesh: meshes.Mesh) -> "generation_service_pb2_grpc.GenerationServiceAsyncStub":
    return generation_service_pb2_grpc.GenerationServiceStub(mesh.channel)  # pyright: ignore[reportReturnType]


# --- What is made ---------------------------------------------------------------------------------------------------


async def test_a_video_has_the_length_and_size_asked_for_and_smaller_renditions(mesh, tmp_path: pathlib.Path) -> None:
    done = await mesh.caller.made("A lighthouse", {"resolution": 720, "aspect_ratio": "16:9", "duration_seconds": 1.5})
    sizes = [(one["name"], one["width"], one["height"]) for one in done["renditions"]]
    assert sizes == [("720p", 1280, 720), ("480p", 854, 480)]
    for one in done["renditions"]:
        content = await mesh.caller.content(one["asset_id"])
        assert len(content) == one["size_bytes"]
        films.checked(content, tmp_path, seconds=1.5, size=(one["width"], one["height"]))
    thumbnail = await mesh.caller.content(done["thumbnail_asset_id"])
    poster = await mesh.caller.content(done["poster_asset_id"])
    assert thumbnail.startswith(b"\xff\xd8")
    assert poster.startswith(b"\xff\xd8")
    assert len(thumbnail) < len(poster)


async def test_a_portrait_is_a_portrait_and_never_upscaled(mesh, tmp_path: pathlib.Path) -> None:
    done = await mesh.caller.made("A tower", {"resolution": 480, "aspect_ratio": "9:16", "duration_seconds": 1})
    (only,) = done["renditions"]
    assert (only["name"], only["width"], only["height"]) == ("480p", 480, 854)
    films.checked(await mesh.caller.content(only["asset_id"]), tmp_path, seconds=1.0, size=(480, 854))


async def test_a_long_video_is_made_of_shots_that_go_on_from_each_others_last_frame(mesh, tmp_path) -> None:
    done = await mesh.caller.made("A river", {"width": 320, "height": 180, "duration_seconds": 5}, seed=5)
    assert [shot["continues"] for shot in done["shots"]] == [False, True, True]
    assert {shot["state"] for shot in done["shots"]} == {"DONE"}
    (video,) = done["renditions"]
    films.checked(await mesh.caller.content(video["asset_id"]), tmp_path, seconds=5.0, size=(320, 180))
    clips = [films.frames(await _clip(mesh, shot)) for shot in done["shots"]]
    for before, after in itertools.pairwise(clips):
        cut, course = films.difference(before[-1], after[0]), films.difference(before[0], after[0])
        assert cut < 3.0
        assert cut < course / 3, "a film that stands still would prove nothing"
        assert not _words(before[-1]), "a shot hands on a plain picture"
        assert any(_words(frame) for frame in before)


def _words(frame: films.Frame) -> int:
    """How many pixels are as bright as nothing but words."""
    return int((frame > 235).all(axis=-1).sum())


async def _clip(mesh: meshes.Mesh, shot: callers.Body) -> bytes:
    (attempt,) = shot["attempts"]
    return await mesh.caller.content(str(ids.derived(attempt["id"], "clip")))


async def test_the_same_seed_makes_the_same_film_and_another_one_another(mesh) -> None:
    asked = [await mesh.caller.create("A kite", seed=seed) for seed in (7, 7, 8)]
    shown: list[films.Frame] = []
    for each in asked:
        done = await mesh.caller.ended(each["id"])
        shown.append(films.frames(await mesh.caller.content(done["renditions"][0]["asset_id"]))[-1])
    one, same, other = shown
    assert asked[0]["id"] != asked[1]["id"]
    assert films.difference(one, same) == 0.0
    assert films.difference(one, other) > 0.0


async def test_a_film_may_be_without_sound_and_nobody_misses_it(mesh, tmp_path: pathlib.Path) -> None:
    done = await mesh.caller.made("A fog", {**callers.TINY, "audio": False})
    (tmp_path / "film.mp4").write_bytes(await mesh.caller.content(done["renditions"][0]["asset_id"]))
    facts = checking.read(tmp_path / "film.mp4")
    assert (facts.video_codec, facts.audio_codec) == ("h264", "")
    assert done["findings"] == []


async def test_the_public_grpc_creates_and_watches(mesh) -> None:
    stub = _stub(mesh)
    output = generation_pb2.OutputSpec(width=160, height=90, duration_seconds=1)
    asked = generation_service_pb2.GenerationRequest(prompt="A swan", output=output)
    request = generation_service_pb2.CreateGenerationRequest(generation=asked, request_id=str(uuid.uuid4()))  # noqa: TID251
    created = await stub.CreateGeneration(request, metadata=mesh.metadata, timeout=30)
    watch = generation_service_pb2.WatchGenerationRequest(generation_id=created.generation.id)
    seen = [each async for each in stub.WatchGeneration(watch, metadata=mesh.metadata, timeout=60)]
    sequences = [each.event.sequence for each in seen if each.HasField("event")]
    assert sequences == list(range(1, len(sequences) + 1))
    assert seen[-1].ended.state == generation_pb2.GENERATION_STATE_COMPLETED
    assert seen[-1].ended.delivery == generation_pb2.DELIVERY_VIDEO
    assert (await stub.CreateGeneration(request, metadata=mesh.metadata, timeout=30)).replayed


# --- How it is read -------------------------------------------------------------------------------------------------


async def test_a_stream_that_broke_off_goes_on_behind_the_last_event_seen(mesh) -> None:
    admitted = await mesh.caller.create("A brook")
    first: list[callers.Told] = []
    async for told in mesh.caller.followed(admitted["id"]):
        first += [told] if told.name == "event" else []
        if len(first) == 3:
            break
    rest = [told async for told in mesh.caller.followed(admitted["id"], first[-1].id)]
    events = [*first, *(told for told in rest if told.name == "event")]
    assert [int(told.id) for told in events] == [told.data["sequence"] for told in events]
    assert [int(told.id) for told in events] == list(range(1, len(events) + 1))
    assert rest[-1].name == "ended"
    assert rest[-1].data["state"] == "COMPLETED"
    assert [told.data["type"] for told in events] == await mesh.caller.story(admitted["id"])


async def test_bytes_come_in_ranges(mesh, film) -> None:
    asset_id = film["renditions"][0]["asset_id"]
    whole = await mesh.caller.content(asset_id)
    path = f"{callers.ASSETS}/{asset_id}/content"
    part = await mesh.caller.http.get(path, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    tail = await mesh.caller.http.get(path, headers={"range": "bytes=-5"})
    assert (tail.status_code, tail.content) == (206, whole[-5:])
    outside = await mesh.caller.http.get(path, headers={"range": f"bytes={len(whole)}-"})
    assert callers.refused(outside, 416, "INVALID_ARGUMENT")
    unchanged = await mesh.caller.http.get(path, headers={"if-none-match": part.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_a_signed_url_needs_no_key_and_cannot_be_changed(mesh, film) -> None:
    rendition = film["renditions"][0]
    whole = await mesh.caller.content(rendition["asset_id"])
    async with callers.nobody(mesh.caller) as stranger:
        assert (await stranger.get(rendition["url"])).content == whole
        for changed in (rendition["url"][:-1] + ("A" if rendition["url"][-1] != "A" else "B"), rendition["url"] + "x"):
            assert callers.refused(await stranger.get(changed), 403, "PERMISSION_DENIED")
        assert callers.refused(await stranger.get(f"{callers.ASSETS}/{rendition['asset_id']}"), 401, "UNAUTHENTICATED")
        path = f"{callers.GENERATIONS}/{film['id']}"
        assert callers.refused(await stranger.get(path), 401, "UNAUTHENTICATED")


async def test_a_deleted_asset_is_gone_also_for_its_signed_url(mesh) -> None:
    done = await mesh.caller.made("A candle")
    path = f"{callers.ASSETS}/{done['poster_asset_id']}"
    url = (await mesh.caller.http.get(path)).json()["url"]
    assert (await mesh.caller.http.delete(path)).status_code == 204
    for gone in (path, f"{path}/content", url):
        assert callers.refused(await mesh.caller.http.get(gone), 404, "NOT_FOUND")
    assert (await mesh.caller.http.delete(path)).status_code == 204
    assert (await mesh.caller.get(done["id"]))["state"] == "COMPLETED"


async def test_generations_are_listed_by_label_state_and_user_page_by_page(mesh) -> None:
    mark = str(uuid.uuid4())  # noqa: TID251 - one mesh for all tests
    asked = [
        await mesh.caller.create(
            f"One {NOBODY}", labels={"mark": mark, "number": str(number)}, user_id=f"user-{number % 2}"
        )
        for number in range(5)
    ]
    for each in asked:
        await mesh.caller.ended(each["id"])
    newest_first = [each["id"] for each in reversed(asked)]
    assert await _pages(mesh, {"labels": f"mark={mark}"}, 2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert await _pages(mesh, {"labels": [f"mark={mark}", "number=3"]}, 2) == [[asked[3]["id"]]]
    assert await _pages(mesh, {"labels": f"mark={mark}", "user_id": "user-1"}, 9) == [[asked[3]["id"], asked[1]["id"]]]
    assert await _pages(mesh, {"labels": f"mark={mark}", "states": ["QUEUED", "GENERATING"]}, 9) == [[]]
    assert await _pages(mesh, {"labels": f"mark={mark}", "states": ["COMPLETED"]}, 9) == [newest_first]


async def _pages(mesh: meshes.Mesh, query: dict[str, object], size: int) -> list[list[str]]:
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        params = {**query, "page_size": size, **({"page_token": token} if token else {})}
        body = callers.answered(await mesh.caller.http.get(callers.GENERATIONS, params=params), 200)
        pages.append([each["id"] for each in body["generations"]])
        token = body["next_page_token"]
    return pages


async def test_a_quote_plans_what_a_create_would_make_and_records_nothing(mesh) -> None:
    mark = {"mark": str(uuid.uuid4())}  # noqa: TID251 - one mesh for all tests
    body = {"prompt": "A comet", "output": {"duration_seconds": 5}, "labels": mark}
    quote = callers.answered(await mesh.caller.http.post("/api/v1/quotes", json=body), 200)
    assert [shot["duration_seconds"] for shot in quote["shots"]] == pytest.approx([5 / 3] * 3)
    assert quote["price_micros"] == 0
    assert quote["estimated_seconds"] > 0
    assert await _pages(mesh, {"labels": f"mark={mark['mark']}"}, 9) == [[]]


# --- What is asked ---------------------------------------------------------------------------------------------------


async def test_the_same_key_and_body_answer_the_same_generation_and_another_body_is_refused(mesh) -> None:
    body = {"prompt": f"A duck {NOBODY}", "output": dict(callers.TINY)}
    headers = {"Idempotency-Key": str(uuid.uuid4())}  # noqa: TID251
    first = await mesh.caller.http.post(callers.GENERATIONS, json=body, headers=headers)
    again = await mesh.caller.http.post(callers.GENERATIONS, json=body, headers=headers)
    assert first.headers.get("Idempotent-Replayed") is None
    assert again.headers["Idempotent-Replayed"] == "true"
    assert callers.answered(again, 202)["id"] == callers.answered(first, 202)["id"]
    other = await mesh.caller.http.post(callers.GENERATIONS, json={**body, "prompt": "A goose"}, headers=headers)
    assert callers.refused(other, 422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_race_of_the_same_key_makes_one(mesh) -> None:
    body = {"prompt": f"A hare {NOBODY}", "output": dict(callers.TINY)}
    headers = {"Idempotency-Key": str(uuid.uuid4())}  # noqa: TID251
    made = await callers.at_once(
        *(mesh.caller.http.post(callers.GENERATIONS, json=body, headers=headers) for _ in range(6))
    )
    assert len({callers.answered(answer, 202)["id"] for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1


async def test_when_nobody_can_make_the_video_a_picture_of_the_words_is_delivered(mesh) -> None:
    done = await mesh.caller.ended((await mesh.caller.create(f"A sphinx {NOBODY}"))["id"])
    assert (done["state"], done["delivery"]) == ("COMPLETED", "INFOGRAPHIC")
    async with httpx.AsyncClient() as stranger:
        content = (await stranger.get(done["infographic"]["url"])).content
    with PIL.Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (done["output"]["width"], done["output"]["height"]))
    assert done["text"] == f"A sphinx {NOBODY}"
    assert done["failure"]["reason"] == "ALL_CANDIDATES_FAILED"
    assert (done["renditions"], done["held_micros"], done["spent_micros"]) == ([], 0, 0)


async def test_a_video_or_nothing_fails_and_can_be_tried_again(mesh) -> None:
    admitted = await mesh.caller.create("A phoenix [[refuse-for-good:1]]", fallback_floor="VIDEO")
    failed = await mesh.caller.ended(admitted["id"])
    assert (failed["state"], failed["delivery"]) == ("FAILED", None)
    again = callers.answered(await mesh.caller.http.post(f"{callers.GENERATIONS}/{failed['id']}/retry"), 202)
    assert (again["id"], again["run"]) == (failed["id"], 2)
    done = await mesh.caller.ended(failed["id"])
    assert (done["state"], done["delivery"], done["failure"]) == ("COMPLETED", "VIDEO", None)
    assert {len(results) for results in mesh.submits(done).values()} == {1}
    refused = await mesh.caller.http.post(f"{callers.GENERATIONS}/{failed['id']}/retry")
    assert callers.refused(refused, 409, "WRONG_STATE")


async def test_at_its_deadline_a_generation_ends_with_its_floor_and_stops_its_provider(mesh) -> None:
    deadline = clock.SystemClock().now() + datetime.timedelta(seconds=2)
    wishes = {"deadline_time": deadline.isoformat()}
    words = await mesh.caller.create("A snail [[stall]]", **wishes)
    nothing = await mesh.caller.create("A snail [[stall]]", **wishes, fallback_floor="VIDEO")
    # A picture, if it could be drawn by then.
    for admitted, state, deliveries in ((words, "COMPLETED", ("INFOGRAPHIC", "TEXT")), (nothing, "EXPIRED", (None,))):
        done = await mesh.caller.ended(admitted["id"])
        assert (done["state"], done["failure"]["reason"]) == (state, "DEADLINE")
        assert done["delivery"] in deliveries
        await callers.until(lambda done=done: set(mesh.jobs(done).values()) == {"CANCELLED"}, "the provider stops")


async def test_what_costs_nothing_is_made_within_any_bound_and_holds_no_money(mesh) -> None:
    done = await mesh.caller.made("A penny", max_cost_micros=1)
    assert (done["max_cost_micros"], done["held_micros"], done["spent_micros"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"prompt": ""}, "INVALID_ARGUMENT", "prompt"),
        ({"prompt": "x" * 5001}, "INVALID_ARGUMENT", "5000"),
        ({"promt": "typo"}, "INVALID_ARGUMENT", "prompt"),
        ({"output": {"duration_seconds": 0.5}}, "INVALID_ARGUMENT", "duration_seconds"),
        ({"output": {"duration_seconds": 61}}, "INVALID_ARGUMENT", "60"),
        ({"output": {"width": 161, "height": 90}}, "INVALID_ARGUMENT", "even"),
        ({"output": {"width": 4096, "height": 2160}}, "NO_CANDIDATE", "pixels"),
        ({"model": "sora/sora-2"}, "NO_CANDIDATE", "pinned"),
        ({"max_cost_micros": -1}, "INVALID_ARGUMENT", "max_cost_micros"),
        ({"deadline_time": "2020-01-01T00:00:00Z"}, "INVALID_ARGUMENT", "past"),
        ({"reference_asset_ids": [str(uuid.UUID(int=5))]}, "ASSET_UNUSABLE", "upload"),
    ],
)
async def test_what_cannot_be_made_is_refused_with_what_to_do(mesh, changes, reason, words) -> None:
    body = {"prompt": "A cat", "output": dict(callers.TINY), **changes}
    message = callers.refused(await mesh.caller.http.post(callers.GENERATIONS, json=body), 400, reason)
    assert words in message
    if "promt" not in changes:
        quoted = await mesh.caller.http.post("/api/v1/quotes", json=body)
        # A quote looks at no pictures.
        assert reason == "ASSET_UNUSABLE" or words in callers.refused(quoted, 400, reason)


# --- Where it is kept -------------------------------------------------------------------------------------------------


async def test_a_video_is_kept_in_a_bucket_and_its_lost_job_found_by_its_seed(
    moto_server: s3.S3Server, tmp_path
) -> None:
    bucket = moto_server.make_bucket()
    told: meshes.Told = {
        "storage": {
            "backend": "s3",
            "s3_bucket": bucket,
            "s3_endpoint": moto_server.endpoint,
            "s3_access_key_id": s3.ACCESS_KEY_ID,
            "s3_secret_access_key": s3.SECRET_ACCESS_KEY,
        },
        meshes.WORKER: {"local_hides_tags": True},
    }
    async with meshes.up(tmp_path / "mesh", meshes.Wanted(told=told)) as mesh:
        reference = await mesh.caller.upload(films.picture((20, 200, 20)))
        done = await mesh.caller.made("A cellar [[drop]]", reference_asset_ids=[reference["id"]])
        (rendition,) = done["renditions"]
        content = await mesh.caller.content(rendition["asset_id"])
        films.checked(content, tmp_path, seconds=1.0, size=(160, 90))
        async with callers.nobody(mesh.caller) as stranger:
            assert rendition["url"].startswith(moto_server.endpoint)
            assert (await stranger.get(rendition["url"])).content == content
        assert "attempt_indeterminate" in await mesh.caller.story(done["id"])
        listed = moto_server.client.list_objects_v2(Bucket=bucket)["Contents"]
        folders = {each["Key"].split("/")[1] for each in listed}
    assert {"videos", "thumbnails", "posters", "clips", "references"} <= folders
    assert {len(results) for results in mesh.submits(done).values()} == {1}
