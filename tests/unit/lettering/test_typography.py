"""Setting text so that it fits, whatever it is."""

import numpy as np
import pytest
from reelmesh_lettering import fonts, typography, wording

from tests.support import requirements

WHITE = (1.0, 1.0, 1.0)
NASTY = [
    "i",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "W" * 400,
    "word " * 60,
    "A\u0301\u0302\u0303\u0304" * 12,
    "Ünïcödé — ½ © £ ¿qué?",
    "Ελληνικά και Русский вместе",
]


@pytest.fixture(scope="module")
def typesetter() -> typography.Typesetter:
    """With the packaged fonts alone."""
    return typography.Typesetter(fonts.FontBook(()))


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("space", [(260.0, 110.0), (120.0, 300.0), (1500.0, 600.0)])
def test_ink_stays_inside_the_space_it_was_given(typesetter, text, space):
    block = typesetter.fit(wording.atoms(text), fonts.HEAVY, "ltr", space, 80.0)
    if block.size > typography.MIN_SIZE_PIXELS:
        assert block.width <= space[0]
        assert block.height <= space[1]
    for line in block.lines:
        inked = typography.inked(line, block.size, WHITE).mask.getbbox()
        assert inked is not None
        assert inked[0] > 0
        assert inked[1] > 0


def test_a_drawn_line_holds_all_its_ink(typesetter):
    line = typesetter.line("Ágjpq|", fonts.HEAVY, "ltr")
    block = typesetter.fit(wording.atoms("Ágjpq|"), fonts.HEAVY, "ltr", (500, 200), 90)
    mask = np.asarray(typography.inked(line, block.size, WHITE).mask)
    assert mask.max() == 255
    assert not mask[0].any()
    assert not mask[-1].any()
    assert not mask[:, 0].any()
    assert not mask[:, -1].any()


def test_short_text_is_set_as_large_as_allowed(typesetter):
    assert typesetter.fit(wording.atoms("Fox"), fonts.HEAVY, "ltr", (1000, 500), 90).size == 90


def test_lines_are_evenly_filled_and_do_not_end_on_small_words(typesetter):
    block = typesetter.fit(wording.atoms("Neon city at night in the rain"), fonts.HEAVY, "ltr", (300, 120), 90)
    texts = ["".join(run.text for run in line.runs) for line in block.lines]
    assert len(texts) == 2
    assert not any(text.split()[-1] in ("at", "in", "the") for text in texts[:-1])


def test_what_no_font_can_draw_is_left_out_and_named(typesetter):
    assert typesetter.drawable("夜 tokyo العربية 🚀 night") == ("tokyo night", ("Arabic", "Han", "emoji"))


def test_a_prompt_in_a_script_without_a_font_leaves_nothing(typesetter):
    assert typesetter.drawable("日本語") == ("", ("Han",))


def test_runs_of_a_right_to_left_line_stand_in_visual_order(typesetter):
    line = typesetter.line("abc", fonts.HEAVY, "rtl")
    assert [run.direction for run in line.runs] == ["ltr"]


@pytest.fixture(scope="module")
def rich() -> typography.Typesetter:
    """With whatever fonts this machine has."""
    return typography.Typesetter(fonts.FontBook())


@pytest.mark.parametrize("text", ["夜の東京", "قطة صغيرة", "बर्फ़ से ढके", "서울의 밤", "🚀 👩‍🚀 🇯🇵"])
def test_scripts_of_system_fonts_are_set_inside_their_space(rich, text):
    kept, missing = rich.drawable(text)
    if missing:
        requirements.missing("fonts", f"none has {missing}")
    block = rich.fit(wording.atoms(kept), fonts.HEAVY, "ltr", (300.0, 120.0), 80.0)
    assert block.width <= 300
    assert block.height <= 120
    mask = typography.inked(block.lines[0], block.size, WHITE).mask
    assert np.asarray(mask).mean() > 5


def test_mixed_scripts_take_a_font_each(rich):
    kept, missing = rich.drawable("Tokyo 東京")
    if missing:
        requirements.missing("fonts", f"none has {missing}")
    assert len({run.face for run in rich.line(kept, fonts.HEAVY, "ltr").runs}) == 2


def test_emoji_bring_their_own_colours(rich):
    kept, missing = rich.drawable("🚀")
    if missing:
        requirements.missing("fonts", "none has emoji in colour")
    block = rich.fit(wording.atoms(kept), fonts.HEAVY, "ltr", (300.0, 120.0), 80.0)
    painted = typography.inked(block.lines[0], block.size, WHITE).painted
    assert painted is not None
    assert len(painted.getcolors(100_000) or ()) > 10
