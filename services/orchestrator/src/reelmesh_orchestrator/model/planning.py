"""Plans a generation: how many shots, how long each, and who may make them."""

import dataclasses
import datetime
import math
import uuid
from collections.abc import Sequence

from reelmesh_kit import errors, ids

from reelmesh_orchestrator.model import generation, policies, routing, shot
from reelmesh_orchestrator.model.card import ModelCard

# More shots than this are not planned: a video of many scraps is not what was asked for.
MOST_SHOTS = 16


@dataclasses.dataclass(frozen=True)
class Sketch:
    """What is known before a plan: everything that planning looks at."""

    prompt: str
    output: generation.Output
    references: int
    pin: str
    seed_is_users: bool
    max_cost_micros: int
    policy: policies.RoutingPolicy = policies.CHEAPEST
    #: Until the deadline; None when there is none.
    seconds_left: float | None = None


def plan(
    generation_id: uuid.UUID, sketch: Sketch, on_offer: Sequence[routing.Offer], day: datetime.date
) -> tuple[shot.Shot, ...]:
    """Return the shots, each with its route.

    The offer that needs the fewest shots leads, then the one that stands first on the route; every other offer that can
    make the same lengths is a candidate too. A clip that goes on from the one before starts from its last frame.

    Raises:
        errors.NoCandidate: nothing on offer can make it; the metadata has the reason of each.
        errors.CostLimit: everything on offer costs more than the request allows.
    """
    plans = [
        shots
        for lengths in sorted({_lengths(sketch.output.duration_seconds, offer.model) for offer in on_offer}, key=_order)
        if lengths and (shots := _shots(generation_id, sketch, lengths, on_offer, day))
    ]
    feasible = [shots for shots in plans if all(_standing(one) for one in shots)]
    if not feasible:
        raise _no_candidate(sketch, plans, on_offer, day)
    affordable = [shots for shots in feasible if not sketch.max_cost_micros or price(shots) <= sketch.max_cost_micros]
    if not affordable:
        cheapest = min(price(shots) for shots in feasible)
        raise errors.CostLimit(
            f"the cheapest way costs ${cheapest / 1e6:.4f}, max_cost_micros allows ${sketch.max_cost_micros / 1e6:.4f}",
            cheapest_micros=cheapest,
            max_cost_micros=sketch.max_cost_micros,
        )
    return affordable[0]


def price(shots: Sequence[shot.Shot]) -> int:
    """Return what the first candidates of all shots cost together, micro-dollars."""
    return sum(_standing(one)[0].price_micros for one in shots)


def _standing(one: shot.Shot) -> list[shot.Candidate]:
    return [candidate for candidate in one.route if not candidate.struck]


def _order(lengths: tuple[float, ...]) -> tuple[int, float]:
    return len(lengths), sum(lengths)


def _lengths(total_seconds: float, model: ModelCard) -> tuple[float, ...]:
    """Return the fewest clips of a model that cover the total; empty when it takes too many."""
    longest = max(model.durations_seconds) if model.durations_seconds else model.longest_seconds
    count = math.ceil(total_seconds / longest - 1e-9)
    if count > MOST_SHOTS:
        return ()
    if not model.durations_seconds:
        return (max(total_seconds / count, model.shortest_seconds),) * count
    lengths: list[float] = []
    for position in range(count):
        missing = (total_seconds - sum(lengths)) / (count - position)
        lengths.append(min(offered for offered in model.durations_seconds if offered >= missing - 1e-9))
    return tuple(lengths)


def _shots(
    generation_id: uuid.UUID,
    sketch: Sketch,
    lengths: tuple[float, ...],
    on_offer: Sequence[routing.Offer],
    day: datetime.date,
) -> tuple[shot.Shot, ...]:
    shots: list[shot.Shot] = []
    for ordinal, seconds in enumerate(lengths):
        wish = routing.Wish(
            output=sketch.output,
            duration_seconds=seconds,
            prompt_characters=len(sketch.prompt),
            references=sketch.references,
            needs_first_frame=False,
            seed_is_users=sketch.seed_is_users,
            pin=sketch.pin,
            seconds_left=sketch.seconds_left,
        )
        continued = dataclasses.replace(wish, needs_first_frame=ordinal > 0)
        route = routing.route(continued, on_offer, day, sketch.policy)
        continues = ordinal > 0
        if continues and all(candidate.struck for candidate in route):
            continues, route = False, routing.route(wish, on_offer, day, sketch.policy)
        shots.append(
            shot.Shot(
                id=ids.derived(generation_id, "shot", ordinal),
                ordinal=ordinal,
                state=shot.ShotState.WAITING if continues else shot.ShotState.READY,
                prompt=sketch.prompt,
                duration_seconds=seconds,
                continues=continues,
                route=route,
            )
        )
    return tuple(shots)


def _no_candidate(
    sketch: Sketch,
    plans: Sequence[tuple[shot.Shot, ...]],
    on_offer: Sequence[routing.Offer],
    day: datetime.date,
) -> errors.NoCandidate:
    if not on_offer:
        return errors.NoCandidate("no provider has announced itself yet: is a provider worker running?")
    if not plans:
        seconds = sketch.output.duration_seconds
        return errors.NoCandidate(f"no provider can make {seconds:g} s out of at most {MOST_SHOTS} clips")
    struck = {
        f"{candidate.provider}/{candidate.model}": candidate.reason
        for one in plans[0]
        for candidate in one.route
        if candidate.struck
    }
    listed = "; ".join(f"{name}: {reason}" for name, reason in sorted(struck.items()))
    return errors.NoCandidate(f"no provider can make this. {listed}", **struck)
