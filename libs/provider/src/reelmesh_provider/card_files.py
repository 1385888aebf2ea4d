"""Cards as data files: what models can do, what they cost from which day on, when they retire. TOML, never code.

The file's top level has the fields of `model.ProviderCard` but provider and version; `[[models]]` those of
`model.ModelCard`, with `[[models.prices]]` below.
"""

import dataclasses
import datetime
import importlib.metadata
import importlib.resources
import pathlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from reelmesh_kit import process

from reelmesh_provider import model


class BadCard(Exception):
    """The file is no card; the message says where and why."""


def stated(file: pathlib.Path | None, package: str, name: str, provider: str) -> model.ProviderCard:
    """Return the card that a service states: that of a file, or the one that comes with its package.

    Args:
        file: which file an operator has named, if any.
        package: of the service.
        name: of the card in the package.
        provider: whose it is: the name of the pool.

    Raises:
        process.CannotStart: it is no card.
    """
    try:
        return parse(text_of(file, package, name), provider, importlib.metadata.version(package))
    except BadCard as error:
        raise process.CannotStart(str(error)) from error


def text_of(file: pathlib.Path | None, package: str, name: str) -> str:
    """Return the text of a file if one is named, else that of the one in a package's folder `cards`.

    Raises:
        BadCard: it cannot be read.
    """
    return read(file) if file else packaged(package, name)


def packaged(package: str, name: str) -> str:
    """Return the text of a card that lies in a package's folder `cards`."""
    return importlib.resources.files(package).joinpath("cards", f"{name}.toml").read_text()


def read(path: pathlib.Path) -> str:
    """Return the text of a file.

    Raises:
        BadCard: it cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadCard(f"{path} cannot be read: {error}") from error


def parse(text: str, provider: str, version: str) -> model.ProviderCard:
    """Return the card that a text states.

    Args:
        text: TOML.
        provider: whose it is: the name of the pool.
        version: of the software that states it.

    Raises:
        BadCard: it is none.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadCard(f"the card is no TOML: {error}") from error
    listed = told.pop("models", None)
    if not isinstance(listed, list) or not listed:
        raise BadCard("the card has no [[models]]")
    models = tuple(_model(number, each) for number, each in enumerate(cast(list[Mapping[str, Any]], listed), 1))
    fields = _fields(model.ProviderCard, told, "the card", _CARD)
    return _made(model.ProviderCard, "the card", provider=provider, version=version, models=models, **fields)


def _model(number: int, told: Mapping[str, Any]) -> model.ModelCard:
    where = f"model {told.get('model', number)}"
    rest = dict(told)
    prices = tuple(
        _made(model.Price, f"a price of {where}", **_fields(model.Price, each, f"a price of {where}", _PRICE))
        for each in rest.pop("prices", [])
    )
    if not prices:
        raise BadCard(f"{where} has no [[models.prices]]: what is free costs 0 from a day on")
    return _made(model.ModelCard, where, prices=prices, **_fields(model.ModelCard, rest, where, _MODEL))


def _fields(
    kind: type[Any], told: Mapping[str, Any], where: str, read_by: Mapping[str, Callable[[Any], Any]]
) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(told) - known)
    if unknown:
        raise BadCard(f"{where} has unknown fields: {', '.join(unknown)}")
    try:
        return {name: read_by[name](value) if name in read_by else value for name, value in told.items()}
    except (TypeError, ValueError, KeyError) as error:
        raise BadCard(f"{where}: {error}") from error


def _made(kind: Callable[..., Any], where: str, **fields: Any) -> Any:
    try:
        return kind(**fields)
    except TypeError as error:
        raise BadCard(f"{where}: {error}") from error


def _day(value: Any) -> datetime.date:
    if not isinstance(value, datetime.date):
        raise TypeError(f"{value!r} is no date: write it as 2026-09-24, without quotes")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in cast(Sequence[object], value))


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no table")
    return cast(Mapping[str, Any], value)


_Readers = Mapping[str, Callable[[Any], Any]]
_PRICE: _Readers = {"effective_on": _day, "micros_per_second": _whole, "micros_per_clip": _whole}
_MODEL: _Readers = {
    "retires_on": _day,
    "shortest_seconds": _seconds,
    "longest_seconds": _seconds,
    "durations_seconds": lambda value: tuple(map(_seconds, value)),
    "sizes": _texts,
    "longest_render_seconds": _seconds,
    "seconds_per_second": _seconds,
}
_CARD: _Readers = {
    "recovery": model.Recovery,
    "creation_delay_seconds": _seconds,
    "listing_delay_seconds": _seconds,
    "polls_per_second": _seconds,
    "output_grace_seconds": _seconds,
    "gone": lambda value: model.GoneRule(**_table(value)),
    "pace": lambda value: model.Pace(**_table(value)),
}
