import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from reelmesh.v1 import generation_pb2 as _generation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenerationRequest(_message.Message):
    __slots__ = ("prompt", "output", "reference_asset_ids", "model", "labels", "max_cost_micros", "deadline_time", "fallback_floor", "seed", "priority", "user_id", "policy", "category", "negative_prompt", "first_frame_asset_id", "last_frame_asset_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
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
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_PROMPT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    output: _generation_pb2.OutputSpec
    reference_asset_ids: _containers.RepeatedScalarFieldContainer[str]
    model: str
    labels: _containers.ScalarMap[str, str]
    max_cost_micros: int
    deadline_time: _timestamp_pb2.Timestamp
    fallback_floor: _generation_pb2.Delivery
    seed: int
    priority: int
    user_id: str
    policy: str
    category: str
    negative_prompt: str
    first_frame_asset_id: str
    last_frame_asset_id: str
    def __init__(self, prompt: _Optional[str] = ..., output: _Optional[_Union[_generation_pb2.OutputSpec, _Mapping]] = ..., reference_asset_ids: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., max_cost_micros: _Optional[int] = ..., deadline_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., fallback_floor: _Optional[_Union[_generation_pb2.Delivery, str]] = ..., seed: _Optional[int] = ..., priority: _Optional[int] = ..., user_id: _Optional[str] = ..., policy: _Optional[str] = ..., category: _Optional[str] = ..., negative_prompt: _Optional[str] = ..., first_frame_asset_id: _Optional[str] = ..., last_frame_asset_id: _Optional[str] = ...) -> None: ...

class CreateGenerationRequest(_message.Message):
    __slots__ = ("generation", "request_id", "repeat")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REPEAT_FIELD_NUMBER: _ClassVar[int]
    generation: GenerationRequest
    request_id: str
    repeat: Repeat
    def __init__(self, generation: _Optional[_Union[GenerationRequest, _Mapping]] = ..., request_id: _Optional[str] = ..., repeat: _Optional[_Union[Repeat, _Mapping]] = ...) -> None: ...

class Repeat(_message.Message):
    __slots__ = ("body_sha256", "count")
    BODY_SHA256_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    body_sha256: str
    count: int
    def __init__(self, body_sha256: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class CreateGenerationResponse(_message.Message):
    __slots__ = ("generation", "replayed")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    generation: _generation_pb2.Generation
    replayed: bool
    def __init__(self, generation: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class GetGenerationRequest(_message.Message):
    __slots__ = ("generation_id",)
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    def __init__(self, generation_id: _Optional[str] = ...) -> None: ...

class GetGenerationResponse(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: _generation_pb2.Generation
    def __init__(self, generation: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ...) -> None: ...

class ListGenerationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "states", "labels", "user_id", "after_generation_id", "oldest_first")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[_generation_pb2.GenerationState]
    labels: _containers.ScalarMap[str, str]
    user_id: str
    after_generation_id: str
    oldest_first: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_generation_pb2.GenerationState, str]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., user_id: _Optional[str] = ..., after_generation_id: _Optional[str] = ..., oldest_first: _Optional[bool] = ...) -> None: ...

class ListGenerationsResponse(_message.Message):
    __slots__ = ("generations", "next_page_token")
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    generations: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Generation]
    next_page_token: str
    def __init__(self, generations: _Optional[_Iterable[_Union[_generation_pb2.Generation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelGenerationRequest(_message.Message):
    __slots__ = ("generation_id",)
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    def __init__(self, generation_id: _Optional[str] = ...) -> None: ...

class CancelGenerationResponse(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: _generation_pb2.Generation
    def __init__(self, generation: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ...) -> None: ...

class RetryGenerationRequest(_message.Message):
    __slots__ = ("generation_id",)
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    def __init__(self, generation_id: _Optional[str] = ...) -> None: ...

class RetryGenerationResponse(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: _generation_pb2.Generation
    def __init__(self, generation: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ...) -> None: ...

class PromoteTakeRequest(_message.Message):
    __slots__ = ("generation_id", "take")
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    take: int
    def __init__(self, generation_id: _Optional[str] = ..., take: _Optional[int] = ...) -> None: ...

class PromoteTakeResponse(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: _generation_pb2.Generation
    def __init__(self, generation: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ...) -> None: ...

class DeleteGenerationRequest(_message.Message):
    __slots__ = ("generation_id",)
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    def __init__(self, generation_id: _Optional[str] = ...) -> None: ...

class DeleteGenerationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchGenerationRequest(_message.Message):
    __slots__ = ("generation_id", "after_sequence")
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    after_sequence: int
    def __init__(self, generation_id: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class WatchGenerationResponse(_message.Message):
    __slots__ = ("event", "progress", "ended")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    event: _generation_pb2.GenerationEvent
    progress: Progress
    ended: _generation_pb2.Generation
    def __init__(self, event: _Optional[_Union[_generation_pb2.GenerationEvent, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., ended: _Optional[_Union[_generation_pb2.Generation, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("progress_percent", "activity")
    PROGRESS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    progress_percent: int
    activity: str
    def __init__(self, progress_percent: _Optional[int] = ..., activity: _Optional[str] = ...) -> None: ...

class ListGenerationEventsRequest(_message.Message):
    __slots__ = ("generation_id", "after_sequence", "page_size")
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    generation_id: str
    after_sequence: int
    page_size: int
    def __init__(self, generation_id: _Optional[str] = ..., after_sequence: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListGenerationEventsResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_generation_pb2.GenerationEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[_generation_pb2.GenerationEvent, _Mapping]]] = ...) -> None: ...

class QuoteGenerationRequest(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: GenerationRequest
    def __init__(self, generation: _Optional[_Union[GenerationRequest, _Mapping]] = ...) -> None: ...

class QuoteGenerationResponse(_message.Message):
    __slots__ = ("shots", "price_micros", "estimated_seconds")
    SHOTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    shots: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Shot]
    price_micros: int
    estimated_seconds: float
    def __init__(self, shots: _Optional[_Iterable[_Union[_generation_pb2.Shot, _Mapping]]] = ..., price_micros: _Optional[int] = ..., estimated_seconds: _Optional[float] = ...) -> None: ...
