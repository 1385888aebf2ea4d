"""A bound as the page tells it: named by where the code declares it, so that its number is never typed twice."""

import dataclasses
import datetime
import importlib
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from reelmesh_gateway.wire import errors as http
from reelmesh_kit import errors, settings
from reelmesh_standalone import parts

SETTING = "setting:"
# Names whose number is the least, not the most.
_LEAST = re.compile(r"(^|_)(SMALLEST|SHORTEST|MIN|LEAST|LOWEST)(_|$)")
# Units that a name ends with; a bound whose name has none says its unit itself.
_UNITS: Mapping[str, str] = {
    "BYTES": "bytes",
    "SECONDS": "seconds",
    "MILLISECONDS": "milliseconds",
    "MS": "milliseconds",
    "HOURS": "hours",
    "DAYS": "days",
    "CHARACTERS": "characters",
    "PIXELS": "pixels",
    "MICROS": "micro-dollars",
}
_SECONDS: Mapping[str, float] = {"milliseconds": 0.001, "seconds": 1.0, "hours": 3600.0, "days": 86_400.0}
_TIMES = (("days", 86_400.0), ("h", 3600.0), ("min", 60.0))
_SIZES = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024), ("MB", 10**6))


@dataclasses.dataclass(frozen=True)
class Bound:
    """One row of the page."""

    what: str
    """What is bounded, for people."""
    of: str
    """Path of the constant ("package.module.NAME", or further into what that is), or "setting:service.field"."""
    met: str
    """What happens when it is met; {REASON} becomes the reason with its HTTP status."""
    unit: str = ""
    """Only where the name does not end with it."""
    also: tuple[str, ...] = ()
    """Other constants that say the same of the same thing, elsewhere on its way."""

    @property
    def changed_by(self) -> str:
        """Return the variable that changes it; "" if none does."""
        return self._setting().env if self.of.startswith(SETTING) else ""

    @property
    def shown(self) -> str:
        """Return the value with its unit."""
        value = _default(*_field(self.of)) if self.of.startswith(SETTING) else resolve(self.of)
        least = "at least " if _LEAST.search(self._name.upper()) else ""
        return least + _worded(value, self.unit or _unit(self._name))

    @property
    def where(self) -> str:
        """Return where the code has it."""
        return "" if self.of.startswith(SETTING) else self.of

    @property
    def then(self) -> str:
        """Return what happens, with statuses."""
        return re.sub(r"\{([A-Z_]+)\}", lambda found: _status(errors.Reason(found[1])), self.met)

    @property
    def _name(self) -> str:
        return self.of.rpartition(".")[2]

    def _setting(self) -> settings.SettingDescription:
        kind, name = _field(self.of)
        return next(each for each in settings.describe(kind) if each.name == name)


def resolve(path: str) -> Any:
    """Return what a dotted path names: a module, and the rest of the path within it; "name(2)" is a call.

    Raises:
        LookupError: there is no such thing.
    """
    names = path.split(".")
    for length in range(len(names) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            found = _within(found, name, path)
        return found
    raise LookupError(f"{path}: there is no such module")


def _within(found: Any, name: str, path: str) -> Any:
    name, _, argument = name.rstrip(")").partition("(")
    if not hasattr(found, name):
        raise LookupError(f"{path}: {name} is not there any more")
    return getattr(found, name)(int(argument)) if argument else getattr(found, name)


def _field(of: str) -> tuple[type[settings.ServiceSettings], str]:
    service, _, name = of.removeprefix(SETTING).partition(".")
    kind = next(part.settings_class() for part in parts.all_parts() if part.name == service)
    if name not in kind.model_fields:
        raise LookupError(f"{service} has no setting {name}")
    return kind, name


def _default(kind: type[settings.ServiceSettings], name: str) -> Any:
    return kind.model_fields[name].get_default(call_default_factory=False)


def _status(reason: errors.Reason) -> str:
    return f"{reason} ({http.STATUS[reason]})"


def _unit(name: str) -> str:
    words = name.upper().split("_")
    # Units come last, but for such names as CHUNK_LIMIT_BYTES, or creates_per_minute.
    return _UNITS.get(words[-1], "")


def _worded(value: Any, unit: str) -> str:
    if isinstance(value, datetime.timedelta):
        value, unit = value.total_seconds(), "seconds"
    if isinstance(value, Fraction):
        value = float(value)
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if unit in _SECONDS:
        return _time(value * _SECONDS[unit])
    if unit == "bytes":
        return _size(int(value))
    return f"{_number(value)} {unit}".strip()


def _time(seconds: float) -> str:
    for unit, length in _TIMES:
        if seconds >= 2 * length and seconds % length == 0:
            return f"{_number(seconds / length)} {unit}"
    return f"{_number(seconds)} s"


def _size(size_bytes: int) -> str:
    for unit, length in _SIZES:
        if size_bytes >= length and size_bytes % length == 0:
            return f"{_number(size_bytes // length)} {unit}"
    return f"{_number(size_bytes)} bytes"


def _number(value: float) -> str:
    return f"{value:,.10g}" if value < 10**10 else f"{value:,.0f}"
