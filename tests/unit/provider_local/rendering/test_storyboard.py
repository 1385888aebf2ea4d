"""Which words and pictures stand when."""

import pytest
from reelmesh_lettering import wording
from reelmesh_provider_local.rendering import storyboard

LONG = "The wind is rising; ships blink on the horizon. " * 100


def shown(plan: storyboard.Storyboard) -> str:
    parts = [part for card in plan.cards for part in (card.headline, card.support) if part]
    return " ".join(wording.joined(list(part)) for part in parts)


@pytest.mark.parametrize("duration", [1.0, 2.5, 8.0, 33.3, 60.0])
@pytest.mark.parametrize("images", [0, 1, 4])
@pytest.mark.parametrize("text", ["", "Fox", "A red fox, slow motion, shallow depth of field", LONG, "x" * 5000])
def test_a_plan_covers_the_film_exactly(duration, images, text):
    plan = storyboard.plan(text, duration, wide=True, images=images, opened=False)
    for card, following in zip(plan.cards, plan.cards[1:], strict=False):
        assert card.end_seconds <= following.start_seconds + 1e-9
    assert all(0 <= card.start_seconds < card.end_seconds <= duration + 1e-9 for card in plan.cards)
    assert bool(plan.cards) == bool(text)
    assert len(plan.scenes) == images
    if images:
        assert plan.scenes[0].start_seconds == 0
        assert plan.scenes[-1].end_seconds == duration
    for scene, following in zip(plan.scenes, plan.scenes[1:], strict=False):
        assert scene.end_seconds == pytest.approx(following.start_seconds + following.fade_seconds)


def test_a_short_prompt_is_one_card_in_full():
    plan = storyboard.plan("A red fox", 8, wide=True, images=0, opened=False)
    assert [wording.joined(list(card.headline)) for card in plan.cards] == ["A red fox"]
    assert plan.shown_units == plan.asked_units


def test_style_words_after_the_first_clause_support_the_headline():
    plan = storyboard.plan("A red fox runs through snow, slow motion, film grain", 8, True, 0, opened=False)
    (card,) = plan.cards
    assert wording.joined(list(card.headline)) == "A red fox runs through snow"
    assert wording.joined(list(card.support)) == "slow motion, film grain"


def test_sentences_get_cards_of_their_own_when_there_is_time():
    plan = storyboard.plan(
        "The storm comes in at midnight. They burn every light they have.", 10, True, 0, opened=False
    )
    assert [wording.joined(list(card.headline)) for card in plan.cards] == [
        "The storm comes in at midnight.",
        "They burn every light they have.",
    ]


def test_a_prompt_too_long_to_read_ends_with_an_ellipsis_at_a_readable_pace():
    plan = storyboard.plan(LONG, 8, wide=True, images=0, opened=False)
    assert plan.shown_units < plan.asked_units
    assert shown(plan).endswith(storyboard.ELLIPSIS)
    seconds = plan.cards[-1].end_seconds - plan.cards[0].start_seconds
    assert plan.shown_units / seconds <= storyboard.BRISK_UNITS_PER_SECOND


def test_a_readable_prompt_is_shown_whole_and_in_order():
    text = "One keeper climbs the stairs. The wind is rising. Ships blink like slow stars. She lights the lamp."
    assert shown(storyboard.plan(text, 20, wide=False, images=0, opened=False)) == text


def test_a_short_prompt_comes_back_in_a_long_film_instead_of_standing_for_a_minute():
    plan = storyboard.plan("A red fox", 60, wide=True, images=0, opened=False)
    assert 1 < len(plan.cards) <= storyboard.MAX_PASSES
    assert max(card.end_seconds - card.start_seconds for card in plan.cards) <= storyboard.MAX_CARD_SECONDS


def test_a_given_first_frame_gives_way_before_the_titles_are_read():
    plan = storyboard.plan("A red fox", 8, wide=True, images=0, opened=True)
    assert plan.opening_seconds > 0.5
    assert plan.cards[0].start_seconds >= plan.opening_seconds * 0.5


def test_a_film_closes_with_an_end_card_where_all_its_words_were_read_before():
    read = storyboard.plan("A red fox", 8, wide=True, images=0, opened=False)
    assert (read.end_card_seconds, read.stay) == (8 - storyboard.END_CARD_SECONDS, False)
    unread = storyboard.plan(LONG, 8, wide=True, images=0, opened=False)
    assert (unread.end_card_seconds, unread.stay) == (8, True)
    assert unread.cards[-1].end_seconds == 8
    short = storyboard.plan("A red fox", 4, wide=True, images=0, opened=False)
    assert (short.end_card_seconds, short.stay) == (4, True)


@pytest.mark.parametrize("text", ["A red fox", LONG])
@pytest.mark.parametrize("duration", [1.0, 4.0, 8.0])
def test_the_words_of_a_shot_are_gone_before_the_next_one_takes_over(text, duration):
    plan = storyboard.plan(text, duration, wide=True, images=0, opened=False, continued=True)
    assert (plan.end_card_seconds, plan.stay) == (duration, False)
    assert plan.cards[-1].end_seconds <= duration * (1 - storyboard.CLEAR_PART) + 1e-9 or (
        plan.cards[-1].end_seconds <= duration - storyboard.CLEAR_SECONDS + 1e-9
    )
