"""Crash points: every declared one is passed somewhere, and every write of the record has a name to be killed at."""

import ast
import importlib
import pathlib
from collections.abc import Iterator

import pytest
from reelmesh_kit import crashing

ROOT = pathlib.Path(__file__).parent.parent
TABLES = sorted(
    [*ROOT.glob("services/*/src/*/crash_points.py"), *ROOT.glob("libs/*/src/*/crash_points.py")],
    key=lambda file: file.parent.name,
)
# Everybody who hands something to somebody else.
OWNERS = {"gateway", "media", "orchestrator", "provider", "storage"}
WRITERS = ("reelmesh_orchestrator", "reelmesh_storage")
# Calls that write, by the name of the method and of what it is called on.
WRITES = {
    ("_record", "write"),
    ("database", "write"),
    *(("_index", verb) for verb in ("begin", "settle", "forget", "condemn_write", "prolong", "keep", "condemn")),
    *(("_index", verb) for verb in ("removed", "condemn_expired", "condemn_stale", "adopt", "purge_removed")),
}
# Who writes for others says so.
WRITES_FOR_OTHERS = {"_change"}


def table_of(file: pathlib.Path) -> crashing.Table:
    table: crashing.Table = importlib.import_module(f"{file.parent.name}.crash_points").TABLE
    return table


def modules_of(package: pathlib.Path) -> Iterator[tuple[pathlib.Path, ast.Module]]:
    for file in sorted(package.rglob("*.py")):
        if file.name != "crash_points.py":
            yield file, ast.parse(file.read_text())


def names_of(file: pathlib.Path) -> set[str]:
    """Return the names that a table's module gives to its points."""
    assigned = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.Assign)]
    return {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)} - {"TABLE"}


def passed_in(package: pathlib.Path) -> set[str]:
    """Return the names of points that modules of a package use."""
    return {
        node.attr
        for _, module in modules_of(package)
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "crash_points"
    }


def test_everybody_has_a_table_of_their_own() -> None:
    tables = [table_of(file) for file in TABLES]
    assert {table.owner for table in tables} == OWNERS
    assert len(tables) == len(OWNERS)


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.parent.name)
def test_every_declared_point_is_passed_and_every_passed_one_declared(file: pathlib.Path) -> None:
    assert names_of(file) == passed_in(file.parent)
    assert table_of(file).names


def unnamed_writes(module: ast.Module) -> list[str]:
    """Return the functions that write outside of any `with` of a crash point."""
    found: list[str] = []

    def visit(node: ast.AST, function: str, named: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.With) and any(_is_point(item.context_expr) for item in node.items):
            named = True
        if _writes(node) and not named and function not in WRITES_FOR_OTHERS:
            found.append(function)
        for child in ast.iter_child_nodes(node):
            visit(child, function, named)

    visit(module, "", named=False)
    return found


def _is_point(node: ast.expr) -> bool:
    # The sweep of storage takes turns: its points stand in a list, as `act`.
    return "crash_points" in ast.unparse(node) or ast.unparse(node) == "act"


def _writes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr in WRITES_FOR_OTHERS:
        return True
    on = node.func.value
    owner = on.attr if isinstance(on, ast.Attribute) else on.id if isinstance(on, ast.Name) else ""
    return (owner, node.func.attr) in WRITES


@pytest.mark.parametrize("package", WRITERS)
def test_every_write_of_a_use_case_has_a_name_to_be_killed_at(package: str) -> None:
    folder = next(file.parent for file in TABLES if file.parent.name == package)
    unnamed = {
        f"{file.relative_to(ROOT)}: {function}"
        for file, module in modules_of(folder)
        if "sql" not in file.relative_to(folder).parts
        for function in unnamed_writes(module)
    }
    assert unnamed == set()


def test_a_write_without_a_name_is_seen() -> None:
    planted = "async def verb(self):\n    with other:\n        await self._record.write(work)\n"
    assert unnamed_writes(ast.parse(planted)) == ["verb"]
    assert unnamed_writes(ast.parse(planted.replace("other", "crash_points.VERB"))) == []
    helped = "async def verb(self):\n    await self._change(1)\n"
    assert unnamed_writes(ast.parse(helped)) == ["verb"]
