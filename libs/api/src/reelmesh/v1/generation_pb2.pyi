import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TakeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAKE_STATE_UNSPECIFIED: _ClassVar[TakeState]
    TAKE_STATE_PROCESSING: _ClassVar[TakeState]
    TAKE_STATE_READY: _ClassVar[TakeState]
    TAKE_STATE_UNUSABLE: _ClassVar[TakeState]

class GenerationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERATION_STATE_UNSPECIFIED: _ClassVar[GenerationState]
    GENERATION_STATE_PENDING: _ClassVar[GenerationState]
    GENERATION_STATE_QUEUED: _ClassVar[GenerationState]
    GENERATION_STATE_GENERATING: _ClassVar[GenerationState]
    GENERATION_STATE_PROCESSING: _ClassVar[GenerationState]
    GENERATION_STATE_COMPLETED: _ClassVar[GenerationState]
    GENERATION_STATE_REJECTED: _ClassVar[GenerationState]
    GENERATION_STATE_FAILED: _ClassVar[GenerationState]
    GENERATION_STATE_CANCELLING: _ClassVar[GenerationState]
    GENERATION_STATE_CANCELLED: _ClassVar[GenerationState]
    GENERATION_STATE_EXPIRED: _ClassVar[GenerationState]

class Delivery(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_UNSPECIFIED: _ClassVar[Delivery]
    DELIVERY_VIDEO: _ClassVar[Delivery]
    DELIVERY_INFOGRAPHIC: _ClassVar[Delivery]
    DELIVERY_TEXT: _ClassVar[Delivery]

class ShotState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHOT_STATE_UNSPECIFIED: _ClassVar[ShotState]
    SHOT_STATE_WAITING: _ClassVar[ShotState]
    SHOT_STATE_READY: _ClassVar[ShotState]
    SHOT_STATE_GENERATING: _ClassVar[ShotState]
    SHOT_STATE_DONE: _ClassVar[ShotState]
    SHOT_STATE_FAILED: _ClassVar[ShotState]
    SHOT_STATE_CANCELLED: _ClassVar[ShotState]

class AttemptState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_STATE_UNSPECIFIED: _ClassVar[AttemptState]
    ATTEMPT_STATE_PLANNED: _ClassVar[AttemptState]
    ATTEMPT_STATE_DISPATCHED: _ClassVar[AttemptState]
    ATTEMPT_STATE_SUBMITTING: _ClassVar[AttemptState]
    ATTEMPT_STATE_ACCEPTED: _ClassVar[AttemptState]
    ATTEMPT_STATE_SUCCEEDED: _ClassVar[AttemptState]
    ATTEMPT_STATE_FAILED: _ClassVar[AttemptState]
    ATTEMPT_STATE_CANCELLED: _ClassVar[AttemptState]
    ATTEMPT_STATE_NOT_SENT: _ClassVar[AttemptState]
    ATTEMPT_STATE_INDETERMINATE: _ClassVar[AttemptState]
    ATTEMPT_STATE_NEVER_CREATED: _ClassVar[AttemptState]
    ATTEMPT_STATE_WRITTEN_OFF: _ClassVar[AttemptState]
    ATTEMPT_STATE_DROPPED: _ClassVar[AttemptState]
TAKE_STATE_UNSPECIFIED: TakeState
TAKE_STATE_PROCESSING: TakeState
TAKE_STATE_READY: TakeState
TAKE_STATE_UNUSABLE: TakeState
GENERATION_STATE_UNSPECIFIED: GenerationState
GENERATION_STATE_PENDING: GenerationState
GENERATION_STATE_QUEUED: GenerationState
GENERATION_STATE_GENERATING: GenerationState
GENERATION_STATE_PROCESSING: GenerationState
GENERATION_STATE_COMPLETED: GenerationState
GENERATION_STATE_REJECTED: GenerationState
GENERATION_STATE_FAILED: GenerationState
GENERATION_STATE_CANCELLING: GenerationState
GENERATION_STATE_CANCELLED: GenerationState
GENERATION_STATE_EXPIRED: GenerationState
DELIVERY_UNSPECIFIED: Delivery
DELIVERY_VIDEO: Delivery
DELIVERY_INFOGRAPHIC: Delivery
DELIVERY_TEXT: Delivery
SHOT_STATE_UNSPECIFIED: ShotState
SHOT_STATE_WAITING: ShotState
SHOT_STATE_READY: ShotState
SHOT_STATE_GENERATING: ShotState
SHOT_STATE_DONE: ShotState
SHOT_STATE_FAILED: ShotState
SHOT_STATE_CANCELLED: ShotState
ATTEMPT_STATE_UNSPECIFIED: AttemptState
ATTEMPT_STATE_PLANNED: AttemptState
ATTEMPT_STATE_DISPATCHED: AttemptState
ATTEMPT_STATE_SUBMITTING: AttemptState
ATTEMPT_STATE_ACCEPTED: AttemptState
ATTEMPT_STATE_SUCCEEDED: AttemptState
ATTEMPT_STATE_FAILED: AttemptState
ATTEMPT_STATE_CANCELLED: AttemptState
ATTEMPT_STATE_NOT_SENT: AttemptState
ATTEMPT_STATE_INDETERMINATE: AttemptState
ATTEMPT_STATE_NEVER_CREATED: AttemptState
ATTEMPT_STATE_WRITTEN_OFF: AttemptState
ATTEMPT_STATE_DROPPED: AttemptState

class Generation(_message.Message):
    __slots__ = ("id", "tenant_id", "user_id", "state", "prompt", "output", "reference_asset_ids", "model", "labels", "max_cost_micros", "deadline_time", "fallback_floor", "seed", "priority", "create_time", "update_time", "start_time", "complete_time", "revision", "progress_percent", "delivery", "renditions", "thumbnail_asset_id", "poster_asset_id", "findings", "held_micros", "spent_micros", "failure", "queue_position", "estimated_seconds", "shots", "run", "trace_id", "text", "policy", "category", "infographic", "takes", "cancellation", "negative_prompt", "first_frame_asset_id", "last_frame_asset_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_TIME_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FLOOR_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    RENDITIONS_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSTER_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SHOTS_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    INFOGRAPHIC_FIELD_NUMBER: _ClassVar[int]
    TAKES_FIELD_NUMBER: _ClassVar[int]
    CANCELLATION_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_PROMPT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    tenant_id: str
    user_id: str
    state: GenerationState
    prompt: str
    output: OutputSpec
    reference_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    model: str
    labels: _containers.ScalarMap[str, str]
    max_cost_micros: int
    deadline_time: _timestamp_pb2.Timestamp
    fallback_floor: Delivery
    seed: int
    priority: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    complete_time: _timestamp_pb2.Timestamp
    revision: int
    progress_percent: int
    delivery: Delivery
    renditions: _containers.RepeatedCompositeFieldContainer[Rendition]
    thumbnail_asset_id: str
    poster_asset_id: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    held_micros: int
    spent_micros: int
    failure: Failure
    queue_position: int
    estimated_seconds: float
    shots: _containers.RepeatedCompositeFieldContainer[Shot]
    run: int
    trace_id: str
    text: str
    policy: str
    category: str
    infographic: Rendition
    takes: _containers.RepeatedCompositeFieldContainer[Take]
    cancellation: Cancellation
    negative_prompt: str
    first_frame_asset_id: str
    last_frame_asset_id: str
    def __init__(self, id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., state: _Optional[_Union[GenerationState, str]] = ..., prompt: _Optional[str] = ..., output: _Optional[_Union[OutputSpec, _Mapping]] = ..., reference_asset_ids: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., max_cost_micros: _Optional[int] = ..., deadline_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., fallback_floor: _Optional[_Union[Delivery, str]] = ..., seed: _Optional[int] = ..., priority: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., progress_percent: _Optional[int] = ..., delivery: _Optional[_Union[Delivery, str]] = ..., renditions: _Optional[_Iterable[_Union[Rendition, _Mapping]]] = ..., thumbnail_asset_id: _Optional[str] = ..., poster_asset_id: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., held_micros: _Optional[int] = ..., spent_micros: _Optional[int] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., queue_position: _Optional[int] = ..., estimated_seconds: _Optional[float] = ..., shots: _Optional[_Iterable[_Union[Shot, _Mapping]]] = ..., run: _Optional[int] = ..., trace_id: _Optional[str] = ..., text: _Optional[str] = ..., policy: _Optional[str] = ..., category: _Optional[str] = ..., infographic: _Optional[_Union[Rendition, _Mapping]] = ..., takes: _Optional[_Iterable[_Union[Take, _Mapping]]] = ..., cancellation: _Optional[_Union[Cancellation, _Mapping]] = ..., negative_prompt: _Optional[str] = ..., first_frame_asset_id: _Optional[str] = ..., last_frame_asset_id: _Optional[str] = ...) -> None: ...

class Take(_message.Message):
    __slots__ = ("number", "state", "promoted", "whole", "attempt_id", "provider", "model", "cost_micros", "create_time", "renditions", "thumbnail_asset_id", "poster_asset_id", "findings", "message")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RENDITIONS_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSTER_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: TakeState
    promoted: bool
    whole: bool
    attempt_id: str
    provider: str
    model: str
    cost_micros: int
    create_time: _timestamp_pb2.Timestamp
    renditions: _containers.RepeatedCompositeFieldContainer[Rendition]
    thumbnail_asset_id: str
    poster_asset_id: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    message: str
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[TakeState, str]] = ..., promoted: _Optional[bool] = ..., whole: _Optional[bool] = ..., attempt_id: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., cost_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., renditions: _Optional[_Iterable[_Union[Rendition, _Mapping]]] = ..., thumbnail_asset_id: _Optional[str] = ..., poster_asset_id: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., message: _Optional[str] = ...) -> None: ...

