"""Messages of the protos to our words and back; what cannot be meant is refused here, by the field's name."""

import datetime
import re
import uuid
from collections.abc import Sequence

from google.protobuf import duration_pb2, timestamp_pb2
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh.v1 import asset_pb2
from reelmesh_kit import errors, ids

from reelmesh_storage import ports
from reelmesh_storage.model import asset, link

ID_LIMIT_CHARACTERS = 256
NAME_LIMIT_CHARACTERS = 64
# Pixels on one side, and seconds of one video: beyond these a number is a mistake.
SIDE_LIMIT_PIXELS = 65_536
DURATION_LIMIT_SECONDS = 24 * 3600.0

_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KIND_PREFIX = "ASSET_KIND_"


def intent_of(header: storage_service_pb2.PutHeader) -> asset.Intent:
    """Read what is about to be stored.

    Raises:
        errors.InvalidArgument: a field is missing or cannot be meant.
    """
    return asset.Intent(
        asset_id=uuid_of(header.asset_id, "header.asset_id"),
        tenant_id=_identifier(header.tenant_id, "header.tenant_id", required=True),
        user_id=_identifier(header.user_id, "header.user_id"),
        kind=_kind_of(header.kind),
        content_type=_content_type(header.content_type),
        generation_id=uuid_of(header.generation_id, "header.generation_id") if header.generation_id else None,
        name=_name(header.name),
        life=_life(header),
        width=_pixels(header.width, "header.width"),
        height=_pixels(header.height, "header.height"),
        duration_seconds=_seconds(header.duration_seconds),
        expected_size_bytes=_size(header.expected_size_bytes),
        expected_sha256=_sha256(header.expected_sha256),
    )


def chunk_of(message: storage_service_pb2.PutAssetRequest) -> bytes:
    """Read the next bytes.

    Raises:
        errors.InvalidArgument: it has none, or too many.
    """
    if message.WhichOneof("part") != "chunk":
        raise errors.InvalidArgument("chunk", "every message after the first must have one")
    if len(message.chunk) > ports.CHUNK_LIMIT_BYTES:
        raise errors.InvalidArgument("chunk", f"may have {ports.CHUNK_LIMIT_BYTES} bytes at most")
    return message.chunk


def uuid_of(text: str, field: str) -> uuid.UUID:
    """Read a UUID.

    Raises:
        errors.InvalidArgument: it is none.
    """
    try:
        return ids.read(text)
    except ValueError as error:
        raise errors.InvalidArgument(field, str(error)) from None


def uuids_of(texts: Sequence[str]) -> list[uuid.UUID]:
    """Read the ids of assets, each once.

    Raises:
        errors.InvalidArgument: one is none.
    """
    return list(dict.fromkeys(uuid_of(text, f"asset_ids[{place}]") for place, text in enumerate(texts)))


def validity_of(request: storage_service_pb2.SignUrlRequest) -> datetime.timedelta:
    """Read how long a link is to be valid."""
    return _timedelta(request.valid_for, "valid_for") if request.HasField("valid_for") else link.DEFAULT_VALIDITY


def asset_message(found: asset.Asset) -> asset_pb2.Asset:
    """Write an asset."""
    return asset_pb2.Asset(
        id=str(found.id),
        tenant_id=found.tenant_id,
        user_id=found.user_id,
        kind=_kind_name(found.kind),
        content_type=found.content_type,
        size_bytes=found.content.size_bytes,
        sha256=found.content.sha256,
        width=found.width,
        height=found.height,
        duration_seconds=found.duration_seconds,
        create_time=timestamp(found.created_at),
        expire_time=None if found.expires_at is None else timestamp(found.expires_at),
        generation_id="" if found.generation_id is None else str(found.generation_id),
    )


def statistics_message(counts: Sequence[asset.KindCount]) -> storage_service_pb2.GetStatisticsResponse:
    """Write the counts."""
    kinds = [
        storage_service_pb2.KindStatistics(
            kind=_kind_name(count.kind), assets=count.assets, size_bytes=count.size_bytes
        )
        for count in counts
    ]
    return storage_service_pb2.GetStatisticsResponse(kinds=kinds)


def timestamp(instant: datetime.datetime) -> timestamp_pb2.Timestamp:
    """Write a point in time."""
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(instant)
    return message


def _kind_of(number: asset_pb2.AssetKind.ValueType) -> asset.Kind:
    name = asset_pb2.AssetKind.Name(number) if number in asset_pb2.AssetKind.values() else ""
    try:
        return asset.Kind(name.removeprefix(_KIND_PREFIX))
    except ValueError:
        raise errors.InvalidArgument("header.kind", f"must be one of {', '.join(asset.Kind)}") from None


def _kind_name(kind: asset.Kind) -> str:
    return _KIND_PREFIX + kind.value


def _identifier(text: str, field: str, *, required: bool = False) -> str:
    if required and not text:
        raise errors.InvalidArgument(field, "is required")
    if len(text) > ID_LIMIT_CHARACTERS or "\0" in text:
        raise errors.InvalidArgument(field, f"may have {ID_LIMIT_CHARACTERS} characters at most, none of them NUL")
    return text


def _content_type(text: str) -> str:
    lowered = text.lower()
    if not _CONTENT_TYPE.fullmatch(lowered):
        raise errors.InvalidArgument("header.content_type", "must be a media type without parameters: video/mp4")
    return lowered


def _name(text: str) -> str:
    if text and (len(text) > NAME_LIMIT_CHARACTERS or not _NAME.fullmatch(text)):
        raise errors.InvalidArgument(
            "header.name", f"may have {NAME_LIMIT_CHARACTERS} letters, digits, dots, dashes and underscores at most"
        )
    return text


def _life(header: storage_service_pb2.PutHeader) -> datetime.timedelta | None:
    if not header.HasField("expires_after"):
        return None
    life = _timedelta(header.expires_after, "header.expires_after")
    if not datetime.timedelta() < life <= asset.LONGEST_LIFE:
        raise errors.InvalidArgument("header.expires_after", f"must be up to {asset.LONGEST_LIFE.days} days")
    return life


def _timedelta(duration: duration_pb2.Duration, field: str) -> datetime.timedelta:
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        raise errors.InvalidArgument(field, "is not a duration") from None


def _pixels(number: int, field: str) -> int:
    if not 0 <= number <= SIDE_LIMIT_PIXELS:
        raise errors.InvalidArgument(field, f"must be from 0 to {SIDE_LIMIT_PIXELS}")
    return number


def _seconds(number: float) -> float:
    # Written so that NaN is refused too.
    if not 0 <= number <= DURATION_LIMIT_SECONDS:
        raise errors.InvalidArgument("header.duration_seconds", f"must be from 0 to {DURATION_LIMIT_SECONDS:.0f}")
    return number


def _size(number: int) -> int:
    if number < 0:
        raise errors.InvalidArgument("header.expected_size_bytes", "must not be negative")
    return number


def _sha256(text: str) -> str:
    if text and not _SHA256.fullmatch(text):
        raise errors.InvalidArgument("header.expected_sha256", "must be 64 lower-case hex digits")
    return text
