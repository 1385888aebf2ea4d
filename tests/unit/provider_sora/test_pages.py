"""Many jobs are looked at by the pages on which they stand, wherever in the list that is."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator, Callable

import pytest
from reelmesh_provider import model, testing
from reelmesh_provider_sora import provider, settings
from reelmesh_provider_sora.model import pages
from reelmesh_simulators import faults, orders, serving, vendor
from reelmesh_simulators.dialects import openai
from starlette import requests, responses

from tests.support import chassis as chassis_support
from tests.support import vendors

JOBS = 250


def test_a_page_is_worth_reading_that_shows_several() -> None:
    known = pages.Pages()
    known.saw("g", ["f", "e"])
    known.saw("e", ["d", "c", "b"])
    # However few of them are due.
    assert known.worth_reading(["b", "z"], 2) == ["e"]
    assert known.worth_reading(["f", "b", "e"], 2) == ["g", "e"]
    assert [each in known for each in "bz"] == [True, False]
    known.forget("b")
    known.forget("c")
    assert known.worth_reading(["d"], 2) == []
    assert known.worth_reading(["d"], 1) == ["e"]


def test_what_the_newest_page_showed_stands_behind_the_first_of_it() -> None:
    known = pages.Pages()
    known.saw(pages.NEWEST, ["f", "e", "d"])
    assert known.worth_reading(["d", "f"], 1) == ["f", pages.NEWEST]
    # Newer ones have come: the first of before is somewhere else.
    known.saw(pages.NEWEST, ["h", "g"])
    assert [each in known for each in "hgfed"] == [True, True, False, True, True]


def test_what_a_page_shows_no_more_is_not_there() -> None:
    known = pages.Pages()
    known.saw("x", ["c", "b"])
    known.saw("x", ["b", "a"])
    assert [each in known for each in "cba"] == [False, True, True]


def test_what_stood_behind_a_job_that_is_gone_stands_behind_the_first_of_it() -> None:
    known = pages.Pages()
    known.saw("x", ["c", "b", "a"])
    known.lost("x")
    assert [each in known for each in "cba"] == [False, True, True]
    assert known.worth_reading(["b", "a"], 1) == ["c"]
    # One less each time, until nothing is left.
    known.lost("c")
    assert known.worth_reading(["b", "a"], 1) == ["b"]
    known.lost("b")
    assert "a" not in known


def test_what_is_remembered_is_bounded() -> None:
    known = pages.Pages(most=2)
    known.saw("x", ["a", "b", "c"])
    assert [each in known for each in "abc"] == [False, True, True]


class Strict(openai.OpenAI):
    """Refuses to go on behind a job that it does not have, where others show nothing."""

    async def _list(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        after = request.query_params.get("after")
        if after and after not in {look.job.job_id for look in self._vendor.listed(caller.account)}:
            raise openai.Refused(f"No video {after}", "after")
        return await super()._list(request, caller)


@contextlib.asynccontextmanager
async def at_work(
    folder: pathlib.Path, dialect: Callable[[vendor.Vendor], serving.Dialect] = openai.OpenAI
) -> AsyncGenerator[tuple[provider.SoraProvider, vendor.Vendor]]:
    """Yield the provider and a server that has JOBS jobs which never end."""
    own = chassis_support.make_chassis("provider-sora")
    file = folder / "accounts.yaml"
    slow = orders.Pace(0, 3600)
    async with vendors.selling(dialect, pace=slow) as served:
        file.write_text(f"accounts: [{{id: one, provider: sora, endpoint: '{served.url}/v1'}}]")
        told = settings.SoraSettings.model_construct(
            accounts_file=file, sora_name="sora", sora_profile="openai", sora_card_file=None
        )
        await add(served, JOBS)
        async with provider.SoraProvider(told, own) as made:
            yield made, served.vendor


async def add(served: serving.Served, count: int) -> None:
    seller = served.vendor
    for _ in range(count):
        order = orders.Order("a cat", "sora-2", 4, 1280, 720)
        await seller.create(vendor.Caller("none"), order, f"video_{seller.ids.fresh().hex}", 0)


def jobs_of(seller: vendor.Vendor) -> list[model.Job]:
    task = testing.make_task(account_id="one")
    return [model.Job(task.attempt_id, "one", "sora-2", job.job_id) for job in seller.ledger.all_jobs()]


async def test_a_hundred_jobs_in_the_middle_of_the_list_are_one_request(tmp_path: pathlib.Path) -> None:
    async with at_work(tmp_path) as (sora, seller):
        jobs = jobs_of(seller)
        turns: list[str] = []

        async def wait(account_id: str) -> None:
            turns.append(account_id)

        sora.turns.wait = wait
        # Nobody knows where they stand: the list is read until they are there. What else it shows is told, too.
        seen = await sora.poll("one", jobs[60:150])
        assert seller.asked == {"create": JOBS, "list": 2}
        assert {each.job_id for each in seen} >= {job.job_id for job in jobs[60:150]}
        assert len(seen) == 200
        # Newer ones come, and pages stay what they are: they begin behind a job.
        await add(serving.Served(seller, ""), 30)
        seen = await sora.poll("one", jobs[60:150])
        assert seller.asked["list"] == 3
        assert {each.job_id for each in seen} >= {job.job_id for job in jobs[60:150]}
        assert "look" not in seller.asked
        assert turns == ["one"] * 3


async def test_what_the_list_does_not_show_is_asked_for_and_the_list_is_not_read_whole_each_time(
    tmp_path: pathlib.Path,
) -> None:
    async with at_work(tmp_path) as (sora, seller):
        unlisted = [model.Job("", "one", "sora-2", f"video_{number}") for number in range(4)]
        for _ in range(3):
            seen = await sora.poll("one", unlisted)
            assert [one.state for one in seen if one.job_id == "video_0"] == [model.Missing("Video not found")]
        # Three pages the first time, the newest one after that.
        assert seller.asked == {"create": JOBS, "list": 3 + 1 + 1, "look": 12}


async def test_the_last_jobs_of_a_page_are_one_request_too(tmp_path: pathlib.Path) -> None:
    async with at_work(tmp_path) as (sora, seller):
        jobs = jobs_of(seller)
        await sora.poll("one", jobs[60:150])
        asked = seller.asked["list"]
        # One is due, and the page says how all of its neighbours are.
        seen = await sora.poll("one", jobs[100:101])
        assert (seller.asked["list"], "look" in seller.asked) == (asked + 1, False)
        assert len(seen) == 100


async def test_jobs_that_were_on_the_newest_page_are_found_where_they_are_now(tmp_path: pathlib.Path) -> None:
    async with at_work(tmp_path) as (sora, seller):
        newest = jobs_of(seller)[-50:]
        await sora.poll("one", newest)
        await add(serving.Served(seller, ""), 150)
        for _ in range(2):
            seen = await sora.poll("one", newest)
            assert {each.job_id for each in seen} >= {job.job_id for job in newest}
        # The first of them stood where the newest ones stand now.
        assert seller.asked["look"] == 2


@pytest.mark.parametrize("dialect", [openai.OpenAI, Strict])
async def test_a_page_behind_a_job_that_is_gone_is_asked_for_once(
    tmp_path: pathlib.Path, dialect: type[openai.OpenAI]
) -> None:
    async with at_work(tmp_path, dialect) as (sora, seller):
        jobs = jobs_of(seller)
        await sora.poll("one", jobs[60:150])
        seller.delete("none", jobs[150].job_id)
        seller.asked.clear()
        behind: list[str] = []

        async def wait(account_id: str) -> None:
            behind.append(account_id)

        sora.turns.wait = wait
        for _ in range(2):
            seen = await sora.poll("one", jobs[60:150])
            assert {each.job_id for each in seen} >= {job.job_id for job in jobs[60:150]}
        # Behind the one that is gone, twice behind the first of those that stood there; where that one stands nobody
        # knows.
        assert len(behind) == 3 + 2
        assert seller.asked["look"] == 2


@pytest.mark.parametrize("fault", [faults.Fault.POLL_500, faults.Fault.POLL_BUSY])
async def test_a_list_that_cannot_be_read_at_the_moment_is_what_it_was(
    tmp_path: pathlib.Path, fault: faults.Fault
) -> None:
    async with at_work(tmp_path) as (sora, seller):
        jobs = jobs_of(seller)
        await sora.poll("one", jobs[60:150])
        seller.suffering.rules.append(faults.Rule(fault, times=1))
        assert len(await sora.poll("one", jobs[60:150])) == 90
        seller.asked.clear()
        await sora.poll("one", jobs[60:150])
        assert seller.asked == {"list": 1}
