"""Finds what the code calls a bound: constants and settings whose names say so."""

import ast
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping

from reelmesh_standalone import parts

from scripts.limits import bound

# The worker of a provider by which the page names what all of them are told.
SHARES = "provider-local"
ROOT = pathlib.Path(__file__).parent.parent.parent
# The words by which this code names the most, or the least, of something, and how often or how long something is tried.
WORDS = re.compile(
    r"(^|_)(MAX|MIN|MOST|LEAST|LARGEST|SMALLEST|LONGEST|SHORTEST|HIGHEST|LOWEST|WIDEST|FARTHEST|LIMIT"
    r"|TIMEOUT|TRIES|RETRIES|PATIENCE|RETENTION)(_|$)"
)


def constants(root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield the paths of all constants below libs/ and services/ whose names say that they are bounds."""
    for file in sorted(root.glob("*/*/src/**/*.py")):
        if file.is_relative_to(root / "libs" / "api"):
            continue
        inside = file.relative_to(next(each for each in file.parents if each.name == "src")).with_suffix("")
        module = ".".join(part for part in inside.parts if part != "__init__")
        yield from (f"{module}.{name}" for name in _named(ast.parse(file.read_text())))


def settings() -> Iterator[str]:
    """Yield the settings whose names say that they are bounds; those that all workers of providers share once."""
    (shared,) = (part for part in parts.all_parts() if part.name == SHARES)
    for part in parts.all_parts():
        known = shared.settings_class().model_fields if part.provider and part.name != SHARES else {}
        for name in part.settings_class().model_fields:
            if WORDS.search(name.upper()) and name not in known:
                yield f"{bound.SETTING}{part.name}.{name}"


def missing(found: Iterable[str], rows: Iterable[bound.Bound], excluded: Mapping[str, str]) -> list[str]:
    """Return what is neither on the page nor excluded; an exclusion that ends with a dot is of everything below it."""
    told = {path for row in rows for path in (row.of, *row.also)}
    below = tuple(path for path in excluded if path.endswith("."))
    return [path for path in found if path not in told and path not in excluded and not path.startswith(below)]


def _named(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        for name in _targets(node):
            if name.isupper() and WORDS.search(name):
                yield name


def _targets(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement gives values to, also several at once."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))
