import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from reelmesh.mesh.v1 import attempt_service_pb2 as _attempt_service_pb2
from reelmesh.mesh.v1 import record_mark_pb2 as _record_mark_pb2
from reelmesh.mesh.v1 import task_pb2 as _task_pb2
from reelmesh.v1 import pool_pb2 as _pool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Recovery(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOVERY_UNSPECIFIED: _ClassVar[Recovery]
    RECOVERY_EXACT: _ClassVar[Recovery]
    RECOVERY_OUTPUT: _ClassVar[Recovery]
    RECOVERY_WEBHOOK: _ClassVar[Recovery]
    RECOVERY_LISTING: _ClassVar[Recovery]
    RECOVERY_NONE: _ClassVar[Recovery]
RECOVERY_UNSPECIFIED: Recovery
RECOVERY_EXACT: Recovery
RECOVERY_OUTPUT: Recovery
RECOVERY_WEBHOOK: Recovery
RECOVERY_LISTING: Recovery
RECOVERY_NONE: Recovery

class ProviderCard(_message.Message):
    __slots__ = ("provider", "version", "models", "recovery", "free", "creation_delay_seconds", "listing_delay_seconds", "cancellable", "polls_per_second")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    CREATION_DELAY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LISTING_DELAY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CANCELLABLE_FIELD_NUMBER: _ClassVar[int]
    POLLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    provider: str
    version: str
    models: _containers.RepeatedCompositeFieldContainer[ModelCard]
    recovery: Recovery
    free: bool
    creation_delay_seconds: float
    listing_delay_seconds: float
    cancellable: bool
    polls_per_second: float
    def __init__(self, provider: _Optional[str] = ..., version: _Optional[str] = ..., models: _Optional[_Iterable[_Union[ModelCard, _Mapping]]] = ..., recovery: _Optional[_Union[Recovery, str]] = ..., free: _Optional[bool] = ..., creation_delay_seconds: _Optional[float] = ..., listing_delay_seconds: _Optional[float] = ..., cancellable: _Optional[bool] = ..., polls_per_second: _Optional[float] = ...) -> None: ...

class ModelCard(_message.Message):
    __slots__ = ("model", "shortest_seconds", "longest_seconds", "durations_seconds", "sizes", "largest_pixels", "reference_images", "first_frame", "audio", "seed", "prices", "retires_on", "longest_render_seconds", "seconds_per_second", "longest_prompt", "quality", "needs_picture", "last_frame", "negative_prompt", "references_with_frames", "last_frame_alone")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SHORTEST_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LONGEST_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    LARGEST_PIXELS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    RETIRES_ON_FIELD_NUMBER: _ClassVar[int]
    LONGEST_RENDER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    LONGEST_PROMPT_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    NEEDS_PICTURE_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_PROMPT_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_WITH_FRAMES_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_ALONE_FIELD_NUMBER: _ClassVar[int]
    model: str
    shortest_seconds: float
    longest_seconds: float
    durations_seconds: _containers.RepeatedScalarFieldContainer[float]
    sizes: _containers.RepeatedScalarFieldContainer[str]
    largest_pixels: int
    reference_images: int
    first_frame: bool
    audio: bool
    seed: bool
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    retires_on: str
    longest_render_seconds: float
    seconds_per_second: float
    longest_prompt: int
    quality: int
    needs_picture: bool
    last_frame: bool
    negative_prompt: bool
    references_with_frames: bool
    last_frame_alone: bool
    def __init__(self, model: _Optional[str] = ..., shortest_seconds: _Optional[float] = ..., longest_seconds: _Optional[float] = ..., durations_seconds: _Optional[_Iterable[float]] = ..., sizes: _Optional[_Iterable[str]] = ..., largest_pixels: _Optional[int] = ..., reference_images: _Optional[int] = ..., first_frame: _Optional[bool] = ..., audio: _Optional[bool] = ..., seed: _Optional[bool] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., retires_on: _Optional[str] = ..., longest_render_seconds: _Optional[float] = ..., seconds_per_second: _Optional[float] = ..., longest_prompt: _Optional[int] = ..., quality: _Optional[int] = ..., needs_picture: _Optional[bool] = ..., last_frame: _Optional[bool] = ..., negative_prompt: _Optional[bool] = ..., references_with_frames: _Optional[bool] = ..., last_frame_alone: _Optional[bool] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("effective_on", "micros_per_second", "micros_per_clip")
    EFFECTIVE_ON_FIELD_NUMBER: _ClassVar[int]
    MICROS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MICROS_PER_CLIP_FIELD_NUMBER: _ClassVar[int]
    effective_on: str
    micros_per_second: int
    micros_per_clip: int
    def __init__(self, effective_on: _Optional[str] = ..., micros_per_second: _Optional[int] = ..., micros_per_clip: _Optional[int] = ...) -> None: ...

class RegisterCardRequest(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: ProviderCard
    def __init__(self, card: _Optional[_Union[ProviderCard, _Mapping]] = ...) -> None: ...

class RegisterCardResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ("worker_id", "kind", "pool", "name", "submitting", "watching", "finding", "step_tokens", "room", "mark", "counted_era_id", "cordoned", "idle")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBMITTING_FIELD_NUMBER: _ClassVar[int]
    WATCHING_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    STEP_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    COUNTED_ERA_ID_FIELD_NUMBER: _ClassVar[int]
    CORDONED_FIELD_NUMBER: _ClassVar[int]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    kind: str
    pool: str
    name: str
    submitting: _containers.RepeatedScalarFieldContainer[str]
    watching: _containers.RepeatedScalarFieldContainer[str]
    finding: _containers.RepeatedScalarFieldContainer[str]
    step_tokens: _containers.RepeatedScalarFieldContainer[str]
    room: int
    mark: _record_mark_pb2.RecordMark
    counted_era_id: str
    cordoned: bool
    idle: bool
    def __init__(self, worker_id: _Optional[str] = ..., kind: _Optional[str] = ..., pool: _Optional[str] = ..., name: _Optional[str] = ..., submitting: _Optional[_Iterable[str]] = ..., watching: _Optional[_Iterable[str]] = ..., finding: _Optional[_Iterable[str]] = ..., step_tokens: _Optional[_Iterable[str]] = ..., room: _Optional[int] = ..., mark: _Optional[_Union[_record_mark_pb2.RecordMark, _Mapping]] = ..., counted_era_id: _Optional[str] = ..., cordoned: _Optional[bool] = ..., idle: _Optional[bool] = ...) -> None: ...

class RenewLeaseResponse(_message.Message):
    __slots__ = ("held", "lease", "renew_every", "watch", "find", "cancel", "forget", "cordoned", "rates", "mark", "recovering", "census")
    class RatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    HELD_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    RENEW_EVERY_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    FIND_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    FORGET_FIELD_NUMBER: _ClassVar[int]
    CORDONED_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    RECOVERING_FIELD_NUMBER: _ClassVar[int]
    CENSUS_FIELD_NUMBER: _ClassVar[int]
    held: bool
    lease: _duration_pb2.Duration
    renew_every: _duration_pb2.Duration
    watch: _containers.RepeatedCompositeFieldContainer[WatchOrder]
    find: _containers.RepeatedCompositeFieldContainer[FindOrder]
    cancel: _containers.RepeatedScalarFieldContainer[str]
    forget: _containers.RepeatedScalarFieldContainer[str]
    cordoned: bool
    rates: _containers.ScalarMap[str, float]
    mark: _record_mark_pb2.RecordMark
    recovering: bool
    census: _containers.RepeatedCompositeFieldContainer[CensusOrder]
    def __init__(self, held: _Optional[bool] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., renew_every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., watch: _Optional[_Iterable[_Union[WatchOrder, _Mapping]]] = ..., find: _Optional[_Iterable[_Union[FindOrder, _Mapping]]] = ..., cancel: _Optional[_Iterable[str]] = ..., forget: _Optional[_Iterable[str]] = ..., cordoned: _Optional[bool] = ..., rates: _Optional[_Mapping[str, float]] = ..., mark: _Optional[_Union[_record_mark_pb2.RecordMark, _Mapping]] = ..., recovering: _Optional[bool] = ..., census: _Optional[_Iterable[_Union[CensusOrder, _Mapping]]] = ...) -> None: ...

class CensusOrder(_message.Message):
    __slots__ = ("era_id", "account_id", "since", "wait")
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    era_id: str
    account_id: str
    since: _timestamp_pb2.Timestamp
    wait: _duration_pb2.Duration
    def __init__(self, era_id: _Optional[str] = ..., account_id: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ReportCensusRequest(_message.Message):
    __slots__ = ("worker_id", "era_id", "account_id", "jobs", "last", "complete", "message")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    era_id: str
    account_id: str
    jobs: _containers.RepeatedCompositeFieldContainer[ListedJob]
    last: bool
    complete: bool
    message: str
    def __init__(self, worker_id: _Optional[str] = ..., era_id: _Optional[str] = ..., account_id: _Optional[str] = ..., jobs: _Optional[_Iterable[_Union[ListedJob, _Mapping]]] = ..., last: _Optional[bool] = ..., complete: _Optional[bool] = ..., message: _Optional[str] = ...) -> None: ...

class ListedJob(_message.Message):
    __slots__ = ("job_id", "attempt_id", "seed", "model", "project", "evidence")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    attempt_id: str
    seed: int
    model: str
    project: str
    evidence: _attempt_service_pb2.Evidence
    def __init__(self, job_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., seed: _Optional[int] = ..., model: _Optional[str] = ..., project: _Optional[str] = ..., evidence: _Optional[_Union[_attempt_service_pb2.Evidence, str]] = ...) -> None: ...

class ReportCensusResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    def __init__(self, accepted: _Optional[bool] = ...) -> None: ...

class WatchOrder(_message.Message):
    __slots__ = ("task", "job_id", "cancel")
    TASK_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.GenerateTask
    job_id: str
    cancel: bool
    def __init__(self, task: _Optional[_Union[_task_pb2.GenerateTask, _Mapping]] = ..., job_id: _Optional[str] = ..., cancel: _Optional[bool] = ...) -> None: ...

class FindOrder(_message.Message):
    __slots__ = ("task", "revision", "wait", "exclusive", "rivals", "claimed_job_ids")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    RIVALS_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.GenerateTask
    revision: int
    wait: _duration_pb2.Duration
    exclusive: bool
    rivals: int
    claimed_job_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, task: _Optional[_Union[_task_pb2.GenerateTask, _Mapping]] = ..., revision: _Optional[int] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., exclusive: _Optional[bool] = ..., rivals: _Optional[int] = ..., claimed_job_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseLeaseRequest(_message.Message):
    __slots__ = ("worker_id",)
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    def __init__(self, worker_id: _Optional[str] = ...) -> None: ...

class ReleaseLeaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPoolsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPoolsResponse(_message.Message):
    __slots__ = ("pools",)
    POOLS_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[_pool_pb2.Pool]
    def __init__(self, pools: _Optional[_Iterable[_Union[_pool_pb2.Pool, _Mapping]]] = ...) -> None: ...

class CordonWorkersRequest(_message.Message):
    __slots__ = ("kind", "pool", "names", "hold")
    KIND_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    kind: str
    pool: str
    names: _containers.RepeatedScalarFieldContainer[str]
    hold: _duration_pb2.Duration
    def __init__(self, kind: _Optional[str] = ..., pool: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., hold: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CordonWorkersResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
