"""What only S3 has: parts, encryption, signatures, content delivery networks, and ways not to answer."""

import asyncio
import dataclasses
import datetime
import pathlib
import urllib.parse

import botocore.exceptions
import httpx
import pytest
from reelmesh_kit import errors
from reelmesh_storage import ports
from reelmesh_storage.adapters import s3

from tests.integration.storage import running
from tests.support import s3 as s3_support

KEY = "clips/ada/2026/11/21/11111111-1111-4111-8111-111111111111.mp4"
HOUR = datetime.timedelta(hours=1)
NOBODY = "http://127.0.0.1:1"


def place(server: s3_support.S3Server) -> s3.Place:
    return s3.Place(
        bucket=server.make_bucket(),
        endpoint=server.endpoint,
        access_key_id=s3_support.ACCESS_KEY_ID,
        secret_access_key=s3_support.SECRET_ACCESS_KEY,
    )


async def put(bucket: ports.Bucket, body: bytes, key: str = KEY) -> None:
    async with bucket.upload(key, "video/mp4") as upload:
        for start in range(0, len(body), ports.CHUNK_BYTES):
            await upload.write(body[start : start + ports.CHUNK_BYTES])
        await upload.publish()


async def fetch(url: str) -> tuple[int, bytes]:
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(url)
    return answer.status_code, answer.content if answer.is_success else b""


async def test_large_bytes_travel_in_parts_of_bounded_size(moto_server: s3_support.S3Server) -> None:
    used = place(moto_server)
    async with s3.open_bucket(used) as bucket:
        await put(bucket, bytes(s3.PART_BYTES * 3 + 1))
        await put(bucket, bytes(s3.PART_BYTES - 1), "small")
    client = moto_server.client
    large = client.head_object(Bucket=used.bucket, Key=KEY, PartNumber=2)
    assert (large["PartsCount"], large["ContentLength"]) == (4, s3.PART_BYTES)
    assert "-" not in client.head_object(Bucket=used.bucket, Key="small")["ETag"]


@pytest.mark.parametrize("size_bytes", [10, s3.PART_BYTES + 1])
async def test_encryption_is_asked_for_where_it_is_wanted(moto_server: s3_support.S3Server, size_bytes: int) -> None:
    for wanted in (True, False):
        used = dataclasses.replace(place(moto_server), encryption=wanted)
        async with s3.open_bucket(used) as bucket:
            await put(bucket, bytes(size_bytes))
        found = moto_server.client.head_object(Bucket=used.bucket, Key=KEY)
        assert (found.get("ServerSideEncryption") == "AES256") is wanted


async def test_what_others_keep_in_the_bucket_is_neither_listed_nor_discarded(moto_server: s3_support.S3Server) -> None:
    used = dataclasses.replace(place(moto_server), prefix="ours/")
    client = moto_server.client
    client.put_object(Bucket=used.bucket, Key="theirs/x", Body=b"x")
    client.create_multipart_upload(Bucket=used.bucket, Key="ours/somebody-else's")
    client.create_multipart_upload(Bucket=used.bucket, Key=KEY)
    async with s3.open_bucket(used) as bucket:
        await put(bucket, b"x")
        assert [listed.key for listed in await bucket.list("", 10)] == [KEY]
        assert await bucket.discard_uploads(datetime.datetime.now(datetime.UTC) + HOUR) == 0  # noqa: TID251
    assert len(client.list_multipart_uploads(Bucket=used.bucket)["Uploads"]) == 2


