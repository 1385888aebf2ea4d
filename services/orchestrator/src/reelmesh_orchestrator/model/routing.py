"""Chooses who may make a clip: a pure function from what is wanted and what is on offer to candidates with reasons."""

import dataclasses
import datetime
import math
from collections.abc import Sequence

from reelmesh_orchestrator.model import generation, health, policies, shot
from reelmesh_orchestrator.model.card import Account, Card, ModelCard

# Tiers of quality, as policies and cards count them.
_QUALITIES = {1: "economy", 2: "standard", 3: "premium"}


# Of a clip that is longer than asked for so much, in parts of what was asked, may be paid and cut off.
LARGEST_SURPLUS = 0.6


@dataclasses.dataclass(frozen=True)
class Offer:
    """A model at an account of ours."""

    account: Account
    card: Card
    model: ModelCard
    #: What stands in the way of new submits there.
    obstacle: health.Obstacle | None = None
    #: Why it is beyond what the request allows to spend; empty when it is not.
    too_dear: str = ""

    @property
    def behind(self) -> bool:
        """Whether others go first, because it is not known to be well."""
        return self.obstacle is not None and self.obstacle.kind in (health.Kind.BREAKER, health.Kind.TRIAL)


@dataclasses.dataclass(frozen=True)
class Wish:
    """What one clip shall be."""

    output: generation.Output
    duration_seconds: float
    prompt_characters: int
    references: int
    #: Whether the clip must start from a given frame.
    needs_first_frame: bool
    seed_is_users: bool
    pin: str
    #: Until the deadline; None when there is none.
    seconds_left: float | None = None
    #: Whether the clip must end on a given frame.
    needs_last_frame: bool = False
    #: Whether the request gives it a frame, which may come beside reference images.
    frames_given: bool = False
    #: Whether it is said what the clip should not show.
    negative_prompt: bool = False
    #: Whether its clip must have its length, because nothing can be cut off there.
    exact: bool = False

    def clip_seconds(self, model: ModelCard) -> float:
        """Return how long a clip a model makes for it."""
        return clip_seconds(model, self.duration_seconds, exact=self.exact)


def offers(accounts: Sequence[Account], cards: Sequence[Card], seen: health.Health | None = None) -> tuple[Offer, ...]:
    """Return every model at every account whose provider has stated its card, and what stands in its way."""
    by_provider = {card.provider: card for card in cards}
    return tuple(
        Offer(
            account,
            by_provider[account.provider],
            model,
            seen.obstacle(account.provider, account.id, model.model) if seen else None,
        )
        for account in accounts
        if account.provider in by_provider
        for model in by_provider[account.provider].models
    )


def route(
    wish: Wish, on_offer: Sequence[Offer], day: datetime.date, policy: policies.RoutingPolicy = policies.CHEAPEST
) -> tuple[shot.Candidate, ...]:
    """Return the candidates in the order in which they are tried, the struck ones last, each with its reason.

    Paid candidates come first, as the policy orders them; those that cost nothing follow as the last that can make a
    video. Within each, those come last whose breaker is not closed, and before them those that will hardly be ready
    before the deadline.
    """
    judged = [(_judged(wish, offer, day, policy), offer) for offer in on_offer]
    judged.sort(key=lambda one: _rank(*one, wish, policy))
    return tuple(candidate for candidate, _ in judged)


def _rank(candidate: shot.Candidate, offer: Offer, wish: Wish, policy: policies.RoutingPolicy) -> tuple[object, ...]:
    place = policy.place(candidate.provider, candidate.model)
    measures = {
        policies.Order.PRICE: 0.0,
        policies.Order.QUALITY: float(-offer.model.quality),
        policies.Order.SPEED: _typical_seconds(wish, offer),
    }
    return (
        candidate.struck,
        candidate.free,
        offer.behind,
        _is_late(wish, offer),
        len(policy.chain) if place is None else place,
        measures[policy.order],
        candidate.price_micros,
        candidate.account_id,
        candidate.model,
    )


def _typical_seconds(wish: Wish, offer: Offer) -> float:
    return offer.model.seconds_per_second * wish.clip_seconds(offer.model)


def _is_late(wish: Wish, offer: Offer) -> bool:
    return wish.seconds_left is not None and _typical_seconds(wish, offer) > wish.seconds_left


def _judged(wish: Wish, offer: Offer, day: datetime.date, policy: policies.RoutingPolicy) -> shot.Candidate:
    price = offer.model.price(day)
    problem = _problem(wish, offer, day) or _policy_problem(offer, policy)
    problem = problem or ("" if price else "no price is known for today") or offer.too_dear
    seconds = wish.clip_seconds(offer.model)
    micros = price.of(seconds) if price else 0
    return shot.Candidate(
        account_id=offer.account.id,
        provider=offer.account.provider,
        model=offer.model.model,
        price_micros=micros,
        free=offer.card.free,
        struck=bool(problem),
        reason=problem or _reason(wish, offer, micros, policy),
        duration_seconds=seconds if seconds != wish.duration_seconds else 0.0,
    )


