"""Notes lie in every bucket: written whole, read whole, outside of the index, and never swept."""

import asyncio

import pytest
from reelmesh_kit import errors
from reelmesh_storage import ports
from reelmesh_storage.model import layout, note
from reelmesh_storage.usecases import notes

from tests.conformance.storage import test_buckets

bucket = test_buckets.bucket


async def test_a_note_is_read_as_it_was_written_last(bucket: ports.Bucket) -> None:
    kept = notes.Notes(bucket)
    assert await kept.read("record-mark") == b""
    await kept.keep("record-mark", b"first")
    assert await kept.read("record-mark") == b"first"
    await kept.keep("record-mark", b"\0" * note.LONGEST_BYTES)
    await kept.keep("other", b"")
    assert await kept.read("record-mark") == b"\0" * note.LONGEST_BYTES
    assert await kept.read("other") == b""


async def test_of_many_writers_one_is_the_last(bucket: ports.Bucket) -> None:
    kept = notes.Notes(bucket)
    contents = [str(number).encode() * 100 for number in range(5)]
    await asyncio.gather(*(kept.keep("record-mark", content) for content in contents))
    assert await kept.read("record-mark") in contents


async def test_a_note_is_none_of_the_assets_that_a_sweep_judges(bucket: ports.Bucket) -> None:
    await notes.Notes(bucket).keep("record-mark", b"content")
    (listed,) = await bucket.list("", 10)
    assert listed.key.startswith(note.FOLDER)
    assert layout.kind_of(listed.key) is None


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "..", "a" * 65, "a b"])
async def test_what_is_no_name_is_refused(bucket: ports.Bucket, name: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="name"):
        await notes.Notes(bucket).keep(name, b"")
    with pytest.raises(errors.InvalidArgument, match="name"):
        await notes.Notes(bucket).read(name)


async def test_what_is_too_long_is_refused(bucket: ports.Bucket) -> None:
    with pytest.raises(errors.InvalidArgument, match="1001 bytes, at most 1000"):
        await notes.Notes(bucket).keep("record-mark", b"." * (note.LONGEST_BYTES + 1))


async def test_a_damaged_note_says_what_to_do(bucket: ports.Bucket) -> None:
    await test_buckets.put(bucket, note.key("record-mark"), b"x" * note.PACKED_BYTES)
    with pytest.raises(errors.Unavailable, match="remove the folder ~notes/"):
        await notes.Notes(bucket).read("record-mark")
