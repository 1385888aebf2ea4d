import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from reelmesh.mesh.v1 import record_mark_pb2 as _record_mark_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Evidence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVIDENCE_UNSPECIFIED: _ClassVar[Evidence]
    EVIDENCE_ADOPTION: _ClassVar[Evidence]
    EVIDENCE_WEBHOOK: _ClassVar[Evidence]
    EVIDENCE_RECORD: _ClassVar[Evidence]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_NOT_SENT: _ClassVar[Verdict]
    VERDICT_REFUSED: _ClassVar[Verdict]
    VERDICT_BUSY: _ClassVar[Verdict]
    VERDICT_REFUSED_FOR_GOOD: _ClassVar[Verdict]
    VERDICT_UNSAFE: _ClassVar[Verdict]
    VERDICT_UNKNOWN: _ClassVar[Verdict]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_SUCCEEDED: _ClassVar[Outcome]
    OUTCOME_FAILED: _ClassVar[Outcome]
    OUTCOME_FILTERED: _ClassVar[Outcome]
    OUTCOME_CANCELLED: _ClassVar[Outcome]
    OUTCOME_GONE: _ClassVar[Outcome]
    OUTCOME_FETCH_LOST: _ClassVar[Outcome]
    OUTCOME_BROKEN: _ClassVar[Outcome]
    OUTCOME_REFUSED: _ClassVar[Outcome]
EVIDENCE_UNSPECIFIED: Evidence
EVIDENCE_ADOPTION: Evidence
EVIDENCE_WEBHOOK: Evidence
EVIDENCE_RECORD: Evidence
VERDICT_UNSPECIFIED: Verdict
VERDICT_NOT_SENT: Verdict
VERDICT_REFUSED: Verdict
VERDICT_BUSY: Verdict
VERDICT_REFUSED_FOR_GOOD: Verdict
VERDICT_UNSAFE: Verdict
VERDICT_UNKNOWN: Verdict
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_SUCCEEDED: Outcome
OUTCOME_FAILED: Outcome
OUTCOME_FILTERED: Outcome
OUTCOME_CANCELLED: Outcome
OUTCOME_GONE: Outcome
OUTCOME_FETCH_LOST: Outcome
OUTCOME_BROKEN: Outcome
OUTCOME_REFUSED: Outcome

class BeginRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "nonce", "mark")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    nonce: str
    mark: _record_mark_pb2.RecordMark
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., nonce: _Optional[str] = ..., mark: _Optional[_Union[_record_mark_pb2.RecordMark, _Mapping]] = ...) -> None: ...

class BeginResponse(_message.Message):
    __slots__ = ("go", "drop")
    GO_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    go: Go
    drop: Drop
    def __init__(self, go: _Optional[_Union[Go, _Mapping]] = ..., drop: _Optional[_Union[Drop, _Mapping]] = ...) -> None: ...

class Go(_message.Message):
    __slots__ = ("submit_within",)
    SUBMIT_WITHIN_FIELD_NUMBER: _ClassVar[int]
    submit_within: _duration_pb2.Duration
    def __init__(self, submit_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Drop(_message.Message):
    __slots__ = ("reason", "come_again")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COME_AGAIN_FIELD_NUMBER: _ClassVar[int]
    reason: str
    come_again: bool
    def __init__(self, reason: _Optional[str] = ..., come_again: _Optional[bool] = ...) -> None: ...

class RecordRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "job_id", "evidence", "project", "account_id", "model")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    job_id: str
    evidence: Evidence
    project: str
    account_id: str
    model: str
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., job_id: _Optional[str] = ..., evidence: _Optional[_Union[Evidence, str]] = ..., project: _Optional[str] = ..., account_id: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class RecordResponse(_message.Message):
    __slots__ = ("cancel_now",)
    CANCEL_NOW_FIELD_NUMBER: _ClassVar[int]
    cancel_now: bool
    def __init__(self, cancel_now: _Optional[bool] = ...) -> None: ...

class DeclineRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "nonce", "verdict", "message", "retry_after")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    nonce: str
    verdict: Verdict
    message: str
    retry_after: _duration_pb2.Duration
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., nonce: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., message: _Optional[str] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class DeclineResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FinishRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "job_id", "outcome", "clip_asset_id", "cost_micros", "message", "clip")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CLIP_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    job_id: str
    outcome: Outcome
    clip_asset_id: str
    cost_micros: int
    message: str
    clip: ClipFacts
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., job_id: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., clip_asset_id: _Optional[str] = ..., cost_micros: _Optional[int] = ..., message: _Optional[str] = ..., clip: _Optional[_Union[ClipFacts, _Mapping]] = ...) -> None: ...

class ClipFacts(_message.Message):
    __slots__ = ("width", "height", "duration_seconds", "size_bytes")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    duration_seconds: float
    size_bytes: int
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class FinishResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConcludeRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "revision", "message")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    revision: int
    message: str
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., revision: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ConcludeResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    def __init__(self, accepted: _Optional[bool] = ...) -> None: ...

class GiveBackRequest(_message.Message):
    __slots__ = ("attempt_id", "worker_id", "reason", "provider_unreachable")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    worker_id: str
    reason: str
    provider_unreachable: bool
    def __init__(self, attempt_id: _Optional[str] = ..., worker_id: _Optional[str] = ..., reason: _Optional[str] = ..., provider_unreachable: _Optional[bool] = ...) -> None: ...

class GiveBackResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