@pytest.mark.timeout(600)
async def test_signed_urls_end_and_cannot_be_changed(versitygw_server: s3_support.S3Server) -> None:
    async with s3.open_bucket(place(versitygw_server)) as bucket:
        await put(bucket, b"mine")
        await put(bucket, b"other", "other")
        url = await bucket.sign(KEY, HOUR)
        assert url is not None
        assert await fetch(url) == (200, b"mine")
        for changed in (url.replace(KEY, "other"), url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"), url[:-1]):
            assert changed != url
            assert (await fetch(changed))[0] == 403
        assert (await fetch(url.partition("?")[0]))[0] == 403
        soon = await bucket.sign(KEY, datetime.timedelta(seconds=1))
        assert soon is not None
        await asyncio.sleep(2.1)  # noqa: TID251 - the server's clock is a real one
        assert (await fetch(soon))[0] == 403


@pytest.mark.timeout(600)
async def test_a_wrong_secret_is_explained(versitygw_server: s3_support.S3Server) -> None:
    wrong = dataclasses.replace(place(versitygw_server), secret_access_key="wrong")
    async with s3.open_bucket(wrong) as bucket:
        for refused in (bucket.check(), put(bucket, b"x"), bucket.list("", 1), bucket.delete(KEY)):
            with pytest.raises(errors.Unavailable, match="Check its name, the access key and its policy"):
                await refused


async def test_a_network_in_front_takes_the_place_of_the_origin(moto_server: s3_support.S3Server) -> None:
    used = dataclasses.replace(place(moto_server), cdn_url="https://cdn.example.com/assets")
    async with s3.open_bucket(used) as bucket:
        url = await bucket.sign(KEY, HOUR)
    assert url is not None
    parts = urllib.parse.urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "cdn.example.com")
    assert parts.path == f"/assets/{used.bucket}/{KEY}"
    assert {"X-Amz-Signature", "X-Amz-Expires"} <= set(urllib.parse.parse_qs(parts.query))


async def test_the_bucket_stands_in_the_host_or_in_the_path() -> None:
    amazon = s3.Place("videos", access_key_id="id", secret_access_key="secret", region="eu-west-1")
    for path_style, start in (
        (None, "https://videos.s3.eu-west-1.amazonaws.com/"),
        (True, "https://s3.eu-west-1.amazonaws.com/videos/"),
    ):
        async with s3.open_bucket(dataclasses.replace(amazon, path_style=path_style)) as bucket:
            url = await bucket.sign(KEY, HOUR)
        assert url is not None
        assert url.startswith(start)


async def test_a_bucket_that_is_not_there_is_explained(moto_server: s3_support.S3Server) -> None:
    async with s3.open_bucket(dataclasses.replace(place(moto_server), bucket="not-there")) as bucket:
        with pytest.raises(errors.Unavailable, match="no bucket 'not-there'"):
            await bucket.check()
        with pytest.raises(errors.Unavailable, match="NoSuchBucket"):
            await put(bucket, b"x")


async def test_an_api_that_does_not_answer_is_unavailable() -> None:
    used = s3.Place("videos", endpoint=NOBODY, access_key_id="id", secret_access_key="secret")
    async with s3.open_bucket(used) as bucket:
        reading = bucket.read(KEY, 0, 1)
        for refused in (bucket.check(), put(bucket, b"x"), bucket.delete(KEY), bucket.list("", 1), anext(reading)):
            with pytest.raises(errors.Unavailable, match="does not answer"):
                await refused


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NoSuchKey", errors.NotFound),
        ("404", errors.NotFound),
        ("InsufficientStorage", errors.StorageFull),
        ("XMinioStorageFull", errors.StorageFull),
        ("QuotaExceeded", errors.StorageFull),
        ("AccessDenied", errors.Unavailable),
        ("SlowDown", errors.Unavailable),
        ("InternalError", errors.Unavailable),
        ("SomethingNew", errors.Unavailable),
    ],
)
def test_refusals_become_our_words(code: str, kind: type[errors.ReelmeshError]) -> None:
    refusal = botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "…"}}, "PutObject")
    assert type(s3.refusal(refusal)) is kind


async def test_a_service_whose_bucket_went_away_keeps_its_index_straight(
    moto_server: s3_support.S3Server, tmp_path: pathlib.Path
) -> None:
    name = moto_server.make_bucket()
    given = running.own_settings(
        tmp_path,
        backend="s3",
        s3_endpoint=moto_server.endpoint,
        s3_bucket=name,
        s3_access_key_id=s3_support.ACCESS_KEY_ID,
        s3_secret_access_key=s3_support.SECRET_ACCESS_KEY,
    )
    head = running.header()
    async with running.serving(given) as client:
        moto_server.client.delete_bucket(Bucket=name)
        with pytest.raises(errors.Unavailable):
            await client.put(head, b"bytes")
        with pytest.raises(errors.NotFound):
            await client.stat(head.asset_id)
        moto_server.client.create_bucket(Bucket=name)
        assert (await client.put(head, b"bytes")).size_bytes == 5
        signed = await client.stub.SignUrl(running.messages.SignUrlRequest(asset_id=head.asset_id))
        assert await fetch(signed.url) == (200, b"bytes")
        with pytest.raises(errors.PermissionDenied):
            await client.stub.VerifyUrl(running.messages.VerifyUrlRequest(token=signed.url))
