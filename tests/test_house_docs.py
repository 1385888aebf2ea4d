"""The pages for people: what the code knows better is printed from it, and what is written by hand agrees with it."""

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest
from reelmesh_orchestrator.model import generation, request

from scripts import errors_page, limits_page, metrics_page, settings_page
from scripts.limits import bound, excluded, found

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
MODEL = ROOT / "services" / "orchestrator" / "src" / "reelmesh_orchestrator" / "model"
# Events that are named by the state that a generation comes to.
BY_STATE = {
    state.lower()
    for state in (*generation.WORKING, generation.GenerationState.FAILED, generation.GenerationState.EXPIRED)
}
# What is larger on the way than at its end, so that the end decides.
LIMITS_OF_ANOTHER_HOP = {"reelmesh_kit.bus.client.NOTES_LIMIT"}
# Tables, columns and words of the record that begin like a metric.
NO_METRICS: set[str] = set()
# Such as tests/unit/provider/test_gate.py::test_one_gate_is_one_request, or ::TestRecord::test_… in a class.
NAMED_TEST = re.compile(r"(tests/[\w/]+\.py)((?:::\w+)*)")


def test_the_page_of_settings_is_what_the_services_read() -> None:
    assert (DOCS / "settings.md").read_text() == settings_page.page(), "run make pages"


def test_the_page_of_errors_is_what_the_code_says() -> None:
    assert (DOCS / "errors.md").read_text() == errors_page.page(), "run make pages"


def test_the_page_of_limits_is_what_the_code_obeys() -> None:
    assert (DOCS / "limits.md").read_text() == limits_page.page(), "run make pages"


def test_the_page_of_metrics_is_what_the_services_register() -> None:
    assert (DOCS / "metrics.md").read_text() == metrics_page.page(), "run make pages"


def test_every_class_that_registers_metrics_is_on_the_page() -> None:
    making = re.compile(r"prometheus_client\.(?:Counter|Gauge|Histogram|Summary|Info|Enum)\(")
    sources = (each for folder in ("libs", "services") for each in (ROOT / folder).glob("*/src/**/*.py"))
    made = sum(len(making.findall(source.read_text())) for source in sources)
    assert made == sum(len(metrics_page.registered(chapter)) for chapter in metrics_page.CHAPTERS)


def test_metrics_that_the_pages_name_are_there() -> None:
    known = {
        metrics_page.name_of(each) for chapter in metrics_page.CHAPTERS for each in metrics_page.registered(chapter)
    }
    prefixes = {name.partition("_")[0] for name in known}
    named = re.compile(rf"`((?:{'|'.join(sorted(prefixes))})_[a-z_]+)(?:\{{[^`]*)?`")
    told = set(named.findall((DOCS / "operating.md").read_text()))
    assert len(told) > 10
    assert told - known - NO_METRICS == set()


def test_every_limit_of_the_code_is_on_the_page_or_excluded_for_a_reason() -> None:
    named = [*found.constants(), *found.settings()]
    assert len(named) > 200
    missing = found.missing(named, limits_page.rows(), excluded.EXCLUDED)
    assert missing == [], "give each a row in scripts/limits, or a reason in scripts/limits/excluded.py; run make pages"


def test_no_limit_is_excluded_that_is_on_the_page_or_not_there() -> None:
    named = {*found.constants(), *found.settings()}
    told = {path for row in limits_page.rows() for path in (row.of, *row.also)}
    for path, reason in excluded.EXCLUDED.items():
        assert reason
        assert path not in told
        assert path in named or any(each.startswith(path) for each in named if path.endswith(".")), path


def test_limits_that_say_the_same_are_the_same() -> None:
    for row in limits_page.rows():
        for path in row.also:
            other = bound.Bound(row.what, path, row.met, row.unit)
            assert other.shown == row.shown or path in LIMITS_OF_ANOTHER_HOP, (row.of, path)


