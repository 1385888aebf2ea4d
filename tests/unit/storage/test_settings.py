"""Settings: names of ours and of others, complete or refused."""

import pathlib

import pytest
from reelmesh_kit import settings
from reelmesh_storage import settings as storage_settings

ALIASES = {
    "STORAGE_TYPE": ("backend", "s3", "s3"),
    "STORAGE_LOCAL_PATH": ("folder", "/srv/videos", pathlib.Path("/srv/videos")),
    "S3_ENDPOINT": ("s3_endpoint", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    "S3_REGION": ("s3_region", "eu-west-1", "eu-west-1"),
    "AWS_REGION": ("s3_region", "eu-west-2", "eu-west-2"),
    "AWS_S3_BUCKET": ("s3_bucket", "videos", "videos"),
    "S3_BUCKET": ("s3_bucket", "videos2", "videos2"),
    "CLOUDFRONT_DOMAIN": ("cdn_url", "d1.cloudfront.net", "https://d1.cloudfront.net"),
    "REELMESH_S3_BUCKET": ("s3_bucket", "videos3", "videos3"),
    "REELMESH_STORAGE_BACKEND": ("backend", "s3", "s3"),
}


@pytest.fixture(autouse=True)
def _no_file_of_the_developer(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*ALIASES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)


def load() -> storage_settings.StorageSettings:
    return settings.load(storage_settings.StorageSettings)


def test_without_any_setting_files_are_kept_in_a_folder() -> None:
    loaded = load()
    assert (loaded.backend, loaded.folder) == ("filesystem", pathlib.Path("data/assets"))


@pytest.mark.parametrize("variable", list(ALIASES))
def test_older_and_other_names_are_understood(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, value, expected = ALIASES[variable]
    monkeypatch.setenv(variable, value)
    if name == "backend":
        monkeypatch.setenv("S3_BUCKET", "any")
    assert getattr(load(), name) == expected


def test_local_is_another_word_for_filesystem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_TYPE", "local")
    assert load().backend == "filesystem"


def test_credentials_have_two_families_of_names_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for family in ("AWS_", "S3_", "REELMESH_S3_"):
        monkeypatch.setenv(f"{family}ACCESS_KEY_ID", f"{family}id")
        monkeypatch.setenv(f"{family}SECRET_ACCESS_KEY", f"{family}secret")
        loaded = load()
        assert loaded.s3_access_key_id == f"{family}id"
        assert loaded.s3_secret_access_key is not None
        assert loaded.s3_secret_access_key.get_secret_value() == f"{family}secret"
        assert "secret" not in str(settings.masked(loaded)["s3_secret_access_key"])


def test_code_may_use_the_names_of_the_fields_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_LOCAL_PATH", "/elsewhere")
    given = storage_settings.StorageSettings(folder=pathlib.Path("/here"), backend="s3", s3_bucket="b")
    assert (given.folder, given.backend, given.s3_bucket) == (pathlib.Path("/here"), "s3", "b")


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"STORAGE_TYPE": "s3"}, "REELMESH_S3_BUCKET"),
        ({"STORAGE_TYPE": "ftp"}, "filesystem"),
        ({"S3_ENDPOINT": "127.0.0.1:9000"}, "http://"),
        ({"AWS_ACCESS_KEY_ID": "id"}, "s3_secret_access_key"),
        ({"REELMESH_URL_SECRET": "short"}, "16"),
        ({"REELMESH_S3_PREFIX": "../x"}, "pattern"),
        ({"REELMESH_CONCURRENT_WRITES": "1000"}, "64"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_set(
    environment: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(settings.SettingsError, match=complaint):
        load()


def test_every_setting_is_described() -> None:
    described = settings.describe(storage_settings.StorageSettings)
    assert [each.name for each in described if not each.description] == []
    secret = {"nats_password", "nats_token", "s3_secret_access_key", "url_secret"}
    assert {each.name for each in described if each.secret} == secret
