"""Shots cover what was asked with as few clips as can be; every candidate has its reason."""

import dataclasses
import datetime

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator.model import planning, policies, request, routing, shot

from tests.support import orchestrator
from tests.support.orchestrator import FREE, GENERATION_ID, OTHER, PAID, model_card, offers, provider_card

DAY = orchestrator.NOW.date()
ENDS = {"first_frame_asset_id": "f", "ends_on_frame": True}


def sketch(duration_seconds: float = 8.0, **changes: object) -> planning.Sketch:
    wish = request.OutputWish(duration_seconds=duration_seconds)
    plain = planning.Sketch("a red kite", request.completed(wish), 0, "", seed_is_users=False, max_cost_micros=0)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def plan(wanted: planning.Sketch, *cards: orchestrator.card.Card) -> tuple[shot.Shot, ...]:
    return planning.plan(GENERATION_ID, wanted, offers(*cards), DAY)


@pytest.mark.parametrize(
    ("total", "offered", "longest", "expected"),
    [
        (8.0, (), 60.0, (8.0,)),
        (60.0, (), 60.0, (60.0,)),
        (12.0, (), 8.0, (6.0, 6.0)),
        (30.0, (4.0, 8.0, 12.0), 12.0, (12.0, 12.0, 8.0)),
        (13.0, (4.0, 8.0, 12.0), 12.0, (8.0, 8.0)),
        (3.0, (4.0, 8.0), 8.0, (4.0,)),
        (24.0, (8.0,), 8.0, (8.0, 8.0, 8.0)),
    ],
)
def test_shots_cover_the_asked_seconds(
    total: float, offered: tuple[float, ...], longest: float, expected: tuple[float, ...]
) -> None:
    one = provider_card("p", model_card(durations_seconds=offered, longest_seconds=longest))
    lengths = tuple(two.duration_seconds for two in plan(sketch(total), one))
    assert sorted(lengths) == sorted(expected)
    assert sum(lengths) >= total


def test_later_shots_go_on_from_the_one_before_where_somebody_can() -> None:
    able = provider_card("able", model_card(longest_seconds=5.0))
    first, second = plan(sketch(8.0), able)
    assert not first.continues
    assert second.continues
    assert second.state is shot.ShotState.WAITING


def test_later_shots_stand_alone_where_nobody_can() -> None:
    unable = provider_card("unable", model_card(longest_seconds=5.0, first_frame=False))
    assert [one.continues for one in plan(sketch(8.0), unable)] == [False, False]


def test_paid_candidates_come_first_cheapest_first_free_ones_last() -> None:
    (one,) = plan(sketch(), OTHER, FREE, PAID)
    assert [(two.provider, two.price_micros) for two in one.route] == [
        ("paid", 800_000),
        ("other", 1_600_000),
        ("free", 0),
    ]


def test_who_makes_a_little_more_than_is_asked_for_is_no_stranger_to_the_route() -> None:
    veo = provider_card("veo", model_card(durations_seconds=(4.0, 6.0, 8.0), longest_seconds=8.0))
    sora = provider_card("sora", model_card(durations_seconds=(8.0, 12.0), longest_seconds=12.0))
    long = provider_card("long", model_card(durations_seconds=(10.0,), longest_seconds=10.0))
    exact = provider_card("exact", model_card(longest_seconds=10.0))
    (one,) = plan(sketch(5.0), veo, sora, long, exact)
    assert [(two.provider, two.struck, two.price_micros, two.duration_seconds) for two in one.route] == [
        ("exact", False, 500_000, 0.0),
        ("veo", False, 600_000, 6.0),
        ("sora", False, 800_000, 8.0),
        ("long", True, 500_000, 0.0),
    ]
    assert "a clip of 6 s, of which 5 s are kept" in one.route[1].reason
    # Twice as much, most of it for nothing.
    assert one.route[3].reason == "makes clips of 10 s, not 5 s"


