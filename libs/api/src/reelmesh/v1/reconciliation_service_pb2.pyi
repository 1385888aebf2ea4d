import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from reelmesh.v1 import generation_pb2 as _generation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DoubtfulAttempt(_message.Message):
    __slots__ = ("attempt_id", "generation_id", "tenant_id", "account_id", "provider", "model", "state", "held_micros", "spent_micros", "submit_time", "job_id", "message")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    generation_id: str
    tenant_id: str
    account_id: str
    provider: str
    model: str
    state: _generation_pb2.AttemptState
    held_micros: int
    spent_micros: int
    submit_time: _timestamp_pb2.Timestamp
    job_id: str
    message: str
    def __init__(self, attempt_id: _Optional[str] = ..., generation_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., account_id: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., state: _Optional[_Union[_generation_pb2.AttemptState, str]] = ..., held_micros: _Optional[int] = ..., spent_micros: _Optional[int] = ..., submit_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job_id: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ListDoubtfulAttemptsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDoubtfulAttemptsResponse(_message.Message):
    __slots__ = ("attempts", "next_page_token")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    attempts: _containers.RepeatedCompositeFieldContainer[DoubtfulAttempt]
    next_page_token: str
    def __init__(self, attempts: _Optional[_Iterable[_Union[DoubtfulAttempt, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AdoptJobRequest(_message.Message):
    __slots__ = ("attempt_id", "job_id", "reason")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    job_id: str
    reason: str
    def __init__(self, attempt_id: _Optional[str] = ..., job_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AdoptJobResponse(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: DoubtfulAttempt
    def __init__(self, attempt: _Optional[_Union[DoubtfulAttempt, _Mapping]] = ...) -> None: ...

class ResubmitAttemptRequest(_message.Message):
    __slots__ = ("attempt_id", "reason")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    reason: str
    def __init__(self, attempt_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResubmitAttemptResponse(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: DoubtfulAttempt
    def __init__(self, attempt: _Optional[_Union[DoubtfulAttempt, _Mapping]] = ...) -> None: ...

class WriteOffAttemptRequest(_message.Message):
    __slots__ = ("attempt_id", "reason")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    reason: str
    def __init__(self, attempt_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class WriteOffAttemptResponse(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: DoubtfulAttempt
    def __init__(self, attempt: _Optional[_Union[DoubtfulAttempt, _Mapping]] = ...) -> None: ...
