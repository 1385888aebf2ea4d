"""Certificates, keys and credentials in files: read, checked with words that say what to do, and read when renewed.

Whoever renews them (cert-manager, Vault, a person) writes the files anew; nobody restarts a service for that.
"""

import dataclasses
import datetime
import logging
import pathlib
import ssl
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelmesh_kit import clock, settings

if TYPE_CHECKING:
    from cryptography import x509

# How long files are not looked at again, so that it costs nothing to ask for each call.
LOOK_EVERY_SECONDS = 1.0
# A certificate that ends so soon, of one that lasts longer, or after this part of its life, should have been renewed.
ENDS_SOON = datetime.timedelta(days=1)
LAST_PART = 10


class Unusable(Exception):
    """A file cannot be used; the message says which variable names it, what is wrong, and what to do."""


@dataclasses.dataclass(frozen=True)
class File:
    """A file that a setting names."""

    path: pathlib.Path
    variable: str

    def read(self) -> bytes:
        """Return what it holds.

        Raises:
            Unusable: it is missing or cannot be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            raise self.unusable("is missing. Put it there, or name another.") from None
        except OSError as error:
            raise self.unusable(f"cannot be read: {error.strerror or error}. Let the service's user read it.") from None

    def unusable(self, problem: str) -> Unusable:
        """Return the error that says what is wrong with it."""
        return Unusable(f"{self.variable}: {self.path} {problem}")


@dataclasses.dataclass(frozen=True)
class Tls:
    """The files of one end: the certificate that it shows with its key, and who must have signed the other end's."""

    certificate: File | None = None
    key: File | None = None
    authority: File | None = None


@dataclasses.dataclass(frozen=True)
class Material:
    """What such files hold, in PEM, as it was checked; b"" for a file that is not named."""

    certificate: bytes
    key: bytes
    authority: bytes
    ends: datetime.datetime | None = None
    """When the own certificate ends."""
    due: datetime.datetime | None = None
    """When it should have been renewed."""


class Renewed:
    """The files of one end, read at once and again when they have changed.

    What cannot be used is not taken up: the old stays until the files are in order, and the log says why.
    """

    def __init__(self, files: Tls, time: clock.Clock, logger: logging.Logger) -> None:
        """Read `files`.

        Raises:
            Unusable: one of them cannot be used.
        """
        self.files = files
        self._clock = time
        self._logger = logger
        self._reading = threading.Lock()
        self._stamp = _stamp(files)
        self._material = read(files, time.now())
        self._looked = time.elapsed()
        self._told = ""

    def current(self) -> Material:
        """Return what is to be used now: another object after each renewal. May be called from any thread."""
        with self._reading:
            if self._clock.elapsed() - self._looked >= LOOK_EVERY_SECONDS:
                self._look()
            return self._material

    async def check(self) -> None:
        """Raise if the certificate ends soon, or has ended: a health check."""
        held = self.current()
        if held.due is not None and held.due < self._clock.now():
            where = self.files.certificate.path if self.files.certificate else ""
            raise Unusable(f"{where} ends at {held.ends:%Y-%m-%d %H:%M} UTC and was not renewed. Renew it.")

    def _look(self) -> None:
        self._looked = self._clock.elapsed()
        # Before reading: what changes meanwhile is looked at again.
        stamp = _stamp(self.files)
        if stamp == self._stamp:
            return
        try:
            self._material = read(self.files, self._clock.now())
        except Unusable as error:
            if str(error) != self._told:
                self._logger.error("What was renewed is not taken up, the old is used on. %s", error)  # noqa: TRY400
            self._told = str(error)
        else:
            self._stamp, self._told = stamp, ""
            self._logger.info("Renewed files are taken up.", extra={"ends": str(self._material.ends or "")})


@dataclasses.dataclass(frozen=True)
class Nats:
    """How a service proves to NATS who it is, and which servers it believes; at most one way of the first four."""

    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    token: str = dataclasses.field(default="", repr=False)
    credentials: File | None = None
    """JWT and seed, as `nsc` writes them."""
    seed: File | None = None
    """Seed of an nkey."""
    tls: Tls = Tls()
    tls_first: bool = False
    """Whether a connection begins with TLS, before the server has said anything."""


@dataclasses.dataclass(frozen=True)
class Security:
    """How the connections of a process are kept from strangers; by default not at all, for one machine."""

    server: Renewed | None = None
    """For the gRPC server of a service within the mesh. With an authority clients must show a certificate (mTLS)."""
    client: Renewed | None = None
    """For calls to other services."""
    nats: Nats = Nats()


@dataclasses.dataclass(frozen=True)
class Door:
    """The public doors of a process: they show a certificate of their own, or speak in the clear (None)."""

    certificate: Renewed | None = None

    @property
    def scheme(self) -> str:
        """How its HTTP is called in URLs."""
        return "http" if self.certificate is None else "https"


