"""What the simulated Runway takes and refuses, field by field, and the files that are sent to it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import runwayml
from reelmesh_simulators import catalogue, serving
from reelmesh_simulators.dialects import runway, runway_models, runway_uploads

from tests.support import vendors
from tests.support.runway_client import GEN45, PICTURE, TURBO, client_of, ended, made, plain, told


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["runway"]) as found:
        yield found


# --- what is refused


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"x-runway-version": "2024-11-06"}, 401, "API key"),
        ({"authorization": "Basic x", "x-runway-version": "2024-11-06"}, 401, "API key"),
        ({"authorization": "Bearer key_1"}, 400, "missing"),
        ({"authorization": "Bearer key_1", "x-runway-version": "2023-01-01"}, 400, "not known"),
    ],
)
async def test_a_caller_names_its_key_and_its_version(
    served: serving.Served, headers: dict[str, str], status: int, words: str
) -> None:
    async with httpx.AsyncClient(base_url=served.url, headers=headers) as client:
        answer = await client.post("/v1/text_to_video", json=GEN45)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert served.vendor.ledger.creates() == []


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("text", {"model": None}, "model", "invalid_union_discriminator"),
        ("text", {"model": "gen3a_turbo"}, "model", "invalid_union_discriminator"),
        ("text", {"model": "gen4_turbo"}, "model", "invalid_union_discriminator"),
        ("text", {"model": ["gen4.5"]}, "model", "invalid_union_discriminator"),
        ("text", {"promptText": None}, "promptText", "invalid_type"),
        ("text", {"promptText": ""}, "promptText", "too_small"),
        ("text", {"promptText": 7}, "promptText", "invalid_type"),
        ("text", {"promptText": "\N{CAT FACE}" * 501}, "promptText", "too_big"),
        ("text", {"ratio": None}, "ratio", "invalid_type"),
        ("text", {"ratio": "960:960"}, "ratio", "invalid_enum_value"),
        ("text", {"duration": None}, "duration", "invalid_type"),
        ("text", {"duration": "2"}, "duration", "invalid_type"),
        ("text", {"duration": True}, "duration", "invalid_type"),
        ("text", {"duration": 1}, "duration", "too_small"),
        ("text", {"duration": 11}, "duration", "too_big"),
        ("text", {"seed": -1}, "seed", "too_small"),
        ("text", {"outputFormat": "gif"}, "outputFormat", "invalid_enum_value"),
        ("text", {"contentModeration": "low"}, "contentModeration", "invalid_type"),
        ("text", {"audio": True}, None, "unrecognized_keys"),
        ("text", {"model": "veo3.1", "duration": 5}, "duration", "invalid_enum_value"),
        ("text", {"model": "veo3.1", "duration": 4, "audio": "yes"}, "audio", "invalid_type"),
        ("text", {"model": "kling2.5_turbo_pro", "duration": 5, "cfgScale": 2}, "cfgScale", "too_big"),
        ("text", {"model": "kling2.5_turbo_pro", "duration": 5, "cfgScale": -1}, "cfgScale", "too_small"),
        ("text", {"model": "kling2.5_turbo_pro", "duration": 5, "cfgScale": "x"}, "cfgScale", "invalid_type"),
        ("text", {"model": "seedance2", "duration": 4, "references": "x"}, "references", "invalid_type"),
        ("text", {"model": "seedance2", "duration": 4, "references": [{"uri": "x"}]}, "references", "custom"),
        ("image", {"promptImage": None}, "promptImage", "invalid_type"),
        ("image", {"promptImage": 7}, "promptImage", "invalid_type"),
        ("image", {"promptImage": []}, "promptImage", "invalid_type"),
        ("image", {"promptImage": "http://pictures.example.com/a.png"}, "promptImage", "custom"),
        ("image", {"promptImage": "https://192.0.2.1/a.png"}, "promptImage", "custom"),
        ("image", {"promptImage": "https://[2001:db8::1]/a.png"}, "promptImage", "custom"),
        ("image", {"promptImage": "https://localhost/a.png"}, "promptImage", "custom"),
        ("image", {"promptImage": f"https://pictures.example.com/{'a' * 2048}"}, "promptImage", "custom"),
        ("image", {"promptImage": "data:image/png;base64,?"}, "promptImage", "custom"),
        ("image", {"promptImage": [{"uri": PICTURE, "position": "last"}]}, "promptImage", "invalid_enum_value"),
        ("image", {"promptImage": [{"uri": PICTURE, "position": "first"}] * 2}, "promptImage", "invalid_enum_value"),
        ("image", {"promptImage": [{"uri": "x", "position": "first"}]}, "promptImage", "custom"),
        ("image", {"promptImage": "runway://0123"}, None, "custom"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_field(
    served: serving.Served, path: str, body: Mapping[str, Any], field: str | None, code: str
) -> None:
    right = TURBO if path == "image" else GEN45
    async with plain(served) as client:
        answer = await client.post(f"/v1/{path}_to_video", json={**right, **body})
    told = answer.json()
    assert (answer.status_code, told["error"]) == (400, "Validation of body failed")
    assert told["docUrl"].startswith("https://")
    found = [(issue["path"], issue["code"]) for issue in told["issues"]]
    assert found == [([field] if field else [], code)]
    assert served.vendor.ledger.creates() == []


async def test_data_that_is_too_large_is_refused_and_small_data_is_taken(served: serving.Served) -> None:
    async with plain(served) as client:
        small = await client.post("/v1/image_to_video", json={**TURBO, "promptImage": "data:image/png;base64,QUJD"})
        large = "data:image/png;base64," + "A" * (5 * 1024 * 1024)
        refused = await client.post("/v1/image_to_video", json={**TURBO, "promptImage": large})
    assert (small.status_code, refused.status_code) == (200, 400)


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
async def test_a_body_that_is_no_object_is_refused(served: serving.Served, body: bytes) -> None:
    async with plain(served) as client:
        answer = await client.post("/v1/text_to_video", content=body)
    assert (answer.status_code, "no JSON object" in answer.json()["error"]) == (400, True)


async def test_there_is_no_list_of_tasks(served: serving.Served) -> None:
    async with plain(served) as client:
        assert (await client.get("/v1/tasks")).status_code == 404


async def test_a_model_has_so_many_generations_in_a_day() -> None:
    def capped(seller: Any) -> serving.Dialect:
        return runway.Runway(seller, daily_cap=1)

    async with vendors.selling(capped) as found, client_of(found) as client, plain(found) as http:
        first = await made(client)
        await client.tasks.delete(first.id)
        with pytest.raises(runwayml.RateLimitError, match="daily limit"):
            await made(client)
        assert (await http.post("/v1/image_to_video", json=TURBO)).status_code == 200
        found_limits = await client.organization.retrieve()
        assert found_limits.tier.models["gen4.5"].max_daily_generations == 1
        assert found_limits.usage.models["gen4.5"].daily_generations == 1
        assert [create.answer for create in found.vendor.ledger.creates()] == ["accepted", "daily-cap", "accepted"]


async def test_credits_are_taken_at_once_given_back_and_may_run_out() -> None:
    def poor(seller: Any) -> serving.Dialect:
        return runway.Runway(seller, balance_credits=30)

    async with vendors.selling(poor) as found, client_of(found) as client:
        failing = await client.text_to_video.create(
            model="gen4.5", prompt_text="a cat [[fail]]", ratio="1280:720", duration=2
        )
        with pytest.raises(runwayml.BadRequestError, match="enough credits"):
            await made(client)
        await ended(client, failing.id)
        assert (await client.organization.retrieve()).credit_balance == 30
        assert (await made(client)).status == "SUCCEEDED"
        assert (await client.organization.retrieve()).credit_balance == 6
        assert [create.answer for create in found.vendor.ledger.creates()] == ["accepted", "quota", "accepted"]


@pytest.mark.parametrize("name", sorted(runway_models.MODELS))
async def test_every_model_makes_a_clip_of_each_size_that_it_names(served: serving.Served, name: str) -> None:
    model = runway_models.MODELS[name]
    async with plain(served) as client:
        for path, shape in (("text", model.text), ("image", model.image)):
            if shape is None:
                continue
            seconds = 4
            body: dict[str, Any] = {"model": name, "promptText": "a cat", "duration": 5 if "2.5" in name else seconds}
            if path == "image":
                body["promptImage"] = [{"uri": PICTURE, "position": "first"}]
            for ratio in getattr(shape.get("ratio"), "values", (None,)):
                asked = {**body, "ratio": ratio} if ratio else body
                answer = await client.post(f"/v1/{path}_to_video", json=asked)
                assert answer.status_code == 200, answer.text
                assert answer.json()["estimatedCost"]["credits"] > 0
    for job in served.vendor.ledger.all_jobs():
        assert (job.order.width % 2, job.order.height % 2) == (0, 0)
        assert min(job.order.width, job.order.height) >= 360


async def test_a_length_left_to_the_model_is_reckoned_with_at_its_most(served: serving.Served) -> None:
    async with client_of(served) as client:
        created = await client.text_to_video.create(model="seedance2_mini", prompt_text="a cat", duration="auto")
        task = await ended(client, created.id)
    assert (told(created).estimated_cost.credits, task.cost.credits) == (16 * 15, 16 * 5)


# --- uploads


async def test_an_upload_is_named_by_later_requests(served: serving.Served) -> None:
    async with client_of(served) as client, client_of(served, key="key_2") as stranger:
        upload = await client.uploads.create_ephemeral(file=("a.png", b"a picture"))
        assert upload.uri.startswith("runway://")
        task = await client.image_to_video.create(model="gen4_turbo", prompt_image=upload.uri, ratio="1280:720")
        assert (await ended(client, task.id)).status == "SUCCEEDED"
        with pytest.raises(runwayml.BadRequestError, match="does not exist"):
            await stranger.image_to_video.create(model="gen4_turbo", prompt_image=upload.uri, ratio="1280:720")


async def test_an_upload_that_was_not_sent_or_not_rightly_is_none(served: serving.Served) -> None:
    async with plain(served) as client:
        begun = (await client.post("/v1/uploads", json={"filename": "a.png", "type": "ephemeral"})).json()
        body = {**TURBO, "promptImage": begun["runwayUri"]}
        assert (await client.post("/v1/image_to_video", json=body)).status_code == 400
        url, fields = begun["uploadUrl"], begun["fields"]
        file = {"file": ("a.png", b"x", "image/png")}
        forged = await client.post(url, data={**fields, "key": "elsewhere"}, files=file)
        assert (forged.status_code, "AccessDenied" in forged.text) == (403, True)
        nowhere = await client.post("/uploads/nothing", data=fields, files=file)
        assert nowhere.status_code == 403
        without = await client.post(url, data=fields)
        assert (without.status_code, "exactly one file" in without.text) == (400, True)
        misnamed = await client.post(url, data=fields, files={"picture": ("a.png", b"x", "image/png")})
        assert misnamed.status_code == 400
        parts = [("file", ("a.png", b"x", "image/png")), *((name, (None, value)) for name, value in fields.items())]
        first = await client.post(url, files=parts)
        assert first.status_code == 400
        assert (await client.post("/v1/image_to_video", json=body)).status_code == 400
        assert (await client.post(url, data=fields, files=file)).status_code == 204
        assert (await client.post("/v1/image_to_video", json=body)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"filename": "a.png"}, {"filename": "a.png", "type": "for ever"}])
async def test_an_upload_says_its_name_and_kind(served: serving.Served, body: Mapping[str, str]) -> None:
    async with plain(served) as client:
        assert (await client.post("/v1/uploads", json=body)).json()["error"] == "Validation of body failed"


async def test_an_upload_has_a_largest_size_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runway_uploads, "LARGEST_BYTES", 3)
    async with vendors.selling(runway.Runway) as found, client_of(found) as client:
        with pytest.raises(runwayml.APIStatusError, match="400"):
            await client.uploads.create_ephemeral(file=("a.png", b"four"))
        upload = await client.uploads.create_ephemeral(file=("a.png", b"cat"))

        async def use_it() -> None:
            await client.image_to_video.create(model="gen4_turbo", prompt_image=upload.uri, ratio="1280:720")

        await use_it()
        found.vendor.clock = vendors.Tomorrow()
        with pytest.raises(runwayml.BadRequestError, match="expired"):
            await use_it()
