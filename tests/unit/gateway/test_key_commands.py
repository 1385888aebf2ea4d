"""`reelmesh keys` and `reelmesh webhooks`, on the files of a gateway."""

import json
import logging
import pathlib
import stat

import pytest
from click import testing
from reelmesh_gateway import commands
from reelmesh_gateway.adapters import key_file
from reelmesh_gateway.model import keys
from reelmesh_kit import chance, clock, webhooks


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "mesh"


def run(folder: pathlib.Path, *arguments: str) -> testing.Result:
    return testing.CliRunner().invoke(commands.keys, [*arguments, "--data", str(folder)])


def added(folder: pathlib.Path, *arguments: str) -> str:
    """Return the text of a key that was added."""
    done = run(folder, "add", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def listed(folder: pathlib.Path) -> list[dict[str, object]]:
    done = run(folder, "list", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_key_goes_alone_to_stdout_and_its_secret_into_no_file(folder) -> None:
    text = added(folder, "acme")
    presented = keys.parse(text)
    assert presented is not None
    for file in (folder / "gateway").iterdir():
        assert presented.secret not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_reads_and_writes_unless_told_otherwise(folder) -> None:
    added(folder, "acme", "--name", "ci")
    added(folder, "acme", "--scope", "admin", "--scope", "read")
    first, second = listed(folder)
    assert (first["tenant_id"], first["scopes"], first["name"]) == ("acme", ["read", "write"], "ci")
    assert second["scopes"] == ["admin", "read"]


def test_the_list_is_for_people_too(folder) -> None:
    added(folder, "acme", "--name", "for the nightly job")
    text = run(folder, "list").stdout
    assert "acme" in text
    assert "read,write" in text
    assert "for the nightly job" in text


def test_json_has_the_key_once(folder) -> None:
    done = run(folder, "add", "acme", "--json")
    printed = json.loads(done.stdout)
    assert keys.parse(printed["key"]).key_id == printed["id"]
    assert "key" not in listed(folder)[0]


def test_a_revoked_key_is_no_longer_listed_but_noted(folder) -> None:
    text = added(folder, "acme")
    assert run(folder, "revoke", text).exit_code == 0
    assert listed(folder) == []
    notes = [json.loads(line) for line in (folder / "gateway" / key_file.AUDIT_FILE).read_text().splitlines()]
    assert [note["action"] for note in notes] == ["add", "revoke"]
    assert all(note["tenant_id"] == "acme" and note["by"] and note["time"] for note in notes)


def test_a_gateway_of_its_own_is_known_by_its_file(tmp_path: pathlib.Path) -> None:
    key_file.kept(tmp_path, logging.getLogger("test"))
    added(tmp_path, "acme")
    assert len(json.loads((tmp_path / key_file.KEYS_FILE).read_text())["keys"]) == 1


@pytest.mark.parametrize("command", [["list"], ["revoke", "nobody"]])
def test_where_no_gateway_has_kept_keys_nothing_is_made(folder, command) -> None:
    done = run(folder, *command)
    assert done.exit_code == 3
    assert f"no API keys in {folder}" in done.stderr
    assert "→" in done.stderr
    assert not folder.exists()


def test_an_unknown_key_is_refused(folder) -> None:
    added(folder, "acme")
    done = run(folder, "revoke", "nobody")
    assert done.exit_code == 3
    assert "no API key 'nobody'" in done.stderr


def test_a_wrong_tenant_is_refused(folder) -> None:
    done = run(folder, "add", " ")
    assert done.exit_code == 3
    assert "tenant: must be" in done.stderr


def test_a_file_that_holds_no_keys_is_left_alone(folder) -> None:
    added(folder, "acme")
    path = folder / "gateway" / key_file.KEYS_FILE
    path.write_text("{")
    for command in (["list"], ["add", "acme"], ["revoke", "x"]):
        done = run(folder, *command)
        assert done.exit_code == 6
        assert "is not a list of API keys" in done.stderr
    assert path.read_text() == "{"


def test_a_folder_that_cannot_be_used_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path / "file" / "x", "add", "acme")
    assert done.exit_code == 6
    assert str(tmp_path / "file") in done.stderr


def test_the_file_does_not_grow_without_bound(folder) -> None:
    added(folder, "acme")
    path = folder / "gateway" / key_file.KEYS_FILE
    content = json.loads(path.read_text())
    content["keys"][0]["name"] = "n" * (key_file.FILE_LIMIT_BYTES - 500)
    path.write_text(json.dumps(content))
    done = run(folder, "add", "acme")
    assert done.exit_code == 6
    assert "Revoke old keys first" in done.stderr


def test_a_gateway_that_has_not_started_yet_gets_its_keys_where_it_will_look(tmp_path: pathlib.Path) -> None:
    done = testing.CliRunner().invoke(commands.keys, ["add", "acme", "--folder", str(tmp_path / "own")])
    assert done.exit_code == 0
    assert str(tmp_path / "own") in done.stderr
    (kept,) = json.loads((tmp_path / "own" / key_file.KEYS_FILE).read_text())["keys"]
    opened = key_file.opened(tmp_path / "own", logging.getLogger("test"), clock.SystemClock(), chance.SystemChance())
    assert [key.id for key in opened.all()] == [kept["id"]]
    assert not (tmp_path / "own" / key_file.DEVELOPMENT_FILE).exists()


def test_the_environment_names_the_folder_too(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_DATA_FOLDER", str(folder))
    assert testing.CliRunner().invoke(commands.keys, ["add", "acme"]).exit_code == 0
    assert len(listed(folder)) == 1


def webhooks_of(told: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> testing.Result:
    file = folder / "accounts.yaml"
    file.write_text(f"accounts: [{told}]")
    monkeypatch.chdir(folder)
    for variable, value in (
        ("REELMESH_ACCOUNTS_FILE", str(file)),
        ("REELMESH_WEBHOOK_KEY", "a key of sixteen and more"),
        ("REELMESH_PUBLIC_URL", "" if "nowhere" in more else "https://video.example.com/"),
    ):
        monkeypatch.setenv(variable, value)
    return testing.CliRunner().invoke(commands.webhooks, [each for each in more if each != "nowhere"])


def test_the_addresses_to_enter_at_vendors_are_printed(tmp_path, monkeypatch) -> None:
    sora = "{id: one, provider: sora, webhooks: {signed: standard, secret: X}}"
    others = "{id: two, provider: fal, webhooks: {signed: fal}}, {id: three, provider: runway}"
    done = webhooks_of(f"{sora}, {others}", tmp_path, monkeypatch)
    url = "https://video.example.com" + webhooks.path("a key of sixteen and more", "one")
    assert done.stdout.splitlines() == [f"one  standard  {url}", "two  fal  named by each request"]
    done = webhooks_of(f"{sora}, {others}", tmp_path, monkeypatch, "--json")
    assert [each["url"] for each in json.loads(done.stdout)] == [url, ""]


def test_addresses_need_a_host_and_accounts_that_can_be_read(tmp_path, monkeypatch) -> None:
    sora = "{id: one, provider: sora, webhooks: {signed: standard, secret: X}}"
    done = webhooks_of(sora, tmp_path, monkeypatch, "nowhere")
    assert done.exit_code == 3
    assert "Set REELMESH_PUBLIC_URL" in done.stderr
    assert webhooks_of("{id: One}", tmp_path, monkeypatch).exit_code == 3
    assert "No account" in webhooks_of("{id: one, provider: fal}", tmp_path, monkeypatch).stderr
