from reelmesh.v1 import asset_pb2 as _asset_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PictureKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PICTURE_KIND_UNSPECIFIED: _ClassVar[PictureKind]
    PICTURE_KIND_THUMBNAIL: _ClassVar[PictureKind]
    PICTURE_KIND_SPRITESHEET: _ClassVar[PictureKind]
PICTURE_KIND_UNSPECIFIED: PictureKind
PICTURE_KIND_THUMBNAIL: PictureKind
PICTURE_KIND_SPRITESHEET: PictureKind

class PrepareReferenceRequest(_message.Message):
    __slots__ = ("upload_asset_id", "reference_asset_id")
    UPLOAD_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    upload_asset_id: str
    reference_asset_id: str
    def __init__(self, upload_asset_id: _Optional[str] = ..., reference_asset_id: _Optional[str] = ...) -> None: ...

class PrepareReferenceResponse(_message.Message):
    __slots__ = ("asset",)
    ASSET_FIELD_NUMBER: _ClassVar[int]
    asset: _asset_pb2.Asset
    def __init__(self, asset: _Optional[_Union[_asset_pb2.Asset, _Mapping]] = ...) -> None: ...

class ProbeClipRequest(_message.Message):
    __slots__ = ("asset_id",)
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    def __init__(self, asset_id: _Optional[str] = ...) -> None: ...

class ProbeClipResponse(_message.Message):
    __slots__ = ("width", "height", "duration_seconds", "audio")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    duration_seconds: float
    audio: bool
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., audio: _Optional[bool] = ...) -> None: ...

class DrawPictureRequest(_message.Message):
    __slots__ = ("asset_id", "kind")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    kind: PictureKind
    def __init__(self, asset_id: _Optional[str] = ..., kind: _Optional[_Union[PictureKind, str]] = ...) -> None: ...

class DrawPictureResponse(_message.Message):
    __slots__ = ("content", "content_type")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    content_type: str
    def __init__(self, content: _Optional[bytes] = ..., content_type: _Optional[str] = ...) -> None: ...
