"""`accounts.yaml`."""

import pathlib

import pytest
from reelmesh_kit import accounts

TEXT = """
accounts:
  - id: sglang-1
    provider: sora
    endpoint: http://127.0.0.1:30000/v1/
    slots: 4
    exclusive: true
    options: {profile: sglang, fast: 1}
  - id: runway
    provider: runway
    secret: RUNWAYML_API_SECRET
    polls_per_second: 0.5
"""


def file_of(folder: pathlib.Path, text: str = TEXT) -> pathlib.Path:
    path = folder / "accounts.yaml"
    path.write_text(text)
    return path


def test_accounts_are_read_in_order(tmp_path: pathlib.Path) -> None:
    first, second = accounts.read(file_of(tmp_path))
    assert first == accounts.Account(
        "sglang-1",
        "sora",
        "http://127.0.0.1:30000/v1",
        slots=4,
        exclusive=True,
        options={"profile": "sglang", "fast": "1"},
    )
    assert (second.id, second.secret, second.polls_per_second, second.slots) == (
        "runway",
        "RUNWAYML_API_SECRET",
        0.5,
        1,
    )


def of(fields: str) -> str:
    return "accounts:\n  - {" + fields + "}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accounts: [", "no YAML"),
        ("- id: x", "one key, `accounts:`"),
        ("accounts: {}", "a list of accounts"),
        ("accounts: []\nmore: 1", "one key"),
        (of("provider: sora"), "account 1 in .*: id"),
        (of("id: Sora, provider: sora"), "account Sora in .*: id: String should match"),
        (of("id: a, provider: sora, slots: 0"), "slots: Input should be greater than or equal to 1"),
        (of("id: a, provider: sora, endpoint: localhost"), "must start with http://"),
        (of("id: a, provider: sora, secret: sk-123"), "secret: String should match"),
        (of("id: a, provider: sora, slot: 3"), "slot is unknown .known are id, provider"),
        (of("id: a, provider: sora, write_off_after_hours: 0.5"), "write_off_after_hours: Input should be greater"),
        (of("id: a, provider: sora, resubmit_when_written_off: true"), "needs write_off_after_hours"),
        (of("id: a, provider: x") + "  - {id: a, provider: y}\n", "more than one account 'a'"),
        ("accounts:\n  - text", "account 1"),
    ],
)
def test_what_cannot_be_used_says_where_and_why(tmp_path: pathlib.Path, text: str, told: str) -> None:
    with pytest.raises(accounts.AccountsError, match=told):
        accounts.read(file_of(tmp_path, text))


def test_a_file_that_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(accounts.AccountsError, match="cannot be read: No such file"):
        accounts.Book(tmp_path / "accounts.yaml")


def test_a_book_is_read_again_when_it_changes(tmp_path: pathlib.Path) -> None:
    path = file_of(tmp_path)
    book = accounts.Book(path)
    assert not book.refreshed()
    path.write_text(of("id: a, provider: sora"))
    assert book.refreshed()
    assert [account.id for account in book.of("sora")] == ["a"]
    assert book.of("runway") == ()
    path.write_text("accounts: [")
    with pytest.raises(accounts.AccountsError):
        book.refreshed()
    assert [account.id for account in book.accounts] == ["a"]
    assert not book.refreshed(), "it is told once"


def test_no_file_has_no_accounts() -> None:
    book = accounts.Book(None)
    assert (book.accounts, book.refreshed()) == ((), False)


def test_a_key_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.chdir(tmp_path)
    account = accounts.Account("a", "sora", secret="MY_KEY")
    with pytest.raises(accounts.AccountsError, match="MY_KEY is not set: it holds the key of account a"):
        accounts.key_of(account)
    (tmp_path / ".env").write_text("MY_KEY=from-a-file\n")
    assert accounts.key_of(account) == "from-a-file"
    monkeypatch.setenv("MY_KEY", "from-the-shell")
    assert accounts.key_of(account) == "from-the-shell"
    assert accounts.key_of(accounts.Account("b", "sora")) == ""


SIGNED = "{{accounts: [{{id: one, provider: p, webhooks: {0}}}]}}"


def test_webhooks_say_how_they_are_signed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(SIGNED.format("{signed: standard, secret: TEST_SECRET}"))
    (account,) = accounts.read(file)
    assert account.webhooks == accounts.Webhooks("standard", "TEST_SECRET")
    with pytest.raises(accounts.AccountsError, match="TEST_SECRET is not set: it holds the webhooks' secret of"):
        accounts.webhook_secret_of(account)
    monkeypatch.setenv("TEST_SECRET", "whsec_x")
    assert accounts.webhook_secret_of(account) == "whsec_x"
    file.write_text(SIGNED.format("{signed: fal}"))
    (account,) = accounts.read(file)
    assert (account.webhooks, accounts.webhook_secret_of(account)) == (accounts.Webhooks("fal"), "")


def test_keys_that_vendors_publish_are_known_unless_others_are_named() -> None:
    assert accounts.Webhooks("standard", "TEST_SECRET").keys_url == ""
    assert accounts.Webhooks("fal").keys_url == "https://rest.fal.ai/.well-known/jwks.json"
    assert accounts.Webhooks("google").keys_url == "https://generativelanguage.googleapis.com/.well-known/jwks.json"
    assert accounts.Webhooks("google", keys="https://keys").keys_url == "https://keys"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("{signed: standard}", "needs secret"),
        ("{signed: standard, secret: S, keys: 'https://keys'}", "knows no keys"),
        ("{signed: fal, secret: S}", "needs no secret"),
        ("{signed: google, secret: S}", "signed: google needs no secret"),
        ("{signed: fal, keys: 'keys.json'}", "keys must start with"),
        ("{signed: someday}", "webhooks.signed: "),
        ("{signed: fal, url: 'https://x'}", r"webhooks.url is unknown \(known are signed, secret, keys\)"),
        ("yes", "webhooks: "),
    ],
)
def test_webhooks_that_cannot_be_checked_are_refused(tmp_path: pathlib.Path, told: str, why: str) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(SIGNED.format(told))
    with pytest.raises(accounts.AccountsError, match=why):
        accounts.read(file)
