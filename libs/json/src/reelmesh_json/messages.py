"""Any message ↔ JSON: snake_case names, times as RFC 3339 in UTC, integers as numbers, enums by their word."""

import datetime
import math
from collections.abc import Mapping
from typing import Any, cast

from google.protobuf import descriptor, message, timestamp_pb2

_TIMESTAMP = timestamp_pb2.Timestamp.DESCRIPTOR.full_name
_FLOATS = (descriptor.FieldDescriptor.CPPTYPE_DOUBLE, descriptor.FieldDescriptor.CPPTYPE_FLOAT)


def to_json(source: message.Message) -> dict[str, Any]:
    """Return all fields of a message; what is absent or says nothing (the zero of an enum) is None."""
    return {field.name: _field(source, field) for field in _fields(source).values()}


def fill(target: message.Message, values: Mapping[str, Any]) -> None:
    """Set the fields of `target` from values as `wire` models dump them; None leaves a field absent.

    Raises:
        KeyError: `target` has no such field; models and protos disagree.
    """
    fields = _fields(target)
    for name, value in values.items():
        if value is not None:
            _set(target, fields[name], value)


def word(enum: descriptor.EnumDescriptor, number: int) -> str | None:
    """Return the word of an enum's value, "QUEUED" for GENERATION_STATE_QUEUED; None for the one that says nothing.

    A number that these protos do not know yet, from a newer service, becomes "UNKNOWN_<number>".
    """
    if number == 0:
        return None
    known = enum.values_by_number.get(number)
    return known.name.removeprefix(prefix(enum)) if known is not None else f"UNKNOWN_{number}"


def words(enum: descriptor.EnumDescriptor) -> list[str]:
    """Return the words of an enum, without the one that says nothing."""
    return [value.name.removeprefix(prefix(enum)) for value in enum.values if value.number != 0]


def number_of(enum: descriptor.EnumDescriptor, text: str) -> int:
    """Return the number of a word; the model that validated it knows no others.

    Raises:
        KeyError: there is no such word.
    """
    return enum.values_by_name[prefix(enum) + text].number


def prefix(enum: descriptor.EnumDescriptor) -> str:
    """Return what stands before each value of an enum: GENERATION_STATE_ for GenerationState."""
    letters = enum.name
    broken = "".join(f"_{each}" if each.isupper() and place else each for place, each in enumerate(letters))
    return broken.upper() + "_"


def is_map(field: descriptor.FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _fields(of: message.Message) -> Mapping[str, descriptor.FieldDescriptor]:
    # The stubs speak of two classes, of which one is what runs.
    return cast(Mapping[str, descriptor.FieldDescriptor], of.DESCRIPTOR.fields_by_name)


def _field(source: message.Message, field: descriptor.FieldDescriptor) -> Any:
    value = getattr(source, field.name)
    if is_map(field):
        return dict(value)
    if field.is_repeated:
        return [_one(field, each) for each in value]
    if field.has_presence and not source.HasField(field.name):
        return None
    return _one(field, value)


def _one(field: descriptor.FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _time(value) if field.message_type.full_name == _TIMESTAMP else to_json(value)
    if field.enum_type is not None:
        return word(field.enum_type, value)
    if field.cpp_type in _FLOATS and not math.isfinite(value):
        # JSON has no word for it.
        return None
    return value


def _time(value: timestamp_pb2.Timestamp) -> str:
    return value.ToJsonString()


def _set(target: message.Message, field: descriptor.FieldDescriptor, value: Any) -> None:
    if is_map(field):
        getattr(target, field.name).update(value)
    elif field.is_repeated:
        getattr(target, field.name).extend(_number_or_value(field, each) for each in value)
    elif isinstance(value, datetime.datetime):
        cast(timestamp_pb2.Timestamp, getattr(target, field.name)).FromDatetime(value)
    elif field.message_type is not None:
        inner = getattr(target, field.name)
        inner.SetInParent()
        fill(inner, value)
    else:
        setattr(target, field.name, _number_or_value(field, value))


def _number_or_value(field: descriptor.FieldDescriptor, value: Any) -> Any:
    return number_of(field.enum_type, value) if field.enum_type is not None else value
