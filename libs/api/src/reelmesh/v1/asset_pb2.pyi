import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AssetKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ASSET_KIND_UNSPECIFIED: _ClassVar[AssetKind]
    ASSET_KIND_REFERENCE: _ClassVar[AssetKind]
    ASSET_KIND_CLIP: _ClassVar[AssetKind]
    ASSET_KIND_RENDITION: _ClassVar[AssetKind]
    ASSET_KIND_THUMBNAIL: _ClassVar[AssetKind]
    ASSET_KIND_POSTER: _ClassVar[AssetKind]
    ASSET_KIND_FRAME: _ClassVar[AssetKind]
    ASSET_KIND_INFOGRAPHIC: _ClassVar[AssetKind]
    ASSET_KIND_FACE: _ClassVar[AssetKind]
ASSET_KIND_UNSPECIFIED: AssetKind
ASSET_KIND_REFERENCE: AssetKind
ASSET_KIND_CLIP: AssetKind
ASSET_KIND_RENDITION: AssetKind
ASSET_KIND_THUMBNAIL: AssetKind
ASSET_KIND_POSTER: AssetKind
ASSET_KIND_FRAME: AssetKind
ASSET_KIND_INFOGRAPHIC: AssetKind
ASSET_KIND_FACE: AssetKind

class Asset(_message.Message):
    __slots__ = ("id", "tenant_id", "user_id", "kind", "content_type", "size_bytes", "sha256", "width", "height", "duration_seconds", "create_time", "expire_time", "generation_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    tenant_id: str
    user_id: str
    kind: AssetKind
    content_type: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    duration_seconds: float
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    generation_id: str
    def __init__(self, id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., kind: _Optional[_Union[AssetKind, str]] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., generation_id: _Optional[str] = ...) -> None: ...
