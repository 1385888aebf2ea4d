"""Breakers and switches in the record: fed by what attempts teach, obeyed by who sends out and who lets begin."""

import asyncio
import dataclasses
import uuid

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import health_tables, tables
from reelmesh_orchestrator.model import advancing, attempt, breaker, facts, health
from reelmesh_orchestrator.usecases import attempts, dispatching, switching, vouching

from tests.support import orchestrator, record

State, Type = breaker.BreakerState, ports.HealthEventType
PAID, OTHER, FREE = orchestrator.PAID, orchestrator.OTHER, orchestrator.FREE
# Trials are due at once.
QUICK = advancing.Policy(breakers=breaker.Thresholds(failures=3, open_seconds=1e-6))
SLOW = advancing.Policy(breakers=breaker.Thresholds(failures=3, open_seconds=3600.0))


def verbs_of(kept: record.Kept, policy: advancing.Policy) -> attempts.Attempts:
    return attempts.Attempts(kept.record, policy, vouching.Seen(compared=True))


async def put(kept: record.Kept, *cards: orchestrator.card.Card) -> None:
    await kept.put_accounts(*(one.provider for one in cards))
    for one in cards:
        await kept.write(lambda store, one=one: store.put_card(one))
    await kept.write(lambda store: store.renew(ports.Lease("w", ports.PROVIDER_WORKER, "paid", 0, active=True), "w"))


async def dispatch(kept: record.Kept, policy: advancing.Policy) -> int:
    return (await dispatching.Dispatcher(kept.record, policy).dispatch())[0]


async def begun(kept: record.Kept, number: int, policy: advancing.Policy) -> uuid.UUID:
    """Begin the latest attempt, which was sent out; return its id."""
    one = (await kept.look(number)).attempts[-1]
    assert await verbs_of(kept, policy).begin(one.id, "w", f"nonce {one.id}") == facts.Leave(go=True)
    return one.id


async def declined(kept: record.Kept, attempt_id: uuid.UUID, policy: advancing.Policy, verdict: facts.Verdict) -> None:
    await verbs_of(kept, policy).decline(attempt_id, f"nonce {attempt_id}", verdict, "no answer", 0.0)


async def health_of(kept: record.Kept) -> health.Health:
    return await kept.read(lambda store: store.health())


async def types(kept: record.Kept) -> list[Type]:
    return [one.type for one in (await kept.read(lambda store: store.health_events(None, 100)))[::-1]]


async def fail(
    kept: record.Kept, *numbers: int, policy: advancing.Policy, cards: tuple[orchestrator.card.Card, ...]
) -> None:
    """Admit generations, all of whose submits come to nothing."""
    for number in numbers:
        await kept.admit(number, cards=cards)
    assert await dispatch(kept, policy) == len(numbers)
    ids = [await begun(kept, number, policy) for number in numbers]
    for attempt_id in ids:
        await declined(kept, attempt_id, policy, facts.Verdict.UNKNOWN)


async def messages(kept: record.Kept, number: int, type_: str) -> list[str]:
    current = (await kept.look(number)).generation
    found = await kept.read(lambda store: store.events(current.tenant_id, current.id, 0, 100))
    return [one.message for one in found or () if one.type == type_]


async def test_good_news_of_what_is_well_is_not_even_written(kept: record.Kept) -> None:
    await put(kept, PAID)
    await kept.admit(1, cards=(PAID,))
    await dispatch(kept, SLOW)
    attempt_id = await begun(kept, 1, SLOW)
    verbs = verbs_of(kept, SLOW)
    await verbs.record(facts.Job("", "job", attempt_id, facts.Evidence.RECORD), "w")
    await verbs.finish(attempt_id, facts.Ended("job", facts.Outcome.SUCCEEDED, "clip"))
    assert await kept.count(health_tables.BREAKERS) == 0


