"""Runway's own SDK, unmodified, against its simulator."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import runwayml
from reelmesh_simulators import catalogue, clips, faults, orders, serving
from reelmesh_simulators.dialects import runway

from tests.support import vendors
from tests.support.runway_client import PICTURE, bytes_at, client_of, ended, made, plain, told


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["runway"]) as found:
        yield found


# --- a task's life


async def test_a_task_is_waited_for_and_its_output_downloaded(served: serving.Served) -> None:
    async with client_of(served) as client:
        created = await client.text_to_video.create(
            model="gen4.5", prompt_text="a cat", ratio="1280:720", duration=2, seed=7
        )
        assert told(created).estimated_cost.credits == 24
        task = await created.wait_for_task_output()
    assert task.status == "SUCCEEDED"
    assert task.cost.credits == 24
    answer = await bytes_at(task.output[0])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content == clips.clip(1280, 720, 2.0, task.id, audio=False)
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.request, line.creates, line.job_ids, line.billed_micros) == ("a cat", 1, (task.id,), 240_000)
    (create,) = served.vendor.ledger.creates()
    assert (create.model, create.seed) == ("gen4.5", 7)
    assert "Runway" in create.client


async def test_the_sync_client_does_the_same(served: serving.Served) -> None:
    def whole_life() -> tuple[str, int]:
        with runwayml.RunwayML(base_url=served.url, api_key="key_1", max_retries=0) as client:
            created = client.image_to_video.create(
                model="veo3.1_fast", prompt_image=PICTURE, ratio="720:1280", duration=4, audio=False
            )
            task = created.wait_for_task_output()
            assert task.status == "SUCCEEDED"
            return task.output[0], task.cost.credits

    url, cost = await asyncio.to_thread(whole_life)
    assert cost == 40
    assert (await bytes_at(url)).content[4:8] == b"ftyp"


async def test_a_task_goes_from_pending_to_running_with_its_progress() -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=1e6)
    async with vendors.selling(runway.Runway, pace=pace) as found, client_of(found) as client:
        waiting = await client.text_to_video.create(
            model="gen4.5", prompt_text="a cat [[queue=1000]]", ratio="1280:720", duration=2
        )
        pending = await client.tasks.retrieve(waiting.id)
        assert (pending.status, pending.estimated_cost.credits) == ("PENDING", 24)  # type: ignore[union-attr]
        stalled = await client.text_to_video.create(
            model="gen4.5", prompt_text="a dog [[stall]]", ratio="1280:720", duration=2
        )
        running = await client.tasks.retrieve(stalled.id)
        assert (running.status, running.progress) == ("RUNNING", 0.5)  # type: ignore[union-attr]
        assert running.created_at.tzinfo is not None


async def test_above_the_concurrency_of_a_model_a_task_is_throttled_and_goes_on_when_another_ends() -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=0.1)
    async with vendors.selling(runway.Runway, pace=pace) as found, client_of(found) as client:
        found.vendor.ledger.slots = 1
        first = await client.text_to_video.create(
            model="gen4.5", prompt_text="a cat [[stall]]", ratio="1280:720", duration=2
        )
        second = await client.text_to_video.create(model="gen4.5", prompt_text="a dog", ratio="1280:720", duration=2)
        assert (await client.tasks.retrieve(first.id)).status == "RUNNING"
        assert (await client.tasks.retrieve(second.id)).status == "THROTTLED"
        other = await client.text_to_video.create(model="wan3", prompt_text="a cow", duration=2)
        assert (await ended(client, other.id)).status == "SUCCEEDED"
        await client.tasks.delete(first.id)
        assert (await ended(client, second.id)).status == "SUCCEEDED"


async def test_a_deleted_task_is_gone_and_a_running_one_is_not_refunded() -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=1e6)
    async with vendors.selling(runway.Runway, pace=pace) as found, client_of(found) as client:
        running = await client.text_to_video.create(model="gen4.5", prompt_text="a cat", ratio="1280:720", duration=2)
        waiting = await client.text_to_video.create(
            model="gen4.5", prompt_text="a dog [[queue=1000]]", ratio="1280:720", duration=2
        )
        for task in (running, waiting):
            assert await client.tasks.delete(task.id) is None
            with pytest.raises(runwayml.NotFoundError):
                await client.tasks.retrieve(task.id)
            with pytest.raises(runwayml.NotFoundError):
                await client.tasks.delete(task.id)
        billed = {line.request: line.billed_micros for line in found.vendor.ledger.lines(found.vendor.now)}
        assert billed == {"a cat": 240_000, "a dog": 0}
        assert (await client.organization.retrieve()).credit_balance == runway.PLENTY_OF_CREDITS - 24


async def test_a_task_that_somebody_else_cancelled_says_so() -> None:
    pace = orders.Pace(queue_seconds=0.0, render_seconds=1e6)
    async with vendors.selling(runway.Runway, pace=pace) as found, client_of(found) as client:
        created = await client.text_to_video.create(model="gen4.5", prompt_text="a cat", ratio="1280:720", duration=2)
        found.vendor.cancel("key_1", created.id)
        with pytest.raises(runwayml.TaskFailedError) as failed:
            await created.wait_for_task_output()
    assert failed.value.task_details.status == "CANCELLED"
    assert failed.value.task_details.cost.credits == 24


@pytest.mark.parametrize(
    ("marker", "code", "cost"),
    [
        ("fail", "ASSET.INVALID", 0),
        ("fail=1", "SAFETY.INPUT.TEXT", 24),
        ("fail=2", "INPUT_PREPROCESSING.SAFETY.TEXT", 0),
        ("fail=3", None, 0),
        ("fail-inside", "INTERNAL.BAD_OUTPUT.CODE01", 0),
        ("fail-inside=1", "INTERNAL", 0),
        ("filter", "SAFETY.OUTPUT.VIDEO", 0),
    ],
)
async def test_a_task_fails_with_the_code_of_its_family(
    served: serving.Served, marker: str, code: str | None, cost: int
) -> None:
    async with client_of(served) as client:
        task = await made(client, f"a cat [[{marker}]]")
    assert (task.status, task.failure_code, task.cost.credits) == ("FAILED", code, cost)
    assert task.failure
    assert served.vendor.ledger.lines(served.vendor.now)[0].billed_micros == cost * 10_000


async def test_a_rule_for_everybody_fails_a_task_too(served: serving.Served) -> None:
    served.vendor.suffering.rules.append(faults.Rule(faults.Fault.FAIL_INSIDE, match="cat"))
    async with client_of(served) as client:
        assert (await made(client, "a cat")).failure_code == "INTERNAL.BAD_OUTPUT.CODE01"
        assert (await made(client, "a dog")).status == "SUCCEEDED"


async def test_a_task_may_succeed_with_nothing_in_it(served: serving.Served) -> None:
    async with client_of(served) as client:
        task = await made(client, "a cat [[empty]]")
    assert (task.status, task.output) == ("SUCCEEDED", [])


async def test_a_task_may_be_forgotten(served: serving.Served) -> None:
    async with client_of(served) as client:
        task = await client.text_to_video.create(
            model="gen4.5", prompt_text="a cat [[forget]]", ratio="1280:720", duration=2
        )
        with pytest.raises(runwayml.NotFoundError):
            await client.tasks.retrieve(task.id)


# --- its output


async def test_each_look_gives_a_fresh_address_and_old_ones_expire(served: serving.Served) -> None:
    async with client_of(served) as client:
        task = await made(client)
        again = await client.tasks.retrieve(task.id)
        assert again.status == "SUCCEEDED"
        assert task.output[0] != again.output[0]
        assert (await bytes_at(task.output[0])).status_code == 200
        served.vendor.clock = vendors.Tomorrow()
        expired = await bytes_at(task.output[0])
        assert (expired.status_code, "Request has expired" in expired.text) == (403, True)
        fresh = await client.tasks.retrieve(task.id)
        assert (await bytes_at(fresh.output[0])).status_code == 200  # type: ignore[union-attr]


async def test_an_address_is_valid_for_its_own_task_alone_and_cannot_be_made_up(served: serving.Served) -> None:
    async with client_of(served) as client:
        one, other = await made(client), await made(client)
        url = one.output[0].replace(one.id, other.id)
        assert (await bytes_at(url)).status_code == 403
        assert (await bytes_at(url.partition("?")[0])).status_code == 403
        assert (await bytes_at(f"{url.partition('?')[0]}?_jwt=99999999999999-x-y")).status_code == 403
        assert (await bytes_at(url.replace(other.id, "nothing"))).status_code == 404


async def test_an_output_can_be_looked_at_without_its_bytes(served: serving.Served) -> None:
    async with client_of(served) as client, plain(served) as http:
        task = await made(client, "a cat [[truncate:1]]")
        head = await http.head(task.output[0])
        assert int(head.headers["content-length"]) == len(clips.clip(1280, 720, 2.0, task.id, audio=False))
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(task.output[0])
        assert (await http.get(task.output[0])).content[4:8] == b"ftyp"


async def test_bytes_go_wrong_as_asked(served: serving.Served) -> None:
    async with client_of(served) as client:
        assert b"server_error" in (await bytes_at((await made(client, "a cat [[no-video]]")).output[0])).content
        corrupt = await made(client, "a dog [[corrupt]]")
        content = (await bytes_at(corrupt.output[0])).content
        assert content[4:8] == b"ftyp"
        assert content != clips.clip(1280, 720, 2.0, corrupt.id, audio=False)
        lost = await bytes_at((await made(client, "a pig [[lost]]")).output[0])
        assert (lost.status_code, "NoSuchKey" in lost.text) == (404, True)
        expired = await made(client, "a hen [[expired:1]]")
        assert (await bytes_at(expired.output[0])).status_code == 403
        fresh = await client.tasks.retrieve(expired.id)
        assert (await bytes_at(fresh.output[0])).status_code == 200  # type: ignore[union-attr]
        slow = await made(client, "a cow [[slow-fetch=0.05]]")
        assert (await bytes_at(slow.output[0])).status_code == 200


# --- what goes wrong when it is created and looked at


async def test_the_sdk_pays_three_times_for_an_answer_that_is_lost(served: serving.Served) -> None:
    async with client_of(served, retries=2) as client:
        with pytest.raises(runwayml.InternalServerError):
            await client.text_to_video.create(
                model="gen4.5", prompt_text="a cat [[accept-500]]", ratio="1280:720", duration=2
            )
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.creates, len(line.job_ids)) == (3, 3)
    assert [create.repeats for create in served.vendor.ledger.creates()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("marker", "error", "paid"),
    [
        ("vanish", runwayml.APIConnectionError, 0),
        ("proxy-error", runwayml.InternalServerError, 0),
        ("server-error", runwayml.InternalServerError, 0),
        ("unauthorized", runwayml.AuthenticationError, 0),
        ("retired", runwayml.BadRequestError, 0),
        ("quota", runwayml.BadRequestError, 0),
        ("busy=3", runwayml.RateLimitError, 0),
        ("overloaded", runwayml.InternalServerError, 0),
        ("refuse", runwayml.BadRequestError, 0),
        ("unsafe", runwayml.BadRequestError, 0),
        ("accept-drop", runwayml.APIConnectionError, 1),
        ("accept-half", runwayml.APIConnectionError, 1),
        ("accept-500", runwayml.InternalServerError, 1),
        ("accept-502", runwayml.InternalServerError, 1),
        ("accept-busy", runwayml.RateLimitError, 1),
        ("accept-garbage", ValueError, 1),
    ],
)
async def test_a_create_goes_wrong_as_asked_and_the_ledger_knows(
    served: serving.Served, marker: str, error: type[Exception], paid: int
) -> None:
    async with client_of(served) as client:
        with pytest.raises(error) as raised:
            await client.text_to_video.create(
                model="gen4.5", prompt_text=f"a cat [[{marker}]]", ratio="1280:720", duration=2
            )
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.creates, len(line.job_ids)) == (1, paid)
    if marker == "busy=3":
        assert isinstance(raised.value, runwayml.APIStatusError)
        assert raised.value.response.headers["retry-after"] == "3"


@pytest.mark.parametrize("marker", ["accept-slow=0.1", "late=0.1"])
async def test_an_answer_may_be_late(served: serving.Served, marker: str) -> None:
    async with client_of(served) as client:
        assert (await made(client, f"a cat [[{marker}]]")).status == "SUCCEEDED"


async def test_looks_fail_as_often_as_asked(served: serving.Served) -> None:
    wanted = {
        "poll-500": runwayml.InternalServerError,
        "poll-busy=2": runwayml.RateLimitError,
        "poll-drop": runwayml.APIConnectionError,
        "poll-garbage": ValueError,
    }
    async with client_of(served) as client:
        for marker, error in wanted.items():
            task = await client.text_to_video.create(
                model="gen4.5", prompt_text=f"a cat [[{marker}:1]]", ratio="1280:720", duration=2
            )
            with pytest.raises(error):
                await client.tasks.retrieve(task.id)
            assert (await ended(client, task.id)).status == "SUCCEEDED"


async def test_callers_see_their_own_tasks_alone(served: serving.Served) -> None:
    async with client_of(served) as client, client_of(served, key="key_2") as stranger:
        task = await made(client)
        with pytest.raises(runwayml.NotFoundError):
            await stranger.tasks.retrieve(task.id)
        with pytest.raises(runwayml.NotFoundError):
            await stranger.tasks.delete(task.id)
