from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RecordMark(_message.Message):
    __slots__ = ("era_id", "position", "event_id")
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    era_id: str
    position: int
    event_id: str
    def __init__(self, era_id: _Optional[str] = ..., position: _Optional[int] = ..., event_id: _Optional[str] = ...) -> None: ...