def of(told: settings.ServiceSettings, time: clock.Clock, logger: logging.Logger) -> Security:
    """Return what the settings ask for, with all files read once.

    Raises:
        Unusable: one of them cannot be used.
    """
    certificate, key = _named(told, "tls_certificate_file"), _named(told, "tls_key_file")
    authority, clients = _named(told, "tls_ca_file"), _named(told, "tls_client_ca_file")
    nats = Nats(
        user=told.nats_user,
        password=_plain(told.nats_password),
        token=_plain(told.nats_token),
        credentials=_named(told, "nats_credentials_file"),
        seed=_named(told, "nats_nkey_file"),
        tls=Tls(_named(told, "nats_certificate_file"), _named(told, "nats_key_file"), _named(told, "nats_ca_file")),
        tls_first=told.nats_tls_first,
    )
    read(nats.tls, time.now())
    return Security(
        server=Renewed(Tls(certificate, key, clients), time, logger) if certificate else None,
        client=Renewed(Tls(certificate, key, authority), time, logger) if authority else None,
        nats=nats,
    )


def door(told: settings.ServiceSettings, certificate: str, key: str, time: clock.Clock, logger: logging.Logger) -> Door:
    """Return the public door whose certificate and key the settings of these names say.

    Raises:
        Unusable: one of the files cannot be used.
    """
    files = Tls(_named(told, certificate), _named(told, key))
    return Door(Renewed(files, time, logger) if files.certificate else None)


def read(files: Tls, now: datetime.datetime) -> Material:
    """Read and check the files of one end; none need be named.

    Raises:
        Unusable: a file is missing, unreadable, no PEM, expired, or the key is that of another certificate.
    """
    if files.authority is not None:
        authority = files.authority.read()
        _check_authority(files.authority, authority, now)
    else:
        authority = b""
    if files.certificate is None or files.key is None:
        return Material(b"", b"", authority)
    certificate, key = files.certificate.read(), files.key.read()
    own = _certificates(files.certificate, certificate)[0]
    _check_dates(files.certificate, own, now)
    if _public(files.key, key) != own.public_key():
        raise files.key.unusable(
            f"is not the key of the certificate {files.certificate.path} ({files.certificate.variable}). "
            "Name the two that were made together."
        )
    lifetime = own.not_valid_after_utc - own.not_valid_before_utc
    due = own.not_valid_after_utc - min(ENDS_SOON, lifetime / LAST_PART)
    return Material(certificate, key, authority, own.not_valid_after_utc, due)


def server_context(renewed: Renewed) -> ssl.SSLContext:
    """Return the context of a TLS server (1.2 or newer) which shows what is current at each handshake."""
    held = renewed.current()
    context = _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), renewed.files)
    context.set_alpn_protocols(["http/1.1"])

    def refresh(connection: ssl.SSLObject, name: str | None, used: ssl.SSLContext) -> None:
        nonlocal held
        del name
        if (current := renewed.current()) is not held:
            # This handshake has begun with the old: a context of its own makes it one with the new.
            connection.context = _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), renewed.files)
            _loaded(used, renewed.files)
            held = current

    context.sni_callback = refresh
    return context


def client_context(files: Tls, now: datetime.datetime) -> ssl.SSLContext:
    """Return the context of a TLS client: it believes the authority that is named, else those of the system.

    Raises:
        Unusable: a file cannot be used.
    """
    material = read(files, now)
    authority = material.authority.decode("ascii", errors="replace") or None
    return _loaded(ssl.create_default_context(cadata=authority), files)


def _loaded(context: ssl.SSLContext, files: Tls) -> ssl.SSLContext:
    if files.certificate is not None and files.key is not None:
        try:
            context.load_cert_chain(files.certificate.path, files.key.path)
        except (OSError, ssl.SSLError) as error:
            raise files.certificate.unusable(f"cannot be used: {error}.") from None
    return context


def _named(told: settings.ServiceSettings, name: str) -> File | None:
    path: pathlib.Path | None = getattr(told, name)
    return None if path is None else File(path, settings.variable(type(told), name))


def _plain(secret: Any) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _stamp(files: Tls) -> Sequence[tuple[int, int, int] | None]:
    """Return what changes when a file is written anew, also when the folder that a link leads to is exchanged."""
    found: list[tuple[int, int, int] | None] = []
    for file in (files.certificate, files.key, files.authority):
        try:
            status = file.path.stat() if file is not None else None
        except OSError:
            status = None
        found.append((status.st_mtime_ns, status.st_ino, status.st_size) if status else None)
    return found


def _certificates(file: File, content: bytes) -> "list[x509.Certificate]":
    from cryptography import x509  # a mesh on one machine does not wait for it

    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise file.unusable('holds no certificate in PEM ("-----BEGIN CERTIFICATE-----").') from None


def _check_dates(file: File, certificate: "x509.Certificate", now: datetime.datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise file.unusable(f"has expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Renew it.")
    if certificate.not_valid_before_utc > now:
        raise file.unusable(
            f"is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only. Is the clock of the machine "
            "right?"
        )


def _check_authority(file: File, content: bytes, now: datetime.datetime) -> None:
    """Check that one of the authorities is good: old ones stay beside new ones for a while."""
    found = _certificates(file, content)
    if all(each.not_valid_after_utc <= now for each in found):
        _check_dates(file, found[0], now)


def _public(file: File, content: bytes) -> Any:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(content, password=None).public_key()
    except TypeError:
        raise file.unusable("is locked by a passphrase. Name a key without one.") from None
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise file.unusable('holds no private key in PEM ("-----BEGIN PRIVATE KEY-----").') from None
