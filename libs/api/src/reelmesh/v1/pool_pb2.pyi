from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Pool(_message.Message):
    __slots__ = ("kind", "pool", "known", "waiting", "sendable", "dispatched", "submitting", "watched", "lanes", "workers")
    KIND_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    SENDABLE_FIELD_NUMBER: _ClassVar[int]
    DISPATCHED_FIELD_NUMBER: _ClassVar[int]
    SUBMITTING_FIELD_NUMBER: _ClassVar[int]
    WATCHED_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    pool: str
    known: bool
    waiting: int
    sendable: int
    dispatched: int
    submitting: int
    watched: int
    lanes: _containers.RepeatedCompositeFieldContainer[LaneWork]
    workers: _containers.RepeatedCompositeFieldContainer[PoolWorker]
    def __init__(self, kind: _Optional[str] = ..., pool: _Optional[str] = ..., known: _Optional[bool] = ..., waiting: _Optional[int] = ..., sendable: _Optional[int] = ..., dispatched: _Optional[int] = ..., submitting: _Optional[int] = ..., watched: _Optional[int] = ..., lanes: _Optional[_Iterable[_Union[LaneWork, _Mapping]]] = ..., workers: _Optional[_Iterable[_Union[PoolWorker, _Mapping]]] = ...) -> None: ...

class LaneWork(_message.Message):
    __slots__ = ("lane", "steps")
    LANE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    lane: str
    steps: int
    def __init__(self, lane: _Optional[str] = ..., steps: _Optional[int] = ...) -> None: ...

class PoolWorker(_message.Message):
    __slots__ = ("worker_id", "name", "cordoned", "idle", "drained", "load")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CORDONED_FIELD_NUMBER: _ClassVar[int]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    name: str
    cordoned: bool
    idle: bool
    drained: bool
    load: int
    def __init__(self, worker_id: _Optional[str] = ..., name: _Optional[str] = ..., cordoned: _Optional[bool] = ..., idle: _Optional[bool] = ..., drained: _Optional[bool] = ..., load: _Optional[int] = ...) -> None: ...
