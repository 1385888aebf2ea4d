"""Ports are checked before they are promised."""

import socket

import pytest
from reelmesh_kit import process
from reelmesh_standalone import ports


def test_a_taken_port_is_named_with_the_option_that_chooses_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(process.CannotStart, match=rf"Port {number} .*in use.*--http-port"):
            ports.check_free("127.0.0.1", number, "--http-port")
    ports.check_free("127.0.0.1", number, "--http-port")


def test_zero_is_always_free() -> None:
    ports.check_free("127.0.0.1", 0, "--http-port")


def test_free_ports_differ() -> None:
    assert len(set(ports.free(20))) == 20
