"""Calls by gRPC that no client should make: each is answered by its row, and the gateway is as well as before."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import timestamp_pb2
from reelmesh.v1 import asset_service_pb2, generation_pb2, generation_service_pb2

from tests.corpus import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(meshes.TEST_SECONDS)]

Code = grpc.StatusCode
GENERATIONS = "/reelmesh.v1.GenerationService"
ASSETS = "/reelmesh.v1.AssetService"
CREATE = f"{GENERATIONS}/CreateGeneration"
ID = "00000000-0000-0000-0000-000000000001"
INT32, INT64 = 2**31 - 1, 2**63 - 1
NAN, INFINITY = float("nan"), float("inf")
# A message of 4 MiB and a byte; one that is nested a thousand times; a string field that is no UTF-8.
HUGE = b"\x12" + b"\x80\x80\x80\x02" + b"x" * 4 * 1024 * 1024
NO_UTF8 = b"\x12\x02\xff\xfe"


@dataclasses.dataclass(frozen=True)
class Row:
    """One call and what must come of it."""

    name: str
    code: grpc.StatusCode
    reason: str = ""
    """Of the ErrorInfo; "" where gRPC itself refuses, or all is well."""
    words: str = ""
    """That the message must have."""
    path: str = CREATE
    content: Any = b""
    """A message, or bytes as they are; "{made}" in an id stands for a generation of ours."""
    streams: bool = False
    """Whether the answer is a stream, of which one message is read."""
    metadata: tuple[tuple[str, str | bytes], ...] | None = None
    """Instead of a key."""


def bad(name: str, words: str, content: Any, path: str = CREATE, **more: Any) -> Row:
    """Return a row of what is refused by a field."""
    return Row(name, Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", words, path, content, **more)


def create(request_id: str = "", **fields: Any) -> generation_service_pb2.CreateGenerationRequest:
    """Return a create with fields of the test's choice."""
    asked = generation_service_pb2.GenerationRequest(**{"prompt": "a boat", **fields})
    return generation_service_pb2.CreateGenerationRequest(generation=asked, request_id=request_id)


def output(**fields: Any) -> generation_pb2.OutputSpec:
    """Return what the file should be."""
    return generation_pb2.OutputSpec(**fields)


def moment(seconds: int, nanos: int = 0) -> timestamp_pb2.Timestamp:
    """Return a point in time, or something that is none."""
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)


def nested(depth: int) -> bytes:
    """Return an unknown field that holds itself, again and again."""
    content = b""
    for _ in range(depth):
        content = b"\x1b" + content + b"\x1c"
    return content


LIST = f"{GENERATIONS}/ListGenerations"
GET = f"{GENERATIONS}/GetGeneration"
WATCH = f"{GENERATIONS}/WatchGeneration"
EVENTS = f"{GENERATIONS}/ListGenerationEvents"
Listed = generation_service_pb2.ListGenerationsRequest
Events = generation_service_pb2.ListGenerationEventsRequest
Watched = generation_service_pb2.WatchGenerationRequest
Get = generation_service_pb2.GetGenerationRequest

MESSAGES = [
    bad("garbage", "cannot be read", b"\xff" * 100),
    bad("a message that ends in the middle", "cannot be read", b"\x0a\x7fabc"),
    bad("text that is no UTF-8", "cannot be read", b"\x0a\x04\x0a\x02\xff\xfe"),
    bad("a request id that is no UTF-8", "cannot be read", NO_UTF8),
    bad("a message without its only field", "prompt: ", b""),
    bad("nested without end", "cannot be read", nested(1000)),
    Row("a message that is too large", Code.RESOURCE_EXHAUSTED, words="larger than max", content=HUGE),
    Row("unknown fields", Code.OK, content=create().SerializeToString() + b"\xc2\x3e\x03abc"),
    Row(
        "an unknown field of 3 MiB",
        Code.OK,
        content=create().SerializeToString() + b"\xc2\x3e\x80\x80\xc0\x01" + b"x" * 3 * 2**20,
    ),
    Row(
        "a method that there is not",
        Code.UNIMPLEMENTED,
        words="Method not found",
        path=f"{GENERATIONS}/DropGenerations",
    ),
    Row("a service that there is not", Code.UNIMPLEMENTED, words="Method not found", path="/reelmesh.v1.Nothing/Get"),
    Row(
        "a service of the mesh alone",
        Code.UNIMPLEMENTED,
        words="Method not found",
        path="/reelmesh.mesh.v1.HealthService/GetHealth",
    ),
]

