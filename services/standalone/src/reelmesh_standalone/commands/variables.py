"""`reelmesh settings`: every variable that every service reads."""

import dataclasses
from collections.abc import Collection

import click
import rich.text
from reelmesh_client import settings as client_settings
from reelmesh_client.commands import fitting, showing
from reelmesh_kit import settings as kit_settings

from reelmesh_standalone import parts
from reelmesh_standalone.settings import StandaloneSettings

COMMAND_LINE = "command line"
EVERY_SERVICE = "every service"
UP = "up"
# Narrower than this, what a variable is for stands below it.
_MEANING_CELLS = 40


@dataclasses.dataclass(frozen=True)
class Variable:
    """One variable of one service."""

    variable: str
    default: str
    """What applies when it is not set; "" if nothing does."""
    meaning: str
    other_names: tuple[str, ...] = ()
    """Further variables that are read, in this order, while the first is not set."""
    secret: bool = False
    set_by_up: bool = False
    """Whether `reelmesh up` sets it itself, whatever the environment says."""

    @property
    def in_full(self) -> str:
        """Return what it is for, with everything else that a reader must know."""
        words = [
            self.meaning,
            "(secret)" if self.secret else "",
            f"Also: {', '.join(f'`{name}`' for name in self.other_names)}." if self.other_names else "",
            "`reelmesh up` sets it itself." if self.set_by_up else "",
        ]
        return " ".join(each for each in words if each)


def settings(*, as_json: bool) -> None:
    """Print all variables by service."""
    found = described()
    if as_json:
        plain = {service: [dataclasses.asdict(each) for each in variables] for service, variables in found.items()}
        click.echo(showing.dumped(plain))
        return
    rows: list[tuple[rich.text.Text, rich.text.Text, str]] = []
    for service, variables in found.items():
        rows.append((rich.text.Text(service, style="bold"), rich.text.Text(), ""))
        for each in variables:
            default = rich.text.Text(each.default or "-", style="dim")
            rows.append((rich.text.Text(f"  {each.variable}"), default, each.in_full))
    showing.out().print(fitting.Rows(("variable", "default", "what it is for"), rows, least=_MEANING_CELLS))


def described() -> dict[str, list[Variable]]:
    """Return all variables by service.

    Those that all services share stand once, under EVERY_SERVICE, and again where a service gives them another default
    or meaning.
    """
    services = parts.all_parts()
    by_up = {part.name: parts.set_by_mesh(part) for part in services}
    shared = _rows(kit_settings.ServiceSettings, frozenset[str]().union(*by_up.values()).intersection(*by_up.values()))
    known = {_facts(each) for each in shared}
    found = {COMMAND_LINE: [Variable(*row) for row in client_settings.DESCRIPTIONS], EVERY_SERVICE: shared}
    found[UP] = [each for each in _rows(StandaloneSettings) if _facts(each) not in known]
    for part in services:
        rows = _rows(part.settings_class(), by_up[part.name])
        found[part.name] = [each for each in rows if _facts(each) not in known]
    return found


def of_service(kind: type[kit_settings.ServiceSettings]) -> list[Variable]:
    """Return the variables of a service that no mesh on one machine has, but those that every service has."""
    known = {_facts(each) for each in _rows(kit_settings.ServiceSettings)}
    return [each for each in _rows(kind) if _facts(each) not in known]


def _facts(each: Variable) -> tuple[str, str, str]:
    return each.variable, each.default, each.meaning


def _rows(kind: type[kit_settings.ServiceSettings], set_by_up: Collection[str] = ()) -> list[Variable]:
    return [
        Variable(
            variable=each.env,
            default=each.default,
            meaning=each.description,
            other_names=each.other_names,
            secret=each.secret,
            set_by_up=each.name in set_by_up,
        )
        for each in kit_settings.describe(kind)
    ]
