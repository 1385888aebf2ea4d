"""Cards as data files."""

import datetime
import pathlib

import pytest
from reelmesh_kit import process
from reelmesh_provider import card_files, model

TEXT = """
recovery = "LISTING"
listing_delay_seconds = 5
cancellable = true
gone = { times = 3, over_seconds = 10 }

[[models]]
model = "m"
shortest_seconds = 1
longest_seconds = 5
durations_seconds = [1, 5]
sizes = ["1280x720"]
longest_render_seconds = 60
seconds_per_second = 2.5
retires_on = 2027-01-01
[[models.prices]]
effective_on = 2026-01-01
micros_per_second = 100000
[[models.prices]]
effective_on = 2026-06-01
micros_per_clip = 5
"""


def test_a_card_is_read() -> None:
    card = card_files.parse(TEXT, "acme", "1.0")
    assert (card.provider, card.version, card.recovery) == ("acme", "1.0", model.Recovery.LISTING)
    assert (card.listing_delay_seconds, card.cancellable, card.gone) == (5.0, True, model.GoneRule(3, 10))
    (one,) = card.models
    assert (one.durations_seconds, one.sizes, one.retires_on) == ((1.0, 5.0), ("1280x720",), datetime.date(2027, 1, 1))
    assert one.prices == (
        model.Price(datetime.date(2026, 1, 1), 100_000),
        model.Price(datetime.date(2026, 6, 1), 0, 5),
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('recovery = "LISTING"', "recovery = ", "no TOML"),
        ('"LISTING"', '"LUCK"', "'LUCK' is not a valid Recovery"),
        ("cancellable", "cancelable", "the card has unknown fields: cancelable"),
        ("over_seconds = 10", "over = 10", "over"),
        ("shortest_seconds = 1", "shortest_second = 1", "model m has unknown fields: shortest_second"),
        ("shortest_seconds = 1", 'shortest_seconds = "1"', "model m: '1' is no number"),
        ("longest_render_seconds = 60\n", "", "longest_render_seconds"),
        ("2027-01-01", '"2027-01-01"', "is no date: write it as 2026-09-24"),
        ("micros_per_second = 100000", "micros_per_second = 0.1", "a price of model m: 0.1 is no whole number"),
        ("[[models]]", "[[others]]", r"no \[\[models\]\]"),
    ],
)
def test_what_is_wrong_is_told(before: str, after: str, told: str) -> None:
    assert before in TEXT
    with pytest.raises(card_files.BadCard, match=told):
        card_files.parse(TEXT.replace(before, after), "acme", "1.0")


def test_a_model_without_a_price_is_refused() -> None:
    text = TEXT[: TEXT.index("[[models.prices]]")]
    with pytest.raises(card_files.BadCard, match="model m has no"):
        card_files.parse(text, "acme", "1.0")


def test_a_file_that_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(card_files.BadCard, match="cannot be read"):
        card_files.read(tmp_path / "card.toml")


@pytest.mark.parametrize("profile", ["openai", "litellm", "sglang", "vllm-omni"])
def test_packaged_cards_are_whole(profile: str) -> None:
    assert card_files.parse(card_files.packaged("reelmesh_provider_sora", profile), "sora", "1.0").models


def test_a_service_states_the_card_of_its_package_unless_a_file_is_named(tmp_path: pathlib.Path) -> None:
    packaged = card_files.stated(None, "reelmesh_provider_sora", "sglang", "gpu")
    assert packaged.provider == "gpu"
    assert packaged.version
    own = tmp_path / "card.toml"
    own.write_text(TEXT)
    assert [one.model for one in card_files.stated(own, "reelmesh_provider_sora", "sglang", "gpu").models] == ["m"]


def test_a_service_whose_card_cannot_be_used_does_not_start(tmp_path: pathlib.Path) -> None:
    own = tmp_path / "card.toml"
    own.write_text("recovery = ")
    with pytest.raises(process.CannotStart, match="is no TOML"):
        card_files.stated(own, "reelmesh_provider_sora", "sglang", "gpu")
