"""Messages to our words and back; each field that cannot be meant is refused by its name."""

import dataclasses
import datetime
import math
import uuid
from typing import Any

import pytest
from google.protobuf import duration_pb2
from reelmesh.mesh.v1 import storage_service_pb2 as messages
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors
from reelmesh_storage import ports, wire
from reelmesh_storage.model import asset, link

ASSET_ID = "11111111-1111-4111-8111-111111111111"
GENERATION_ID = "22222222-2222-4222-8222-222222222222"
NOON = datetime.datetime(2026, 1, 1, 12, 0, 0, 250000, tzinfo=datetime.UTC)


def header(**values: Any) -> messages.PutHeader:
    given: dict[str, Any] = {
        "asset_id": ASSET_ID,
        "tenant_id": "default",
        "kind": asset_pb2.ASSET_KIND_CLIP,
        "content_type": "video/mp4",
    }
    return messages.PutHeader(**(given | values))


def test_a_header_says_all_of_an_intent() -> None:
    given = header(
        user_id="ada",
        kind=asset_pb2.ASSET_KIND_RENDITION,
        content_type="Video/MP4",
        generation_id=GENERATION_ID,
        name="720p",
        expires_after=duration_pb2.Duration(seconds=90),
        width=1280,
        height=720,
        duration_seconds=7.5,
        expected_size_bytes=10,
        expected_sha256="a" * 64,
    )
    assert wire.intent_of(given) == asset.Intent(
        asset_id=uuid.UUID(ASSET_ID),
        tenant_id="default",
        user_id="ada",
        kind=asset.Kind.RENDITION,
        content_type="video/mp4",
        generation_id=uuid.UUID(GENERATION_ID),
        name="720p",
        life=datetime.timedelta(seconds=90),
        width=1280,
        height=720,
        duration_seconds=7.5,
        expected_size_bytes=10,
        expected_sha256="a" * 64,
    )


def test_a_header_may_leave_out_what_is_not_known() -> None:
    assert wire.intent_of(header()) == asset.Intent(
        uuid.UUID(ASSET_ID), "default", asset.Kind.CLIP, "video/mp4", life=None
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asset_id", ""),
        ("asset_id", "../../etc/passwd"),
        ("tenant_id", ""),
        ("tenant_id", "x" * 257),
        ("tenant_id", "a\0b"),
        ("user_id", "x" * 257),
        ("kind", asset_pb2.ASSET_KIND_UNSPECIFIED),
        ("kind", 99),
        ("content_type", ""),
        ("content_type", "video"),
        ("content_type", "video/mp4; codecs=avc1"),
        ("content_type", "text/html\r\nset-cookie: x"),
        ("generation_id", "7"),
        ("name", "../x"),
        ("name", ".x"),
        ("name", "x" * 65),
        ("expires_after", duration_pb2.Duration(seconds=0)),
        ("expires_after", duration_pb2.Duration(seconds=-1)),
        ("expires_after", duration_pb2.Duration(seconds=400 * 86400)),
        ("expires_after", duration_pb2.Duration(seconds=2**62)),
        ("width", -1),
        ("height", 65_537),
        ("duration_seconds", -0.1),
        ("duration_seconds", math.nan),
        ("duration_seconds", math.inf),
        ("expected_size_bytes", -1),
        ("expected_sha256", "A" * 64),
        ("expected_sha256", "a" * 63),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(field: str, value: object) -> None:
    with pytest.raises(errors.InvalidArgument) as refusal:
        wire.intent_of(header(**{field: value}))
    assert refusal.value.field == f"header.{field}"


def test_chunks_have_bytes_and_not_too_many() -> None:
    most = b"x" * ports.CHUNK_LIMIT_BYTES
    assert wire.chunk_of(messages.PutAssetRequest(chunk=most)) == most
    for wrong in (
        messages.PutAssetRequest(chunk=most + b"x"),
        messages.PutAssetRequest(header=header()),
        messages.PutAssetRequest(),
    ):
        with pytest.raises(errors.InvalidArgument, match="chunk"):
            wire.chunk_of(wrong)


def test_ids_are_read_once_each_and_bad_ones_named_by_their_place() -> None:
    assert wire.uuids_of([ASSET_ID, GENERATION_ID, ASSET_ID]) == [uuid.UUID(ASSET_ID), uuid.UUID(GENERATION_ID)]
    with pytest.raises(errors.InvalidArgument, match=r"asset_ids\[1\]"):
        wire.uuids_of([ASSET_ID, "nope"])


def test_a_link_is_valid_for_an_hour_unless_asked_otherwise() -> None:
    assert wire.validity_of(messages.SignUrlRequest()) == link.DEFAULT_VALIDITY == datetime.timedelta(hours=1)
    asked = messages.SignUrlRequest(valid_for=duration_pb2.Duration(seconds=5))
    assert wire.validity_of(asked) == datetime.timedelta(seconds=5)
    with pytest.raises(errors.InvalidArgument, match="valid_for"):
        wire.validity_of(messages.SignUrlRequest(valid_for=duration_pb2.Duration(seconds=2**62)))


def test_an_asset_is_written_with_all_that_is_known() -> None:
    found = asset.Asset(
        id=uuid.UUID(ASSET_ID),
        write_id=uuid.UUID(int=2),
        tenant_id="acme",
        user_id="ada",
        kind=asset.Kind.POSTER,
        content_type="image/jpeg",
        content=asset.Content(10, "b" * 64),
        key="posters/…",
        created_at=NOON,
        expires_at=None,
        generation_id=uuid.UUID(GENERATION_ID),
        width=1,
        height=2,
        duration_seconds=3.5,
    )
    message = wire.asset_message(found)
    assert not message.HasField("expire_time")
    assert message.create_time.ToDatetime(datetime.UTC) == NOON
    message.ClearField("create_time")
    assert message == asset_pb2.Asset(
        id=ASSET_ID,
        tenant_id="acme",
        user_id="ada",
        kind=asset_pb2.ASSET_KIND_POSTER,
        content_type="image/jpeg",
        size_bytes=10,
        sha256="b" * 64,
        width=1,
        height=2,
        duration_seconds=3.5,
        generation_id=GENERATION_ID,
    )
    provisional = wire.asset_message(dataclasses.replace(found, expires_at=NOON, generation_id=None))
    assert provisional.expire_time.ToDatetime(datetime.UTC) == NOON
    assert provisional.generation_id == ""


@pytest.mark.parametrize("kind", list(asset.Kind))
def test_every_kind_has_its_number(kind: asset.Kind) -> None:
    message = wire.statistics_message([asset.KindCount(kind, 2, 30)]).kinds[0]
    assert (message.assets, message.size_bytes) == (2, 30)
    assert wire.intent_of(header(kind=message.kind)).kind is kind


def test_every_kind_of_the_protos_is_ours() -> None:
    assert {f"ASSET_KIND_{kind}" for kind in asset.Kind} == set(asset_pb2.AssetKind.keys()) - {"ASSET_KIND_UNSPECIFIED"}
