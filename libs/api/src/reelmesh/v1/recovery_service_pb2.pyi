import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecoveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOVERY_STATE_UNSPECIFIED: _ClassVar[RecoveryState]
    RECOVERY_STATE_LOOKING: _ClassVar[RecoveryState]
    RECOVERY_STATE_MATCHING: _ClassVar[RecoveryState]
    RECOVERY_STATE_STANDING: _ClassVar[RecoveryState]

class CensusState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CENSUS_STATE_UNSPECIFIED: _ClassVar[CensusState]
    CENSUS_STATE_ASKED: _ClassVar[CensusState]
    CENSUS_STATE_ANSWERED: _ClassVar[CensusState]
    CENSUS_STATE_PARKED: _ClassVar[CensusState]
    CENSUS_STATE_RELEASED: _ClassVar[CensusState]

class OrphanEvidence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORPHAN_EVIDENCE_UNSPECIFIED: _ClassVar[OrphanEvidence]
    ORPHAN_EVIDENCE_ADOPTION: _ClassVar[OrphanEvidence]
    ORPHAN_EVIDENCE_WEBHOOK: _ClassVar[OrphanEvidence]
    ORPHAN_EVIDENCE_RECORD: _ClassVar[OrphanEvidence]
RECOVERY_STATE_UNSPECIFIED: RecoveryState
RECOVERY_STATE_LOOKING: RecoveryState
RECOVERY_STATE_MATCHING: RecoveryState
RECOVERY_STATE_STANDING: RecoveryState
CENSUS_STATE_UNSPECIFIED: CensusState
CENSUS_STATE_ASKED: CensusState
CENSUS_STATE_ANSWERED: CensusState
CENSUS_STATE_PARKED: CensusState
CENSUS_STATE_RELEASED: CensusState
ORPHAN_EVIDENCE_UNSPECIFIED: OrphanEvidence
ORPHAN_EVIDENCE_ADOPTION: OrphanEvidence
ORPHAN_EVIDENCE_WEBHOOK: OrphanEvidence
ORPHAN_EVIDENCE_RECORD: OrphanEvidence

class StartRecoveryRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class StartRecoveryResponse(_message.Message):
    __slots__ = ("recovery",)
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    recovery: RecoveryReport
    def __init__(self, recovery: _Optional[_Union[RecoveryReport, _Mapping]] = ...) -> None: ...

class GetRecoveryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRecoveryResponse(_message.Message):
    __slots__ = ("recovery",)
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    recovery: RecoveryReport
    def __init__(self, recovery: _Optional[_Union[RecoveryReport, _Mapping]] = ...) -> None: ...

class RecoveryReport(_message.Message):
    __slots__ = ("era_id", "number", "state", "reason", "begin_time", "end_time", "head_time", "accounts", "adopted", "freed", "orphans")
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    HEAD_TIME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    FREED_FIELD_NUMBER: _ClassVar[int]
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    era_id: str
    number: int
    state: RecoveryState
    reason: str
    begin_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    head_time: _timestamp_pb2.Timestamp
    accounts: _containers.RepeatedCompositeFieldContainer[AccountCensus]
    adopted: int
    freed: int
    orphans: bool
    def __init__(self, era_id: _Optional[str] = ..., number: _Optional[int] = ..., state: _Optional[_Union[RecoveryState, str]] = ..., reason: _Optional[str] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., head_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., accounts: _Optional[_Iterable[_Union[AccountCensus, _Mapping]]] = ..., adopted: _Optional[int] = ..., freed: _Optional[int] = ..., orphans: _Optional[bool] = ...) -> None: ...

class AccountCensus(_message.Message):
    __slots__ = ("account_id", "provider", "state", "jobs", "message")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider: str
    state: CensusState
    jobs: int
    message: str
    def __init__(self, account_id: _Optional[str] = ..., provider: _Optional[str] = ..., state: _Optional[_Union[CensusState, str]] = ..., jobs: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ListOrphansRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOrphansResponse(_message.Message):
    __slots__ = ("orphans", "next_page_token")
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    orphans: _containers.RepeatedCompositeFieldContainer[Orphan]
    next_page_token: str
    def __init__(self, orphans: _Optional[_Iterable[_Union[Orphan, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Orphan(_message.Message):
    __slots__ = ("account_id", "provider", "job_id", "attempt_id", "model", "evidence", "find_time")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    FIND_TIME_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider: str
    job_id: str
    attempt_id: str
    model: str
    evidence: OrphanEvidence
    find_time: _timestamp_pb2.Timestamp
    def __init__(self, account_id: _Optional[str] = ..., provider: _Optional[str] = ..., job_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., model: _Optional[str] = ..., evidence: _Optional[_Union[OrphanEvidence, str]] = ..., find_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReleaseAccountRequest(_message.Message):
    __slots__ = ("account_id", "reason")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    reason: str
    def __init__(self, account_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReleaseAccountResponse(_message.Message):
    __slots__ = ("recovery",)
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    recovery: RecoveryReport
    def __init__(self, recovery: _Optional[_Union[RecoveryReport, _Mapping]] = ...) -> None: ...
