"""What every bucket keeps: whole or nothing, read by range, listed in order, cleaned up after."""

import asyncio
import contextlib
import datetime
import functools
import hashlib
import itertools
import pathlib
from collections.abc import AsyncGenerator

import httpx
import prometheus_client
import pytest
from reelmesh_kit import clock, errors, ids
from reelmesh_storage import metrics, ports
from reelmesh_storage.adapters import counting, filesystem, s3, threads

from tests.support import s3 as s3_support

KEY = "clips/ada/2026/11/21/11111111-1111-4111-8111-111111111111.mp4"
OTHER_KEY = "clips/ada/2026/11/21/22222222-2222-4222-8222-222222222222.mp4"
LARGE_BYTES = s3.PART_BYTES * 2 + 12_345
FAR_FUTURE = clock.SystemClock().now() + datetime.timedelta(days=1)
# moto says of every upload that it began in 2010.
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=clock.UTC)


def place(endpoint: str, name: str, *, prefix: str = "") -> s3.Place:
    return s3.Place(
        bucket=name,
        prefix=prefix,
        endpoint=endpoint,
        access_key_id=s3_support.ACCESS_KEY_ID,
        secret_access_key=s3_support.SECRET_ACCESS_KEY,
    )


@functools.cache
def client(endpoint: str) -> s3.Client:
    """Make one client for all tests: it takes half a second."""
    return s3.make_client(place(endpoint, "any"))


@contextlib.asynccontextmanager
async def opened(kind: str, request: pytest.FixtureRequest, folder: pathlib.Path) -> AsyncGenerator[ports.Bucket]:
    if kind == "filesystem":
        async with filesystem.open_bucket(folder, ids.RandomIds()) as bucket:
            yield bucket
        return
    server: s3_support.S3Server = request.getfixturevalue(f"{kind.removeprefix('prefixed ')}_server")
    used = place(server.endpoint, server.make_bucket(), prefix="shared/reelmesh" if "prefixed" in kind else "")
    with threads.Threads("s3-test", 4) as own:
        yield s3.S3Bucket(used, client(server.endpoint), own)


