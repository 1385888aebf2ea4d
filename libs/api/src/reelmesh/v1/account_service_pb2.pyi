import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from reelmesh.v1 import pool_pb2 as _pool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BreakerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_STATE_UNSPECIFIED: _ClassVar[BreakerState]
    BREAKER_STATE_CLOSED: _ClassVar[BreakerState]
    BREAKER_STATE_OPEN: _ClassVar[BreakerState]
    BREAKER_STATE_HALF_OPEN: _ClassVar[BreakerState]

class HealthEventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_EVENT_TYPE_UNSPECIFIED: _ClassVar[HealthEventType]
    HEALTH_EVENT_TYPE_OPENED: _ClassVar[HealthEventType]
    HEALTH_EVENT_TYPE_TRIED: _ClassVar[HealthEventType]
    HEALTH_EVENT_TYPE_CLOSED: _ClassVar[HealthEventType]
    HEALTH_EVENT_TYPE_SWITCHED_OFF: _ClassVar[HealthEventType]
    HEALTH_EVENT_TYPE_SWITCHED_ON: _ClassVar[HealthEventType]
BREAKER_STATE_UNSPECIFIED: BreakerState
BREAKER_STATE_CLOSED: BreakerState
BREAKER_STATE_OPEN: BreakerState
BREAKER_STATE_HALF_OPEN: BreakerState
HEALTH_EVENT_TYPE_UNSPECIFIED: HealthEventType
HEALTH_EVENT_TYPE_OPENED: HealthEventType
HEALTH_EVENT_TYPE_TRIED: HealthEventType
HEALTH_EVENT_TYPE_CLOSED: HealthEventType
HEALTH_EVENT_TYPE_SWITCHED_OFF: HealthEventType
HEALTH_EVENT_TYPE_SWITCHED_ON: HealthEventType

class Account(_message.Message):
    __slots__ = ("id", "provider", "slots", "in_flight", "waiting", "enabled", "exclusive", "models")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    id: str
    provider: str
    slots: int
    in_flight: int
    waiting: int
    enabled: bool
    exclusive: bool
    models: _containers.RepeatedCompositeFieldContainer[AccountModel]
    def __init__(self, id: _Optional[str] = ..., provider: _Optional[str] = ..., slots: _Optional[int] = ..., in_flight: _Optional[int] = ..., waiting: _Optional[int] = ..., enabled: _Optional[bool] = ..., exclusive: _Optional[bool] = ..., models: _Optional[_Iterable[_Union[AccountModel, _Mapping]]] = ...) -> None: ...

class AccountModel(_message.Message):
    __slots__ = ("model", "breaker", "breaker_time", "trial_time", "rest_time", "failed_submits", "failed_jobs", "message", "switched_off", "retire_date")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    BREAKER_TIME_FIELD_NUMBER: _ClassVar[int]
    TRIAL_TIME_FIELD_NUMBER: _ClassVar[int]
    REST_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILED_SUBMITS_FIELD_NUMBER: _ClassVar[int]
    FAILED_JOBS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SWITCHED_OFF_FIELD_NUMBER: _ClassVar[int]
    RETIRE_DATE_FIELD_NUMBER: _ClassVar[int]
    model: str
    breaker: BreakerState
    breaker_time: _timestamp_pb2.Timestamp
    trial_time: _timestamp_pb2.Timestamp
    rest_time: _timestamp_pb2.Timestamp
    failed_submits: int
    failed_jobs: int
    message: str
    switched_off: bool
    retire_date: str
    def __init__(self, model: _Optional[str] = ..., breaker: _Optional[_Union[BreakerState, str]] = ..., breaker_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trial_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rest_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failed_submits: _Optional[int] = ..., failed_jobs: _Optional[int] = ..., message: _Optional[str] = ..., switched_off: _Optional[bool] = ..., retire_date: _Optional[str] = ...) -> None: ...

class ListAccountsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAccountsResponse(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    def __init__(self, accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ...) -> None: ...

class SwitchTarget(_message.Message):
    __slots__ = ("provider", "account_id", "model")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    provider: str
    account_id: str
    model: str
    def __init__(self, provider: _Optional[str] = ..., account_id: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class Switch(_message.Message):
    __slots__ = ("target", "operator", "reason", "create_time")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    target: SwitchTarget
    operator: str
    reason: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, target: _Optional[_Union[SwitchTarget, _Mapping]] = ..., operator: _Optional[str] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListSwitchesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSwitchesResponse(_message.Message):
    __slots__ = ("switches",)
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    switches: _containers.RepeatedCompositeFieldContainer[Switch]
    def __init__(self, switches: _Optional[_Iterable[_Union[Switch, _Mapping]]] = ...) -> None: ...

class SwitchOffRequest(_message.Message):
    __slots__ = ("target", "reason")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    target: SwitchTarget
    reason: str
    def __init__(self, target: _Optional[_Union[SwitchTarget, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class SwitchOffResponse(_message.Message):
    __slots__ = ("switch",)
    SWITCH_FIELD_NUMBER: _ClassVar[int]
    switch: Switch
    def __init__(self, switch: _Optional[_Union[Switch, _Mapping]] = ...) -> None: ...

class SwitchOnRequest(_message.Message):
    __slots__ = ("target", "reason")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    target: SwitchTarget
    reason: str
    def __init__(self, target: _Optional[_Union[SwitchTarget, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class SwitchOnResponse(_message.Message):
    __slots__ = ("remaining",)
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    remaining: _containers.RepeatedCompositeFieldContainer[Switch]
    def __init__(self, remaining: _Optional[_Iterable[_Union[Switch, _Mapping]]] = ...) -> None: ...

class ListHealthEventsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHealthEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[HealthEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[HealthEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class HealthEvent(_message.Message):
    __slots__ = ("type", "target", "operator", "message", "create_time")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    type: HealthEventType
    target: SwitchTarget
    operator: str
    message: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, type: _Optional[_Union[HealthEventType, str]] = ..., target: _Optional[_Union[SwitchTarget, _Mapping]] = ..., operator: _Optional[str] = ..., message: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListPoolsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPoolsResponse(_message.Message):
    __slots__ = ("pools",)
    POOLS_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[_pool_pb2.Pool]
    def __init__(self, pools: _Optional[_Iterable[_Union[_pool_pb2.Pool, _Mapping]]] = ...) -> None: ...
