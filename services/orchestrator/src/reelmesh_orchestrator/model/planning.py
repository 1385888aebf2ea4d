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
    #: What the first shot begins on; empty when it may begin on anything.
    first_frame_asset_id: str = ""
    #: Whether the last shot ends on a given frame.
    ends_on_frame: bool = False
    #: Whether it says what the video should not show.
    negative_prompt: bool = False


def plan(
    generation_id: uuid.UUID, sketch: Sketch, on_offer: Sequence[routing.Offer], day: datetime.date
) -> tuple[shot.Shot, ...]:
    """Return the shots, each with its route.

    The offer that needs the fewest shots leads, then the one that stands first on the route; every other offer that can
    make the same lengths is a candidate too; the last clip may be a little longer, as the film's end is cut off. A clip
    that goes on from the one before starts from its last frame.

    Raises:
        errors.NoCandidate: nothing on offer can make it; the metadata has the reason of each.
        errors.CostLimit: everything on offer costs more than the request allows.
    """
    ways = sorted({_lengths(sketch.output.duration_seconds, offer.model) for offer in on_offer}, key=_order)
    plans = [
        (shots, _shots(generation_id, sketch, lengths, _within(sketch, lengths, on_offer, day), day))
        for lengths in ways
        if lengths and (shots := _shots(generation_id, sketch, lengths, on_offer, day))
    ]
    feasible = [(shots, bounded) for shots, bounded in plans if all(_standing(one) for one in shots)]
    if not feasible:
        raise _no_candidate(sketch, [shots for shots, _ in plans], on_offer, day)
    affordable = [bounded for shots, bounded in feasible if _is_affordable(sketch, shots, bounded)]
    if not affordable:
        cheapest = min(_least_price(shots) for shots, _ in feasible)
        raise errors.CostLimit(
            f"the cheapest way costs ${cheapest / 1e6:.4f}, max_cost_micros allows ${sketch.max_cost_micros / 1e6:.4f}",
            cheapest_micros=cheapest,
            max_cost_micros=sketch.max_cost_micros,
        )
    behind = {(offer.account.id, offer.model.model) for offer in on_offer if offer.behind}
    # Of what is as good otherwise, those that are well go first.
    return min(affordable, key=lambda shots: any(_lead(one) in behind for one in shots))


def _lead(one: shot.Shot) -> tuple[str, str]:
    first = _standing(one)[0]
    return first.account_id, first.model


def _within(
    sketch: Sketch, lengths: tuple[float, ...], on_offer: Sequence[routing.Offer], day: datetime.date
) -> Sequence[routing.Offer]:
    """Return the offers with a remark at those that would cost more than the request allows if they made it all."""
    if not sketch.max_cost_micros:
        return on_offer
    return [dataclasses.replace(offer, too_dear=_too_dear(sketch, lengths, offer, day)) for offer in on_offer]


def _too_dear(sketch: Sketch, lengths: tuple[float, ...], offer: routing.Offer, day: datetime.date) -> str:
    in_force = offer.model.price(day)
    *before, last = lengths
    made = [*before, routing.clip_seconds(offer.model, last, exact=sketch.ends_on_frame)]
    micros = sum(map(in_force.of, made)) if in_force else 0
    if micros <= sketch.max_cost_micros:
        return ""
    whole = "" if len(lengths) == 1 else f" for {len(lengths)} shots"
    return f"costs ${micros / 1e6:.4f}{whole}, the request allows ${sketch.max_cost_micros / 1e6:.4f}"


def _is_affordable(sketch: Sketch, shots: tuple[shot.Shot, ...], bounded: tuple[shot.Shot, ...]) -> bool:
    """Tell whether the request's bound is kept, and not merely because only those are left that cost nothing."""
    if not sketch.max_cost_micros:
        return True
    if not all(_standing(one) for one in bounded) or price(bounded) > sketch.max_cost_micros:
        return False
    return all(_standing(one)[0].free == _standing(within)[0].free for one, within in zip(shots, bounded, strict=True))


def _least_price(shots: Sequence[shot.Shot]) -> int:
    """Return what the cheapest candidates of all shots cost together, of those that are paid where any is."""
    return sum(
        min(
            (candidate.price_micros for candidate in _standing(one) if not candidate.free),
            default=_standing(one)[0].price_micros,
        )
        for one in shots
    )


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
        given = sketch.first_frame_asset_id if ordinal == 0 else ""
        is_last = ordinal == len(lengths) - 1
        ends = sketch.ends_on_frame and is_last
        wish = routing.Wish(
            output=sketch.output,
            duration_seconds=seconds,
            prompt_characters=len(sketch.prompt),
            references=sketch.references,
            needs_first_frame=bool(given),
            seed_is_users=sketch.seed_is_users,
            pin=sketch.pin,
            seconds_left=sketch.seconds_left,
            needs_last_frame=ends,
            frames_given=bool(given) or ends,
            negative_prompt=sketch.negative_prompt,
            # The film is cut at its end alone, and not where it ends on a given frame.
            exact=ends or not is_last,
        )
        continues = ordinal > 0
        # What goes on from another has its reference images by that one's last frame.
        continued = dataclasses.replace(wish, needs_first_frame=True, frames_given=False) if continues else wish
        route = routing.route(continued, on_offer, day, sketch.policy)
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
                first_frame_asset_id=given,
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
