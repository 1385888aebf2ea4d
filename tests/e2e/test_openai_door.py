"""The unmodified openai SDK on our own mesh: only the address and the key are others than they were."""

import asyncio
import base64
import contextlib
import hashlib
import io
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from click import testing
from PIL import Image
from reelmesh_gateway import commands
from starlette import applications, requests, responses, routing

from tests.e2e import caller, mesh
from tests.support import lost_answers, raw_web

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

# Small and short, so that rendering takes a moment; beyond what the original took, too.
SIZE, SECONDS = "160x90", "1"
MANY_SECONDS = 120.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[mesh.Mesh]:
    told = {"gateway": {**mesh.PATIENCE["gateway"], "fetch_private_addresses": True}}
    async with mesh.up(tmp_path_factory.mktemp("mesh"), mesh.Wanted(gateways=2, told=told)) as opened:
        yield opened


def url_of(one: mesh.Mesh, number: int = 0) -> str:
    return f"http://127.0.0.1:{one.replicas['gateway'][number].running.http_port}/v1"


def client_of(one: mesh.Mesh, **changed: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(**{"base_url": url_of(one), "api_key": one.key, **changed})


def picture(width: int = 160, height: int = 90, kind: str = "PNG", shade: int = 10) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 120, 200)).save(file, kind)
    return file.getvalue()


async def posted(one: mesh.Mesh, body: Any, **headers: str) -> httpx.Response:
    return await one.caller.http.post("/v1/videos", json=body, headers=headers)


async def finished(client: openai.AsyncOpenAI, video: openai.types.Video) -> openai.types.Video:
    """Wait as the SDK does."""
    return await asyncio.wait_for(client.videos.poll(video.id, poll_interval_ms=50), MANY_SECONDS)


async def generations(one: mesh.Mesh) -> int:
    """Return how many there are."""
    listed = await one.caller.http.get(caller.GENERATIONS, params={"page_size": 100})
    return len(caller.answered(listed, 200)["generations"])


async def test_the_whole_life_of_a_video(one: mesh.Mesh) -> None:
    async with client_of(one) as client:
        video = await client.videos.create_and_poll(
            prompt="a red kite", model="sora-2", size="720x1280", seconds="4", poll_interval_ms=100
        )
        assert (video.status, video.model, video.seconds, video.size) == ("completed", "sora-2", "4", "720x1280")
        assert (video.object, video.progress, video.prompt, video.error) == ("video", 100, "a red kite", None)
        assert video.completed_at is not None
        assert video.completed_at >= video.created_at
        film = (await client.videos.download_content(video.id)).read()
        assert film[4:8] == b"ftyp"
        thumbnail = Image.open(io.BytesIO((await client.videos.download_content(video.id, variant="thumbnail")).read()))
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (360, 640))
        sheet = Image.open(io.BytesIO((await client.videos.download_content(video.id, variant="spritesheet")).read()))
        assert (sheet.format, sheet.size) == ("JPEG", (4 * 144, 4 * 256))
        assert (await client.videos.delete(video.id)).deleted
        for gone in (client.videos.retrieve, client.videos.delete, client.videos.download_content):
            with pytest.raises(openai.NotFoundError):
                await gone(video.id)
        assert video.id not in [each.id async for each in client.videos.list()]


async def test_the_sdk_that_blocks(one: mesh.Mesh) -> None:
    def use() -> tuple[openai.types.Video, bytes]:
        with openai.OpenAI(base_url=url_of(one), api_key=one.key) as client:
            video = client.videos.create_and_poll(
                prompt="a blue kite", size=SIZE, seconds=SECONDS, poll_interval_ms=100
            )
            return video, client.videos.download_content(video.id).read()

    video, film = await asyncio.wait_for(asyncio.to_thread(use), MANY_SECONDS)
    assert (video.status, video.model, video.seconds, video.size) == ("completed", "sora-2", SECONDS, SIZE)
    assert film[4:8] == b"ftyp"


async def test_sizes_and_lengths_that_the_original_did_not_have(one: mesh.Mesh) -> None:
    for seconds, told in ((1, "1"), (1.5, "1.5"), ("2", "2")):
        made = (await posted(one, {"prompt": "a kite", "seconds": seconds, "size": "200x120"})).json()
        assert (made["seconds"], made["size"]) == (told, "200x120")