async def test_an_open_breaker_stops_what_is_new_and_leaves_alone_what_is_in_flight(kept: record.Kept) -> None:
    await put(kept, PAID, OTHER)
    await kept.admit(9, cards=(PAID, OTHER))
    await dispatch(kept, SLOW)
    flying = await begun(kept, 9, SLOW)
    await verbs_of(kept, SLOW).record(facts.Job("", "job", flying, facts.Evidence.RECORD), "w")
    await fail(kept, 1, 2, 3, policy=SLOW, cards=(PAID, OTHER))
    known = (await health_of(kept)).breaker("paid", "m-1")
    assert (known.state, known.reason) == (State.OPEN, "3 submits in a row failed")
    await kept.admit(4, cards=(PAID, OTHER))
    await dispatch(kept, SLOW)
    assert [(one.provider, one.state) for one in (await kept.look(4)).attempts] == [
        ("paid", attempt.AttemptState.DROPPED),
        ("other", attempt.AttemptState.PLANNED),
    ]
    assert "because its breaker is open since" in (await messages(kept, 4, "attempt_passed_on"))[0]
    assert await dispatch(kept, SLOW) == 1, "the next one takes it"
    # What is in flight ends as if nothing had been.
    await verbs_of(kept, SLOW).finish(flying, facts.Ended("job", facts.Outcome.SUCCEEDED, "clip"))
    assert (await kept.look(9)).attempts[0].state is attempt.AttemptState.SUCCEEDED
    assert await types(kept) == [Type.OPENED]


async def test_what_was_sent_out_before_it_opened_is_not_begun(kept: record.Kept) -> None:
    await put(kept, PAID)
    await kept.admit(9, cards=(PAID,))
    await dispatch(kept, SLOW)
    sent = (await kept.look(9)).attempts[0].id
    await fail(kept, 1, 2, 3, policy=SLOW, cards=(PAID,))
    leave = await verbs_of(kept, SLOW).begin(sent, "w", "n")
    assert not leave.go
    assert "its breaker is open since" in leave.reason
    assert (await kept.look(9)).attempts[0].state is attempt.AttemptState.PLANNED
    assert await dispatch(kept, SLOW) == 0
    assert (await kept.look(9)).attempts[0].not_before > (await health_of(kept)).now
    assert "waits for paid/m-1: its breaker is open" in (await messages(kept, 9, "attempt_waiting"))[0]


async def test_one_trial_is_let_through_and_closes_it(kept: record.Kept) -> None:
    await put(kept, PAID)
    await fail(kept, 1, 2, 3, policy=QUICK, cards=(PAID,))
    await kept.admit(4, cards=(PAID,))
    await kept.admit(5, cards=(PAID,))
    assert await dispatch(kept, QUICK) == 1
    assert (await health_of(kept)).trials == {("paid", "m-1"): 1}
    assert await dispatch(kept, QUICK) == 0
    (number,) = [n for n in (4, 5) if (await kept.look(n)).attempts[-1].state is attempt.AttemptState.DISPATCHED]
    trial = await begun(kept, number, QUICK)
    await verbs_of(kept, QUICK).record(facts.Job("", "job", trial, facts.Evidence.RECORD), "w")
    assert (await health_of(kept)).breaker("paid", "m-1").state is State.CLOSED
    assert await types(kept) == [Type.OPENED, Type.TRIED, Type.CLOSED]


async def test_a_trial_that_fails_opens_it_again(kept: record.Kept) -> None:
    await put(kept, PAID)
    await fail(kept, 1, 2, 3, policy=QUICK, cards=(PAID,))
    await fail(kept, 4, policy=SLOW, cards=(PAID,))
    known = (await health_of(kept)).breaker("paid", "m-1")
    assert (known.state, known.openings, known.reason) == (State.OPEN, 2, "the trial failed")


async def test_many_dispatchers_let_one_trial_through(kept: record.Kept) -> None:
    await put(kept, PAID)
    await fail(kept, 1, 2, 3, policy=QUICK, cards=(PAID,))
    for number in range(4, 10):
        await kept.admit(number, cards=(PAID,))
    assert sum(await asyncio.gather(*(dispatch(kept, QUICK) for _ in range(6)))) == 1


