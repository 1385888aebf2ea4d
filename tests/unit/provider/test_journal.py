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


async def test_acknowledged_facts_are_retained_and_told_again(tmp_path: pathlib.Path) -> None:
    facts = [model.JobFact(FACT.attempt_id, "w", f"job-{number}", model.Evidence.RECORD) for number in range(3)]
    async with journal.open_journal(tmp_path) as pages:
        assert await pages.retained() == []
        for fact in facts:
            page = await pages.reserve(fact.attempt_id)
            await page.write(fact)
            await page.tear_out()
        await (await pages.reserve(FACT.attempt_id)).tear_out()
    async with journal.open_journal(tmp_path) as pages:
        assert await pages.retained() == facts
        assert await pages.unacknowledged() == []


async def test_what_a_former_life_wrote_is_retained_once_it_is_acknowledged(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        await (await pages.reserve(FACT.attempt_id)).write(FACT)
    async with journal.open_journal(tmp_path) as pages:
        ((page, _),) = await pages.unacknowledged()
        await page.tear_out()
        assert await pages.retained() == [FACT]


async def test_what_is_retained_is_bounded_and_the_oldest_goes_first(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETAINED_BYTES", 1000)
    async with journal.open_journal(tmp_path) as pages:
        for number in range(40):
            page = await pages.reserve(FACT.attempt_id)
            await page.write(model.JobFact(FACT.attempt_id, "w", f"job-{number}", model.Evidence.RECORD))
            await page.tear_out()
        kept = [fact.job_id for fact in await pages.retained()]
    assert kept == [f"job-{number}" for number in range(40 - len(kept), 40)]
    assert 5 <= len(kept) < 20


async def test_a_retained_line_that_was_torn_is_passed_over(tmp_path: pathlib.Path) -> None:
    async with journal.open_journal(tmp_path) as pages:
        for _ in range(2):
            page = await pages.reserve(FACT.attempt_id)
            await page.write(FACT)
            await page.tear_out()
        file = tmp_path / journal.RETAINED_NAME
        first, second = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(first[:30] + b"\n" + second)
        assert await pages.retained() == [FACT]


async def test_what_was_seen_of_the_record_is_remembered(tmp_path: pathlib.Path) -> None:
    remembered = model.Remembered(model.Mark("era", 7, "event"), "era")
    async with journal.open_journal(tmp_path) as pages:
        assert await pages.recall() == model.Remembered()
        await pages.remember(model.Remembered(None, ""))
        await pages.remember(remembered)
    async with journal.open_journal(tmp_path) as pages:
        assert await pages.recall() == remembered
        (tmp_path / journal.MEMORY_NAME).write_text("{")
        assert await pages.recall() == model.Remembered()