async def test_an_answer_says_when_to_look_again_and_which_request_it_was(one: mesh.Mesh) -> None:
    answer = await posted(one, {"prompt": "a kite", "seconds": 1, "size": SIZE}, **{"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert 500 <= int(answer.headers["openai-poll-after-ms"]) <= 5000
    assert set(answer.json()) == {
        *("id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size"),
        *("seconds", "quality", "remixed_from_video_id", "error"),
    }


async def test_pictures_to_start_from_come_in_every_form(one: mesh.Mesh) -> None:
    data = picture()
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    asset = await one.caller.upload(data)

    async def show(_: requests.Request) -> responses.Response:
        return responses.Response(data, media_type="image/png")

    async def lead(request: requests.Request) -> responses.Response:
        return responses.RedirectResponse("/picture.png")

    async with (
        raw_web.serving(
            applications.Starlette(routes=[routing.Route("/picture.png", show), routing.Route("/moved", lead)])
        ) as root,
        client_of(one) as client,
    ):
        by_file = await client.videos.create(
            prompt="a kite", size=SIZE, seconds=SECONDS, input_reference=("kite.png", data, "image/png")
        )
        assert (await finished(client, by_file)).status == "completed"
        for reference in (
            {"image_url": url},
            {"image_url": f"{root}/picture.png"},
            {"image_url": f"{root}/moved"},
            {"file_id": asset["id"]},
        ):
            answer = await posted(
                one, {"prompt": "a kite", "size": SIZE, "seconds": SECONDS, "input_reference": reference}
            )
            assert answer.status_code == 200, answer.text
            found = await one.caller.get(native(answer.json()["id"]))
            assert len(found["reference_asset_ids"]) == 1


async def test_what_the_original_did_not_take_is_said_by_extra_body(one: mesh.Mesh) -> None:
    url = f"data:image/png;base64,{base64.b64encode(picture(shade=200)).decode()}"
    async with client_of(one) as client:
        told = {"seed": 7, "last_frame": {"image_url": url}}
        frame = ("kite.png", picture(), "image/png")
        made = await client.videos.create(
            prompt="a kite", size=SIZE, seconds=SECONDS, input_reference=frame, extra_body=told
        )
        found = await one.caller.get(native(made.id))
        assert (found["seed"], found["reference_asset_ids"]) == (7, [])
        assert found["first_frame_asset_id"]
        assert found["last_frame_asset_id"]
        assert (await finished(client, made)).status == "completed"
        # Nobody here takes it, and it is not left out in silence.
        with pytest.raises(openai.BadRequestError, match="takes no negative prompt"):
            await client.videos.create(
                prompt="a kite", size=SIZE, seconds=SECONDS, extra_body={"negative_prompt": "rain"}
            )
        with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'fps'"):
            await client.videos.create(prompt="a kite", size=SIZE, seconds=SECONDS, extra_body={"fps": 24})


def native(video_id: str) -> str:
    """Return the id that the other doors have for a video."""
    text = video_id.removeprefix("video_")
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


async def test_what_the_name_of_a_model_means(one: mesh.Mesh) -> None:
    async def made(model: str) -> caller.Body:
        answer = await posted(one, {"prompt": "a kite", "seconds": 1, "size": SIZE, "model": model})
        assert answer.json().get("model") == model, answer.text
        return await one.caller.get(native(answer.json()["id"]))

    for name in ("sora-2", "sora-2-pro", "sora-2-2025-12-08", "openai/sora-2"):
        assert (await made(name))["model"] == ""
    assert (await made("local"))["model"] == "local"
    assert (await made("local/local-1"))["model"] == "local/local-1"
    assert (await made("policy/premium"))["policy"].startswith("premium")
    for name in ("veo", "local/nonsense", "no such model", "policy/nonsense", ""):
        answer = await posted(one, {"prompt": "a kite", "seconds": 1, "size": SIZE, "model": name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found"), answer.text


async def test_the_models_that_can_be_asked_for(one: mesh.Mesh) -> None:
    async with client_of(one) as client:
        names = [each.id async for each in client.models.list()]
        assert names == ["sora-2", "sora-2-pro", "local", "local/local-1"]
        assert (await client.models.retrieve("local/local-1")).owned_by == "local"
        assert (await client.models.retrieve("sora-2")).id == "sora-2"
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await client.models.retrieve("veo")


async def test_a_list_goes_on_from_page_to_page_in_both_orders(one: mesh.Mesh) -> None:
    async with client_of(one) as client:
        before = [each.id async for each in client.videos.list(order="asc")]
        made = [
            (await client.videos.create(prompt=f"kite {number}", size=SIZE, seconds=SECONDS)).id for number in range(3)
        ]
        assert [each.id async for each in client.videos.list(limit=2, order="asc")] == before + made
        page = await client.videos.list(limit=2)
        assert ([each.id for each in page.data], page.has_more) == ([made[2], made[1]], True)
        behind = await client.videos.list(limit=100, after=made[1], order="asc")
        assert ([each.id for each in behind.data], behind.has_more) == ([made[2]], False)
        none = await client.videos.list(limit=0)
        assert (none.data, none.has_more) == ([], True)
        for unknown in ("nonsense", "video_" + "0" * 32):
            assert (await client.videos.list(after=unknown)).data == []
    # What was asked for at other doors may end with words, and is not shown here.
    other = await one.caller.create("a kite elsewhere")
    answer = await one.caller.http.get(f"/v1/videos/video_{other['id'].replace('-', '')}")
    assert answer.status_code == 404


async def test_a_video_that_cannot_be_made_fails_with_a_reason_and_never_becomes_words(one: mesh.Mesh) -> None:
    async with client_of(one) as client:
        made = await client.videos.create(prompt="a kite [[fail]]", size=SIZE, seconds=SECONDS)
        failed = await finished(client, made)
        assert (failed.status, failed.progress) == ("failed", 0)
        assert failed.error is not None
        assert failed.error.code == "video_generation_failed"
        with pytest.raises(openai.NotFoundError, match="not ready"):
            await client.videos.download_content(failed.id)
        cancelled = await client.videos.create(prompt="a kite [[slow=600]]", size=SIZE, seconds=SECONDS)
        with pytest.raises(openai.BadRequestError, match="Only completed or failed"):
            await client.videos.delete(cancelled.id)
        await one.caller.cancel(native(cancelled.id))
        ended = await finished(client, cancelled)
        assert ended.error is not None
        assert (ended.status, ended.error.code) == ("failed", "video_cancelled")
        assert (await client.videos.delete(ended.id)).id == ended.id


async def test_files_are_served_by_ranges(one: mesh.Mesh) -> None:
    async with client_of(one) as client:
        made = await client.videos.create(prompt="a kite", size=SIZE, seconds=SECONDS)
        await finished(client, made)
    for variant, kind in (("video", "video/mp4"), ("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")):
        path = f"/v1/videos/{made.id}/content?variant={variant}"
        whole = await one.caller.http.get(path)
        assert (whole.status_code, whole.headers["content-type"]) == (200, kind)
        part = await one.caller.http.get(path, headers={"range": "bytes=4-11"})
        assert (part.status_code, part.content) == (206, whole.content[4:12])
        head = await one.caller.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(whole.content)
        same = await one.caller.http.get(path, headers={"if-none-match": whole.headers["etag"]})
        assert same.status_code == 304
        outside = await one.caller.http.get(path, headers={"range": "bytes=99999999-"})
        assert (outside.status_code, outside.json()["error"]["type"]) == (416, "invalid_request_error")


async def test_what_another_tenant_has_does_not_exist(one: mesh.Mesh) -> None:
    folder = str(one.folder / "gateway-0")
    added = testing.CliRunner().invoke(commands.keys, ["add", "stranger", "--data", folder])
    assert added.exit_code == 0, added.output
    asset = await one.caller.upload(picture())
    body = {"prompt": "mine alone", "seconds": 1, "size": SIZE}
    made = (await posted(one, body, **counted(0))).json()["id"]
    async with client_of(one, api_key=added.stdout.strip()) as stranger:
        for verb in (stranger.videos.retrieve, stranger.videos.delete, stranger.videos.download_content):
            with pytest.raises(openai.NotFoundError) as refused:
                await verb(made)
            nobodys = pytest.raises(openai.NotFoundError)
            with nobodys as unknown:
                await verb("video_" + "0" * 32)
            assert refused.value.body == unknown.value.body
        assert [each async for each in stranger.videos.list()] == []
        assert (await stranger.videos.list(after=made, order="asc")).data == []
    async with httpx.AsyncClient(base_url=one.caller.http.base_url) as http:
        headers = {"authorization": f"Bearer {added.stdout.strip()}", **counted(1)}
        theirs = await http.post("/v1/videos", json=body, headers=headers, timeout=MANY_SECONDS)
        assert theirs.json()["id"] != made
        stolen = {**body, "input_reference": {"file_id": asset["id"]}}
        answer = await http.post("/v1/videos", json=stolen, headers=headers, timeout=MANY_SECONDS)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_reference")


# --- the answer that is lost


@contextlib.asynccontextmanager
async def wired(one: mesh.Mesh) -> AsyncGenerator[tuple[lost_answers.Wire, str]]:
    """Serve a wire before both gateways, by turns."""
    async with lost_answers.wired([url_of(one, number).removesuffix("/v1") for number in (0, 1)]) as (wire, root):
        yield wire, f"{root}/v1"


@pytest.mark.parametrize("drops", [1, 2])
@pytest.mark.parametrize("with_picture", [False, True])
async def test_an_answer_that_is_lost_makes_one_generation(one: mesh.Mesh, drops: int, with_picture: bool) -> None:
    prompt = f"a kite whose answer is lost {drops} {with_picture}"
    more: dict[str, Any] = {"input_reference": ("kite.png", picture(), "image/png")} if with_picture else {}
    async with wired(one) as (wire, url), client_of(one, base_url=url, max_retries=2) as client:
        wire.drops = drops
        video = await client.videos.create(prompt=prompt, size=SIZE, seconds=SECONDS, **more)
        assert wire.counts == [str(number) for number in range(drops + 1)]
        listed = [each.id async for each in client.videos.list() if each.prompt == prompt]
        assert listed == [video.id]
        assert (await finished(client, video)).status == "completed"


async def test_a_repeat_that_overtakes_its_first_at_another_gateway_is_the_same(one: mesh.Mesh) -> None:
    body = {"prompt": "a kite overtaken", "seconds": 1, "size": SIZE}
    form = {name: (None, str(value)) for name, value in body.items()}
    first, other = (each.http for each in one.callers)
    for order in ((1, 0), (0, 1), (1, 2)):
        # The second comes as a form, what it says is the same.
        ids = [
            (await first.post("/v1/videos", json=body, headers=counted(order[0]))).json()["id"],
            (await other.post("/v1/videos", files=form, headers=counted(order[1]))).json()["id"],
        ]
        assert ids[0] == ids[1], order
        body["prompt"] += "!"
        form["prompt"] = (None, body["prompt"])


async def test_two_creates_that_were_meant_stay_two(one: mesh.Mesh) -> None:
    body = {"prompt": "a kite, twice", "seconds": 1, "size": SIZE}
    made = [(await posted(one, body, **counted(0))).json()["id"] for _ in range(2)]
    assert len(set(made)) == 2
    again = await posted(one, body, **counted(1))
    assert again.json()["id"] == made[1]
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_of_the_callers_own_decides(one: mesh.Mesh) -> None:
    data = base64.b64encode(picture(shade=77)).decode()
    reference = {"image_url": f"data:image/png;base64,{data}"}
    body = {"prompt": "a kite by key", "seconds": 1, "size": SIZE, "input_reference": reference}
    key = hashlib.sha256(b"mine").hexdigest()
    made = [
        (await posted(one, body, **{"idempotency-key": each, **counted(count)})).json()["id"]
        for each, count in ((key, 0), (key, 0), (key, 1), ("another", 1))
    ]
    assert made[0] == made[1] == made[2] != made[3]
    other = await posted(one, {**body, "prompt": "another"}, **{"idempotency-key": key})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def counted(count: int) -> dict[str, str]:
    return {"x-stainless-retry-count": str(count)}
