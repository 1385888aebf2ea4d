"""A bucket of an S3 API: one request for small bytes, multipart for large ones, presigned URLs."""

import contextlib
import dataclasses
import datetime
import hashlib
import urllib.parse
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any, cast

import boto3.session
import botocore.client
import botocore.exceptions
from reelmesh_kit import errors

from reelmesh_storage import ports
from reelmesh_storage.adapters import threads
from reelmesh_storage.model import asset, layout, leftovers

# Smaller bytes travel in one request; larger ones in parts of this size, one at a time. An upload takes this much
# memory. S3 allows 10,000 parts.
PART_BYTES = 8 * 1024 * 1024
THREADS = 16
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
REQUEST_TRIES = 3
STALE_UPLOADS_LIMIT = 1000
# S3 refuses presigned URLs that are valid for longer.
LONGEST_VALIDITY_SECONDS = 7 * 24 * 3600
_ENCRYPTION = "AES256"

_ABSENT = frozenset({"NoSuchKey", "404", "NotFound", "NoSuchUpload"})
_FULL = frozenset(
    {"InsufficientStorage", "507", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
)
_MISCONFIGURED = frozenset(
    {"NoSuchBucket", "AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)

# boto3 makes its clients at run time; there is no type to name.
Client = Any


@dataclasses.dataclass(frozen=True)
class Place:
    """Which bucket, how to get there, and how to write there."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str | None = None
    """None: Amazon's."""
    access_key_id: str | None = None
    """None: what the machine's role gives."""
    secret_access_key: str | None = dataclasses.field(default=None, repr=False)
    path_style: bool | None = None
    """None: if there is an endpoint."""
    encryption: bool = False
    cdn_url: str | None = None


@contextlib.asynccontextmanager
async def open_bucket(place: Place) -> AsyncGenerator["S3Bucket"]:
    """Use a bucket; nothing is asked of it yet, `check` tells whether it is there."""
    with threads.Threads("storage-s3", THREADS) as own:
        client = await own.run(make_client, place)
        try:
            yield S3Bucket(place, client, own)
        finally:
            await own.clean_up(client.close)


class S3Bucket:
    """`ports.Bucket` on an S3 API."""

    def __init__(self, place: Place, client: Client, own: threads.Threads) -> None:
        """Use a client and threads: see `open_bucket`."""
        self._place = place
        self._client = client
        self._threads = own
        self._prefix = f"{place.prefix.strip('/')}/" if place.prefix.strip("/") else ""

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator[ports.Upload]:
        """Collect a part's worth of bytes at a time."""
        extra = {"ContentType": content_type}
        if self._place.encryption:
            extra["ServerSideEncryption"] = _ENCRYPTION
        target = _Target(self._client, self._named(key), extra)
        upload = _S3Upload(target, self._threads)
        try:
            yield upload
        finally:
            if upload.unfinished:
                await self._threads.clean_up(target.abort)

    async def read(self, key: str, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Stream one ranged answer."""
        download = _Download(self._client, self._named(key), offset, length)
        try:
            await self._threads.run(download.open)
            while length > 0:
                chunk = await self._threads.run(download.read, min(length, ports.CHUNK_BYTES))
                length -= len(chunk)
                yield chunk
        finally:
            await self._threads.clean_up(download.close)

    async def delete(self, key: str) -> None:
        """Remove the object."""
        with contextlib.suppress(errors.NotFound):
            await self._call(self._client.delete_object, **self._named(key))

    async def list(self, after: str, limit: int) -> Sequence[leftovers.Listed]:
        """Ask for one page."""
        answer = await self._call(
            self._client.list_objects_v2,
            Bucket=self._place.bucket,
            Prefix=self._prefix,
            StartAfter=self._prefix + after if after else "",
            MaxKeys=limit,
        )
        return [
            leftovers.Listed(item["Key"].removeprefix(self._prefix), int(item["Size"]), item["LastModified"])
            for item in answer.get("Contents", ())
        ]

    async def discard_uploads(self, before: datetime.datetime) -> int:
        """Abort multipart uploads of ours that nobody finished."""
        answer = await self._call(
            self._client.list_multipart_uploads,
            Bucket=self._place.bucket,
            Prefix=self._prefix,
            MaxUploads=STALE_UPLOADS_LIMIT,
        )
        discarded = 0
        for item in answer.get("Uploads", ()):
            ours = layout.kind_of(item["Key"].removeprefix(self._prefix)) is not None
            if ours and item["Initiated"] < before:
                named = {"Bucket": self._place.bucket, "Key": item["Key"], "UploadId": item["UploadId"]}
                with contextlib.suppress(errors.NotFound):
                    await self._call(self._client.abort_multipart_upload, **named)
                discarded += 1
        return discarded

    async def sign(self, key: str, validity: datetime.timedelta) -> str | None:
        """Presign a GET; with a content delivery network in front, put its origin in place of the bucket's."""
        seconds = max(1, min(int(validity.total_seconds()), LONGEST_VALIDITY_SECONDS))
        url = await self._threads.run(
            self._client.generate_presigned_url, "get_object", Params=self._named(key), ExpiresIn=seconds
        )
        return url if self._place.cdn_url is None else _through(self._place.cdn_url, url)

    async def check(self) -> None:
        """Ask whether the bucket is there and is ours."""
        try:
            await self._call(self._client.head_bucket, Bucket=self._place.bucket)
        except errors.NotFound as error:
            raise errors.Unavailable(f"There is no bucket {self._place.bucket!r}: make it.") from error

    async def _call(self, method: Any, **arguments: Any) -> Mapping[str, Any]:
        return await self._threads.run(_called, method, **arguments)

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._prefix + key}


class _S3Upload:
    """`ports.Upload` into one object: in a single request if the bytes fit into a part, else in several."""

    def __init__(self, target: "_Target", own: threads.Threads) -> None:
        self._target = target
        self._threads = own
        self._part = bytearray()
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self.unfinished = False
        """Whether a multipart upload was begun and neither finished nor aborted."""

    @property
    def content(self) -> asset.Content:
        return asset.Content(self._size_bytes, self._digest.hexdigest())

    async def write(self, chunk: bytes) -> None:
        await self._threads.run(self._take, chunk)
        if len(self._part) >= PART_BYTES:
            self.unfinished = True
            await self._send()

    async def publish(self) -> None:
        if not self.unfinished:
            await self._threads.run(self._target.put, self._part)
            return
        if self._part:
            await self._send()
        await self._threads.run(self._target.complete)
        self.unfinished = False

    async def _send(self) -> None:
        part, self._part = self._part, bytearray()
        await self._threads.run(self._target.send, part)

    def _take(self, chunk: bytes) -> None:
        self._part += chunk
        self._digest.update(chunk)
        self._size_bytes += len(chunk)


class _Target:
    """The requests that make one object. Its methods block."""

    def __init__(self, client: Client, named: Mapping[str, str], extra: Mapping[str, str]) -> None:
        self._client = client
        self._named = named
        self._extra = extra
        self._upload_id = ""
        self._parts: list[Mapping[str, object]] = []

    def put(self, body: bytearray) -> None:
        _called(self._client.put_object, **self._named, **self._extra, Body=body)

    def send(self, part: bytearray) -> None:
        if not self._upload_id:
            self._upload_id = _called(self._client.create_multipart_upload, **self._named, **self._extra)["UploadId"]
        number = len(self._parts) + 1
        with _still_wanted():
            answer = _called(
                self._client.upload_part, **self._named, UploadId=self._upload_id, PartNumber=number, Body=part
            )
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})

    def complete(self) -> None:
        with _still_wanted():
            _called(
                self._client.complete_multipart_upload,
                **self._named,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},
            )

    def abort(self) -> None:
        """Throw the parts away. If the bucket does not answer now, the sweep does it."""
        if self._upload_id:
            with contextlib.suppress(errors.NotFound, errors.Unavailable):
                _called(self._client.abort_multipart_upload, **self._named, UploadId=self._upload_id)


