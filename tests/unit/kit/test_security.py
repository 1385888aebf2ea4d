"""Files of certificates, keys and credentials: what cannot be used is refused at the start, in words that help."""

import datetime
import pathlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from reelmesh_kit import clock, process, security, settings

from tests.support import certificates

Break = Callable[[pathlib.Path], object]


@pytest.fixture(autouse=True)
def _no_file_of_the_developer(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def told(tmp_path: pathlib.Path) -> dict[str, pathlib.Path]:
    authority = certificates.Authority(tmp_path)
    pair = authority.issue("service")
    return {
        "tls_certificate_file": pair.certificate,
        "tls_key_file": pair.key,
        "tls_ca_file": authority.file,
        "tls_client_ca_file": authority.file,
    }


def started(**given: object) -> process.Chassis:
    made = process.chassis("test", settings.load(settings.ServiceSettings, given))
    made.telemetry.shutdown()
    return made


def locked(path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    closed = serialization.BestAvailableEncryption(b"passphrase")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed))


def of_another(path: pathlib.Path) -> None:
    path.write_bytes(certificates.Authority(path.parent, "x").issue("other").key.read_bytes())


def expired(path: pathlib.Path) -> None:
    pair = certificates.Authority(path.parent, "x").issue("old", lifetime=-certificates.DAY)
    path.write_bytes(pair.certificate.read_bytes())


def test_by_default_nothing_is_secured() -> None:
    assert started().secured == security.Security()


def test_files_in_order_are_taken(told: dict[str, pathlib.Path]) -> None:
    secured = started(**told).secured
    assert secured.server
    assert secured.client
    assert secured.server.current().certificate == told["tls_certificate_file"].read_bytes()


@pytest.mark.parametrize(
    ("name", "breaking", "words"),
    [
        ("tls_certificate_file", pathlib.Path.unlink, "is missing"),
        ("tls_key_file", pathlib.Path.unlink, "is missing"),
        ("tls_ca_file", pathlib.Path.unlink, "is missing"),
        ("tls_key_file", lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
        ("tls_certificate_file", lambda path: path.write_text("of paper"), "holds no certificate in PEM"),
        ("tls_ca_file", lambda path: path.write_text(""), "holds no certificate in PEM"),
        ("tls_client_ca_file", lambda path: path.write_text("anybody"), "holds no certificate in PEM"),
        ("tls_key_file", lambda path: path.write_text("of brass"), "holds no private key in PEM"),
        ("tls_key_file", locked, "is locked by a passphrase"),
        ("tls_key_file", of_another, "is not the key of the certificate"),
        ("tls_certificate_file", expired, "has expired at .* Renew it"),
        ("tls_ca_file", expired, "has expired at .* Renew it"),
    ],
)
def test_a_file_of_no_use_is_refused_at_the_start_with_its_variable(
    tmp_path: pathlib.Path, told: dict[str, pathlib.Path], name: str, breaking: Break, words: str
) -> None:
    # A file of its own for each setting.
    path = tmp_path / name
    path.write_bytes(told[name].read_bytes())
    breaking(path)
    with pytest.raises(process.CannotStart, match=rf"REELMESH_{name.upper()}: .*{name} {words}"):
        started(**{**told, name: path})


def test_a_certificate_of_the_future_is_refused(tmp_path: pathlib.Path) -> None:
    pair = certificates.Authority(tmp_path).issue("service")
    files = security.Tls(security.File(pair.certificate, "CERTIFICATE"), security.File(pair.key, "KEY"))
    long_ago = clock.SystemClock().now() - datetime.timedelta(days=30)
    with pytest.raises(security.Unusable, match=r"CERTIFICATE: .* Is the clock of the machine right\?"):
        security.read(files, long_ago)


def test_one_good_authority_among_old_ones_is_enough(tmp_path: pathlib.Path, told: dict[str, pathlib.Path]) -> None:
    both = tmp_path / "both.crt"
    expired(both)
    both.write_bytes(both.read_bytes() + told["tls_ca_file"].read_bytes())
    assert started(**{**told, "tls_ca_file": both}).secured.client


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"TLS_CERTIFICATE_FILE": "a", "TLS_CA_FILE": "a"}, "REELMESH_TLS_KEY_FILE: a certificate and its key"),
        ({"TLS_KEY_FILE": "a"}, "this and REELMESH_TLS_CERTIFICATE_FILE"),
        ({"TLS_CERTIFICATE_FILE": "a", "TLS_KEY_FILE": "a"}, "REELMESH_TLS_CA_FILE: is needed with"),
        ({"TLS_CLIENT_CA_FILE": "a"}, "needs its own: set REELMESH_TLS_CERTIFICATE_FILE"),
        ({"NATS_CERTIFICATE_FILE": "a"}, "REELMESH_NATS_KEY_FILE: a certificate and its key"),
        ({"NATS_USER": "a"}, "REELMESH_NATS_PASSWORD: a user and a password are set together"),
        ({"NATS_PASSWORD": "hidden"}, "this and REELMESH_NATS_USER"),
        ({"NATS_TOKEN": "hidden", "NATS_NKEY_FILE": "b"}, "set one of REELMESH_NATS_TOKEN, REELMESH_NATS_NKEY_FILE"),
        (
            {"NATS_USER": "a", "NATS_PASSWORD": "hidden", "NATS_CREDENTIALS_FILE": "b"},
            "set one of REELMESH_NATS_USER, REELMESH_NATS_CREDENTIALS_FILE",
        ),
        ({"NATS_URL": "ws://a:1", "NATS_CA_FILE": "b"}, "name it wss://"),
    ],
    ids=str,
)
def test_settings_that_say_half_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], advice: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"REELMESH_{name}", value)
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(settings.ServiceSettings)
    assert advice in str(refusal.value)
    assert "hidden" not in str(refusal.value)


async def test_a_certificate_that_ends_soon_is_told_by_health_and_leaves_the_service_ready(
    tmp_path: pathlib.Path, told: dict[str, pathlib.Path]
) -> None:
    authority = certificates.Authority(tmp_path, "short")
    # Certificates of tests have lived two days when they are made.
    pair = authority.issue("short", lifetime=certificates.DAY / 10)
    short = {**told, "tls_certificate_file": pair.certificate, "tls_key_file": pair.key}
    report = await started(**short).health.report()
    assert report.ready
    assert not report.checks["certificate"].ok
    assert "short.crt ends at" in report.checks["certificate"].message
    assert (await started(**told).health.report()).checks["certificate"].ok
