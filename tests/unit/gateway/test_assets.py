"""Keeping and serving bytes."""

import logging
from collections.abc import AsyncGenerator

import pytest
from reelmesh_gateway.model import assets as model
from reelmesh_gateway.usecases import assets
from reelmesh_kit import clock, errors, ids

from tests.unit.gateway import fakes

OWNER = model.Owner("acme", "ada")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIMIT_BYTES = 200


@pytest.fixture
def files() -> fakes.FakeFiles:
    return fakes.FakeFiles()


@pytest.fixture
def media(files: fakes.FakeFiles) -> fakes.FakeMedia:
    return fakes.FakeMedia(files)


@pytest.fixture
def kept(files: fakes.FakeFiles, media: fakes.FakeMedia) -> assets.Assets:
    logger = logging.getLogger("reelmesh.gateway")
    return assets.Assets(files, media, ids.SeededIds(), clock.ManualClock(), logger, upload_limit_bytes=LIMIT_BYTES)


async def chunks(content: bytes, size: int = 3) -> AsyncGenerator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
        yield b""


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_an_image_is_sniffed_over_any_chunks_and_only_its_clean_copy_stays(
    kept: assets.Assets, files: fakes.FakeFiles, size: int
) -> None:
    asset = await kept.upload_reference(OWNER, chunks(PNG, size))

    assert asset.content_type == "image/png"
    assert list(files.assets) == [asset.id]
    assert files.content[asset.id] == PNG


async def test_an_image_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(
    kept: assets.Assets, files: fakes.FakeFiles
) -> None:
    largest = PNG.ljust(LIMIT_BYTES, b"\0")
    await kept.upload_reference(OWNER, chunks(largest))

    with pytest.raises(errors.TooLarge) as refused:
        await kept.upload_reference(OWNER, chunks(largest + b"\0"))

    assert refused.value.metadata == {"limit_bytes": str(LIMIT_BYTES)}
    assert len(files.assets) == 1


async def test_a_refused_image_leaves_nothing(
    kept: assets.Assets, files: fakes.FakeFiles, media: fakes.FakeMedia
) -> None:
    media.refuse_with = errors.BrokenMedia()

    with pytest.raises(errors.BrokenMedia):
        await kept.upload_reference(OWNER, chunks(PNG))

    assert files.assets == {}


async def test_an_upload_that_cannot_be_removed_is_left_to_its_expiry(
    kept: assets.Assets, files: fakes.FakeFiles, caplog: pytest.LogCaptureFixture
) -> None:
    files.silent = True

    await kept.upload_reference(OWNER, chunks(PNG))

    assert "stays until it expires" in caplog.text


async def test_reading_goes_on_where_it_broke(kept: assets.Assets, files: fakes.FakeFiles) -> None:
    asset = files.keep("a", "acme", bytes(range(100)))
    files.breaks = 2

    read = b"".join([chunk async for chunk in kept.read(asset, 5, 50)])

    assert read == bytes(range(5, 55))
    assert files.reads == [(5, 50), (15, 40), (25, 30)]


async def test_reading_that_gets_nowhere_is_given_up(kept: assets.Assets, files: fakes.FakeFiles) -> None:
    class Silent(fakes.FakeFiles):
        async def read(self, asset: model.Asset, offset: int, length: int) -> AsyncGenerator[bytes]:
            self.reads.append((offset, length))
            raise errors.Unavailable
            yield b""

    silent = Silent()
    logger = logging.getLogger("reelmesh.gateway")
    reader = assets.Assets(
        silent, fakes.FakeMedia(silent), ids.SeededIds(), clock.ManualClock(), logger, upload_limit_bytes=1
    )

    with pytest.raises(errors.Unavailable):
        [_ async for _ in reader.read(files.keep("a", "acme", b"bytes"), 0, 5)]

    assert len(silent.reads) == assets.READ_REPEATS_LIMIT + 1


async def test_urls_are_signed_once_each_and_those_that_cannot_be_had_left_out(
    kept: assets.Assets, files: fakes.FakeFiles
) -> None:
    files.keep("a", "acme", b"")
    files.keep("b", "somebody else", b"")

    assert await kept.urls(OWNER, ["a", "b", "a"]) == {"a": "/files/a"}


async def test_no_answer_signs_more_than_so_many(kept: assets.Assets, files: fakes.FakeFiles) -> None:
    names = [files.keep(f"a{number}", "acme", b"").id for number in range(100)]

    assert len(await kept.urls(OWNER, names)) == assets.SIGNATURES_LIMIT


async def test_a_strangers_asset_is_not_found(kept: assets.Assets, files: fakes.FakeFiles) -> None:
    files.keep("a", "acme", b"")

    for verb in (kept.find, kept.remove):
        with pytest.raises(errors.NotFound):
            await verb(model.Owner("stranger"), "a")