@pytest.fixture(
    params=["filesystem", "moto", "prefixed moto", pytest.param("versitygw", marks=pytest.mark.timeout(600))]
)
async def bucket(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncGenerator[ports.Bucket]:
    async with opened(request.param, request, tmp_path / "assets") as bucket:
        yield counting.CountedBucket(bucket, metrics.Metrics(prometheus_client.CollectorRegistry()))


def some_bytes(size_bytes: int, seed: int = 7) -> bytes:
    return (hashlib.sha256(str(seed).encode()).digest() * (size_bytes // 32 + 1))[:size_bytes]


async def put(bucket: ports.Bucket, key: str, body: bytes, *, chunk_bytes: int = ports.CHUNK_BYTES) -> None:
    async with bucket.upload(key, "video/mp4") as upload:
        for start in range(0, len(body), chunk_bytes):
            await upload.write(body[start : start + chunk_bytes])
        assert upload.content.size_bytes == len(body)
        assert upload.content.sha256 == hashlib.sha256(body).hexdigest()
        await upload.publish()


async def get(bucket: ports.Bucket, key: str, offset: int, length: int) -> bytes:
    async with contextlib.aclosing(bucket.read(key, offset, length)) as chunks:
        found = [chunk async for chunk in chunks]
    assert all(0 < len(chunk) <= ports.CHUNK_LIMIT_BYTES for chunk in found)
    return b"".join(found)


async def keys(bucket: ports.Bucket) -> list[str]:
    return [listed.key for listed in await bucket.list("", 1000)]


@pytest.mark.parametrize(
    "size_bytes", [1, ports.CHUNK_BYTES, s3.PART_BYTES - 1, s3.PART_BYTES, s3.PART_BYTES + 1, LARGE_BYTES]
)
async def test_what_was_published_is_read_back(bucket: ports.Bucket, size_bytes: int) -> None:
    body = some_bytes(size_bytes)
    await put(bucket, KEY, body)
    assert await get(bucket, KEY, 0, size_bytes) == body


async def test_chunks_may_have_any_size(bucket: ports.Bucket) -> None:
    body = some_bytes(ports.CHUNK_LIMIT_BYTES * 3 + 5)
    await put(bucket, KEY, body, chunk_bytes=ports.CHUNK_LIMIT_BYTES)
    await put(bucket, OTHER_KEY, body[:5000], chunk_bytes=333)
    assert await get(bucket, KEY, 0, len(body)) == body
    assert await get(bucket, OTHER_KEY, 0, 5000) == body[:5000]


async def test_any_range_can_be_read(bucket: ports.Bucket) -> None:
    body = some_bytes(ports.CHUNK_BYTES * 2 + 100)
    await put(bucket, KEY, body)
    places = [0, 1, ports.CHUNK_BYTES - 1, ports.CHUNK_BYTES, len(body) - 1]
    for offset, length in itertools.product(places, [1, 99, ports.CHUNK_BYTES + 1]):
        fitting = min(length, len(body) - offset)
        assert await get(bucket, KEY, offset, fitting) == body[offset : offset + fitting]


@pytest.mark.parametrize("size_bytes", [10, LARGE_BYTES])
async def test_nothing_is_seen_before_it_is_published(bucket: ports.Bucket, size_bytes: int) -> None:
    body = some_bytes(size_bytes)
    async with bucket.upload(KEY, "video/mp4") as upload:
        for start in range(0, size_bytes, ports.CHUNK_BYTES):
            await upload.write(body[start : start + ports.CHUNK_BYTES])
        assert await keys(bucket) == []
        with pytest.raises(errors.NotFound):
            await get(bucket, KEY, 0, 1)
        await upload.publish()
        assert await keys(bucket) == [KEY]


@pytest.mark.parametrize("size_bytes", [10, LARGE_BYTES])
async def test_what_fails_or_is_cancelled_leaves_nothing(bucket: ports.Bucket, size_bytes: int) -> None:
    for error in (errors.InvalidArgument("chunk", "no"), asyncio.CancelledError()):
        with contextlib.suppress(type(error)):
            async with bucket.upload(KEY, "video/mp4") as upload:
                for start in range(0, size_bytes, ports.CHUNK_BYTES):
                    await upload.write(bytes(min(ports.CHUNK_BYTES, size_bytes - start)))
                raise error
        assert await keys(bucket) == []
        assert await bucket.discard_uploads(FAR_FUTURE) == 0


async def test_publishing_replaces_what_was_there(bucket: ports.Bucket) -> None:
    await put(bucket, KEY, b"an orphan of an older index, and longer")
    await put(bucket, KEY, b"the new bytes")
    assert await get(bucket, KEY, 0, 13) == b"the new bytes"
    assert [listed.size_bytes for listed in await bucket.list("", 10)] == [13]


async def test_of_two_uploads_side_by_side_one_stands_whole(bucket: ports.Bucket) -> None:
    bodies = [some_bytes(LARGE_BYTES, seed) for seed in (1, 2)]
    await asyncio.gather(*(put(bucket, KEY, body) for body in bodies))
    assert await get(bucket, KEY, 0, LARGE_BYTES) in bodies


async def test_deleted_bytes_are_gone_and_deleting_again_is_fine(bucket: ports.Bucket) -> None:
    await put(bucket, KEY, b"bytes")
    await put(bucket, OTHER_KEY, b"others")
    await bucket.delete(KEY)
    await bucket.delete(KEY)
    with pytest.raises(errors.NotFound):
        await get(bucket, KEY, 0, 5)
    assert await keys(bucket) == [OTHER_KEY]
    await put(bucket, KEY, b"anew")
    assert await get(bucket, KEY, 0, 4) == b"anew"


async def test_reading_may_stop_half_way(bucket: ports.Bucket) -> None:
    await put(bucket, KEY, some_bytes(LARGE_BYTES))
    async with contextlib.aclosing(bucket.read(KEY, 0, LARGE_BYTES)) as chunks:
        assert await anext(chunks)
    await bucket.delete(KEY)


async def test_pages_of_the_list_hold_every_key_once_and_in_order(bucket: ports.Bucket) -> None:
    wanted = sorted(
        f"{folder}/{user}/{name}.mp4"
        for folder, user, name in itertools.product(
            ("clips", "clips-2", "videos"), ("a", "a%2Fb", "a-b", "~b", "Zoë".encode().hex()), ("0", "00", "1")
        )
    )
    for key in wanted:
        await put(bucket, key, b"x")
    found: list[str] = []
    while page := await bucket.list(found[-1] if found else "", 7):
        assert len(page) <= 7
        found += [listed.key for listed in page]
    assert found == wanted


async def test_the_list_tells_size_and_age(bucket: ports.Bucket) -> None:
    await put(bucket, KEY, b"12345")
    (listed,) = await bucket.list("", 10)
    assert (listed.key, listed.size_bytes) == (KEY, 5)
    age = clock.SystemClock().now() - listed.modified_at
    assert abs(age) < datetime.timedelta(minutes=1)


async def test_uploads_that_a_killed_process_left_are_discarded_when_they_are_old(bucket: ports.Bucket) -> None:
    abandoned = bucket.upload(KEY, "video/mp4")
    upload = await abandoned.__aenter__()
    for _ in range(s3.PART_BYTES // ports.CHUNK_BYTES + 1):
        await upload.write(bytes(ports.CHUNK_BYTES))
    assert await bucket.discard_uploads(LONG_AGO) == 0
    assert await bucket.discard_uploads(FAR_FUTURE) == 1
    assert await bucket.discard_uploads(FAR_FUTURE) == 0
    with pytest.raises(errors.Unavailable):
        await upload.publish()
    await abandoned.__aexit__(None, None, None)
    assert await keys(bucket) == []


async def test_a_signed_url_if_there_is_one_serves_the_bytes(bucket: ports.Bucket) -> None:
    await put(bucket, KEY, b"signed bytes")
    url = await bucket.sign(KEY, datetime.timedelta(minutes=5))
    if url is None:
        return  # this bucket leaves it to the gateway
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(url)
    assert answer.content == b"signed bytes"
    assert answer.headers["content-type"] == "video/mp4"


async def test_a_sound_bucket_says_so(bucket: ports.Bucket) -> None:
    await bucket.check()
    assert await keys(bucket) == []
