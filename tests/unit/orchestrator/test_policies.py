"""Routing policies: by name, by category, from files."""

import pathlib

import pytest
from reelmesh_kit import errors, process
from reelmesh_orchestrator.adapters import policy_file
from reelmesh_orchestrator.model import policies, request

SHIPPED = policy_file.read(None)


@pytest.mark.parametrize(
    ("name", "category", "edition"),
    [
        ("", "", "cheapest@1"),
        ("premium", "", "premium@1"),
        ("premium", "gaming", "premium@1"),
        ("", "gaming", "economy@1"),
        ("", "music", "standard@1"),
        ("", "gardening", "cheapest@1"),
    ],
)
def test_the_name_decides_then_the_category_then_the_default(name: str, category: str, edition: str) -> None:
    assert SHIPPED.of(name, category).edition == edition


def test_a_name_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(errors.InvalidArgument, match="there are cheapest, best, fastest, premium, standard, economy"):
        SHIPPED.of("cheap", "")


@pytest.mark.parametrize("field", ["policy", "category"])
@pytest.mark.parametrize("text", ["x" * 64, "a/b", "a\n"])
def test_names_are_short_words(field: str, text: str) -> None:
    asked = request.Request("a cat", **{field: text})
    with pytest.raises(errors.InvalidArgument, match=field):
        request.check(asked, None)  # type: ignore[arg-type]


def test_a_request_without_them_has_the_fingerprint_that_it_always_had() -> None:
    plain = request.Request("a cat")
    assert request.fingerprint(plain) == "6a169f7e1f531511dec83433ed111963be86e554c86cfd1bc98225f01abe3341"
    assert request.fingerprint(request.Request("a cat", policy="premium")) != request.fingerprint(plain)


def file_of(folder: pathlib.Path, text: str) -> pathlib.Path:
    path = folder / "policies.toml"
    path.write_text(text)
    return path


def test_an_operators_file_replaces_those_that_are_shipped(tmp_path: pathlib.Path) -> None:
    text = """
[[policies]]
name = "ours"
version = 7
chain = ["veo", "local/local-1"]
order = "speed"
only_chain = true
least_quality = 2
categories = ["news"]
"""
    (one,) = policy_file.read(file_of(tmp_path, text)).all
    assert one == policies.RoutingPolicy("ours", 7, ("veo", "local/local-1"), policies.Order.SPEED, True, 2, ("news",))


ONE = '[[policies]]\nname = "a"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has .*policies.* and nothing else"),
        ("x = 1\n" + ONE, "and nothing else"),
        ("[[policies", "no usable policies"),
        ("policies = []", "there is no policy"),
        ("[[policies]]\nversion = 1", "lower-case letters, digits and dashes, not None"),
        ('[[policies]]\nname = "A b"', "not 'A b'"),
        (ONE + "chain = 1", "chain of policy a is 1"),
        (ONE + 'order = "luck"', "'luck' is not a valid Order"),
        (ONE + "only = true", "policy a has an unknown field 'only'; known are name, version"),
        (ONE + "version = true", "version of policy a is True"),
        (ONE + ONE, "'a' stands there more than once"),
        (ONE + 'categories = ["x"]\n[[policies]]\nname = "b"\ncategories = ["x"]', "'x' stands there more than once"),
    ],
)
def test_a_file_that_cannot_be_used_keeps_the_service_from_starting(
    tmp_path: pathlib.Path, text: str, told: str
) -> None:
    with pytest.raises(process.CannotStart, match=told):
        policy_file.read(file_of(tmp_path, text))


def test_a_file_that_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(process.CannotStart, match="REELMESH_POLICIES_FILE"):
        policy_file.read(tmp_path / "none.toml")
