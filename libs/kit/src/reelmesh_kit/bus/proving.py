"""Who we are to NATS, and whether it is the one we mean: credentials, nkeys, TLS, and refusals in words that help."""

import base64
import binascii
import contextlib
import functools
import json
import re
import ssl
from typing import Any

import nats.errors
from nats.aio import client as nats_client
from nats.aio import transport
from typing_extensions import override

from reelmesh_kit import clock, security

# Of an nkey: kinds of keys in the first bytes, and a checksum in the last two (nats-io/nkeys).
_USER = 20 << 3
_USER_SEED = bytes([18 << 3 | _USER >> 5, (_USER & 31) << 3])
_CHECKSUM_BYTES = 2
_SEED_BYTES = 32
_JWT = re.compile(rb"-{3,}BEGIN NATS USER JWT-{3,}\s+(\S+)")
_SEED_OF_JWT = re.compile(rb"-{3,}BEGIN USER NKEY SEED-{3,}\s+(\S+)")
_WAYS = (
    "REELMESH_NATS_USER with REELMESH_NATS_PASSWORD, REELMESH_NATS_TOKEN, REELMESH_NATS_CREDENTIALS_FILE or "
    "REELMESH_NATS_NKEY_FILE"
)
# Of OpenSSL, for what came in place of a server's first words by TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_REFUSED = ("authorization violation", "authentication", "nats: user authentication expired")


class Refused(nats.errors.Error):
    """NATS does not let us in, or is not believed; the message says what to do."""


class Client(nats_client.Client):
    """nats-py's client that proves who we are anew for each connection, and says nothing in the clear against our will.

    It alone would go on in the clear where a server does not demand TLS, or where somebody between us hides that.
    """

    def __init__(self, shown: security.Nats, url: str) -> None:
        """Show `shown` to the servers of `url`."""
        super().__init__()
        self._shown = shown
        self._tls_wanted = encrypted(shown, url)
        self._tls_first = shown.tls_first and not _over_websocket(url)
        if not _over_websocket(url):
            self._transport = _Transport()

    @property
    def waits_for_a_word(self) -> bool:
        """Whether the server took the connection and has said nothing yet, as it does if it waits for TLS."""
        mute = isinstance(self._transport, _Transport) and self._transport.mute
        return mute and self._tls_wanted and not self._tls_first

    def options_of(self, time: clock.Clock) -> dict[str, Any]:
        """Return what `connect` takes to prove who we are.

        Raises:
            Refused: a file cannot be used; which one and why.
        """
        shown, found = self._shown, dict[str, Any]()
        try:
            if self._tls_wanted:
                found["tls"] = security.client_context(shown.tls, time.now())
                found["tls_handshake_first"] = self._tls_first
            if shown.credentials is not None:
                _check_jwt(shown.credentials, time)
                found["user_jwt_cb"] = functools.partial(self._jwt, shown.credentials)
            if (file := shown.credentials or shown.seed) is not None:
                _key(file)
                found["signature_cb"] = functools.partial(self._sign, file)
        except security.Unusable as error:
            raise Refused(str(error)) from error
        if shown.user:
            found |= {"user": shown.user, "password": shown.password}
        if shown.token:
            found["token"] = shown.token
        return found

    @override
    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        await super()._process_info(info, initial_connection)
        if initial_connection and self._tls_wanted and isinstance(self._transport, _Transport):
            if not self._tls_first and not (info.get("tls_required") or info.get("tls_available")):
                raise Refused(
                    "It speaks no TLS, and nothing is said to it in the clear (REELMESH_NATS_CA_FILE, "
                    "REELMESH_NATS_CERTIFICATE_FILE or tls:// say so). Give the server a certificate."
                )
            # What it has in `info` is what is looked at next.
            info["tls_required"] = True

    def _sign(self, file: security.File, nonce: str) -> bytes:
        try:
            key, self._public_nkey = _key(file)
        except security.Unusable as error:
            raise Refused(str(error)) from error
        return base64.b64encode(key.sign(nonce.encode()))

    def _jwt(self, file: security.File) -> bytes:
        try:
            return _jwt_of(file)
        except security.Unusable as error:
            raise Refused(str(error)) from error


class _Transport(transport.TcpTransport):
    """nats-py's transport whose end is not waited for when TLS did not come about.

    Its writer was handed to TLS by then, and hears of no end: nats-py would wait for ever, and never try again.
    """

    mute = False
    """Whether the server took the connection and has said nothing yet."""

    @override
    async def connect(self, *arguments: Any, **keywords: Any) -> None:
        self.mute = False
        await super().connect(*arguments, **keywords)
        self.mute = True

    @override
    async def readline(self) -> bytes:
        line = await super().readline()
        self.mute = self.mute and not line
        return line

    @override
    async def connect_tls(self, *arguments: Any, **keywords: Any) -> None:
        with contextlib.ExitStack() as unless_secured:
            unless_secured.callback(self._abandon)
            await super().connect_tls(*arguments, **keywords)
            unless_secured.pop_all()

    def _abandon(self) -> None:
        if self._io_writer is not None:
            self._io_writer.transport.abort()
        self._bare_io_reader = self._io_reader = self._bare_io_writer = self._io_writer = None

    @override
    def __bool__(self) -> bool:
        # Else nats-py puts one of its own in this place.
        return True


def _over_websocket(url: str) -> bool:
    return url.strip().startswith(("ws://", "wss://"))


def encrypted(shown: security.Nats, url: str) -> bool:
    """Return whether TLS is asked for."""
    named = any(each.strip().startswith("tls://") for each in url.split(","))
    return named or shown.tls_first or shown.tls != security.Tls()


def explained(error: BaseException, shown: security.Nats) -> str:
    """Return why NATS refuses us or we refuse it, and what to do; "" if the error says neither."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"Its certificate is not believed: {error.verify_message}. Name the authority that signed it by "
            "REELMESH_NATS_CA_FILE, and the server as its certificate does."
        )
    words = str(error).lower()
    if isinstance(error, ssl.SSLError) and shown.tls_first and error.reason in _NO_TLS:
        return (
            "It does not begin with TLS (REELMESH_NATS_TLS_FIRST says that it does). Unset that, or give the server "
            "`handshake_first: true`."
        )
    if isinstance(error, ssl.SSLError) and ("alert" in words or "certificate" in words):
        return (
            f"It refuses the connection ({error.reason}). It may ask for a certificate that its authority signed: set "
            "REELMESH_NATS_CERTIFICATE_FILE and REELMESH_NATS_KEY_FILE."
        )
    if isinstance(error, nats.errors.Error) and any(each in words for each in _REFUSED):
        return f"It refuses {_proof(shown)}."
    return ""


def _proof(shown: security.Nats) -> str:
    for file, kind in ((shown.credentials, "credentials"), (shown.seed, "nkey")):
        if file is not None:
            return f"the {kind} of {file.path} ({file.variable}). Name a file that its account knows"
    if shown.user:
        return f"the user {shown.user}. Check REELMESH_NATS_USER and REELMESH_NATS_PASSWORD"
    if shown.token:
        return "the token. Check REELMESH_NATS_TOKEN"
    return f"us: it asks who calls. Set {_WAYS}, or check the user in REELMESH_NATS_URL"


def _jwt_of(file: security.File) -> bytes:
    found = _JWT.search(file.read())
    if found is None:
        raise file.unusable("is no file of credentials, with JWT and seed. Write it by `nsc generate creds`.")
    return found[1]


def _key(file: security.File) -> tuple[Any, str]:
    """Return the private key of the seed in a file, beside a JWT or alone, and the public key as NATS writes it."""
    from cryptography.hazmat.primitives import serialization  # few meshes have nkeys: the others do not wait for it
    from cryptography.hazmat.primitives.asymmetric import ed25519

    content = file.read()
    beside = _SEED_OF_JWT.search(content)
    seed = beside[1] if beside else content.strip()
    try:
        raw = base64.b32decode(seed + b"=" * (-len(seed) % 8))
    except binascii.Error:
        raw = b""
    kept, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    whole = len(kept) == len(_USER_SEED) + _SEED_BYTES and _checksum(kept) == checksum
    if not whole or not kept.startswith(_USER_SEED):
        raise file.unusable('holds no seed of a user\'s nkey ("SU…"). Write one by `nk -gen user` or `nsc`.')
    key = ed25519.Ed25519PrivateKey.from_private_bytes(kept[len(_USER_SEED) :])
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    named = bytes([_USER]) + public
    return key, base64.b32encode(named + _checksum(named)).rstrip(b"=").decode()


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0).to_bytes(_CHECKSUM_BYTES, "little")


def _check_jwt(file: security.File, time: clock.Clock) -> None:
    payload = _jwt_of(file).split(b".")[1:2]
    try:
        ends = json.loads(base64.urlsafe_b64decode(payload[0] + b"=="))["exp"]
    except (IndexError, KeyError, TypeError, ValueError):
        return  # it never ends, or the server says what is wrong with it
    if ends and ends <= time.now().timestamp():
        raise file.unusable("has expired. Write a new one by `nsc generate creds`.")
