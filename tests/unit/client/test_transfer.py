"""Downloads are whole or not at all, and go on where they stopped."""

import asyncio
import os
import pathlib

import grpc
import pytest
import reelmesh_client
from reelmesh_client import errors, saving, transfer

from tests.unit.client import fake_mesh

CONTENT = bytes(range(256)) * 40
BROKEN = fake_mesh.Refusal(grpc.StatusCode.INVALID_ARGUMENT, "the bytes are not an image", "BROKEN_MEDIA")


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "new" / "boat.mp4"


@pytest.fixture(autouse=True)
def asset(mesh):
    return mesh.add_asset("a", CONTENT)


def _offsets(mesh) -> list[int]:
    return [each.offset for each in mesh.requests("download")]


def _left_behind(target: pathlib.Path) -> list[str]:
    return sorted(each.name for each in target.parent.iterdir() if each != target)


async def test_a_download_is_the_stored_bytes(client, target) -> None:
    assert await client.download("a", target) == target
    assert target.read_bytes() == CONTENT
    assert _left_behind(target) == []


async def test_progress_is_told_up_to_the_end(client, target) -> None:
    told = []
    await client.download("a", target, on_bytes=lambda done, total: told.append((done, total)))
    assert told[0] == (fake_mesh.CHUNK_BYTES, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))


async def test_a_broken_stream_goes_on_at_its_offset(client, mesh, target) -> None:
    mesh.download_breaks.extend([3, 2])
    await client.download("a", target)
    assert _offsets(mesh) == [0, 3000, 5000]
    assert target.read_bytes() == CONTENT


async def test_streams_that_bring_something_may_break_any_number_of_times(client, mesh, target) -> None:
    mesh.download_breaks.extend([1] * 10)
    await client.download("a", target)
    assert target.read_bytes() == CONTENT


async def test_streams_that_bring_nothing_end_it_but_keep_what_came(client, mesh, target) -> None:
    mesh.download_breaks.extend([2] + [0] * 20)
    with pytest.raises(errors.Unavailable):
        await client.download("a", target)
    assert not target.exists()
    mesh.download_breaks.clear()
    mesh.calls.clear()
    await client.download("a", target)
    assert _offsets(mesh) == [2000]
    assert target.read_bytes() == CONTENT


async def test_a_file_that_exists_is_replaced_only_at_the_end(client, mesh, target) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    mesh.download_breaks.extend([0] * 20)
    with pytest.raises(errors.Unavailable):
        await client.download("a", target)
    assert target.read_bytes() == b"old"


async def test_other_bytes_than_were_stored_are_refused_and_removed(client, mesh, target) -> None:
    mesh.assets["a"][0].sha256 = "0" * 64
    with pytest.raises(errors.CorruptDownload, match=r"boat\.mp4"):
        await client.download("a", target)
    assert not target.exists()
    assert _left_behind(target) == []


@pytest.mark.parametrize("length", [10, len(CONTENT), len(CONTENT) + 1])
async def test_a_leftover_of_other_bytes_is_not_used(client, target, length) -> None:
    target.parent.mkdir()
    (target.parent / ".boat.mp4.a.part").write_bytes(b"x" * length)
    await client.download("a", target)
    assert target.read_bytes() == CONTENT


async def test_a_finished_leftover_is_only_checked(client, mesh, target) -> None:
    target.parent.mkdir()
    (target.parent / ".boat.mp4.a.part").write_bytes(CONTENT)
    await client.download("a", target)
    assert mesh.requests("download") == []
    assert target.read_bytes() == CONTENT


async def test_an_empty_asset_is_an_empty_file(client, mesh, target) -> None:
    mesh.add_asset("empty", b"")
    await client.download("empty", target)
    assert target.read_bytes() == b""


