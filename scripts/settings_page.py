"""Writes the page of the settings from the classes that read them, so that the page cannot be wrong."""

import sys

from reelmesh_operator import settings
from reelmesh_standalone.commands import variables

INTRODUCTION = """\
# Settings

Printed from the services' classes of settings by `make pages`; a test fails when this page is older than they are.
`reelmesh settings` prints the same for what `reelmesh up` runs; the operator is on Kubernetes alone.

Variables come from the environment, or from a file `.env` in the folder where a process starts; the environment wins.
An empty variable counts as unset. Secrets are never logged. A service whose settings are wrong does not start: it ends
with exit code 2 and one line for each variable, saying what to set. A variable with other names is read under the first
that is set, in the order given; lists are written as JSON. A service that gives a setting of every service another
default is listed with it.
"""
HEAD = "| variable | default | what it is for |\n|---|---|---|\n"
TITLES = {
    variables.COMMAND_LINE: "The command line",
    variables.EVERY_SERVICE: "Every service",
    variables.UP: "`reelmesh up`",
}


def page() -> str:
    """Return the page as Markdown, a table for each service."""
    found = {**variables.described(), "operator": variables.of_service(settings.OperatorSettings)}
    return INTRODUCTION + "".join(_chapter(service, rows) for service, rows in found.items())


def _chapter(service: str, rows: list[variables.Variable]) -> str:
    title = TITLES.get(service, service.capitalize())
    return f"\n## {title}\n\n{HEAD}{''.join(_line(row) for row in rows)}"


def _line(row: variables.Variable) -> str:
    shown = f"`{row.default}`" if row.default else "-"
    meaning = row.in_full.replace("|", r"\|").replace("<", "&lt;")
    return f"| `{row.variable}` | {shown} | {meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