TEXTS = [
    bad("a NUL in the prompt", "prompt: ", create(prompt="a\0b")),
    bad("a NUL in the user", "user_id: ", create(user_id="\0")),
    bad("a NUL in a label", "labels: ", create(labels={"a": "\0"})),
    bad("a NUL in the model", "model: ", create(model="\0")),
    bad("a NUL in the request id", "request_id: ", create("\0")),
    bad("a NUL in a reference", "reference_asset_ids: ", create(reference_asset_ids=["\0"])),
    bad("a NUL in a first frame", "first_frame_asset_id: ", create(first_frame_asset_id="\0")),
    bad("a NUL in a last frame", "last_frame_asset_id: ", create(last_frame_asset_id="\0")),
    bad("a NUL in a negative prompt", "negative_prompt: ", create(negative_prompt="a\0b")),
    bad("a negative prompt as long as a book", "at most 2000", create(negative_prompt="x" * 1_000_000)),
    bad("a NUL in an id", "generation_id: must be a UUID", Get(generation_id="\0"), GET),
    bad("a NUL in a filter", "user_id: ", Listed(user_id="\0"), LIST),
    bad("a NUL in a label's filter", "labels: ", Listed(labels={"a": "\0"}), LIST),
    bad("a NUL in a page token", "page_token: ", Listed(page_token="\0"), LIST),
    bad(
        "an id that is none",
        "asset_id: must be a UUID",
        asset_service_pb2.GetAssetRequest(asset_id="x"),
        f"{ASSETS}/GetAsset",
    ),
    bad("no id", "generation_id: must be a UUID", Get(), GET),
    bad("an id as long as a book", "generation_id: must be a UUID", Get(generation_id="x" * 1_000_000), GET),
    bad("a token as long as a book", "page_token: ", Listed(page_token="e" * 1_000_000), LIST),
    bad("a prompt as long as a book", "at most 5000", create(prompt="x" * 1_000_000)),
    bad("a label as long as a book", "at most 255", create(labels={"k": "v" * 1_000_000})),
    bad("thousands of labels", "at most 32", create(labels={str(number): "v" for number in range(50_000)})),
    bad("thousands of references", "at most 4", create(reference_asset_ids=[ID] * 50_000)),
    bad("thousands of labels to look for", "at most 32", Listed(labels={str(n): "v" for n in range(10_000)}), LIST),
    Row("text from right to left", Code.OK, content=create(prompt="שלום \u202e\u200b", labels={"שלום": "שלום"})),
    Row("what is nobody's", Code.NOT_FOUND, "NOT_FOUND", "", GET, Get(generation_id=ID)),
]