async def test_news_that_come_at_once_are_all_counted(kept: record.Kept) -> None:
    await put(kept, PAID)
    for number in range(6):
        await kept.admit(number, cards=(PAID,))
    await dispatch(kept, SLOW)
    ids = [await begun(kept, number, SLOW) for number in range(6)]
    never = dataclasses.replace(SLOW, breakers=breaker.Thresholds(failures=1000))
    await asyncio.gather(*(declined(kept, one, never, facts.Verdict.UNKNOWN) for one in ids))
    assert (await health_of(kept)).breaker("paid", "m-1").failed_submits == 6
    await declined(kept, ids[0], never, facts.Verdict.UNKNOWN)
    assert (await health_of(kept)).breaker("paid", "m-1").failed_submits == 6, "told twice it counts once"


async def test_who_cannot_be_reached_is_left_for_the_next(kept: record.Kept) -> None:
    await put(kept, PAID, OTHER)
    await kept.admit(1, cards=(PAID, OTHER))
    for _ in range(3):
        assert await dispatch(kept, SLOW) == 1
        one = (await kept.look(1)).attempts[-1]
        await verbs_of(kept, SLOW).give_back(one.id, "ConnectError: no route", unreachable=True)
    assert await dispatch(kept, SLOW) == 0
    assert (await kept.look(1)).attempts[-1].provider == "other"
    assert (await health_of(kept)).breaker("paid", "m-1").message == "ConnectError: no route"


async def test_what_a_worker_gives_back_for_its_own_sake_counts_against_nobody(kept: record.Kept) -> None:
    await put(kept, PAID)
    await kept.admit(1, cards=(PAID,))
    await dispatch(kept, SLOW)
    await verbs_of(kept, SLOW).give_back((await kept.look(1)).attempts[-1].id, "the disk is full")
    assert await kept.count(health_tables.BREAKERS) == 0


async def test_what_costs_nothing_has_no_breaker(kept: record.Kept) -> None:
    await put(kept, FREE)
    await fail(kept, 1, 2, 3, policy=SLOW, cards=(FREE,))
    assert await kept.count(health_tables.BREAKERS) == 0


async def test_all_wait_when_a_busy_provider_asks_one_for_a_pause(kept: record.Kept) -> None:
    await put(kept, PAID)
    for number in (1, 2):
        await kept.admit(number, cards=(PAID,))
    await dispatch(kept, SLOW)
    attempt_id = await begun(kept, 1, SLOW)
    await verbs_of(kept, SLOW).decline(attempt_id, f"nonce {attempt_id}", facts.Verdict.BUSY, "slow down", 30.0)
    leave = await verbs_of(kept, SLOW).begin((await kept.look(2)).attempts[0].id, "w", "n")
    assert "asked for a pause until" in leave.reason
    await kept.admit(3, cards=(PAID,))
    assert await dispatch(kept, SLOW) == 0
    assert [len((await kept.look(number)).attempts) for number in (2, 3)] == [1, 1]
    assert (await health_of(kept)).breaker("paid", "m-1").state is State.CLOSED


async def test_what_is_switched_off_gets_nothing_new_until_it_is_switched_on(kept: record.Kept) -> None:
    await put(kept, PAID, OTHER)
    verbs = switching.Switching(kept.record)
    await kept.admit(1, cards=(PAID,))
    await dispatch(kept, SLOW)
    sent = (await kept.look(1)).attempts[0].id
    target = health.Target(provider="paid", model="m-1")
    first = await verbs.off(target, "key k1", "it makes cats of dogs")
    assert await verbs.off(target, "key k2", "again") == first, "a repeat changes nothing"
    leave = await verbs_of(kept, SLOW).begin(sent, "w", "n")
    assert "an operator switched it off" in leave.reason
    await kept.admit(2, cards=(PAID, OTHER))
    assert await dispatch(kept, SLOW) == 0
    assert (await kept.look(2)).attempts[-1].provider == "other"
    (seen, *_) = [one for one in await verbs.accounts() if one.account.id == "paid"]
    assert seen.is_off(seen.models[0])
    assert await verbs.on(target, "key k2", "dogs are dogs") == []
    await kept.admit(3, cards=(PAID,))
    assert await dispatch(kept, SLOW) == 2, "the new one, and the one that went on to the other"
    told, place = await verbs.history(None, 1)
    assert [(one.type, one.who, one.message) for one in told] == [(Type.SWITCHED_ON, "key k2", "dogs are dogs")]
    rest, end = await verbs.history(place, 10)
    assert [(one.type, one.who, one.message, end) for one in rest] == [
        (Type.SWITCHED_OFF, "key k1", "it makes cats of dogs", None)
    ]


