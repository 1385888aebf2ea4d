"""Opens the connection to a mesh."""

import pathlib

import grpc
import grpc.aio

from reelmesh_client import errors

_PLAIN = ("http://", "grpc://")
_ENCRYPTED = ("https://", "grpcs://")
# Names that gRPC resolves by other means than a host and a port.
_OTHER_WAYS = ("dns:", "unix:", "ipv4:", "ipv6:")
_HIGHEST_PORT = 65_535

# gRPC's own waits between two tries to connect go up to two minutes; somebody waits for this one.
_RECONNECT_FIRST_MS = 200
_RECONNECT_LONGEST_MS = 2_000
# One try to connect, through whatever network: gRPC's least pause between two is what it has at least.
_CONNECT_MS = 10_000
# A watch may be silent for long: pings find out that the other end is gone.
_PING_EVERY_MS = 20_000
_PING_TIMEOUT_MS = 10_000

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.initial_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
    ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_LONGEST_MS),
    ("grpc.keepalive_time_ms", _PING_EVERY_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
]


def channel(address: str, ca_file: pathlib.Path | None = None) -> grpc.aio.Channel:
    """Return a channel to `address`: "host:port" or "http://host:port" in the clear, "https://host:port" by TLS.

    Its certificate is believed if an authority in `ca_file` signed it, or else one of those that everybody believes.

    Raises:
        errors.UnusableAddress: the address is empty or malformed, or the file of authorities cannot be used.
    """
    target, encrypted = _target(address)
    if encrypted:
        credentials = grpc.ssl_channel_credentials(_authorities(ca_file) if ca_file is not None else None)
        return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


def _authorities(ca_file: pathlib.Path) -> bytes:
    try:
        content = ca_file.read_bytes()
    except OSError as error:
        raise errors.UnusableAddress(f"cannot read the authorities {ca_file}: {error.strerror or error}") from error
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise errors.UnusableAddress(f"{ca_file} holds no certificate in PEM")
    return content


def _target(address: str) -> tuple[str, bool]:
    target, encrypted = address.strip(), False
    for prefix in (*_PLAIN, *_ENCRYPTED):
        if target.lower().startswith(prefix):
            target, encrypted = target[len(prefix) :], prefix in _ENCRYPTED
            break
    target = target.rstrip("/")
    if not target.startswith(_OTHER_WAYS) and not _is_place(target, needs_port=not encrypted):
        raise errors.UnusableAddress(f'the address "{address}" is not like "host:port" or "https://host:port"')
    return target, encrypted


def _is_place(target: str, *, needs_port: bool) -> bool:
    host, colon, port = target.rpartition(":") if not target.endswith("]") else (target, "", "")
    if not colon and not needs_port:
        return bool(target) and "/" not in target
    return bool(host) and "/" not in host and port.isascii() and port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT
