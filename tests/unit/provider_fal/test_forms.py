"""How models are asked for, as data, and what is no such data."""

import dataclasses
import datetime

import pytest
from reelmesh_provider import card_files, model
from reelmesh_provider_fal import forms

PRICE = model.Price(datetime.date(2026, 1, 1))
PLAIN = model.ModelCard("m", 1, 5, (PRICE,), 60, 1, sizes=("16x9",))
GOOD = """
[models.m]
text = "owner/app/text"
sizes = { 16x9 = { aspect_ratio = "16:9" } }
"""


def card(*models: model.ModelCard) -> model.ProviderCard:
    return model.ProviderCard("fal", "1.0", models, model.Recovery.LISTING)


def test_forms_are_read() -> None:
    found = forms.parse(GOOD, card(PLAIN))
    assert found["m"].sizes == {"16x9": {"aspect_ratio": "16:9"}}
    assert forms.endpoints(found) == ("owner/app/text",)


def test_what_the_card_does_not_have_is_not_used() -> None:
    assert list(forms.parse(GOOD + GOOD.replace("models.m", "models.n"), card(PLAIN))) == ["m"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "no TOML"),
        ("", "one table, models"),
        ("models = 7", "one table, models"),
        ("x = 1\n" + GOOD, "one table, models"),
        ("models.m = 7", "form m is no table"),
        (GOOD.replace("text =", "texts ="), r"unknown are \['texts'\], missing are \['text'\]"),
        (GOOD.replace("owner/app/text", "text"), "owner/app"),
        (GOOD.replace('"owner/app/text"', "7"), "owner/app"),
        (GOOD.replace('{ aspect_ratio = "16:9" }', "7"), "are tables"),
        (GOOD + "fixed = 7", "are tables"),
        (GOOD + 'both = "app"', "owner/app"),
        (GOOD.replace("16x9", "9x16"), "form m has no size 16x9"),
        (GOOD.replace("models.m", "models.n"), "model m of the card has no form"),
    ],
)
def test_what_is_no_form_says_why(text: str, words: str) -> None:
    with pytest.raises(card_files.BadCard, match=words):
        forms.parse(text, card(PLAIN))


def test_a_form_goes_with_its_card() -> None:
    with pytest.raises(card_files.BadCard, match="its form says not where"):
        forms.parse(GOOD, card(dataclasses.replace(PLAIN, first_frame=True)))
    with pytest.raises(card_files.BadCard, match="takes a last frame, its form says not where"):
        forms.parse(GOOD, card(dataclasses.replace(PLAIN, last_frame=True)))
    with pytest.raises(card_files.BadCard, match="whether it takes a negative prompt"):
        forms.parse(GOOD, card(dataclasses.replace(PLAIN, negative_prompt=True)))
    with pytest.raises(card_files.BadCard, match="whether it takes a seed"):
        forms.parse(GOOD, card(dataclasses.replace(PLAIN, seed=True)))


def test_no_more_endpoints_than_one_list_is_asked_for() -> None:
    names = [f"m{number}" for number in range(forms.MOST_ENDPOINTS + 1)]
    text = "".join(GOOD.replace("models.m", f"models.{name}").replace("app/text", f"app/{name}") for name in names)
    models = [dataclasses.replace(PLAIN, model=name) for name in names]
    with pytest.raises(card_files.BadCard, match="more than 50 endpoints"):
        forms.parse(text, card(*models))
    assert len(forms.parse(text, card(*models[1:]))) == forms.MOST_ENDPOINTS