async def test_a_folder_that_is_a_file_is_explained(client, tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(errors.UnusableFile, match=r"cannot write .*boat\.mp4: .*file is no folder"):
        await client.download("a", tmp_path / "file" / "boat.mp4")


async def test_a_pipe_gets_the_bytes_and_is_not_replaced(client, tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = asyncio.create_task(asyncio.to_thread(pipe.read_bytes))
    assert await client.download("a", pipe) == pipe
    assert await read == CONTENT
    assert pipe.is_fifo()
    assert _left_behind(pipe) == []


async def test_a_device_is_not_replaced(client) -> None:
    null = pathlib.Path(os.devnull)
    await client.download("a", null)
    assert await asyncio.to_thread(null.is_char_device)


async def test_a_link_stays_one(client, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real.mp4").write_bytes(b"old")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "elsewhere" / "real.mp4")
    await client.download("a", tmp_path / "link.mp4")
    assert (tmp_path / "link.mp4").is_symlink()
    assert (tmp_path / "elsewhere" / "real.mp4").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["boat.mp4", "new/folder/boat.mp4", "pipe"])
def test_a_target_that_can_be_written_passes_and_is_not_made(tmp_path, path) -> None:
    os.mkfifo(tmp_path / "pipe")
    transfer.check_target(tmp_path / path)
    assert not (tmp_path / path).is_file()


@pytest.mark.parametrize(("path", "why"), [("file/boat.mp4", "is no folder"), ("", "Is a directory")])
def test_a_target_that_cannot_be_written_is_told_beforehand(tmp_path, path, why) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(errors.UnusableFile, match=why):
        transfer.check_target(tmp_path / path)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(errors.TooLarge, match="more than 104857600 bytes"):
        transfer.read_file(pathlib.Path("/dev/zero"))


async def test_an_image_that_is_refused_is_named(client, mesh, tmp_path) -> None:
    for name in ("first.png", "second.png"):
        (tmp_path / name).write_bytes(b"png")
    mesh.refusals["upload"].extend(
        [BROKEN, fake_mesh.Refusal(grpc.StatusCode.INVALID_ARGUMENT, "too many bytes", "TOO_LARGE")]
    )
    with pytest.raises(errors.BrokenMedia, match=rf"^{tmp_path}/first\.png: the bytes are not an image$"):
        await client.create("x", images=[tmp_path / "first.png", tmp_path / "second.png"])
    with pytest.raises(errors.TooLarge, match=r"second\.png: too many bytes"):
        await client.upload(tmp_path / "second.png")


async def test_an_unknown_asset_leaves_nothing_behind(client, target) -> None:
    with pytest.raises(errors.NotFound):
        await client.download("unknown", target)
    assert not target.parent.exists()


async def test_a_cancelled_download_goes_on_later(mesh, target) -> None:
    async with reelmesh_client.Client(mesh.address, fake_mesh.KEY) as client:
        arrived = asyncio.Event()
        task = asyncio.create_task(client.download("a", target, on_bytes=lambda done, total: arrived.set()))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        mesh.calls.clear()
        await client.download("a", target)
    assert all(offset > 0 for offset in _offsets(mesh))
    assert target.read_bytes() == CONTENT


async def test_everything_delivered_is_saved_beside_each_other(client, mesh, tmp_path) -> None:
    generation = mesh.add_generation("g")
    saved = await saving.save_all(client, generation, tmp_path / "out")
    assert [each.name for each in saved.renditions] == ["g-720p.mp4", "g-480p.mp4"]
    assert saved.thumbnail == tmp_path / "out" / "g-thumbnail.jpg"
    assert saved.poster is None
    assert saved.renditions[0].read_bytes() == mesh.assets["g-720p"][1]


async def test_a_name_from_the_server_cannot_leave_the_folder(client, mesh, tmp_path) -> None:
    generation = mesh.add_generation("g")
    generation.renditions[0].name = "../../evil"
    saved = await saving.save_all(client, generation, tmp_path / "out")
    assert {each.parent for each in saved.renditions} == {tmp_path / "out"}


def test_the_best_rendition_is_chosen_unless_one_is_named(mesh) -> None:
    generation = mesh.add_generation("g")
    assert saving.rendition(generation).name == "720p"
    assert saving.rendition(generation, "480p").name == "480p"
    with pytest.raises(errors.InvalidArgument, match="it has 720p, 480p"):
        saving.rendition(generation, "1080p")


def test_a_generation_without_files_says_so(mesh) -> None:
    generation = mesh.add_generation("g", 2)
    with pytest.raises(errors.WrongState, match="no files"):
        saving.rendition(generation)
