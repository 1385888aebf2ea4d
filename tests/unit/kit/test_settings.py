"""Settings: read once, refused clearly, described for people, and never shown with their secrets."""

import pathlib

import pydantic
import pytest
from reelmesh_kit import settings


class OwnSettings(settings.ServiceSettings):
    """A service with settings of every kind."""

    storage_address: str = pydantic.Field(description="gRPC target of the storage service.")
    database_url: str = pydantic.Field(default="sqlite:///reelmesh.db", description="Where the record is.")
    signing_key: pydantic.SecretStr | None = pydantic.Field(default=None, min_length=7, description="Signs URLs.")
    retries: int = pydantic.Field(default=3, ge=0, description="How often.")
    lanes: frozenset[str] = pydantic.Field(default=frozenset({"quick", "ladder"}), description="Which work it takes.")


@pytest.fixture(autouse=True)
def _no_file_of_the_developer(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELMESH_STORAGE_ADDRESS", "storage:50051")


def test_values_come_from_the_environment_with_our_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_GRPC_PORT", "50051")
    monkeypatch.setenv("REELMESH_LOG_LEVEL", "debug")
    loaded = settings.load(OwnSettings)
    assert (loaded.grpc_port, loaded.log_level, loaded.storage_address) == (50051, "DEBUG", "storage:50051")


def test_values_come_from_the_env_file_unless_the_environment_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pathlib.Path(".env").write_text("REELMESH_GRPC_PORT=1\nREELMESH_ADMIN_PORT=2\nREELMESH_OF_ANOTHER_SERVICE=x\n")
    monkeypatch.setenv("REELMESH_GRPC_PORT", "3")
    loaded = settings.load(OwnSettings)
    assert (loaded.grpc_port, loaded.admin_port) == (3, 2)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_SPANS_FOLDER", "")
    monkeypatch.setenv("REELMESH_GRPC_PORT", "")
    loaded = settings.load(OwnSettings)
    assert (loaded.spans_folder, loaded.grpc_port) == (None, 0)


def test_settings_cannot_be_changed() -> None:
    loaded = settings.load(OwnSettings)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        loaded.grpc_port = 1  # pyright: ignore[reportAttributeAccessIssue]


def test_a_missing_variable_is_refused_with_its_name_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELMESH_STORAGE_ADDRESS")
    with pytest.raises(
        settings.SettingsError, match="REELMESH_STORAGE_ADDRESS is required: gRPC target of the storage"
    ):
        settings.load(OwnSettings)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("REELMESH_GRPC_PORT", "many", "valid integer"),
        ("REELMESH_GRPC_PORT", "65536", "less than or equal to 65535"),
        ("REELMESH_ADMIN_PORT", "-1", "greater than or equal to 0"),
        ("REELMESH_LOG_LEVEL", "CHATTY", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("REELMESH_OTLP_ENDPOINT", "collector:4317", "must start with http:// or https://"),
        ("REELMESH_NATS_URL", "nats://a:1,http://b:2", "each server must start with nats://"),
        ("REELMESH_TRACE_READS_RATIO", "1.5", "less than or equal to 1"),
        ("REELMESH_RPC_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("REELMESH_DRAIN_SECONDS", "30000", "less than or equal to 3600"),
        ("REELMESH_RETRIES", "-2", "greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_it_is(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(OwnSettings)
    line = str(refusal.value).splitlines()[1]
    assert line.startswith(f"  {variable}: ")
    assert advice in line
    assert line.endswith(f"(it is {value!r})")


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_GRPC_PORT", "x")
    monkeypatch.setenv("REELMESH_RETRIES", "y")
    with pytest.raises(settings.SettingsError, match=r"(?s)REELMESH_GRPC_PORT.*REELMESH_RETRIES"):
        settings.load(OwnSettings)


def test_a_refusal_repeats_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_NATS_URL", "http://user:hunter2@nats")
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(OwnSettings)
    assert "hunter2" not in str(refusal.value)
    assert "REELMESH_NATS_URL" in str(refusal.value)


def test_a_refusal_repeats_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_SIGNING_KEY", "short!")
    with pytest.raises(settings.SettingsError, match=r"REELMESH_SIGNING_KEY: .*at least 7") as refusal:
        settings.load(OwnSettings)
    assert "short!" not in str(refusal.value)


def test_the_description_has_every_variable_once_with_its_default() -> None:
    described = settings.describe(settings.ServiceSettings, OwnSettings)
    by_env = {each.env: each for each in described}
    assert len(by_env) == len(described)
    assert by_env["REELMESH_STORAGE_ADDRESS"] == settings.SettingDescription(
        name="storage_address",
        env="REELMESH_STORAGE_ADDRESS",
        type="str",
        default="(required)",
        description="gRPC target of the storage service.",
        secret=False,
    )
    assert by_env["REELMESH_SIGNING_KEY"].secret
    assert by_env["REELMESH_RETRIES"].default == "3"
    assert by_env["REELMESH_GRPC_PORT"].type == "int"


def test_a_variable_with_other_names_is_described_with_them() -> None:
    class Renamed(settings.ServiceSettings):
        bucket: str = pydantic.Field(default="", validation_alias=pydantic.AliasChoices("REELMESH_BUCKET", "BUCKET"))

    (shown,) = [each for each in settings.describe(Renamed) if each.name == "bucket"]
    assert (shown.env, shown.other_names) == ("REELMESH_BUCKET", ("BUCKET",))


def test_a_set_is_shown_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = [each.default for each in settings.describe(OwnSettings) if each.env == "REELMESH_LANES"]
    assert shown == '["ladder", "quick"]'
    monkeypatch.setenv("REELMESH_LANES", shown)
    assert settings.load(OwnSettings).lanes == {"ladder", "quick"}


def test_every_setting_of_the_kit_is_described() -> None:
    assert [each.env for each in settings.describe(settings.ServiceSettings) if not each.description] == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///reelmesh.db", "sqlite:///reelmesh.db"),
        (
            "postgresql://reel:pw@db:5432/reel?sslmode=require",
            "postgresql://reel:********@db:5432/reel?sslmode=require",
        ),
        ("postgresql://reel:p/w,@@db/reel", "postgresql://reel:********@db/reel"),
        ("postgresql://db/reel", "postgresql://db/reel"),
        ("nats://a:4222,nats://u:pw@b:4222,nats://tok@c", "nats://a:4222,nats://u:********@b:4222,nats://********@c"),
    ],
)
def test_passwords_within_urls_are_masked(monkeypatch: pytest.MonkeyPatch, url: str, shown: str) -> None:
    monkeypatch.setenv("REELMESH_DATABASE_URL", url)
    assert settings.masked(settings.load(OwnSettings))["database_url"] == shown


def test_secrets_are_masked_and_the_rest_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMESH_SIGNING_KEY", "hunter2")
    shown = settings.masked(settings.load(OwnSettings))
    assert shown["signing_key"] == "********"
    assert shown["storage_address"] == "storage:50051"
    assert "hunter2" not in str(shown)