NUMBERS = [
    bad("a duration of NaN", "output.duration_seconds", create(output=output(duration_seconds=NAN))),
    bad("a duration without end", "output.duration_seconds", create(output=output(duration_seconds=INFINITY))),
    bad("a duration below all", "output.duration_seconds", create(output=output(duration_seconds=-INFINITY))),
    bad("a duration that is hardly one", "output.duration_seconds", create(output=output(duration_seconds=5e-324))),
    Row("a duration of minus nothing", Code.OK, content=create(output=output(duration_seconds=-0.0))),
    bad("the largest cost there is", "max_cost_micros", create(max_cost_micros=INT64)),
    bad("the smallest cost there is", "max_cost_micros", create(max_cost_micros=-INT64 - 1)),
    bad("a priority at the edge", "priority", create(priority=INT32)),
    bad("a priority at the other edge", "priority", create(priority=-INT32 - 1)),
    bad("a width at the edge", "output.width", create(output=output(width=-INT32 - 1, height=INT32))),
    bad("a resolution at the edge", "output.resolution", create(output=output(resolution=INT32))),
    bad("a floor that there is not", "fallback_floor", create(fallback_floor=99)),
    bad("a state that there is not", "states", Listed(states=[99]), LIST),
    bad("the state that says nothing", "states", Listed(states=[0]), LIST),
    Row("ten thousand states", Code.OK, path=LIST, content=Listed(states=[2] * 10_000)),
    Row("a page of too many", Code.OK, path=LIST, content=Listed(page_size=INT32)),
    bad("a page of less than none", "page_size", Listed(page_size=-INT32), LIST),
    Row(
        "events after the last number",
        Code.OK,
        path=EVENTS,
        content=Events(generation_id="{made}", after_sequence=INT64),
    ),
    bad("events before the first", "after_sequence", Events(generation_id="{made}", after_sequence=-INT64), EVENTS),
    Row(
        "a watch from before the first",
        Code.OK,
        path=WATCH,
        content=Watched(generation_id="{made}", after_sequence=-INT64),
        streams=True,
    ),
    bad("a deadline before all times", "deadline_time", create(deadline_time=moment(-INT64))),
    bad("a deadline after all times", "deadline_time", create(deadline_time=moment(INT64))),
    bad(
        "a deadline of too many parts of a second", "deadline_time", create(deadline_time=moment(4_000_000_000, INT32))
    ),
    bad("a deadline in 1970", "lies in the past", create(deadline_time=moment(0))),
    bad(
        "bytes before the first",
        "offset",
        asset_service_pb2.DownloadAssetRequest(asset_id="{asset}", offset=-INT64),
        f"{ASSETS}/DownloadAsset",
        streams=True,
    ),
    bad(
        "bytes after the last",
        "offset",
        asset_service_pb2.DownloadAssetRequest(asset_id="{asset}", offset=INT64),
        f"{ASSETS}/DownloadAsset",
        streams=True,
    ),
    bad(
        "less than no bytes",
        "length",
        asset_service_pb2.DownloadAssetRequest(asset_id="{asset}", length=-1),
        f"{ASSETS}/DownloadAsset",
        streams=True,
    ),
    Row(
        "more bytes than there are",
        Code.OK,
        path=f"{ASSETS}/DownloadAsset",
        content=asset_service_pb2.DownloadAssetRequest(asset_id="{asset}", length=INT64),
        streams=True,
    ),
]

METADATA = [
    Row("no key", Code.UNAUTHENTICATED, "UNAUTHENTICATED", "No valid API key", metadata=()),
    Row(
        "a key as long as a book",
        Code.UNAUTHENTICATED,
        "UNAUTHENTICATED",
        "",
        metadata=(("x-api-key", "rm_" + "a" * 20_000),),
    ),
    Row("a key in bytes", Code.UNAUTHENTICATED, "UNAUTHENTICATED", "", metadata=(("x-api-key-bin", b"\xff\x00"),)),
    Row(
        "another tenant's name",
        Code.UNAUTHENTICATED,
        "UNAUTHENTICATED",
        "",
        metadata=(("reelmesh-tenant", "development"), ("reelmesh-admin", "1")),
    ),
    Row("more metadata than may be", Code.RESOURCE_EXHAUSTED, words="metadata", metadata=(("x-much", "a" * 100_000),)),
    Row(
        "more fields than may be",
        Code.RESOURCE_EXHAUSTED,
        "TOO_LARGE",
        "fields of metadata",
        metadata=tuple((f"x-{n}", "a") for n in range(1000)),
    ),
]

