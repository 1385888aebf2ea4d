"""Ports of this machine: checked before they are promised, and found where any will do."""

import contextlib
import socket

from reelmesh_kit import process

LOOPBACK = "127.0.0.1"


def check_free(host: str, port: int, option: str) -> None:
    """Return if `port` can be listened on; 0 always can.

    Raises:
        process.CannotStart: it cannot; the message names the option that chooses another.
    """
    if port == 0:
        return
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0].lower()
        raise process.CannotStart(
            f"Port {port} on {host} cannot be used: {reason}. Stop what uses it, or choose another with {option} "
            "(0 picks a free one)."
        ) from error


def free(count: int, host: str = LOOPBACK) -> list[int]:
    """Return free ports, all different. They are not held: somebody else may take one before it is used."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((host, 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]