def test_a_limit_that_nobody_told_is_missed(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "services" / "new" / "src" / "reelmesh_new" / "usecases.py"
    module.parent.mkdir(parents=True)
    module.write_text("MOST_COPIES = 3\nSEEN = 4\nLONGEST_NAME, _RETRIES_LIMIT = 5, 6\n")
    named = list(found.constants(tmp_path))
    assert named == [f"reelmesh_new.usecases.{name}" for name in ("MOST_COPIES", "LONGEST_NAME", "_RETRIES_LIMIT")]
    row = bound.Bound("name", "reelmesh_new.usecases.LONGEST_NAME", "cut off")
    assert found.missing(named, [row], {}) == [named[0], named[2]]
    assert found.missing(named, [row], {"reelmesh_new.usecases.": "not ours"}) == []


def test_a_limit_that_went_away_is_not_told() -> None:
    with pytest.raises(LookupError, match="MOST_UNKNOWN is not there any more"):
        _ = bound.Bound("gone", "reelmesh_orchestrator.model.request.MOST_UNKNOWN", "").shown
    with pytest.raises(LookupError, match="no setting"):
        _ = bound.Bound("gone", "setting:gateway.most_unknown", "").shown


@pytest.mark.parametrize(
    ("path", "unit", "shown"),
    [
        ("reelmesh_kit.rpc.limits.MESSAGE_LIMIT_BYTES", "", "4 MiB"),
        ("reelmesh_kit.sql.postgresql.STATEMENT_TIMEOUT_MILLISECONDS", "", "30 s"),
        ("reelmesh_storage.model.leftovers.TOMBSTONE_LIFE", "", "7 days"),
        ("reelmesh_orchestrator.model.request.SMALLEST_SIDE_PIXELS", "", "at least 64 pixels"),
        ("reelmesh_media.model.lanes.quick_lane(2).waiting", "calls", "256 calls"),
        ("setting:orchestrator.most_open_generations", "", "10,000"),
    ],
)
def test_a_limit_is_told_with_its_unit(path: str, unit: str, shown: str) -> None:
    assert bound.Bound("it", path, "", unit).shown == shown


def test_every_type_of_event_is_explained_and_no_other() -> None:
    _, _, chapter = (DOCS / "using.md").read_text().partition("### What happens")
    explained = re.findall(r"^\| `(\w+)` \|", chapter.partition("\n## ")[0], re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == {name for file in MODEL.glob("*.py") for name in _types(file)} | BY_STATE


def _types(file: pathlib.Path) -> Iterator[str]:
    """Yield what is said to have happened: the words in the first argument of each `….happened(…)`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "happened":
            yield from _results(node.args[0])


def _results(expression: ast.expr) -> Iterator[str]:
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    if isinstance(expression, ast.IfExp):
        yield from (*_results(expression.body), *_results(expression.orelse))


@pytest.mark.parametrize(
    ("field", "limit", "default"),
    [
        ("`prompt`", f"1 to {request.LONGEST_PROMPT_CHARACTERS} characters", ""),
        (
            "`output.duration_seconds`",
            f"{request.SHORTEST_VIDEO_SECONDS:g} to {request.LONGEST_VIDEO_SECONDS:g}",
            f"{request.DEFAULT_DURATION_SECONDS:g}",
        ),
        (
            "`output.aspect_ratio`",
            f"1:{request.WIDEST_ASPECT:g} to {request.WIDEST_ASPECT:g}:1",
            request.DEFAULT_ASPECT_RATIO,
        ),
        ("`output.resolution`", ", ".join(map(str, request.RESOLUTIONS)), str(request.DEFAULT_RESOLUTION)),
        (
            "`output.width`, `output.height`",
            f"{request.SMALLEST_SIDE_PIXELS} to {request.LARGEST_SIDE_PIXELS}",
            "",
        ),
        ("`output.frames_per_second`", ", ".join(str(each) for each in request.FRAME_RATES if each), ""),
        ("`reference_asset_ids`", f"at most {request.MOST_REFERENCES}", ""),
        ("`negative_prompt`", f"at most {request.LONGEST_NEGATIVE_PROMPT_CHARACTERS} characters", ""),
        ("`labels`", f"at most {request.MOST_LABELS}", ""),
        ("`labels`", f"1 to {request.LONGEST_LABEL_KEY_CHARACTERS} characters", ""),
        ("`labels`", f"at most {request.LONGEST_LABEL_VALUE_CHARACTERS}", ""),
        ("`max_cost_micros`", f"to {request.LARGEST_COST_MICROS}", "0"),
        ("`seed`", f"0 to {request.LARGEST_SEED}", ""),
        ("`priority`", f"0 to {request.HIGHEST_PRIORITY}", str(request.DEFAULT_PRIORITY)),
        ("`user_id`", f"at most {request.LONGEST_USER_ID_CHARACTERS}", ""),
    ],
)
def test_the_limits_of_a_request_are_those_of_the_model(field: str, limit: str, default: str) -> None:
    rows = [row for row in (DOCS / "using.md").read_text().splitlines() if row.startswith(f"| {field} |")]
    assert len(rows) == 1
    _, told, by_default = (cell.strip() for cell in rows[0].strip("|").split("|"))
    assert limit in told
    assert default in by_default


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_tests_that_a_page_names_exist(page: pathlib.Path) -> None:
    missing = [
        match.group()
        for match in NAMED_TEST.finditer(page.read_text())
        if not _exists(ROOT / match[1], [part for part in match[2].split("::") if part])
    ]
    assert missing == []


def _exists(file: pathlib.Path, path: list[str]) -> bool:
    if not file.exists():
        return False
    scope: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in path:
        named = [
            node
            for node in scope
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        ]
        if not named:
            return False
        scope = named[0].body
    return True
