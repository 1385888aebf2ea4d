"""Writes the table of values in the chart's README from the comments of values.yaml, so that it cannot be wrong."""

import json
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

CHART = pathlib.Path(__file__).parent.parent / "deploy" / "helm" / "reelmesh"
BEGIN, END = "<!-- values: written by make pages -->\n", "<!-- end of values -->\n"
HEAD = "| value | default | what it is for |\n|---|---|---|\n"
_MEANING = re.compile(r"^\s*# -- (.*)$")
_KEY = re.compile(r"^( *)([A-Za-z0-9-]+):")
_INDENT = 2
# What has a table of its own, or too much to show.
_LONG_CHARACTERS = 60


def described(text: str) -> Iterator[tuple[str, str]]:
    """Yield each value that has a comment `# --` before it, as its path with dots, and what it is for."""
    path: list[str] = []
    meaning = ""
    for line in text.splitlines():
        if said := _MEANING.match(line):
            meaning = said[1]
        elif key := _KEY.match(line):
            path = [*path[: len(key[1]) // _INDENT], key[2]]
            if meaning:
                yield ".".join(path), meaning
            meaning = ""


def table(text: str) -> str:
    """Return the table of the values that `text` sets, as Markdown."""
    values = yaml.safe_load(text)
    return HEAD + "".join(
        f"| `{path}` | {_shown(_at(values, path))} | {meaning.replace('|', chr(92) + '|')} |\n"
        for path, meaning in described(text)
    )


def page(readme: str, values: str) -> str:
    """Return a README with the table of `values` between its marks."""
    before, after = readme.split(BEGIN)[0], readme.split(END)[1]
    return f"{before}{BEGIN}\n{table(values)}\n{END}{after}"


def _at(values: Mapping[str, Any], path: str) -> object:
    found: object = values
    for key in path.split("."):
        found = cast(Mapping[str, object], found)[key]
    return found


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= _LONG_CHARACTERS else "see values.yaml"


if __name__ == "__main__":
    readme_file = CHART / "README.md"
    written = page(readme_file.read_text(), (CHART / "values.yaml").read_text())
    readme_file.write_text(written) if "--write" in sys.argv else sys.stdout.write(written)
