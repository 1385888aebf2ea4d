"""Many jobs are looked at by the pages on which they stand, wherever in the list that is."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator

from reelmesh_provider import model, testing
from reelmesh_provider_sora import provider, settings
from reelmesh_provider_sora.model import pages
from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import openai

from tests.support import chassis as chassis_support
from tests.support import vendors

JOBS = 250


def test_a_page_is_worth_reading_that_shows_several() -> None:
    known = pages.Pages()
    known.saw(pages.NEWEST, ["f", "e"])
    known.saw("e", ["d", "c", "b"])
    worth, strangers = known.worth_reading(["b", "c", "f", "z"], 2)
    assert worth == {"e": ["b", "c"]}
    assert strangers == ["z"]
    known.forget("b")
    assert known.worth_reading(["b", "c"], 2) == ({}, ["b"])


def test_what_is_remembered_is_bounded() -> None:
    known = pages.Pages(most=2)
    known.saw("", ["a", "b", "c"])
    assert known.worth_reading(["a", "b", "c"], 1) == ({"": ["b", "c"]}, ["a"])


@contextlib.asynccontextmanager
async def at_work(folder: pathlib.Path) -> AsyncGenerator[tuple[provider.SoraProvider, vendor.Vendor]]:
    """Yield the provider and a server that has JOBS jobs which never end."""
    own = chassis_support.make_chassis("provider-sora")
    file = folder / "accounts.yaml"
    slow = orders.Pace(0, 3600)
    async with vendors.selling(openai.OpenAI, pace=slow) as served:
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
