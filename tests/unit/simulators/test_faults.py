"""What was asked to go wrong does, and as often as asked."""

import pytest
from reelmesh_kit import chance
from reelmesh_simulators import faults
from reelmesh_simulators.faults import Fault, Marker, Rule, Stage


def test_markers_are_read_and_strange_ones_stay() -> None:
    found, rest = faults.read("a [[busy=2:3]] cat [[stall]] [[nonsense]]")
    assert found == (Marker(Fault.BUSY, 2.0, 3), Marker(Fault.STALL))
    assert rest == "a cat [[nonsense]]"


def test_a_prompt_without_markers_is_left_as_it_is() -> None:
    assert faults.read("a  cat\n") == ((), "a  cat\n")


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        (Fault.VANISH, Stage.CREATE),
        (Fault.LATE, Stage.CREATE),
        (Fault.QUEUE, Stage.JOB),
        (Fault.UNLISTED, Stage.JOB),
        (Fault.POLL_500, Stage.POLL),
        (Fault.NO_VIDEO, Stage.CONTENT),
        (Fault.SLOW_FETCH, Stage.CONTENT),
        (Fault.WEBHOOK_NONE, Stage.WEBHOOK),
    ],
)
def test_each_fault_has_its_stage(fault: Fault, stage: Stage) -> None:
    assert fault.stage is stage


def suffering() -> faults.Suffering:
    return faults.Suffering(chance.SeededChance(1))


def test_times_are_counted_for_each_by_itself() -> None:
    own = suffering()
    asked = (Marker(Fault.BUSY, times=2),)
    happened = [bool(own.now(whose, asked, "", Fault.BUSY)) for whose in ("a", "a", "a", "b")]
    assert happened == [True, True, False, True]


def test_the_first_of_several_happens() -> None:
    asked = (Marker(Fault.BUSY), Marker(Fault.VANISH))
    found = suffering().now("a", asked, "", Fault.VANISH, Fault.BUSY)
    assert found == Marker(Fault.VANISH)


def test_a_rule_strikes_what_matches_so_often() -> None:
    own = suffering()
    own.rules.append(Rule(Fault.POLL_500, match="cat", times=2))
    prompts = ("a dog", "a cat", "a cat", "a cat")
    assert [bool(own.now("x", (), prompt, Fault.POLL_500)) for prompt in prompts] == [False, True, True, False]


def test_a_rule_with_a_share_strikes_about_that_share() -> None:
    own = suffering()
    own.rules.append(Rule(Fault.BUSY, share=0.3))
    struck = sum(bool(own.now("x", (), "", Fault.BUSY)) for _ in range(1000))
    assert 250 < struck < 350


def test_rules_lay_the_faults_of_one_stage_upon_a_request() -> None:
    own = suffering()
    own.rules += [Rule(Fault.FAIL, 2.0, match="cat", times=1), Rule(Fault.BUSY), Rule(Fault.SLOW, 5.0)]
    assert own.laid("a cat", faults.Stage.JOB) == (Marker(Fault.FAIL, 2.0), Marker(Fault.SLOW, 5.0))
    assert own.laid("a cat", faults.Stage.JOB) == (Marker(Fault.SLOW, 5.0),)
