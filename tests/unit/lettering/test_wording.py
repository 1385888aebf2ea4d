"""Prompts as readable pieces."""

import pytest
from reelmesh_lettering import wording


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩‍🚀🇯🇵🇩🇪", ["👩‍🚀", "🇯🇵", "🇩🇪"]),
        ("👍🏽!", ["👍🏽", "!"]),
        ("क्षि", ["क्षि"]),
    ],
)
def test_clusters_keep_together_what_readers_see_as_one_sign(text, expected):
    assert list(wording.clusters(text)) == expected


def test_a_pile_of_marks_is_cut_to_what_can_be_drawn():
    (cluster,) = wording.clusters("a" + "\u0302" * 200)
    assert len(cluster) == 1 + wording.MAX_MARKS_PER_CLUSTER


def test_tidying_removes_controls_and_doubled_space_but_keeps_lines_and_joiners():
    assert wording.tidy("a\x00\u200b \t b\r\n\n c\u202e 👩‍🚀\ufeff") == "a b\nc 👩‍🚀"


def test_atoms_know_how_natural_a_stop_is():
    stops = {atom.text: atom.stop for atom in wording.atoms("At 3.5 km, it rains. Go (now!) home")}
    assert stops["3.5"] is wording.Break.WORD
    assert stops["km,"] is wording.Break.CLAUSE
    assert stops["rains."] is wording.Break.SENTENCE
    assert stops["(now!)"] is wording.Break.SENTENCE
    assert stops["home"] is wording.Break.SENTENCE


def test_japanese_breaks_before_phrases_and_never_before_closing_marks():
    assert [atom.text for atom in wording.atoms("夜の東京、ネオンの雨。")] == ["夜の", "東京、", "ネオンの", "雨。"]


def test_chinese_breaks_anywhere_but_before_punctuation():
    assert [atom.text for atom in wording.atoms("雨夜，灯")] == ["雨", "夜，", "灯"]  # noqa: RUF001


def test_an_endless_word_is_cut_evenly():
    pieces = wording.atoms("x" * 50)
    assert "".join(piece.text for piece in pieces) == "x" * 50
    assert {piece.units for piece in pieces} <= {16, 17, 18}


def test_joining_atoms_restores_the_line():
    text = "Rain, at 5 o'clock — 東京 again"
    assert wording.joined(wording.atoms(text)) == text


@pytest.mark.parametrize(
    ("cluster", "name"), [("漢", "Han"), ("م", "Arabic"), ("🚀", "emoji"), ("क", "Devanagari"), ("か", "Hiragana")]
)
def test_scripts_have_the_names_people_use(cluster, name):
    assert wording.script_name(cluster) == name


def test_a_sign_is_an_emoji_only_where_it_asks_for_colour():
    assert wording.is_emoji("❤\ufe0f")
    assert not wording.is_emoji("❤")
    assert not wording.is_emoji("5")
