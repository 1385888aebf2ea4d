"""Assets between the protos, our own words and JSON."""

import datetime
from typing import Any, Literal

from google.protobuf import timestamp_pb2
from reelmesh.v1 import asset_pb2
from reelmesh_json import messages

from reelmesh_gateway.model import assets
from reelmesh_gateway.wire import bodies

AssetKind = Literal["REFERENCE", "CLIP", "RENDITION", "THUMBNAIL", "POSTER", "FRAME", "INFOGRAPHIC", "FACE"]


class Asset(bodies.Body):
    """Stored bytes with an owner, a kind and, often, an expiry."""

    id: str
    """UUID."""
    tenant_id: str
    """The organisation that owns it."""
    user_id: str
    """The person within the tenant; empty when none was named."""
    kind: AssetKind | None
    """What it is."""
    content_type: str
    """Media type as sniffed from the bytes, e.g. "image/jpeg"."""
    size_bytes: bodies.Int64
    """Size, bytes."""
    sha256: str
    """SHA-256 of the bytes, 64 hex digits."""
    width: bodies.Int32
    """Pixels, for images and videos; 0 when unknown."""
    height: bodies.Int32
    """Pixels, for images and videos; 0 when unknown."""
    duration_seconds: float | None
    """Length of a video, seconds; 0 when unknown."""
    create_time: bodies.Moment | None
    """When it was stored."""
    expire_time: bodies.Moment | None
    """When it will be swept; null when it stays."""
    generation_id: str
    """The generation it belongs to; empty for uploads."""


class AssetWithUrl(Asset):
    """An asset and where its bytes can be had."""

    url: str
    """URL that serves the bytes for a while without a key."""


def from_message(message: asset_pb2.Asset) -> assets.Asset:
    """Return an asset in our words."""
    number = message.kind
    kind = messages.word(asset_pb2.AssetKind.DESCRIPTOR, number)
    return assets.Asset(
        id=message.id,
        tenant_id=message.tenant_id,
        user_id=message.user_id,
        kind=assets.Kind(kind) if kind in assets.Kind.__members__ else assets.Kind.UNSPECIFIED,
        content_type=message.content_type,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        width=message.width,
        height=message.height,
        duration_seconds=message.duration_seconds,
        create_time=_moment(message.create_time) if message.HasField("create_time") else None,
        expire_time=_moment(message.expire_time) if message.HasField("expire_time") else None,
        generation_id=message.generation_id,
    )


def to_message(asset: assets.Asset) -> asset_pb2.Asset:
    """Return the public message of an asset."""
    message = asset_pb2.Asset(
        id=asset.id,
        tenant_id=asset.tenant_id,
        user_id=asset.user_id,
        kind=f"ASSET_KIND_{asset.kind}",
        content_type=asset.content_type,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        width=asset.width,
        height=asset.height,
        duration_seconds=asset.duration_seconds,
        generation_id=asset.generation_id,
    )
    if asset.create_time is not None:
        message.create_time.FromDatetime(asset.create_time)
    if asset.expire_time is not None:
        message.expire_time.FromDatetime(asset.expire_time)
    return message


def to_json(asset: assets.Asset, url: str | None = None) -> dict[str, Any]:
    """Return the JSON of an asset, with its URL if there is one to tell."""
    body = messages.to_json(to_message(asset))
    return body if url is None else body | {"url": url}


def _moment(message: timestamp_pb2.Timestamp) -> datetime.datetime:
    return message.ToDatetime(datetime.UTC)