def clip_seconds(model: ModelCard, asked_seconds: float, *, exact: bool = False) -> float:
    """Return how long a clip a model makes for a shot: as long as asked, or a little longer where it offers no such."""
    if exact:
        return asked_seconds
    offered = [model.shortest_seconds] if not model.durations_seconds else model.durations_seconds
    if not model.durations_seconds and asked_seconds >= model.shortest_seconds:
        return asked_seconds
    enough = [one for one in offered if asked_seconds - 1e-9 <= one <= asked_seconds * (1 + LARGEST_SURPLUS) + 1e-9]
    return min(enough, default=asked_seconds)


def _reason(wish: Wish, offer: Offer, micros: int, policy: policies.RoutingPolicy) -> str:
    reason = "makes it for nothing" if offer.card.free else f"makes it for ${micros / 1e6:.4f}"
    seconds = wish.clip_seconds(offer.model)
    if seconds != wish.duration_seconds:
        reason += f" by a clip of {seconds:g} s, of which {wish.duration_seconds:g} s are kept"
    place = policy.place(offer.account.provider, offer.model.model)
    if place is not None:
        reason = f"choice {place + 1} of {policy.name}, {reason}"
    if policy.order is policies.Order.QUALITY and offer.model.quality:
        reason += f", {_QUALITIES.get(offer.model.quality, 'unknown')} quality"
    if policy.order is policies.Order.SPEED:
        reason += f", typically in {_typical_seconds(wish, offer):.0f} s"
    if _is_late(wish, offer):
        reason += f", but typically takes {_typical_seconds(wish, offer):.0f} s, more than the deadline leaves"
    if offer.obstacle is not None:
        reason += f", but {'comes after the others: ' if offer.behind else ''}{offer.obstacle.reason}"
    return reason


def _policy_problem(offer: Offer, policy: policies.RoutingPolicy) -> str:
    if offer.card.free:
        return ""
    if policy.only_chain and policy.place(offer.account.provider, offer.model.model) is None:
        return f"the policy {policy.name} does not name it"
    if 0 < offer.model.quality < policy.least_quality:
        return f"is of quality {offer.model.quality}, the policy {policy.name} asks for {policy.least_quality}"
    return ""


def _problem(wish: Wish, offer: Offer, day: datetime.date) -> str:
    """Return why an offer cannot make the clip, or an empty string."""
    model = offer.model
    if wish.pin and wish.pin not in (offer.account.provider, f"{offer.account.provider}/{model.model}"):
        return f"the request is pinned to {wish.pin}"
    if not offer.account.enabled:
        return "the account is switched off"
    if offer.obstacle is not None and offer.obstacle.kind is health.Kind.SWITCH:
        return offer.obstacle.reason
    if model.retires_on is not None and model.retires_on <= day:
        return f"retired on {model.retires_on.isoformat()}"
    return (
        _duration_problem(wish, model)
        or _size_problem(wish, model)
        or _picture_problem(wish, model)
        or _words_problem(wish, model)
    )


def _duration_problem(wish: Wish, model: ModelCard) -> str:
    seconds = wish.clip_seconds(model)
    longest = max(model.durations_seconds) if model.durations_seconds else model.longest_seconds
    shots = math.ceil(wish.duration_seconds / longest - 1e-9)
    more = f": it would need {shots} shots in place of one" if shots > 1 else ""
    if model.durations_seconds and seconds not in model.durations_seconds:
        offered = ", ".join(f"{each:g}" for each in model.durations_seconds)
        return f"makes clips of {offered} s, not {wish.duration_seconds:g} s{more}"
    if not model.shortest_seconds <= seconds <= model.longest_seconds:
        return f"makes clips of {model.shortest_seconds:g} to {model.longest_seconds:g} s{more}"
    return ""


def _size_problem(wish: Wish, model: ModelCard) -> str:
    width, height = wish.output.width, wish.output.height
    if model.sizes and (width, height) not in model.sizes:
        offered = ", ".join(f"{one}x{other}" for one, other in model.sizes)
        return f"makes {offered}, not {width}x{height}"
    if model.largest_pixels and width * height > model.largest_pixels:
        return f"makes at most {model.largest_pixels} pixels, {width}x{height} has {width * height}"
    return ""


def _picture_problem(wish: Wish, model: ModelCard) -> str:
    if wish.references > model.reference_images:
        return f"takes at most {model.reference_images} reference images"
    if model.needs_picture and not (wish.references or wish.needs_first_frame):
        return "starts from a picture, and the request has none"
    if wish.needs_first_frame and not model.first_frame:
        return "cannot start from a given frame"
    if wish.needs_last_frame and not model.last_frame:
        return "cannot end on a given frame"
    if wish.needs_last_frame and not (wish.needs_first_frame or model.last_frame_alone):
        return "ends on a given frame only where it starts from one too"
    if wish.references and wish.frames_given and not model.references_with_frames:
        return "takes reference images or given frames, not both"
    return ""


def _words_problem(wish: Wish, model: ModelCard) -> str:
    if model.longest_prompt and wish.prompt_characters > model.longest_prompt:
        return f"takes prompts of at most {model.longest_prompt} characters"
    if wish.negative_prompt and not model.negative_prompt:
        return "takes no negative prompt"
    return ""
