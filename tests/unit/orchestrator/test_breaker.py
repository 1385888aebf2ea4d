"""Circuit breakers: what opens and closes them, and what is no business of theirs."""

import datetime
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reelmesh_orchestrator.model import attempt, breaker, facts, health

from tests.support import orchestrator
from tests.support.orchestrator import NOW

State, Sign = breaker.BreakerState, breaker.Sign
LIMITS = breaker.Thresholds(failures=3, open_seconds=30.0, longest_open_seconds=100.0)
CLOSED = breaker.Breaker("paid", "m-1")


def after(seconds: float) -> datetime.datetime:
    return NOW + datetime.timedelta(seconds=seconds)


def news(sign: breaker.Sign, sent: float = 0.0, generation: int = 0, wait: float = 0.0) -> breaker.News:
    return breaker.News(sign, uuid.UUID(int=generation), after(sent), f"it said {sign}", wait)


def opened(limits: breaker.Thresholds = LIMITS) -> breaker.Breaker:
    known = CLOSED
    for _ in range(limits.failures):
        known = known.heard(news(Sign.SUBMIT_FAILED), NOW, limits)
    return known


def test_submits_that_fail_in_a_row_open_it_and_one_that_is_taken_breaks_the_row() -> None:
    known = CLOSED
    for sign in (Sign.SUBMIT_FAILED, Sign.SUBMIT_FAILED, Sign.TAKEN, Sign.SUBMIT_FAILED, Sign.SUBMIT_FAILED):
        known = known.heard(news(sign), NOW, LIMITS)
    assert (known.state, known.failed_submits) == (State.CLOSED, 2)
    known = known.heard(news(Sign.SUBMIT_FAILED), NOW, LIMITS)
    assert (known.state, known.reason, known.trial_time) == (State.OPEN, "3 submits in a row failed", after(30))
    assert known.message == "it said SUBMIT_FAILED"


def test_jobs_that_fail_open_it_although_every_submit_is_taken() -> None:
    known = CLOSED
    for number in range(3):
        known = known.heard(news(Sign.TAKEN), NOW, LIMITS).heard(news(Sign.JOB_FAILED, 0, number), NOW, LIMITS)
    assert (known.state, known.reason) == (State.OPEN, "3 jobs in a row failed")
    trying = known.tried(after(30))
    taken = trying.heard(news(Sign.TAKEN, 30), after(31), LIMITS)
    assert taken.state is State.HALF_OPEN, "that they are taken was never in doubt"
    assert taken.heard(news(Sign.MADE, 30), after(60), LIMITS).state is State.CLOSED


def test_the_shots_of_one_generation_do_not_open_it() -> None:
    known = CLOSED
    for _ in range(10):
        known = known.heard(news(Sign.JOB_FAILED, generation=7), NOW, LIMITS)
    assert (known.state, known.failed_jobs) == (State.CLOSED, 1)


def test_a_trial_that_is_taken_closes_it_and_one_that_fails_opens_it_for_twice_as_long() -> None:
    known, moment = opened(), 30.0
    for wait in (60.0, 100.0, 100.0):
        assert known.trial_due(after(moment))
        known = known.tried(after(moment)).heard(news(Sign.SUBMIT_FAILED, moment), after(moment + 1), LIMITS)
        assert (known.state, known.reason) == (State.OPEN, "the trial failed")
        assert known.trial_time == after(moment + 1 + wait)
        moment += 1 + wait
    known = known.tried(after(moment)).heard(news(Sign.TAKEN, moment), after(moment + 1), LIMITS)
    assert (known.state, known.openings, known.failed_submits, known.reason) == (State.CLOSED, 0, 0, "")


def test_what_was_sent_out_before_it_moved_says_nothing_about_what_came_after() -> None:
    trying = opened().tried(after(30))
    for sign in (Sign.TAKEN, Sign.MADE, Sign.SUBMIT_FAILED, Sign.JOB_FAILED):
        assert trying.heard(news(sign, 29), after(40), LIMITS).state is State.HALF_OPEN
    known = opened()
    assert known.heard(news(Sign.SUBMIT_FAILED, -1), after(10), LIMITS) is known
    closed = trying.heard(news(Sign.TAKEN, 30), after(31), LIMITS)
    assert closed.heard(news(Sign.SUBMIT_FAILED, 30), after(32), LIMITS) is closed


