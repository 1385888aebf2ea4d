"""Opens the connection to a mesh."""

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
# A watch may be silent for long: pings find out that the other end is gone.
_PING_EVERY_MS = 20_000
_PING_TIMEOUT_MS = 10_000

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.initial_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
    ("grpc.min_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_LONGEST_MS),
    ("grpc.keepalive_time_ms", _PING_EVERY_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
]


def channel(address: str) -> grpc.aio.Channel:
    """Return a channel to `address`: "host:port" or "http://host:port" in the clear, "https://host:port" by TLS.

    Raises:
        errors.UnusableAddress: the address is empty or malformed.
    """
    target, encrypted = _target(address)
    if encrypted:
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


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
