"""What waits goes on to who can take it, or waits with patience: decided from what stands in whose way."""

import datetime

import pytest
from reelmesh_orchestrator.model import attempt, breaker, health, passing

from tests.support import orchestrator
from tests.support.orchestrator import FREE, NOW, OTHER, PAID

State = attempt.AttemptState
OPEN = breaker.Breaker(
    "paid", "m-1", breaker.BreakerState.OPEN, openings=1, since=NOW, trial_time=NOW + datetime.timedelta(seconds=30)
)


def seen(*known: breaker.Breaker, off: tuple[str, ...] = ()) -> health.Health:
    switches = tuple(health.Switch(health.Target(provider=name), "key k", "why", NOW) for name in off)
    return health.Health(NOW, {(one.account_id, one.model): one for one in known}, switches)


def passed(story: orchestrator.Story, known: health.Health) -> None:
    one = story.latest()
    obstacle = known.obstacle(one.provider, one.account_id, one.model)
    assert obstacle is not None
    story.decided(lambda going: passing.pass_on(going, one.id, obstacle, known, orchestrator.POLICY))
    assert orchestrator.ledger_balances(story.effects, story.aggregate)


def story_of(*cards: orchestrator.card.Card, **wishes: object) -> orchestrator.Story:
    return orchestrator.Story(orchestrator.admitted(*cards, **wishes))


def test_the_next_who_is_paid_takes_over_and_the_history_says_why() -> None:
    story = story_of(PAID, OTHER, FREE)
    passed(story, seen(OPEN))
    assert [(one.provider, one.state) for one in story.aggregate.attempts] == [
        ("paid", State.DROPPED),
        ("other", State.PLANNED),
    ]
    (told,) = story.happened("attempt_passed_on")
    assert told.message == (
        "Shot 1 does not go to paid/m-1, because its breaker is open since 12:00:00 UTC (), next trial at "
        "12:00:30 UTC; other/m-1 is next"
    )
    assert story.aggregate.held_micros == 1_600_000


def test_who_is_paid_is_waited_for_rather_than_taking_what_costs_nothing() -> None:
    story = story_of(PAID, FREE)
    passed(story, seen(OPEN))
    (one,) = story.aggregate.attempts
    assert (one.state, one.not_before) == (State.PLANNED, OPEN.trial_time)
    passed(story, seen(OPEN))
    assert len(story.happened("attempt_waiting")) == 1, "the same is not told again and again"


@pytest.mark.parametrize(
    ("known", "wishes"),
    [
        pytest.param(
            seen(breaker.Breaker("paid", "m-1", OPEN.state, 5, 0, 4, NOW, NOW + datetime.timedelta(seconds=61))),
            {},
            id="the next trial is far",
        ),
        pytest.param(seen(OPEN), {"deadline_time": NOW + datetime.timedelta(seconds=20)}, id="the deadline is near"),
        pytest.param(seen(off=("paid",)), {}, id="an operator switched it off"),
    ],
)
def test_what_costs_nothing_takes_over_when_waiting_makes_no_sense(
    known: health.Health, wishes: dict[str, object]
) -> None:
    story = story_of(PAID, FREE, **wishes)
    passed(story, known)
    assert [one.provider for one in story.aggregate.attempts] == ["paid", "free"]


def test_where_nobody_else_is_it_waits_however_long() -> None:
    story = story_of(PAID)
    passed(story, seen(off=("paid",)))
    (one,) = story.aggregate.attempts
    assert one.not_before == NOW + datetime.timedelta(seconds=passing.LOOK_AGAIN_SECONDS)


def test_it_comes_back_when_the_other_one_fails_and_is_passed_on_only_so_often() -> None:
    story = story_of(PAID, OTHER)
    other = breaker.Breaker("other", "m-1", OPEN.state, openings=1, since=NOW, trial_time=OPEN.trial_time)
    for turn in range(passing.MOST_PASSES):
        passed(story, seen(OPEN) if turn % 2 == 0 else seen(other))
    before = len(story.aggregate.attempts)
    passed(story, seen(OPEN if story.latest().provider == "paid" else other))
    assert len(story.aggregate.attempts) == before
    assert story.latest().state is State.PLANNED


def test_the_bound_on_cost_holds_for_who_takes_over() -> None:
    story = story_of(PAID, OTHER, max_cost_micros=1_000_000)
    passed(story, seen(OPEN))
    assert [one.provider for one in story.aggregate.attempts] == ["paid"]