def test_what_ends_on_a_given_frame_is_made_as_long_as_it_is_asked_for() -> None:
    veo = provider_card("veo", model_card(durations_seconds=(6.0,), longest_seconds=8.0))
    exact = provider_card("exact", model_card(longest_seconds=10.0))
    (one,) = plan(sketch(5.0, **ENDS), veo, exact)
    assert [(two.provider, two.struck) for two in one.route] == [("exact", False), ("veo", True)]


def test_only_the_last_clip_of_a_film_may_be_longer_than_its_shot_for_the_end_alone_is_cut_off() -> None:
    long = provider_card("long", model_card(durations_seconds=(10.0,), longest_seconds=10.0))
    exact = provider_card("exact", model_card(longest_seconds=8.0))
    first, last = plan(sketch(16.0), long, exact)
    assert [(two.provider, two.struck) for two in first.route] == [("exact", False), ("long", True)]
    assert first.route[1].reason == "makes clips of 10 s, not 8 s"
    assert [(two.provider, two.struck, two.duration_seconds) for two in last.route] == [
        ("exact", False, 0.0),
        ("long", False, 10.0),
    ]


def test_the_seconds_that_are_cut_off_count_where_a_request_bounds_its_cost() -> None:
    veo = provider_card("veo", model_card(durations_seconds=(6.0,), longest_seconds=8.0))
    exact = provider_card("exact", model_card(longest_seconds=10.0))
    (one,) = plan(sketch(5.0, max_cost_micros=550_000), veo, exact)
    assert [(two.provider, two.struck) for two in one.route] == [("exact", False), ("veo", True)]
    assert "costs $0.6000" in one.route[1].reason


def test_who_would_need_more_shots_says_so() -> None:
    short = provider_card("short", model_card(durations_seconds=(4.0,), longest_seconds=4.0))
    (one,) = plan(sketch(8.0), short, PAID)
    assert one.route[1].reason == "makes clips of 4 s, not 8 s: it would need 2 shots in place of one"


def test_the_fewest_shots_lead() -> None:
    short = provider_card("short", model_card(longest_seconds=5.0, micros_per_second=1))
    (one,) = plan(sketch(8.0), short, PAID)
    assert [(two.provider, two.struck) for two in one.route] == [("paid", False), ("short", True)]


def test_a_cost_bound_takes_the_plan_that_fits() -> None:
    cheap = provider_card("cheap", model_card(longest_seconds=5.0, micros_per_second=10_000))
    shots = plan(sketch(8.0, max_cost_micros=100_000), cheap, PAID)
    assert len(shots) == 2
    assert planning.price(shots) == 80_000


