"""What all JSON bodies have in common: how strict they are, the numbers' ranges, and what an unknown field is told."""

import datetime
import difflib
import uuid
from typing import Annotated, cast

import pydantic
import pydantic_core
from reelmesh_kit import ids

UNKNOWN_FIELD = "unknown_field"


def _utf8(value: str) -> str:
    """Refuse half of a surrogate pair: JSON can escape it, and nothing else can carry it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise pydantic_core.PydanticCustomError("text", "has half of a surrogate pair, which is no character") from None
    return value


def printable(text: str) -> str:
    """Replace what UTF-8 cannot carry, so that a refusal can repeat it."""
    return text.encode("utf-8", "replace").decode()


Text = Annotated[str, pydantic.AfterValidator(_utf8)]
Int32 = Annotated[int, pydantic.Field(ge=-(2**31), le=2**31 - 1)]
UInt32 = Annotated[int, pydantic.Field(ge=0, le=2**32 - 1)]
Int64 = Annotated[int, pydantic.Field(ge=-(2**63), le=2**63 - 1)]


def _moment(value: object) -> object:
    """Turn RFC 3339 text into a time; numbers are refused, for nobody knows their unit."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    raise pydantic_core.PydanticCustomError("time", "is no RFC 3339 time with an offset, such as 2026-12-24T18:00:00Z")


def _id(value: object) -> object:
    """Read an id as all other doors do, and refuse in the same words."""
    try:
        return ids.read(value) if isinstance(value, str) else value
    except ValueError as error:
        raise pydantic_core.PydanticCustomError("id", "{problem}", {"problem": printable(str(error))}) from None


Id = Annotated[uuid.UUID, pydantic.BeforeValidator(_id, json_schema_input_type=uuid.UUID)]
Moment = Annotated[datetime.datetime, pydantic.BeforeValidator(_moment, json_schema_input_type=datetime.datetime)]


class Body(pydantic.BaseModel):
    """A JSON object whose fields are those of a message in the protos. Unknown ones are refused, by name."""

    model_config = pydantic.ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _known_fields_only(cls, given: object) -> object:
        names = cast(dict[object, object], given) if isinstance(given, dict) else {}
        for name in names:
            if name not in cls.model_fields:
                raise _unknown(printable(str(name)), list(cls.model_fields))
        return cast(object, given)


class Query(Body):
    """The query of a URL: all text, so it is read less strictly than JSON."""

    model_config = pydantic.ConfigDict(strict=False)


def _unknown(name: str, known: list[str]) -> pydantic_core.PydanticCustomError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'Did you mean "{near[0]}"?' if near else f"Known are: {', '.join(known)}."
    return pydantic_core.PydanticCustomError(UNKNOWN_FIELD, "is not known. {hint}", {"field": name, "hint": hint})