class Cancellation(_message.Message):
    __slots__ = ("request_time", "saved_micros", "spent_micros", "unsettled_micros", "message")
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    SAVED_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_MICROS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    request_time: _timestamp_pb2.Timestamp
    saved_micros: int
    spent_micros: int
    unsettled_micros: int
    message: str
    def __init__(self, request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., saved_micros: _Optional[int] = ..., spent_micros: _Optional[int] = ..., unsettled_micros: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class OutputSpec(_message.Message):
    __slots__ = ("duration_seconds", "aspect_ratio", "resolution", "width", "height", "frames_per_second", "audio")
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ASPECT_RATIO_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    duration_seconds: float
    aspect_ratio: str
    resolution: int
    width: int
    height: int
    frames_per_second: int
    audio: bool
    def __init__(self, duration_seconds: _Optional[float] = ..., aspect_ratio: _Optional[str] = ..., resolution: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., frames_per_second: _Optional[int] = ..., audio: _Optional[bool] = ...) -> None: ...

class Rendition(_message.Message):
    __slots__ = ("asset_id", "name", "width", "height", "duration_seconds", "size_bytes", "content_type", "url")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    name: str
    width: int
    height: int
    duration_seconds: float
    size_bytes: int
    content_type: str
    url: str
    def __init__(self, asset_id: _Optional[str] = ..., name: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., size_bytes: _Optional[int] = ..., content_type: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("kind", "start_seconds", "end_seconds", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    START_SECONDS_FIELD_NUMBER: _ClassVar[int]
    END_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    start_seconds: float
    end_seconds: float
    message: str
    def __init__(self, kind: _Optional[str] = ..., start_seconds: _Optional[float] = ..., end_seconds: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Shot(_message.Message):
    __slots__ = ("id", "ordinal", "state", "duration_seconds", "continues", "route", "attempts")
    ID_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CONTINUES_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    ordinal: int
    state: ShotState
    duration_seconds: float
    continues: bool
    route: _containers.RepeatedCompositeFieldContainer[Candidate]
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    def __init__(self, id: _Optional[str] = ..., ordinal: _Optional[int] = ..., state: _Optional[_Union[ShotState, str]] = ..., duration_seconds: _Optional[float] = ..., continues: _Optional[bool] = ..., route: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("account_id", "provider", "model", "price_micros", "struck", "reason")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    STRUCK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    provider: str
    model: str
    price_micros: int
    struck: bool
    reason: str
    def __init__(self, account_id: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., price_micros: _Optional[int] = ..., struck: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("id", "ordinal", "state", "account_id", "provider", "model", "job_id", "held_micros", "spent_micros", "failure", "create_time", "submit_time", "complete_time", "clip_asset_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLIP_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    ordinal: int
    state: AttemptState
    account_id: str
    provider: str
    model: str
    job_id: str
    held_micros: int
    spent_micros: int
    failure: Failure
    create_time: _timestamp_pb2.Timestamp
    submit_time: _timestamp_pb2.Timestamp
    complete_time: _timestamp_pb2.Timestamp
    clip_asset_id: str
    def __init__(self, id: _Optional[str] = ..., ordinal: _Optional[int] = ..., state: _Optional[_Union[AttemptState, str]] = ..., account_id: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., job_id: _Optional[str] = ..., held_micros: _Optional[int] = ..., spent_micros: _Optional[int] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., submit_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clip_asset_id: _Optional[str] = ...) -> None: ...

class GenerationEvent(_message.Message):
    __slots__ = ("id", "generation_id", "sequence", "type", "create_time", "message", "attributes", "state")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    id: str
    generation_id: str
    sequence: int
    type: str
    create_time: _timestamp_pb2.Timestamp
    message: str
    attributes: _containers.ScalarMap[str, str]
    state: GenerationState
    def __init__(self, id: _Optional[str] = ..., generation_id: _Optional[str] = ..., sequence: _Optional[int] = ..., type: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., state: _Optional[_Union[GenerationState, str]] = ...) -> None: ...