def test_what_costs_too_much_is_refused_with_the_price() -> None:
    with pytest.raises(errors.CostLimit, match=r"the cheapest way costs \$0\.8000") as refused:
        plan(sketch(max_cost_micros=1), PAID)
    assert refused.value.metadata["cheapest_micros"] == "800000"


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        (model_card(sizes=((720, 1280),)), {}, "makes 720x1280, not 1280x720"),
        (model_card(), {"output": request.completed(request.OutputWish(width=4096, height=2160))}, "at most 2073600"),
        (model_card(reference_images=1), {"references": 2}, "at most 1 reference images"),
        (model_card(retires_on=DAY), {}, f"retired on {DAY.isoformat()}"),
        (model_card(longest_prompt=3), {}, "prompts of at most 3 characters"),
        (model_card(needs_picture=True, first_frame=True), {}, "starts from a picture, and the request has none"),
        (model_card(), {"pin": "somebody/else"}, "pinned to somebody/else"),
        (model_card(first_frame=False), {"first_frame_asset_id": "f"}, "cannot start from a given frame"),
        (model_card(last_frame=False), ENDS, "cannot end on a given frame"),
        (model_card(), {"ends_on_frame": True}, "ends on a given frame only where it starts from one too"),
        (model_card(references_with_frames=False), {**ENDS, "references": 1}, "reference images or given frames, not"),
        (model_card(negative_prompt=False), {"negative_prompt": True}, "takes no negative prompt"),
    ],
)
def test_what_nobody_can_make_is_refused_with_each_reason(
    model: orchestrator.card.ModelCard, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(errors.NoCandidate) as refused:
        plan(sketch(**changes), provider_card("p", model))
    assert words in refused.value.message
    assert words in refused.value.metadata["p/m-1"]


def test_what_makes_nothing_of_words_alone_takes_a_reference_or_the_frame_that_a_shot_ends_on() -> None:
    picky = provider_card("picky", model_card(needs_picture=True, longest_seconds=8.0))
    (one,) = plan(sketch(references=1), picky)
    assert not one.route[0].struck
    first, second = plan(
        sketch(16.0), picky, provider_card("p", model_card(micros_per_second=200_000, longest_seconds=8.0))
    )
    assert [(each.provider, each.struck) for each in first.route] == [("p", False), ("picky", True)]
    assert [(each.provider, each.struck) for each in second.route] == [("picky", False), ("p", False)]


def test_the_first_shot_begins_on_the_first_frame_and_the_last_one_ends_on_the_last() -> None:
    first_only = provider_card(
        "first-only", model_card(longest_seconds=8.0, last_frame=False, references_with_frames=False)
    )
    able = provider_card("able", model_card(longest_seconds=8.0, micros_per_second=200_000))
    shots = plan(sketch(24.0, **ENDS), first_only, able)
    assert [one.first_frame_asset_id for one in shots] == ["f", "", ""]
    assert [one.continues for one in shots] == [False, True, True]
    assert [[each.provider for each in one.route if not each.struck] for one in shots] == [
        ["first-only", "able"],
        ["first-only", "able"],
        ["able"],
    ]


def test_reference_images_beside_given_frames_count_where_the_request_gives_them() -> None:
    either = provider_card("either", model_card(longest_seconds=8.0, references_with_frames=False))
    both = provider_card("both", model_card(longest_seconds=8.0, micros_per_second=200_000))
    first, last = plan(sketch(16.0, references=1, **ENDS), either, both)
    assert [(each.provider, each.struck) for each in first.route] == [("both", False), ("either", True)]
    assert [(each.provider, each.struck) for each in last.route] == [("either", False), ("both", False)]


def test_a_last_shot_that_cannot_go_on_from_another_has_no_frame_to_begin_on() -> None:
    unable = provider_card("unable", model_card(longest_seconds=8.0, first_frame=False))
    with pytest.raises(errors.NoCandidate):
        plan(sketch(16.0, ends_on_frame=True), unable)


def test_who_needs_no_frame_to_begin_on_ends_on_one_alone() -> None:
    able = provider_card("able", model_card(longest_seconds=8.0, last_frame_alone=True))
    (one,) = plan(sketch(ends_on_frame=True), provider_card("unable", model_card()), able)
    assert [(each.provider, each.struck) for each in one.route] == [("able", False), ("unable", True)]
    # Nor does the last of several shots that cannot go on from the one before.
    unable = provider_card("apart", model_card(longest_seconds=8.0, first_frame=False, last_frame_alone=True))
    first, last = plan(sketch(16.0, ends_on_frame=True), unable)
    assert (last.continues, last.route[0].struck, first.route[0].struck) == (False, False, False)
    with pytest.raises(errors.NoCandidate, match="cannot end on a given frame"):
        plan(sketch(ends_on_frame=True), provider_card("p", model_card(last_frame=False, last_frame_alone=True)))


def test_a_first_frame_is_picture_enough() -> None:
    picky = provider_card("picky", model_card(needs_picture=True))
    (one,) = plan(sketch(first_frame_asset_id="f"), picky)
    assert not one.route[0].struck


def routed(policy: policies.RoutingPolicy, *cards: orchestrator.card.Card, **changes: object) -> list[str]:
    (one,) = plan(sketch(policy=policy, **changes), *cards)
    return [f"{two.provider}{' struck' if two.struck else ''}" for two in one.route]


def of_quality(provider: str, quality: int, price: int, seconds: float = 1.0) -> orchestrator.card.Card:
    model = dataclasses.replace(model_card(micros_per_second=price), quality=quality, seconds_per_second=seconds)
    return provider_card(provider, model)


GOOD, PLAIN, POOR = of_quality("good", 3, 300_000, 9.0), of_quality("plain", 2, 200_000), of_quality("poor", 1, 100_000)
UNKNOWN = of_quality("unknown", 0, 150_000)
ALL = (PLAIN, POOR, FREE, GOOD, UNKNOWN)


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        (policies.CHEAPEST, ["poor", "unknown", "plain", "good", "free"]),
        (policies.RoutingPolicy("q", order=policies.Order.QUALITY), ["good", "plain", "poor", "unknown", "free"]),
        (policies.RoutingPolicy("s", order=policies.Order.SPEED), ["poor", "unknown", "plain", "good", "free"]),
        (policies.RoutingPolicy("c", chain=("plain", "good")), ["plain", "good", "poor", "unknown", "free"]),
        (policies.RoutingPolicy("c", chain=("free", "good")), ["good", "poor", "unknown", "plain", "free"]),
        (policies.RoutingPolicy("m", chain=("good/m-1",)), ["good", "poor", "unknown", "plain", "free"]),
        (
            policies.RoutingPolicy("o", chain=("plain",), only_chain=True),
            ["plain", "free", "poor struck", "unknown struck", "good struck"],
        ),
        (
            policies.RoutingPolicy("l", least_quality=2),
            ["unknown", "plain", "good", "free", "poor struck"],
        ),
    ],
)
def test_a_policy_orders_the_candidates_and_free_ones_stay_last(
    policy: policies.RoutingPolicy, order: list[str]
) -> None:
    assert routed(policy, *ALL) == order


