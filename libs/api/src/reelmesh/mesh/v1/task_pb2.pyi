import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenerateTask(_message.Message):
    __slots__ = ("attempt_id", "generation_id", "shot_id", "tenant_id", "user_id", "provider", "account_id", "model", "prompt", "duration_seconds", "width", "height", "frames_per_second", "audio", "seed", "seed_is_users", "reference_asset_ids", "first_frame_asset_id", "price_micros", "traceparent", "continued", "last_frame_asset_id", "negative_prompt")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SHOT_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SEED_IS_USERS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    CONTINUED_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_PROMPT_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    generation_id: str
    shot_id: str
    tenant_id: str
    user_id: str
    provider: str
    account_id: str
    model: str
    prompt: str
    duration_seconds: float
    width: int
    height: int
    frames_per_second: int
    audio: bool
    seed: int
    seed_is_users: bool
    reference_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    first_frame_asset_id: str
    price_micros: int
    traceparent: str
    continued: bool
    last_frame_asset_id: str
    negative_prompt: str
    def __init__(self, attempt_id: _Optional[str] = ..., generation_id: _Optional[str] = ..., shot_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., provider: _Optional[str] = ..., account_id: _Optional[str] = ..., model: _Optional[str] = ..., prompt: _Optional[str] = ..., duration_seconds: _Optional[float] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., frames_per_second: _Optional[int] = ..., audio: _Optional[bool] = ..., seed: _Optional[int] = ..., seed_is_users: _Optional[bool] = ..., reference_asset_ids: _Optional[_Iterable[str]] = ..., first_frame_asset_id: _Optional[str] = ..., price_micros: _Optional[int] = ..., traceparent: _Optional[str] = ..., continued: _Optional[bool] = ..., last_frame_asset_id: _Optional[str] = ..., negative_prompt: _Optional[str] = ...) -> None: ...

class MediaTask(_message.Message):
    __slots__ = ("step_id", "generation_id", "traceparent")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    generation_id: str
    traceparent: str
    def __init__(self, step_id: _Optional[str] = ..., generation_id: _Optional[str] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ProgressNote(_message.Message):
    __slots__ = ("generation_id", "shot_id", "progress_percent", "activity")
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SHOT_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    shot_id: str
    progress_percent: int
    activity: str
    def __init__(self, generation_id: _Optional[str] = ..., shot_id: _Optional[str] = ..., progress_percent: _Optional[int] = ..., activity: _Optional[str] = ...) -> None: ...

class JobNudge(_message.Message):
    __slots__ = ("account_id", "vendor_job_id", "attempt_id")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    vendor_job_id: str
    attempt_id: str
    def __init__(self, account_id: _Optional[str] = ..., vendor_job_id: _Optional[str] = ..., attempt_id: _Optional[str] = ...) -> None: ...

class MeshEvent(_message.Message):
    __slots__ = ("id", "position", "tenant_id", "generation_id", "sequence", "type", "create_time", "message", "attributes", "state", "traceparent")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    id: str
    position: int
    tenant_id: str
    generation_id: str
    sequence: int
    type: str
    create_time: _timestamp_pb2.Timestamp
    message: str
    attributes: _containers.ScalarMap[str, str]
    state: str
    traceparent: str
    def __init__(self, id: _Optional[str] = ..., position: _Optional[int] = ..., tenant_id: _Optional[str] = ..., generation_id: _Optional[str] = ..., sequence: _Optional[int] = ..., type: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., state: _Optional[str] = ..., traceparent: _Optional[str] = ...) -> None: ...

class AssetKeep(_message.Message):
    __slots__ = ("asset_ids", "discarded_asset_ids", "tenant_id")
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    discarded_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    tenant_id: str
    def __init__(self, asset_ids: _Optional[_Iterable[str]] = ..., discarded_asset_ids: _Optional[_Iterable[str]] = ..., tenant_id: _Optional[str] = ...) -> None: ...
