"""The journal: what a provider accepted is on disk before anybody is told, and is found again after a crash."""

import pathlib

import pytest
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import errors, model
from reelmesh_provider.adapters import journal

from tests.support import requirements

FACT = model.JobFact("11111111-aaaa-4aaa-8aaa-111111111111", "worker", "job/+=1", model.Evidence.RECORD, "project")
FULL = pathlib.Path("/dev/full")


def pages_in(folder: pathlib.Path) -> list[pathlib.Path]:
    return list(folder.glob("*.page"))


async def test_a_fact_that_was_written_is_found_by_the_next_life(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path / "journal") as pages:
        page = await pages.reserve(FACT.attempt_id)
        await page.write(FACT)
    async with journal.open_journal(tmp_path / "journal") as pages:
        found = await pages.unacknowledged()
    assert [fact for _, fact in found] == [FACT]


async def test_room_is_on_disk_before_anything_is_asked(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        await pages.reserve(FACT.attempt_id)
        (page,) = pages_in(tmp_path)
        assert page.stat().st_size == journal.PAGE_BYTES


async def test_a_page_that_was_only_reserved_is_dropped(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        await pages.reserve(FACT.attempt_id)
    async with journal.open_journal(tmp_path) as pages:
        assert await pages.unacknowledged() == []
        assert pages_in(tmp_path) == []


async def test_a_page_that_was_torn_while_it_was_written_is_no_fact(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        await (await pages.reserve(FACT.attempt_id)).write(FACT)
        (page,) = pages_in(tmp_path)
        content = page.read_bytes()
        page.write_bytes(content[:40] + bytes(len(content) - 40))
        assert await pages.unacknowledged() == []


async def test_an_acknowledged_page_is_gone(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        page = await pages.reserve(FACT.attempt_id)
        await page.write(FACT)
        await page.tear_out()
        await page.tear_out()
        assert await pages.unacknowledged() == []


async def test_a_fact_longer_than_its_page_is_kept_whole(tmp_path: pathlib.Path) -> None:
    fact = model.JobFact(FACT.attempt_id, "worker", "j" * 3 * journal.PAGE_BYTES, model.Evidence.RECORD)
    async with journal.open_journal(tmp_path) as pages:
        await (await pages.reserve(FACT.attempt_id)).write(fact)
        assert [each for _, each in await pages.unacknowledged()] == [fact]


async def test_two_workers_cannot_share_a_journal(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path):
        with pytest.raises(errors.JournalInUse):
            async with journal.open_journal(tmp_path):
                pass


async def test_an_attempt_id_that_is_no_file_name_is_refused(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        with pytest.raises(kit_errors.InvalidArgument):
            await pages.reserve("../../etc/passwd")


@requirements.LINUX
def test_a_full_disk_is_told_before_anything_is_asked() -> None:
    with pytest.raises(kit_errors.StorageFull):
        journal._reserve(_FullDisk(FULL))


class _FullDisk:
    """A path on a disk that takes no byte."""

    def __init__(self, device: pathlib.Path) -> None:
        self.parent = device.parent
        self._device = device

    def open(self, mode: str):
        return self._device.open(mode)

    def unlink(self, *, missing_ok: bool) -> None:
        assert missing_ok