def test_who_will_hardly_be_ready_in_time_comes_after_those_who_will() -> None:
    assert routed(policies.RoutingPolicy("c", chain=("good",)), *ALL, seconds_left=30.0) == [
        "poor",
        "unknown",
        "plain",
        "good",
        "free",
    ]


def test_each_candidate_says_why_it_stands_there() -> None:
    policy = policies.RoutingPolicy("mine", chain=("plain", "good"), least_quality=2)
    (one,) = plan(sketch(policy=policy, seconds_left=30.0), *ALL)
    reasons = {two.provider: two.reason for two in one.route}
    assert reasons["plain"] == "choice 1 of mine, makes it for $1.6000"
    assert reasons["good"] == (
        "choice 2 of mine, makes it for $2.4000, but typically takes 72 s, more than the deadline leaves"
    )
    assert reasons["poor"] == "is of quality 1, the policy mine asks for 2"
    assert reasons["free"] == "makes it for nothing"


def test_without_any_provider_it_says_so() -> None:
    with pytest.raises(errors.NoCandidate, match="is a provider worker running"):
        plan(sketch())


def test_more_shots_than_the_limit_are_not_planned() -> None:
    tiny = provider_card("tiny", model_card(longest_seconds=1.0))
    with pytest.raises(errors.NoCandidate, match="at most 16 clips"):
        plan(sketch(60.0), tiny)


@pytest.mark.parametrize("pin", ["paid", "paid/m-1"])
def test_a_pin_strikes_the_others(pin: str) -> None:
    (one,) = plan(sketch(pin=pin), PAID, OTHER)
    assert [two.provider for two in one.route if not two.struck] == ["paid"]
    assert one.route[-1].reason == f"the request is pinned to {pin}"


def test_a_switched_off_account_is_struck() -> None:
    off = routing.offers([orchestrator.account("paid", enabled=False)], [PAID])
    with pytest.raises(errors.NoCandidate, match="switched off"):
        planning.plan(GENERATION_ID, sketch(), off, DAY)


def test_the_price_in_force_on_the_day_counts() -> None:
    prices = (
        orchestrator.card.Price(datetime.date(2026, 1, 1), 1000, 0),
        orchestrator.card.Price(datetime.date(2026, 12, 1), 5000, 7),
    )
    model = dataclasses.replace(model_card(), prices=prices)
    assert model.price(DAY) == prices[0]
    assert model.price(datetime.date(2026, 12, 1)) == prices[1]
    assert model.price(datetime.date(2025, 12, 31)) is None
    assert prices[1].of(1.5) == 7 + 7500


def test_ids_of_shots_derive() -> None:
    assert [one.id for one in plan(sketch(), PAID)] == [one.id for one in plan(sketch(), PAID)]