class _Download:
    """The bytes of one ranged answer. Its methods block."""

    def __init__(self, client: Client, named: Mapping[str, str], offset: int, length: int) -> None:
        self._client = client
        self._named = named
        self._range = f"bytes={offset}-{offset + length - 1}"
        self._body: Any = None

    def open(self) -> None:
        self._body = _called(self._client.get_object, **self._named, Range=self._range)["Body"]

    def read(self, most_bytes: int) -> bytes:
        with _our_words():
            chunk: bytes = self._body.read(most_bytes)
        if not chunk:
            raise errors.Unavailable("The bucket ended its answer too early.")
        return chunk

    def close(self) -> None:
        if self._body is not None:
            self._body.close()


def make_client(place: Place) -> Client:
    """Return a client for a place. Takes a while: botocore reads descriptions of all that S3 can do."""
    path_style = place.endpoint is not None if place.path_style is None else place.path_style
    session = boto3.session.Session(
        aws_access_key_id=place.access_key_id,
        aws_secret_access_key=place.secret_access_key,
        region_name=place.region,
    )
    configuration = botocore.client.Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "virtual"},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": REQUEST_TRIES, "mode": "standard"},
        max_pool_connections=THREADS,
        # Many S3 APIs do not know the newer checksums; TLS and the signature protect the bytes on their way.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    made: object = session.client("s3", endpoint_url=place.endpoint, config=configuration)  # pyright: ignore[reportUnknownVariableType]
    return cast("Client", made)


def _called(method: Any, **arguments: Any) -> Mapping[str, Any]:
    with _our_words():
        return method(**arguments)


@contextlib.contextmanager
def _our_words() -> Generator[None]:
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise refusal(error) from error
    except (botocore.exceptions.BotoCoreError, OSError) as error:
        raise errors.Unavailable(f"The bucket does not answer: {error}.") from error


@contextlib.contextmanager
def _still_wanted() -> Generator[None]:
    try:
        yield
    except errors.NotFound as error:
        raise errors.Unavailable("The upload took so long that it was given up; nothing was stored.") from error


def refusal(error: botocore.exceptions.ClientError) -> errors.ReelmeshError:
    answer: Mapping[str, Mapping[str, object]] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    if code in _ABSENT:
        return errors.NotFound("There are no bytes under this key.")
    if code in _FULL:
        return errors.StorageFull(f"The bucket has no room left ({code}); nothing was stored.")
    if code in _MISCONFIGURED:
        return errors.Unavailable(f"The bucket refuses us ({code}). Check its name, the access key and its policy.")
    return errors.Unavailable(f"The bucket refused a request: {error}.")


def _through(cdn_url: str, url: str) -> str:
    origin, parts = urllib.parse.urlsplit(cdn_url), urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((origin.scheme, origin.netloc, origin.path + parts.path, parts.query, ""))