def test_with_no_failures_allowed_for_it_never_opens() -> None:
    known = CLOSED
    for number in range(100):
        known = known.heard(news(Sign.SUBMIT_FAILED, generation=number), NOW, breaker.Thresholds(failures=0))
    assert known.state is State.CLOSED


@pytest.mark.parametrize(("asked", "seconds"), [(0.0, 5.0), (20.0, 20.0), (1e9, breaker.LONGEST_REST_SECONDS)])
def test_a_busy_provider_is_left_alone_for_all_and_not_for_ever(asked: float, seconds: float) -> None:
    known = CLOSED.heard(news(Sign.BUSY, wait=asked), NOW, LIMITS)
    assert (known.state, known.rest_until) == (State.CLOSED, after(seconds))
    assert known.heard(news(Sign.BUSY, wait=1.0), NOW, LIMITS) is known, "a shorter pause does not end a longer one"
    assert not known.lets_begin(NOW, after(seconds - 1))
    assert known.lets_begin(NOW, after(seconds))


def test_only_what_is_sent_out_as_a_trial_may_begin_while_it_is_not_closed() -> None:
    assert CLOSED.lets_begin(after(-9), NOW)
    assert not opened().lets_begin(after(31), after(31)), "who sends out trials says so first"
    trying = opened().tried(after(30))
    assert trying.lets_begin(after(30), after(31))
    assert not trying.lets_begin(after(29), after(31))
    assert not trying.lets_begin(None, after(31))


_SIGNS = st.sampled_from([Sign.TAKEN, Sign.MADE, Sign.SUBMIT_FAILED, Sign.JOB_FAILED, Sign.BUSY])
_STEPS = st.lists(st.tuples(st.one_of(_SIGNS, st.none()), st.floats(0, 200), st.floats(0, 200), st.integers(0, 3)))


@given(_STEPS)
def test_whatever_comes_it_keeps_its_word(steps: list[tuple[breaker.Sign | None, float, float, int]]) -> None:
    known, clock = CLOSED, 0.0
    for sign, passed, age, generation in steps:
        clock += passed
        now, before = after(clock), known
        if sign is None:
            known = known.tried(now) if known.trial_due(now) else known
        else:
            known = known.heard(news(sign, clock - age, generation), now, LIMITS)
        assert (known.trial_time is not None) == (known.state is State.OPEN)
        assert (known.openings > 0) == (known.state is not State.CLOSED)
        assert (known.reason != "") == (known.state is not State.CLOSED)
        if known.state is State.OPEN:
            assert known.trial_time is not None
            assert known.since is not None
            wait = (known.trial_time - known.since).total_seconds()
            assert LIMITS.open_seconds <= wait <= LIMITS.longest_open_seconds
        if known.state is not before.state:
            assert known.since == now
            moves = [event for event in breaker.BreakerEvent if breaker.MACHINE.allows(before.state, event)]
            assert known.state in {breaker.MACHINE.after(before.state, event) for event in moves}
            good = sign in (Sign.TAKEN, Sign.MADE)
            assert (known.state is State.CLOSED) == good
        if known.state is State.CLOSED:
            assert max(known.failed_submits, known.failed_jobs) < LIMITS.failures


VERDICTS = [
    (facts.Verdict.UNKNOWN, Sign.SUBMIT_FAILED),
    (facts.Verdict.REFUSED, Sign.SUBMIT_FAILED),
    (facts.Verdict.BUSY, Sign.BUSY),
    (facts.Verdict.UNSAFE, None),
    (facts.Verdict.REFUSED_FOR_GOOD, None),
    (facts.Verdict.NOT_SENT, None),
]
OUTCOMES = [
    (facts.Outcome.SUCCEEDED, Sign.MADE),
    (facts.Outcome.FAILED, Sign.JOB_FAILED),
    (facts.Outcome.GONE, Sign.JOB_FAILED),
    (facts.Outcome.FETCH_LOST, Sign.JOB_FAILED),
    (facts.Outcome.BROKEN, Sign.JOB_FAILED),
    (facts.Outcome.FILTERED, None),
    (facts.Outcome.REFUSED, None),
    (facts.Outcome.CANCELLED, None),
]


