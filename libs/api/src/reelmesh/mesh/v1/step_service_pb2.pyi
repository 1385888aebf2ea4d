import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BeginStepRequest(_message.Message):
    __slots__ = ("step_id", "worker_id")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    worker_id: str
    def __init__(self, step_id: _Optional[str] = ..., worker_id: _Optional[str] = ...) -> None: ...

class BeginStepResponse(_message.Message):
    __slots__ = ("work", "drop")
    WORK_FIELD_NUMBER: _ClassVar[int]
    DROP_FIELD_NUMBER: _ClassVar[int]
    work: StepWork
    drop: StepDrop
    def __init__(self, work: _Optional[_Union[StepWork, _Mapping]] = ..., drop: _Optional[_Union[StepDrop, _Mapping]] = ...) -> None: ...

class StepDrop(_message.Message):
    __slots__ = ("reason", "ask_again_after")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ASK_AGAIN_AFTER_FIELD_NUMBER: _ClassVar[int]
    reason: str
    ask_again_after: _duration_pb2.Duration
    def __init__(self, reason: _Optional[str] = ..., ask_again_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StepWork(_message.Message):
    __slots__ = ("step_id", "token", "generation_id", "shot_id", "tenant_id", "user_id", "last_frame", "ladder", "infographic")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    SHOT_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    LADDER_FIELD_NUMBER: _ClassVar[int]
    INFOGRAPHIC_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    token: str
    generation_id: str
    shot_id: str
    tenant_id: str
    user_id: str
    last_frame: LastFrameWork
    ladder: LadderWork
    infographic: InfographicWork
    def __init__(self, step_id: _Optional[str] = ..., token: _Optional[str] = ..., generation_id: _Optional[str] = ..., shot_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., last_frame: _Optional[_Union[LastFrameWork, _Mapping]] = ..., ladder: _Optional[_Union[LadderWork, _Mapping]] = ..., infographic: _Optional[_Union[InfographicWork, _Mapping]] = ...) -> None: ...

class LastFrameWork(_message.Message):
    __slots__ = ("clip_asset_id",)
    CLIP_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    clip_asset_id: str
    def __init__(self, clip_asset_id: _Optional[str] = ...) -> None: ...

class InfographicWork(_message.Message):
    __slots__ = ("prompt", "width", "height", "category", "reference_asset_ids", "seed")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    width: int
    height: int
    category: str
    reference_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    def __init__(self, prompt: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., category: _Optional[str] = ..., reference_asset_ids: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ...) -> None: ...

class LadderWork(_message.Message):
    __slots__ = ("clip_asset_ids", "duration_seconds", "audio", "rungs", "label")
    CLIP_ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    RUNGS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    clip_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    duration_seconds: float
    audio: bool
    rungs: _containers.RepeatedScalarFieldContainer[int]
    label: str
    def __init__(self, clip_asset_ids: _Optional[_Iterable[str]] = ..., duration_seconds: _Optional[float] = ..., audio: _Optional[bool] = ..., rungs: _Optional[_Iterable[int]] = ..., label: _Optional[str] = ...) -> None: ...

class FinishStepRequest(_message.Message):
    __slots__ = ("step_id", "token", "worker_id", "last_frame", "ladder", "failed", "infographic")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    LADDER_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    INFOGRAPHIC_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    token: str
    worker_id: str
    last_frame: LastFrameDone
    ladder: LadderDone
    failed: StepFailed
    infographic: InfographicDone
    def __init__(self, step_id: _Optional[str] = ..., token: _Optional[str] = ..., worker_id: _Optional[str] = ..., last_frame: _Optional[_Union[LastFrameDone, _Mapping]] = ..., ladder: _Optional[_Union[LadderDone, _Mapping]] = ..., failed: _Optional[_Union[StepFailed, _Mapping]] = ..., infographic: _Optional[_Union[InfographicDone, _Mapping]] = ...) -> None: ...

class InfographicDone(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: MadeFile
    def __init__(self, file: _Optional[_Union[MadeFile, _Mapping]] = ...) -> None: ...

class LastFrameDone(_message.Message):
    __slots__ = ("frame_asset_id",)
    FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    frame_asset_id: str
    def __init__(self, frame_asset_id: _Optional[str] = ...) -> None: ...

class LadderDone(_message.Message):
    __slots__ = ("files", "thumbnail_asset_id", "poster_asset_id", "findings")
    FILES_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POSTER_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[MadeFile]
    thumbnail_asset_id: str
    poster_asset_id: str
    findings: _containers.RepeatedCompositeFieldContainer[MadeFinding]
    def __init__(self, files: _Optional[_Iterable[_Union[MadeFile, _Mapping]]] = ..., thumbnail_asset_id: _Optional[str] = ..., poster_asset_id: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[MadeFinding, _Mapping]]] = ...) -> None: ...

class MadeFile(_message.Message):
    __slots__ = ("asset_id", "name", "width", "height", "duration_seconds", "size_bytes")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    name: str
    width: int
    height: int
    duration_seconds: float
    size_bytes: int
    def __init__(self, asset_id: _Optional[str] = ..., name: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class MadeFinding(_message.Message):
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

class StepFailed(_message.Message):
    __slots__ = ("message", "retryable", "broken_clip_asset_id")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    BROKEN_CLIP_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    message: str
    retryable: bool
    broken_clip_asset_id: str
    def __init__(self, message: _Optional[str] = ..., retryable: _Optional[bool] = ..., broken_clip_asset_id: _Optional[str] = ...) -> None: ...

class FinishStepResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    def __init__(self, accepted: _Optional[bool] = ...) -> None: ...
