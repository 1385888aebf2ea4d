"""Runway's Model Router: the one way to its tasks for who lost an id."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import runwayml
from reelmesh_simulators import catalogue, faults, serving
from reelmesh_simulators.dialects import runway

from tests.support import vendors
from tests.support.runway_client import PICTURE, client_of, ended, plain, told


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["runway"]) as found:
        yield found


# --- the Model Router


async def test_the_router_takes_the_cheapest_model_that_can_do_it_and_remembers(served: serving.Served) -> None:
    router_id = runway.ROUTERS["default"]
    async with client_of(served) as client:
        first = await client.generate.video.create(
            config_id="default", input={"prompt_text": "a cat", "duration": 4, "seed": 7, "resolution": "480p"}
        )
        assert (told(first).routing.model, told(first).routing.provider) == ("grok_imagine_1_5_lite", "xai")
        silent = await client.generate.video.create(
            config_id="default", input={"prompt_text": "a dog", "duration": 10, "audio": False, "aspect_ratio": "9:16"}
        )
        assert told(silent).routing.resolved_input.ratio == "720:1280"
        large = await client.generate.video.create(
            config_id="default",
            input={
                "prompt_text": "a cow",
                "duration": 4,
                "resolution": "4k",
                "reference_images": [{"role": "first", "uri": PICTURE}],
            },
        )
        assert (await ended(client, first.id)).status == "SUCCEEDED"
        listed = [one async for one in client.routers.list_requests(router_id, limit=2)]
        assert [one.task_id for one in listed] == [large.id, silent.id, first.id]
        assert {one.status for one in listed} == {"routed"}
        assert listed[2].model == told(first).routing.model
        assert listed[2].estimated_credits == told(first).routing.estimated_cost.credits
    jobs = {job.job_id: job.order for job in served.vendor.ledger.all_jobs()}
    assert jobs[large.id].width * jobs[large.id].height > 3840 * 2000
    assert not jobs[silent.id].audio


async def test_what_no_model_can_do_is_refused_and_remembered(served: serving.Served) -> None:
    impossible = {"promptText": "a cat", "duration": 60}
    async with plain(served) as client:
        answer = await client.post("/v1/generate/video", json={"configId": "default", "input": impossible})
        assert (answer.status_code, answer.json()["code"]) == (400, "no_eligible_model")
        more: tuple[Mapping[str, Any], ...] = (
            {"referenceVideos": [{"role": "source", "uri": PICTURE}]},
            {"keyframes": [{}]},
        )
        for hopeless in more:
            answer = await client.post(
                "/v1/generate/video", json={"configId": "default", "input": {"promptText": "x", **hopeless}}
            )
            assert answer.json()["code"] == "no_eligible_model"
    async with client_of(served) as client, client_of(served, key="key_2") as stranger:
        listed = [one async for one in client.routers.list_requests(runway.ROUTERS["default"], limit=10)]
        assert [(one.status, one.emptied_by, one.task_id) for one in listed] == [
            ("no_eligible_model", ["capability"], None)
        ] * 3
        assert [one async for one in stranger.routers.list_requests(runway.ROUTERS["default"], limit=10)] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"configId": "nowhere", "input": {}}, 404),
        ({"input": {}}, 400),
        ({"configId": "default"}, 400),
        ({"configId": "default", "input": {"aspectRatio": "2:1"}}, 400),
        ({"configId": "default", "input": {"size": "1280x720"}}, 400),
        ({"configId": "default", "input": {"referenceImages": [{"role": "first", "uri": "runway://0"}]}}, 400),
    ],
)
async def test_the_router_refuses_what_it_does_not_know(
    served: serving.Served, body: Mapping[str, Any], status: int
) -> None:
    async with plain(served) as client:
        assert (await client.post("/v1/generate/video", json=body)).status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/routers/unknown/requests?limit=5", 404),
        (f"/v1/routers/{runway.ROUTERS['default']}/requests", 400),
        (f"/v1/routers/{runway.ROUTERS['default']}/requests?limit=0", 400),
        (f"/v1/routers/{runway.ROUTERS['default']}/requests?limit=101", 400),
        (f"/v1/routers/{runway.ROUTERS['default']}/requests?limit=5&cursor=x", 400),
    ],
)
async def test_a_list_needs_a_router_and_a_limit(served: serving.Served, path: str, status: int) -> None:
    async with plain(served) as client:
        assert (await client.get(path)).status_code == status


async def test_the_list_may_lack_a_task_for_a_while_and_fail(served: serving.Served) -> None:
    router_id = runway.ROUTERS["default"]
    async with client_of(served) as client:
        await client.generate.video.create(
            config_id="default", input={"prompt_text": "a cat [[unlisted=1000]]", "duration": 4}
        )
        with contextlib.suppress(runwayml.InternalServerError):
            await client.generate.video.create(
                config_id="default", input={"prompt_text": "a dog [[accept-500]]", "duration": 4}
            )
        listed = [one async for one in client.routers.list_requests(router_id, limit=10)]
        (line,) = [one for one in served.vendor.ledger.lines(served.vendor.now) if one.request == "a dog"]
        assert [one.task_id for one in listed] == list(line.job_ids)
        served.vendor.suffering.rules.append(faults.Rule(faults.Fault.POLL_500))
        with pytest.raises(runwayml.InternalServerError):
            await client.routers.list_requests(router_id, limit=10)