ROWS = [*MESSAGES, *TEXTS, *NUMBERS, *METADATA]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_bad_call_is_answered_by_its_row(corpus: meshes.Corpus, asset: str, row: Row) -> None:
    content = row.content if isinstance(row.content, bytes) else _filled(row.content, corpus.made, asset)
    metadata = corpus.metadata if row.metadata is None else row.metadata

    told = await _called(corpus.channel, row, content, metadata)

    assert (told.code, told.reason) == (row.code, row.reason), told.message
    assert row.words in told.message
    assert len(told.message) < 3000
    await corpus.still_well()


def _filled(message: Any, made: str, asset: str) -> bytes:
    """Return the bytes of a message whose placeholders are filled in."""
    filled = type(message)()
    filled.CopyFrom(message)
    if "generation_id" in filled.DESCRIPTOR.fields_by_name and filled.generation_id == "{made}":
        filled.generation_id = made
    if "asset_id" in filled.DESCRIPTOR.fields_by_name and filled.asset_id == "{asset}":
        filled.asset_id = asset
    return filled.SerializeToString()


async def _called(
    channel: grpc.aio.Channel, row: Row, content: bytes, metadata: tuple[tuple[str, str | bytes], ...]
) -> meshes.Refusal:
    """Make a call; return what came of it."""
    timeout = meshes.PATIENCE_SECONDS
    try:
        if row.streams:
            call = channel.unary_stream(row.path)(content, metadata=metadata, timeout=timeout)
            await call.read()
            call.cancel()
        else:
            await channel.unary_unary(row.path)(content, metadata=metadata, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        return meshes.refusal(error)
    return meshes.Refusal(Code.OK, "", "")


Upload = asset_service_pb2.UploadAssetRequest
HEADER = Upload(header=asset_service_pb2.UploadHeader()).SerializeToString()
# The messages of an upload as bytes, the code, the reason, and words of the message.
UPLOADS: dict[str, tuple[list[bytes], grpc.StatusCode, str, str]] = {
    "nothing at all": ([], Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", "must be the first message"),
    "nothing in the first message": ([b""], Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", "must be the first message"),
    "nothing behind the header": ([HEADER], Code.INVALID_ARGUMENT, "BROKEN_MEDIA", "no JPEG, PNG or WebP"),
    "garbage": ([b"\xff\xff"], Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", "cannot be read"),
    "garbage behind the header": ([HEADER, b"\xff\xff"], Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", "cannot be read"),
    "the header twice": ([HEADER, HEADER], Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", "comes once"),
    "a user with a NUL": (
        [Upload(header=asset_service_pb2.UploadHeader(user_id="\0")).SerializeToString()],
        Code.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        "user_id: ",
    ),
    "a user as long as a book": (
        [Upload(header=asset_service_pb2.UploadHeader(user_id="x" * 1_000_000)).SerializeToString()],
        Code.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        "user_id: ",
    ),
    "ten thousand empty chunks": (
        [HEADER, *[Upload(chunk=b"").SerializeToString()] * 10_000],
        Code.INVALID_ARGUMENT,
        "BROKEN_MEDIA",
        "no JPEG, PNG or WebP",
    ),
    "more than may be": (
        [HEADER, *[Upload(chunk=b"\x89PNG\r\n\x1a\n" + b"\0" * 3 * 2**20).SerializeToString()] * 5],
        Code.RESOURCE_EXHAUSTED,
        "TOO_LARGE",
        "Send a smaller image",
    ),
}


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_bad_upload_is_answered_by_its_row(corpus: meshes.Corpus, name: str) -> None:
    contents, code, reason, words = UPLOADS[name]

    async def sent() -> AsyncIterator[bytes]:
        for content in contents:
            yield content

    call = corpus.channel.stream_unary(f"{ASSETS}/UploadAsset")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(sent(), metadata=corpus.metadata, timeout=meshes.PATIENCE_SECONDS)

    told = meshes.refusal(refused.value)
    assert (told.code, told.reason) == (code, reason), told.message
    assert words in told.message
    await corpus.still_well()