def sign_of(before: attempt.Attempt, after_: attempt.Attempt, **more: str) -> breaker.Sign | None:
    told = breaker.news_of(orchestrator.GENERATION_ID, before, after_, **more)
    return told.sign if told else None


@pytest.mark.parametrize(("verdict", "sign"), VERDICTS)
def test_what_a_submit_comes_to_says(verdict: facts.Verdict, sign: breaker.Sign | None) -> None:
    story = orchestrator.Story(orchestrator.admitted())
    before = story.submitting()
    story.declined(verdict, retry_after_seconds=7.0)
    ended = story.aggregate.attempt(before.id)
    assert sign_of(before, ended) is sign
    assert sign_of(ended, ended) is None, "told twice it says nothing new"


@pytest.mark.parametrize(("outcome", "sign"), OUTCOMES)
def test_what_a_job_comes_to_says(outcome: facts.Outcome, sign: breaker.Sign | None) -> None:
    story = orchestrator.Story(orchestrator.admitted())
    before = story.accepted()
    story.finished(before.id, outcome)
    assert sign_of(before, story.aggregate.attempt(before.id)) is sign


def test_an_id_is_good_news_and_a_job_that_is_found_again_is_none() -> None:
    story = orchestrator.Story(orchestrator.admitted())
    submitting = story.submitting()
    story.recorded(submitting.id)
    assert sign_of(submitting, story.latest()) is Sign.TAKEN
    story = orchestrator.Story(orchestrator.admitted())
    submitting = story.submitting()
    story.decided(lambda going: facts.doubt(going, submitting.id, "lost"))
    lost = story.latest()
    story.recorded(lost.id, evidence=facts.Evidence.ADOPTION)
    assert sign_of(lost, story.latest()) is None


def test_what_is_given_back_counts_only_where_the_provider_could_not_be_reached() -> None:
    story = orchestrator.Story(orchestrator.admitted())
    sent = story.dispatched()
    story.decided(lambda going: facts.withdraw(going, sent.id, "no route"))
    assert sign_of(sent, story.latest()) is None
    assert sign_of(sent, story.latest(), unreachable="no route") is Sign.SUBMIT_FAILED


def seen(*switches: health.Target, known: breaker.Breaker = CLOSED, now: datetime.datetime = NOW) -> health.Health:
    off = tuple(health.Switch(target, "key k", "secret reason", NOW) for target in switches)
    return health.Health(now, {("paid", "m-1"): known}, off)


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        (health.Target(provider="vendor"), True),
        (health.Target(account_id="paid"), True),
        (health.Target(model="m-1"), True),
        (health.Target("vendor", "paid", "m-1"), True),
        (health.Target("vendor", "paid", "m-2"), False),
        (health.Target(provider="other"), False),
    ],
)
def test_a_switch_keeps_from_what_it_names(target: health.Target, kept: bool) -> None:
    obstacle = seen(target).obstacle("vendor", "paid", "m-1")
    assert (obstacle is not None) == kept
    if obstacle is not None:
        assert obstacle.reason == "an operator switched it off at 12:00:00 UTC"


def test_an_obstacle_says_since_when_and_until_when_and_nothing_that_a_vendor_said() -> None:
    obstacle = seen(known=opened(), now=after(1)).obstacle("vendor", "paid", "m-1")
    assert obstacle is not None
    assert obstacle.reason == (
        "its breaker is open since 12:00:00 UTC (3 submits in a row failed), next trial at 12:00:30 UTC"
    )
    assert obstacle.until == after(30)
    tomorrow = seen(known=opened(), now=after(-40_000)).obstacle("vendor", "paid", "m-1")
    assert tomorrow is not None
    half = seen(known=opened().tried(after(30)), now=after(31)).obstacle("vendor", "paid", "m-1")
    assert half is not None
    assert half.reason == "its breaker is half open since 12:00:30 UTC: a trial is under way"


def test_when_a_trial_is_due_nothing_stands_in_the_way_of_who_would_make_it() -> None:
    due = seen(known=opened(), now=after(30))
    assert due.obstacle("vendor", "paid", "m-1") is None
    assert due.room("paid", "m-1", 2) == 2
    assert due.obstacle("vendor", "paid", "m-1", trial=False) is not None
    assert seen(known=opened(), now=after(29)).room("paid", "m-1", 2) == 0
    assert seen().room("paid", "m-1", 2) is None
