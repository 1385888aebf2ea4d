"""What a body must look like, field by field: what is wrong with one is said in no vendor's words."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast


class Kind(enum.StrEnum):
    """What can be wrong with a field."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    TYPE = "type"
    CHOICE = "choice"
    LOW = "low"
    HIGH = "high"
    SHORT = "short"
    LONG = "long"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that is not as it should be.

    Attributes:
        path: where: names of fields.
        expected: what would have been right: values, a type, or a bound.
        value: what came.
    """

    path: tuple[str, ...]
    kind: Kind
    expected: tuple[Any, ...] = ()
    value: Any = None


class Rule(Protocol):
    """What one field must be."""

    @property
    def required(self) -> bool:
        """Whether the body must have it."""
        ...

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """Return what is wrong with a value, and what would be right."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is not empty, of at most so many UTF-16 units."""

    longest: int
    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        if not isinstance(value, str):
            return Kind.TYPE, ("string",)
        if not value:
            return Kind.SHORT, (1,)
        return (Kind.LONG, (self.longest,)) if len(value.encode("utf-16-le")) // 2 > self.longest else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]
    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        right = any(value == one and type(value) is type(one) for one in self.values)
        return None if right else (Kind.CHOICE, self.values)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, or one of some words."""

    low: int
    high: int
    required: bool = False
    words: tuple[str, ...] = ()

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        if value in self.words:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            return Kind.TYPE, ("integer",)
        if value < self.low:
            return Kind.LOW, (self.low,)
        return (Kind.HIGH, (self.high,)) if value > self.high else None


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    low: float
    high: float
    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Kind.TYPE, ("number",)
        if value < self.low:
            return Kind.LOW, (self.low,)
        return (Kind.HIGH, (self.high,)) if value > self.high else None


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        return None if isinstance(value, bool) else (Kind.TYPE, ("boolean",))


@dataclass(frozen=True, slots=True)
class Whatever:
    """An object or a list that is kept as it is and looked at no further."""

    required: bool = False

    def wrong(self, value: Any) -> tuple[Kind, tuple[Any, ...]] | None:
        """See Rule."""
        return None if isinstance(value, Mapping | list) else (Kind.TYPE, ("object",))


Shape = Mapping[str, Rule]


def problems(fields: Mapping[str, Any], shape: Shape, *, strict: bool = True) -> Sequence[Problem]:
    """Return what is wrong with a body, in the order of its shape.

    Args:
        fields: the body.
        shape: what it must look like. A field that is null counts as absent.
        strict: fields without a rule are wrong.
    """
    found: list[Problem] = []
    for name, rule in shape.items():
        value = fields.get(name)
        if value is None:
            if rule.required:
                found.append(Problem((name,), Kind.MISSING))
            continue
        wrong = rule.wrong(value)
        if wrong:
            found.append(Problem((name,), *wrong, value))
    if strict:
        found += [Problem((name,), Kind.UNKNOWN, (), value) for name, value in fields.items() if name not in shape]
    return found


def records(value: Any) -> Sequence[Mapping[str, Any]] | None:
    """Return a list of objects as such; None where it is none."""
    if not isinstance(value, list):
        return None
    items = cast(list[Any], value)
    return cast(list[Mapping[str, Any]], items) if all(isinstance(item, Mapping) for item in items) else None
