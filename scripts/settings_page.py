"""Writes the page of the settings from the classes that read them, so that the page cannot be wrong."""

import sys
from collections.abc import Iterable, Iterator

import pydantic
from reelmesh_client import settings as client_settings
from reelmesh_kit import settings as kit_settings
from reelmesh_standalone import parts
from reelmesh_standalone import settings as standalone_settings

INTRODUCTION = """\
# Settings

Printed from the services' classes of settings by `make pages`; a test fails when this page is older than they are.
`reelmesh settings` prints the same for what is installed.

Variables come from the environment, or from a file `.env` in the folder where a process starts; the environment wins.
An empty variable counts as unset. Secrets are never logged. A service whose settings are wrong does not start: it ends
with exit code 2 and one line for each variable, saying what to set. A variable with other names is read under the first
that is set, in the order given; lists are written as JSON. `reelmesh up` sets ports, addresses, databases and folders
of its services itself.
"""
HEAD = "| variable | default | what it is for |\n|---|---|---|\n"


def page() -> str:
    """Return the page as Markdown, a table for each service."""
    kinds = {"`reelmesh up`": standalone_settings.StandaloneSettings}
    kinds |= {part.name.capitalize(): part.settings_class() for part in parts.all_parts()}
    shared = frozenset(_facts(each) for each in kit_settings.describe(kit_settings.ServiceSettings))
    chapters = [
        _chapter("The command line", [_line(*row) for row in client_settings.DESCRIPTIONS]),
        _chapter("Every service", _lines(kit_settings.ServiceSettings, frozenset())),
        *(_chapter(name, _lines(kind, shared)) for name, kind in kinds.items()),
    ]
    return INTRODUCTION + "".join(chapters)


def _facts(each: kit_settings.SettingDescription) -> tuple[str, str, str]:
    """Return what a reader must know: a service may give a setting that all have another default."""
    return each.env, each.default, each.description


def _chapter(name: str, lines: Iterable[str]) -> str:
    return f"\n## {name}\n\n{HEAD}{''.join(lines)}"


def _lines(kind: type[kit_settings.ServiceSettings], without: frozenset[tuple[str, str, str]]) -> Iterator[str]:
    for each in kit_settings.describe(kind):
        if _facts(each) in without:
            continue
        others = ", ".join(f"`{name}`" for name in _other_names(kind, each.name))
        secret = " (secret)" if each.secret else ""
        yield _line(each.env, each.default, each.description + secret + (f" Also: {others}." if others else ""))


def _other_names(kind: type[kit_settings.ServiceSettings], field: str) -> list[str]:
    alias = kind.model_fields[field].validation_alias
    choices = alias.choices[1:] if isinstance(alias, pydantic.AliasChoices) else []
    return [name for name in choices if isinstance(name, str) and name.isupper()]


def _line(variable: str, default: str, meaning: str) -> str:
    shown = f"`{default}`" if default else "-"
    plain = meaning.replace("|", r"\|").replace("<", "&lt;")
    return f"| `{variable}` | {shown} | {plain} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