async def test_what_is_off_by_other_words_stays_off(kept: record.Kept) -> None:
    await put(kept, PAID)
    verbs = switching.Switching(kept.record)
    await verbs.off(health.Target(provider="paid"), "key k", "why")
    await verbs.off(health.Target(account_id="paid"), "key k", "why")
    (left,) = await verbs.on(health.Target(account_id="paid"), "key k", "why")
    assert left.target == health.Target(provider="paid")
    assert [one.target for one in await verbs.switches()] == [left.target]


@pytest.mark.parametrize(
    ("target", "reason", "words"),
    [
        (health.Target(), "why", "must name a provider, an account or a model"),
        (health.Target(provider="piad"), "why", "there is no 'piad'; there are: other, paid"),
        (health.Target(account_id="nobody"), "why", "there is no 'nobody'; there are: other, paid"),
        (health.Target("paid", "other"), "why", "there is no 'other'; there are: paid"),
        (health.Target(model="m-9"), "why", "there is no 'm-9'; there are: m-1"),
        (health.Target(provider="paid"), "", "must say why"),
        (health.Target(provider="paid"), "x" * 501, "must say why"),
        (health.Target(provider="paid"), "a\nb", "must say why"),
    ],
)
async def test_what_would_switch_nothing_off_is_refused(
    kept: record.Kept, target: health.Target, reason: str, words: str
) -> None:
    await put(kept, PAID, OTHER)
    with pytest.raises(errors.InvalidArgument, match=words):
        await switching.Switching(kept.record).off(target, "key k", reason)
    assert await kept.count(health_tables.SWITCHES) == 0


async def test_accounts_are_shown_with_what_is_there(kept: record.Kept) -> None:
    await put(kept, PAID)
    await fail(kept, 1, 2, 3, policy=SLOW, cards=(PAID,))
    await kept.admit(4, cards=(PAID,))
    verbs = switching.Switching(kept.record)
    (seen,) = await verbs.accounts()
    assert (seen.load.in_flight, seen.load.waiting) == (3, 1)
    assert seen.breaker(seen.models[0]).state is State.OPEN
    with pytest.raises(errors.InvalidArgument, match="page_size"):
        await verbs.history(None, -1)


async def test_old_history_goes(kept: record.Kept) -> None:
    await put(kept, PAID)
    await switching.Switching(kept.record).off(health.Target(provider="paid"), "key k", "why")
    now = (await health_of(kept)).now
    assert await kept.write(lambda store: store.prune(now.replace(year=2000), now.replace(year=2000), 10)) == 0
    assert await kept.write(lambda store: store.prune(now.replace(year=2100), now.replace(year=2000), 10)) == 1
    assert await kept.count(health_tables.HEALTH_EVENTS) == 0
    assert await kept.count(health_tables.SWITCHES) == 1


async def test_a_route_puts_behind_what_is_open_and_strikes_what_is_off(kept: record.Kept) -> None:
    await put(kept, PAID, OTHER)
    await fail(kept, 1, 2, 3, policy=SLOW, cards=(PAID, OTHER))
    verbs = record.generations_of(kept)
    asked = orchestrator.request.Request("a red kite")
    (quoted,) = (await verbs.quote("tenant", asked)).shots
    assert [one.provider for one in quoted.route] == ["other", "paid"]
    assert "but comes after the others: its breaker is open since" in quoted.route[1].reason
    assert not quoted.route[1].struck
    await switching.Switching(kept.record).off(health.Target(provider="other"), "key k", "why")
    (quoted,) = (await verbs.quote("tenant", asked)).shots
    assert [(one.provider, one.struck) for one in quoted.route] == [("paid", False), ("other", True)]
    made = await verbs.create("tenant", asked, "", "")
    assert made.view.aggregate.shots[0].route == quoted.route
    await switching.Switching(kept.record).off(health.Target(provider="paid"), "key k", "why")
    with pytest.raises(errors.NoCandidate, match="an operator switched it off"):
        await verbs.create("tenant", asked, "", "")
    assert await kept.count(tables.GENERATIONS, tables.GENERATIONS.c.state == "QUEUED") > 0
