"""How much of what waits for a provider could be sent out now: what workers could begin if there were more of them."""

import collections
import dataclasses
from collections.abc import Sequence

from reelmesh_orchestrator.model import attempt, card
from reelmesh_orchestrator.model.health import Health

_S = attempt.AttemptState


@dataclasses.dataclass(frozen=True)
class Counted:
    """Attempts of a model at an account that are in the same state."""

    provider: str
    account_id: str
    model: str
    state: attempt.AttemptState
    number: int
    #: How many of them may be sent out already, where they wait.
    due: int = 0


@dataclasses.dataclass(frozen=True)
class Work:
    """What there is to do at a provider."""

    waiting: int = 0
    sendable: int = 0
    dispatched: int = 0
    submitting: int = 0
    watched: int = 0


def work_at(
    provider: str, counted: Sequence[Counted], accounts: Sequence[card.Account], health: Health, trials: int
) -> Work:
    """Return what there is to do at a provider.

    Args:
        provider: its name.
        counted: attempts that have not ended.
        accounts: all of them.
        health: what stands in whose way.
        trials: how many trials may be under way at once where a breaker is not closed.
    """
    own = [one for one in counted if one.provider == provider]
    states: collections.Counter[attempt.AttemptState] = collections.Counter()
    for one in own:
        states[one.state] += one.number
    return Work(
        waiting=states[_S.PLANNED],
        sendable=sum(_sendable(account, own, health, trials) for account in accounts if account.provider == provider),
        dispatched=states[_S.DISPATCHED],
        submitting=states[_S.SUBMITTING],
        watched=states[_S.ACCEPTED] + states[_S.INDETERMINATE],
    )


def _sendable(account: card.Account, counted: Sequence[Counted], health: Health, trials: int) -> int:
    own = [one for one in counted if one.account_id == account.id]
    # One that is in doubt for longer than a render may take gives its slot back; here it counts until it is resolved.
    free = account.slots - sum(one.number for one in own if one.state in attempt.IN_FLIGHT)
    if not account.enabled or free <= 0:
        return 0
    planned = [one for one in own if one.state is _S.PLANNED]
    return min(sum(_allowed(account, one, health, trials) for one in planned), free)


def _allowed(account: card.Account, one: Counted, health: Health, trials: int) -> int:
    room = health.room(account.id, one.model, trials)
    if health.obstacle(account.provider, account.id, one.model, trial=room is not None and room > 0) is not None:
        return 0
    return one.due if room is None else min(one.due, room)
