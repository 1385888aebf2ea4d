"""Lets breakers hear what attempts teach, in the transaction in which it is learnt."""

import uuid

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import advancing, attempt, breaker, draft, health

_TOLD = {
    breaker.BreakerState.OPEN: ports.HealthEventType.OPENED,
    breaker.BreakerState.CLOSED: ports.HealthEventType.CLOSED,
}


def hear(
    store: ports.Store,
    before: draft.Aggregate,
    after: draft.Aggregate,
    attempt_id: uuid.UUID,
    policy: advancing.Policy,
    *,
    seen: breaker.Breaker | None = None,
    unreachable: str = "",
) -> None:
    """Take what a fact about an attempt says about the model at its account. The last thing that a transaction does.

    Args:
        store: the transaction.
        before: the attempt's generation as it was.
        after: the generation as the fact has left it.
        attempt_id: the attempt.
        policy: when breakers open.
        seen: the breaker as it was read with the generation, so that good news of what is well costs nothing; None
            if it was not.
        unreachable: how connecting to the provider failed, if the attempt was given back for that.
    """
    old, new = before.attempt(attempt_id), after.attempt(attempt_id)
    if _is_free(before, new):
        # What is made on machines of ours comes and goes with them, and there is nothing to be spared.
        return
    news = breaker.news_of(before.generation.id, old, new, unreachable=unreachable)
    if news is None or (seen is not None and seen.heard(news, store.now, policy.breakers) is seen):
        return
    known = store.lock_breaker(new.account_id, new.model)
    heard = known.heard(news, store.now, policy.breakers)
    if heard is known:
        return
    store.put_breaker(heard)
    if heard.state is not known.state:
        target = health.Target(new.provider, new.account_id, new.model)
        store.tell_health(_TOLD[heard.state], target, "", _words(heard, news))


def _is_free(aggregate: draft.Aggregate, one: attempt.Attempt) -> bool:
    route = aggregate.shot(one.shot_id).route
    return any(two.free for two in route if (two.account_id, two.model) == (one.account_id, one.model))


def _words(heard: breaker.Breaker, news: breaker.News) -> str:
    if heard.state is breaker.BreakerState.CLOSED:
        return "A trial went well"
    return f"{heard.reason}: {news.message}" if news.message else heard.reason
