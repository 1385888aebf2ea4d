"""The folder: what only a folder has: rights, secrets, stray files, and threads that are waited for."""

import asyncio
import contextlib
import os
import pathlib
import stat
import threading

import pytest
from reelmesh_kit import chance, errors, ids
from reelmesh_storage import ports
from reelmesh_storage.adapters import filesystem, threads

KEY = "faces/ada/11111111-1111-4111-8111-111111111111.jpg"
FRESH = ids.RandomIds()


async def put(bucket: ports.Bucket, key: str) -> None:
    async with bucket.upload(key, "image/jpeg") as upload:
        await upload.write(b"image")
        await upload.publish()


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".link-secret", ".uploads/x", "a\\b", "a\0b"]
)
async def test_no_key_leads_out_of_the_folder_or_to_what_is_hidden(tmp_path: pathlib.Path, key: str) -> None:
    async with filesystem.open_bucket(tmp_path / "assets", FRESH) as bucket:
        (tmp_path / "x").write_bytes(b"secret")
        with pytest.raises(errors.NotFound):
            await anext(bucket.read(key, 0, 1))
        with pytest.raises(errors.NotFound):
            await bucket.delete(key)
        with pytest.raises(errors.NotFound):
            await put(bucket, key)


async def test_others_may_not_look_into_the_folder(tmp_path: pathlib.Path) -> None:
    async with filesystem.open_bucket(tmp_path / "assets", FRESH) as bucket:
        await put(bucket, KEY)
        for folder in (tmp_path / "assets").rglob("*"):
            if folder.is_dir():
                assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0


async def test_a_file_in_place_of_the_folder_is_explained(tmp_path: pathlib.Path) -> None:
    (tmp_path / "assets").write_text("not a folder")
    with pytest.raises(errors.Unavailable, match="folder of the assets fails"):
        async with filesystem.open_bucket(tmp_path / "assets", FRESH):
            pass


async def test_a_folder_that_disappears_is_noticed(tmp_path: pathlib.Path) -> None:
    async with filesystem.open_bucket(tmp_path / "assets", FRESH) as bucket:
        await bucket.check()
        (tmp_path / "assets" / filesystem.UPLOADS_FOLDER).rmdir()
        with pytest.raises(errors.Unavailable):
            await bucket.check()
        with pytest.raises(errors.Unavailable):
            await put(bucket, KEY)


async def test_folders_swept_away_in_the_middle_of_publications_are_made_again(tmp_path: pathlib.Path) -> None:
    async with filesystem.open_bucket(tmp_path / "assets", FRESH) as bucket:

        async def come_and_go(number: int) -> None:
            key = f"faces/ada/{number}.jpg"
            for _ in range(20):
                await put(bucket, key)
                await bucket.delete(key)

        await asyncio.gather(*(come_and_go(number) for number in range(4)))
        assert list(await bucket.list("", 10)) == []


async def test_links_and_hidden_files_are_not_listed(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "assets"
    async with filesystem.open_bucket(folder, FRESH) as bucket:
        await put(bucket, KEY)
        (folder / "faces" / "loop").symlink_to(folder)
        (folder / "faces" / ".hidden").write_bytes(b"")
        os.mkfifo(folder / "faces" / "pipe")
        assert [listed.key for listed in await bucket.list("", 10)] == [KEY]


def make_secret(folder: pathlib.Path) -> bytes:
    (folder / filesystem.UPLOADS_FOLDER).mkdir(parents=True, exist_ok=True)
    return filesystem.link_secret(folder, chance.SystemChance(), FRESH)


def test_the_secret_is_made_once_and_only_we_may_read_it(tmp_path: pathlib.Path) -> None:
    secret = make_secret(tmp_path)
    assert len(secret) == 32
    assert make_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / filesystem.SECRET_FILE).stat().st_mode) == 0o600
    assert list((tmp_path / filesystem.UPLOADS_FOLDER).iterdir()) == []


def test_services_that_start_together_agree_on_one_secret(tmp_path: pathlib.Path) -> None:
    secrets: list[bytes] = []
    started = [threading.Thread(target=lambda: secrets.append(make_secret(tmp_path))) for _ in range(8)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert len(secrets) == 8
    assert len(set(secrets)) == 1


def test_a_damaged_secret_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / filesystem.SECRET_FILE).write_bytes(b"")
    with pytest.raises(errors.Unavailable, match="damaged"):
        make_secret(tmp_path)


async def test_whoever_is_cancelled_waits_for_the_thread_that_works_for_it() -> None:
    going, done = threading.Event(), threading.Event()

    def slow() -> None:
        going.set()
        done.wait(10)

    with threads.Threads("test", 1) as own:
        task = asyncio.create_task(own.run(slow))
        await asyncio.to_thread(going.wait)
        task.cancel()
        await asyncio.sleep(0.01)  # noqa: TID251 - it must not have ended by then
        assert not task.done()
        done.set()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_has_no_thread_yet_when_it_is_cancelled_never_runs() -> None:
    release, ran = threading.Event(), threading.Event()
    with threads.Threads("test", 1) as own:
        blocking = asyncio.create_task(own.run(release.wait, 10))
        waiting = asyncio.create_task(own.run(ran.set))
        await asyncio.sleep(0.01)  # noqa: TID251 - lets both be queued
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        release.set()
        assert await blocking
        assert not ran.is_set()


async def test_cleaning_up_begins_even_for_somebody_who_is_cancelled_first() -> None:
    release, ran = threading.Event(), threading.Event()
    with threads.Threads("test", 1) as own:
        blocking = asyncio.create_task(own.run(release.wait, 10))
        waiting = asyncio.create_task(own.clean_up(ran.set))
        await asyncio.sleep(0.01)  # noqa: TID251 - lets both be queued
        waiting.cancel()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await blocking
        assert ran.is_set()
