"""Addresses for webhooks are known again by who has the key, and by nobody else."""

from reelmesh_kit import webhooks

KEY = "a key of sixteen and more"


def test_an_address_is_an_accounts_or_an_attempts_own() -> None:
    paths = {
        webhooks.path(KEY, "one"),
        webhooks.path(KEY, "two"),
        webhooks.path(KEY, "one", "attempt"),
        webhooks.path(KEY, "two", "attempt"),
        webhooks.path("another key of ours", "one"),
    }
    tokens = {path.split("/")[3] for path in paths}
    assert len(tokens) == len(paths)
    assert all(len(token) == webhooks.TOKEN_CHARACTERS for token in tokens)
    assert webhooks.path(KEY, "one", "attempt") == f"/hooks/one/{webhooks.token(KEY, 'one', 'attempt')}/attempt"


def test_a_token_is_of_one_place() -> None:
    token = webhooks.token(KEY, "one", "attempt")
    assert webhooks.is_token(token, KEY, "one", "attempt")
    assert not webhooks.is_token(token, KEY, "one")
    assert not webhooks.is_token(token, KEY, "one", "another")
    assert not webhooks.is_token(token, KEY + "x", "one", "attempt")
    assert not webhooks.is_token("é", KEY, "one", "attempt")
