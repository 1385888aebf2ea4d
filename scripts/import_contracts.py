"""The contract type `room` for import-linter: the table of CONTRIBUTING.md, "The rooms", as something that can fail.

import-linter's own types forbid what they name. A room is the other way round: it says what may be known, so that a
vendor nobody has thought of yet is refused too.
"""

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any, cast

from grimp import ImportGraph
from importlinter.application import output
from importlinter.domain import fields
from importlinter.domain.contract import Contract, ContractCheck
from typing_extensions import override

STANDARD_LIBRARY = "standard library"
ANY_VENDOR = "any vendor"
PYTHON = frozenset({*sys.stdlib_module_names, "typing_extensions"})


@dataclasses.dataclass(frozen=True, order=True)
class Breach:
    """One import that a room may not make."""

    importer: str
    imported: str
    line_number: int


class RoomContract(Contract):
    """Rooms import directly only what they may know.

    Options:
        rooms: names of modules right below a root package; a package without such a module is passed over.
        may_know: module names, with their descendants. A leading dot means a room of the same package; `standard
            library` is Python's (typing_extensions too: it is Python's to come), `any vendor` all that is neither
            Python's nor ours.
        must_not_know: module names taken out of `may_know` again.
        packages: the root packages looked at; all of them when left out.
        except_packages: root packages passed over, each with its reason beside it.
    """

    type_name = "room"

    rooms = fields.ListField(subfield=fields.StringField())
    may_know = fields.ListField(subfield=fields.StringField())
    must_not_know = fields.ListField(subfield=fields.StringField(), required=False)
    packages = fields.ListField(subfield=fields.StringField(), required=False)
    except_packages = fields.ListField(subfield=fields.StringField(), required=False)

    @override
    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collect the breaches of every room."""
        breaches = sorted(breach for package in self._packages(graph) for breach in self._breaches(graph, package))
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    @override
    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print a line for each breach."""
        for breach in cast("list[Breach]", check.metadata["breaches"]):
            output.print_error(f"{breach.importer} -> {breach.imported} (l.{breach.line_number})", bold=False)
        output.new_line()

    def _option(self, name: str) -> list[str]:
        value: Any = getattr(self, name)
        return cast("list[str]", value or [])

    def _packages(self, graph: ImportGraph) -> list[str]:
        chosen = self._option("packages") or sorted(_roots(graph))
        return [package for package in chosen if package not in self._option("except_packages")]

    def _breaches(self, graph: ImportGraph, package: str) -> Iterator[Breach]:
        ours = _roots(graph)
        for room in self._option("rooms"):
            own = f"{package}.{room}"
            for importer in _with_descendants(graph, own):
                for imported in graph.find_modules_directly_imported_by(importer):
                    if not _is_within(imported, own) and not self._is_allowed(imported, package, ours):
                        yield Breach(importer, imported, _line(graph, importer, imported))

    def _is_allowed(self, imported: str, package: str, ours: frozenset[str]) -> bool:
        if any(_is_within(imported, name) for name in self._option("must_not_know")):
            return False
        root = imported.partition(".")[0]
        for known in self._option("may_know"):
            if known == STANDARD_LIBRARY:
                allowed = root in PYTHON
            elif known == ANY_VENDOR:
                allowed = root not in PYTHON and root not in ours
            else:
                allowed = _is_within(imported, package + known if known.startswith(".") else known)
            if allowed:
                return True
        return False


def _roots(graph: ImportGraph) -> frozenset[str]:
    """Return our own packages; what is foreign stands in the graph squashed."""
    return frozenset(name for name in graph.modules if "." not in name and not graph.is_module_squashed(name))


def _with_descendants(graph: ImportGraph, name: str) -> list[str]:
    if name not in graph.modules:
        return []
    return sorted({name, *graph.find_descendants(name)})


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _line(graph: ImportGraph, importer: str, imported: str) -> int:
    details = graph.get_import_details(importer=importer, imported=imported)
    return min((detail["line_number"] for detail in details), default=0)
