"""The tree itself: where things lie, what they are called, how big they are, and what must not be in it."""

import ast
import collections
import json
import pathlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from scripts import states
from tests.support import requirements

ROOT = pathlib.Path(__file__).parent.parent
MEMBERS = sorted(file.parent for file in [*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")])
SERVICES = [member for member in MEMBERS if member.parent.name == "services"]
GENERATED = ROOT / "libs" / "api" / "src"
HAND_WRITTEN = ("libs", "services", "scripts", "tests", "bench", "examples")

MOST_LINES = 400
MOST_FUNCTION_LINES = 70
# Words that say nothing about what lies behind them.
EMPTY_WORDS = {"base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}


def name_of(path: pathlib.Path) -> str:
    """Name a path in a failure and in a test's id."""
    return str(path.relative_to(ROOT))


def package_of(member: pathlib.Path) -> pathlib.Path:
    """Return the folder of a member's package."""
    name = "reelmesh" if member.name == "api" else f"reelmesh_{member.name.replace('-', '_')}"
    return member / "src" / name


def project_of(member: pathlib.Path) -> dict[str, object]:
    return tomllib.loads((member / "pyproject.toml").read_text())["project"]


def hand_written() -> Iterator[pathlib.Path]:
    for folder in HAND_WRITTEN:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if not file.is_relative_to(GENERATED) and "node_modules" not in file.parts:
                yield file


def tracked() -> list[pathlib.Path]:
    """Return the files of the repository: those that git keeps, and those that it would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [file for name in listed.split("\0") if name and (file := ROOT / name).is_file()]


@pytest.mark.parametrize("member", MEMBERS, ids=name_of)
def test_a_member_has_its_project_its_page_and_a_flat_typed_package(member: pathlib.Path) -> None:
    package = package_of(member)
    project = project_of(member)
    assert (member / "README.md").read_text().startswith("# ")
    assert (package / "__init__.py").exists()
    assert (package / "py.typed").exists()
    assert [folder for folder in (member / "src").iterdir() if not folder.name.endswith(".egg-info")] == [package]
    assert project["name"] == f"reelmesh-{member.name}"
    assert project["license"] == "Apache-2.0"


@pytest.mark.parametrize("service", SERVICES, ids=name_of)
def test_a_service_has_a_front_door_a_composition_root_and_settings(service: pathlib.Path) -> None:
    package = package_of(service)
    assert [room for room in ("__main__", "app", "settings") if not (package / f"{room}.py").exists()] == []


def test_every_folder_with_code_is_a_package() -> None:
    bare = {
        file.parent
        for member in MEMBERS
        for file in (member / "src").rglob("*.py")
        if not (file.parent / "__init__.py").exists()
    }
    # Alembic reads its folders by path; it imports nothing from them.
    assert sorted(name_of(folder) for folder in bare if "migrations" not in folder.parts) == []


def test_no_module_has_an_empty_name() -> None:
    assert [
        name_of(file) for file in hand_written() if {*file.relative_to(ROOT).with_suffix("").parts} & EMPTY_WORDS
    ] == []


def test_files_are_small() -> None:
    sizes = {name_of(file): len(file.read_text().splitlines()) for file in hand_written()}
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def test_functions_are_small() -> None:
    long = {
        f"{name_of(file)}:{node.lineno} {node.name}": size
        for file in hand_written()
        if file.parent.name != "versions"  # a migration lists tables; there is nothing in it to take apart
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [
        name_of(file)
        for member in MEMBERS
        for file in (member / "src").rglob("*.py")
        if not file.is_relative_to(GENERATED) and file.read_text().strip() and not _docstring(file)
    ]
    assert silent == []


def _docstring(file: pathlib.Path) -> str | None:
    return ast.get_docstring(ast.parse(file.read_text()))


def test_members_and_changelog_have_one_version() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {name_of(member): project_of(member)["version"] for member in MEMBERS} == dict.fromkeys(
        map(name_of, MEMBERS), released[0]
    )


def test_every_workspace_dependency_comes_from_the_workspace() -> None:
    names = {project_of(member)["name"] for member in MEMBERS}
    for member in MEMBERS:
        document = tomllib.loads((member / "pyproject.toml").read_text())
        asked = {re.split(r"[\[<>=~! ]", line)[0] for line in document["project"].get("dependencies", [])} & names
        sources = document.get("tool", {}).get("uv", {}).get("sources", {})
        assert {name for name in asked if sources.get(name) != {"workspace": True}} == set(), name_of(member)


def test_the_lock_pins_every_version_with_hashes_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", lock.strip()) if not entry.startswith("#")]
    assert len(entries) > len(MEMBERS)
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links|^-e ", lock, re.MULTILINE) == []


def test_the_other_lock_stays_out() -> None:
    assert [name_of(file) for file in tracked() if file.name in {"uv.lock", "poetry.lock", "Pipfile.lock"}] == []
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()


# In pieces, so that this file does not hold what it looks for. A path counts where a path can begin.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w./}:-])/(?:wo" + r"rk|ro" + r"ot|Us" + r"ers)/\w",
            r"(?:py" + r"pi|pythonho" + r"sted)\.org",
            r"registry\.np" + r"mjs",
            r"proxy\.go" + r"lang\.org",
            r"index\.crat" + r"es\.io",
        ]
    )
)


def test_the_tree_names_no_path_of_a_machine_and_no_registry() -> None:
    found: dict[str, list[str]] = collections.defaultdict(list)
    for file in tracked():
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for match in FORBIDDEN.finditer(text):
            found[name_of(file)].append(match.group())
    assert found == {}


def test_the_page_of_states_is_what_the_tables_say() -> None:
    assert (ROOT / "docs" / "states.md").read_text() == states.page(), "run make states"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{name_of(page)} -> {target}"
        for page in tracked()
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_warnings_are_errors_and_types_are_strict() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["pytest"]["ini_options"]["filterwarnings"][0] == "error"
    assert "--strict-markers" in tools["pytest"]["ini_options"]["addopts"]
    assert tools["pyright"]["typeCheckingMode"] == "strict"
    assert {"libs", "services"} <= set(tools["pyright"]["include"])


def test_strict_types_are_seen_red(tmp_path: pathlib.Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def double(number):\n    return number * 2\n\n\nx: str = 1\n")
    configuration = tmp_path / "pyrightconfig.json"
    strict = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"]["typeCheckingMode"]
    configuration.write_text(json.dumps({"typeCheckingMode": strict, "include": ["planted.py"]}))
    tool = pathlib.Path(sys.executable).with_name("pyright")
    done = subprocess.run([tool, "-p", configuration], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "reportMissingParameterType" in done.stdout
    assert "reportAssignmentType" in done.stdout


# Long explorations say with which option they are run.
SKIPPING = re.compile(r"pytest\.(?:skip|importorskip)\((?!\"[^\"]*run with -)|mark\.(?:skip|skipif)\b")


def test_tests_are_skipped_only_where_a_promise_can_forbid_it() -> None:
    # A conformance suite skips what its subject says that it cannot do.
    allowed = {"tests/support/requirements.py", "tests/test_house.py"}
    names = [name for file in hand_written() if (name := name_of(file)).startswith("tests/") and name not in allowed]
    skipping = [name for name in names if SKIPPING.search((ROOT / name).read_text())]
    assert [name for name in skipping if not name.startswith("tests/conformance/")] == []


def test_what_is_missing_skips_unless_it_was_promised() -> None:
    with pytest.raises(pytest.skip.Exception, match="s3: no server"):
        requirements.refuse("s3", "no server", promises=())
    with pytest.raises(pytest.fail.Exception, match=r"promised.*no server"):
        requirements.refuse("s3", "no server", promises={"s3"})
    with pytest.raises(ValueError, match="KNOWN"):
        requirements.refuse("mainframe", "no server", promises=())


def test_promises_are_read_from_one_variable_and_typos_are_refused() -> None:
    assert requirements.promised({}) == frozenset()
    assert requirements.promised({requirements.PROMISES: "s3, postgresql"}) == {"s3", "postgresql"}
    with pytest.raises(pytest.UsageError, match="postgres;"):
        requirements.promised({requirements.PROMISES: "postgres"})


def test_tests_are_told_only_what_is_known_to_be_a_setting_of_theirs() -> None:
    told = {name: requirements.setting(name) for name in requirements.SETTINGS}
    requirements.keep_settings({**dict.fromkeys(requirements.SETTINGS, ""), "REELMESH_TEST_OTHER": "x"})
    assert {name: requirements.setting(name) for name in requirements.SETTINGS} == told
    with pytest.raises(ValueError, match="REELMESH_TEST_OTHER"):
        requirements.setting("REELMESH_TEST_OTHER")
