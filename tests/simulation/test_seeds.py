"""The mesh lives through what seeds hold for it, the same each time; what is planted is found, and told in short."""

import json
import subprocess
import sys

import pytest

from tests.simulation import campaign, faults, plan, planted, report, world

SEEDS = range(1, 41)
FEW_SEEDS = range(1, 9)
PLANTED_SEEDS = range(1, 201)
# The shortest way to a submit that is made twice: the connection of one breaks.
QUICKLY_FOUND = "resubmit on timeout"
# What a short campaign must have come across, to have been worth the time.
SEEN_EVENTS = {"attempt_indeterminate", "attempt_never_created", "attempt_withdrawn", "cancelled", "late_success"}
LEAST_KINDS = 25


@pytest.mark.timeout(600)
def test_a_few_seeds_break_no_rule() -> None:
    assert [(one.seed, one.violations) for one in campaign.Crew(1).many(FEW_SEEDS) if one.violations] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_seed_breaks_a_rule(pytestconfig: pytest.Config) -> None:
    _skip_unless_slow(pytestconfig)
    total = campaign.Total()
    for one in campaign.Crew(1).many(SEEDS):
        total.add(one)
    assert [(one.seed, one.violations) for one in total.failures] == []
    assert total.seeds == len(SEEDS)
    assert len([kind for kind in faults.Kind if total.faults[kind.name]]) >= LEAST_KINDS
    assert set(total.events) >= SEEN_EVENTS


@pytest.mark.timeout(300)
def test_a_seed_is_the_same_run_each_time_and_in_each_process() -> None:
    first, second = (campaign.lived(7) for _ in range(2))
    assert first == second
    assert first.digest != campaign.lived(8).digest
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "1", "--seed", "7"]
    told = [
        subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert f"digest {first.digest}" in told[0]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", planted.BUGS)
def test_every_planted_bug_is_found(pytestconfig: pytest.Config, bug: str) -> None:
    _skip_unless_slow(pytestconfig)
    finder = campaign.Crew(1).found(bug, PLANTED_SEEDS)
    assert finder is not None
    again = campaign.lived(finder.seed, bug)
    assert (again.digest, again.violations) == (finder.digest, finder.violations)
    assert campaign.lived(finder.seed).violations == ()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_planted_bug_is_found_and_its_plan_made_small(pytestconfig: pytest.Config) -> None:
    _skip_unless_slow(pytestconfig)
    finder = campaign.Crew(1).found(QUICKLY_FOUND, SEEDS)
    assert finder is not None
    assert finder.violations[0].rule == "paid once"
    small = campaign.smallest(plan.drawn(finder.seed), QUICKLY_FOUND)
    assert len(small.faults) <= 3 < len(plan.drawn(finder.seed).faults)
    assert {fault.kind for fault in small.faults} & {faults.Kind.SUBMIT_VANISHES, faults.Kind.SUBMIT_UNANSWERED}
    again = plan.Plan.from_json(small.to_json())
    assert again == small
    assert world.lived(again, planted.BUGS[QUICKLY_FOUND]).violations
    assert not world.lived(again).violations


def test_what_is_written_is_what_the_table_says() -> None:
    total = campaign.Total()
    for one in campaign.Crew(1).many(range(1, 3)):
        total.add(one)
    figures = report.figures(total, {"a bug": None}, real_seconds=1.0)
    written = json.loads(report.as_json(figures, []))
    table = {line[:46].strip(): line[46:].strip() for line in report.table(figures).splitlines()}
    assert written.pop("smallest failing plans") == []
    for name in ("faults", "events", "planted bugs"):
        assert {kind: table[kind] for kind in written[name]} == {kind: str(n) for kind, n in written.pop(name).items()}
    assert written.pop("failing seeds") == []
    assert {name: table[name] for name in written} == {name: str(value) for name, value in written.items()}
    assert (table["seeds"], table["failing seeds"], table["a bug"]) == ("2", "none", "NOT FOUND")
    assert int(table["faults that struck"]) > 0


def test_nowhere_is_a_place_to_write_to_as_make_has_it() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "0", "--processes", "1", "--json", ""]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
    assert told.startswith("seeds ")


def test_faults_of_a_seed_are_drawn_before_anything_runs() -> None:
    drawn = plan.drawn(7)
    assert drawn == plan.drawn(7)
    assert drawn != plan.drawn(8)
    assert drawn.faults
    assert drawn.faults_end >= max(fault.until for fault in drawn.faults)


def _skip_unless_slow(pytestconfig: pytest.Config) -> None:
    if "slow" not in str(pytestconfig.getoption("markexpr")):
        pytest.skip("lives through seeds for minutes: run with -m slow")
