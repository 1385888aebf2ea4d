"""TLS and mTLS between services: who is let in, who is refused, and what happens when certificates are renewed."""

import asyncio
import contextlib
import dataclasses
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reelmesh.mesh.v1 import storage_service_pb2
from reelmesh_kit import errors, process, rpc, security

from tests.support import bus_work, certificates, tiny_storage

STAT = storage_service_pb2.StatAssetRequest(asset_id="7")
READ = storage_service_pb2.ReadAssetRequest(asset_id="7")
PATIENCE_SECONDS = 60.0


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> certificates.Authority:
    return certificates.Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: pathlib.Path) -> certificates.Authority:
    return certificates.Authority(tmp_path, "stranger")


def file(path: pathlib.Path, variable: str) -> security.File:
    return security.File(path, f"REELMESH_TLS_{variable}_FILE")


def renewed(
    chassis: process.Chassis, pair: certificates.Pair | None, authority: pathlib.Path | None
) -> security.Renewed:
    files = security.Tls(
        file(pair.certificate, "CERTIFICATE") if pair else None,
        file(pair.key, "KEY") if pair else None,
        file(authority, "CA") if authority else None,
    )
    return security.Renewed(files, chassis.clock, chassis.logger)


def secured(
    chassis: process.Chassis,
    pair: certificates.Pair | None,
    authority: pathlib.Path,
    clients: pathlib.Path | None = None,
) -> process.Chassis:
    """Return the chassis of a service that shows `pair`, believes `authority` and lets in whom `clients` signed."""
    server = renewed(chassis, pair, clients) if pair else None
    return dataclasses.replace(
        chassis, secured=security.Security(server=server, client=renewed(chassis, pair, authority))
    )


async def answered(own: process.Chassis, target: str) -> str:
    async with rpc.channel(own, target) as channel:
        return (await tiny_storage.stub(channel).StatAsset(STAT)).asset.id


async def refused(own: process.Chassis, target: str) -> str:
    with pytest.raises(errors.Unavailable) as raised:
        await answered(own, target)
    return raised.value.message


def shown_by(target: str, authority: pathlib.Path) -> int:
    """Return the serial number of the certificate that a server shows."""
    host, _, port = target.rpartition(":")
    context = ssl.create_default_context(cafile=str(authority))
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as plain:
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(plain, server_hostname=host) as wrapped:
            held = wrapped.getpeercert(binary_form=True)
            assert held
            return certificates.serial_number(ssl.DER_cert_to_PEM_cert(held).encode())


async def until(chassis: process.Chassis, holds: Callable[[], Any]) -> None:
    async def asked() -> object:
        return await asyncio.to_thread(holds)

    await bus_work.until(chassis.clock, asked, PATIENCE_SECONDS)


@contextlib.asynccontextmanager
async def serving(own: process.Chassis, **answers: Any) -> AsyncIterator[str]:
    async with tiny_storage.serving(own, tiny_storage.TinyStorage(**answers)) as target:
        yield target


async def test_by_tls_calls_are_answered_and_those_in_the_clear_are_not(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    own = secured(chassis, authority.issue("service"), authority.file)
    async with serving(own) as target:
        assert await answered(own, target) == "7"
        # Without mTLS a caller needs no certificate.
        assert await answered(secured(chassis, None, authority.file), target) == "7"
        await refused(chassis, target)


async def test_a_server_that_a_stranger_signed_or_of_another_name_is_not_believed(
    chassis: process.Chassis, authority: certificates.Authority, stranger: certificates.Authority
) -> None:
    own = secured(chassis, None, authority.file)
    async with serving(secured(chassis, stranger.issue("other"), stranger.file)) as target:
        assert "CERTIFICATE_VERIFY_FAILED" in await refused(own, target)
    async with serving(secured(chassis, authority.issue("host", hosts=["other.example"]), authority.file)) as target:
        await refused(own, target)


async def test_a_server_in_the_clear_is_not_called_by_who_wants_tls(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    async with serving(chassis) as target:
        await refused(secured(chassis, None, authority.file), target)


async def test_with_mtls_only_those_whom_the_authority_signed_are_let_in(
    chassis: process.Chassis, authority: certificates.Authority, stranger: certificates.Authority
) -> None:
    pair = authority.issue("service")
    own = secured(chassis, pair, authority.file, authority.file)
    async with serving(own) as target:
        assert await answered(own, target) == "7"
        await refused(chassis, target)
        await refused(secured(chassis, None, authority.file), target)
        await refused(secured(chassis, stranger.issue("other"), authority.file), target)
        # The stranger's calls harmed nobody.
        assert await answered(own, target) == "7"


async def test_health_is_told_by_tls_too(chassis: process.Chassis, authority: certificates.Authority) -> None:
    own = secured(chassis, authority.issue("service"), authority.file)
    async with serving(own) as target, rpc.channel(own, target) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_a_server_shows_its_renewed_certificate_without_a_restart(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    pair = authority.issue("service")
    own = secured(chassis, pair, authority.file)
    async with serving(own) as target:
        before = certificates.serial_number(pair.certificate.read_bytes())
        assert await asyncio.to_thread(shown_by, target, authority.file) == before
        authority.issue("service")
        after = certificates.serial_number(pair.certificate.read_bytes())
        await until(chassis, lambda: shown_by(target, authority.file) == after)


async def test_what_was_renewed_and_is_of_no_use_is_not_taken_up_and_told(
    chassis: process.Chassis, authority: certificates.Authority, caplog: pytest.LogCaptureFixture
) -> None:
    pair = authority.issue("service")
    before = certificates.serial_number(pair.certificate.read_bytes())
    async with serving(secured(chassis, pair, authority.file)) as target:
        pair.key.write_text("half of a")
        await until(chassis, lambda: shown_by(target, authority.file) and "not taken up" in caplog.text)
        assert await asyncio.to_thread(shown_by, target, authority.file) == before
        assert caplog.text.count("REELMESH_TLS_KEY_FILE") == 1
        authority.issue("service")
        await until(chassis, lambda: shown_by(target, authority.file) != before)


async def test_a_channel_reaches_a_server_that_another_authority_signed_since(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    """Both ends are renewed by a new authority, and the connection ends: who kept the old could call nobody."""
    pair, trusted = authority.issue("service"), tmp_path / "trusted.crt"
    trusted.write_bytes(authority.file.read_bytes())
    own = secured(chassis, pair, trusted, trusted)
    service = tiny_storage.service(tiny_storage.TinyStorage())

    async def is_answered() -> bool:
        with contextlib.suppress(errors.Unavailable):
            return (await stub.StatAsset(STAT)).asset.id == "7"
        return False

    async with rpc.serve(own, [service], host="127.0.0.1", port=0) as port:
        pass
    async with rpc.channel(own, f"127.0.0.1:{port}") as channel:
        stub = tiny_storage.stub(channel)
        async with rpc.serve(own, [service], host="127.0.0.1", port=port):
            await bus_work.until(chassis.clock, is_answered, PATIENCE_SECONDS)
        new = certificates.Authority(tmp_path, "new")
        new.issue("service")
        trusted.write_bytes(new.file.read_bytes())
        again = secured(chassis, pair, trusted, trusted)
        async with rpc.serve(again, [service], host="127.0.0.1", port=port):
            await bus_work.until(chassis.clock, is_answered, PATIENCE_SECONDS)


async def test_a_stream_that_began_before_a_renewal_ends_where_it_began(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    pair, go_on = authority.issue("service"), asyncio.Event()

    async def read(request: Any) -> AsyncIterator[Any]:
        yield storage_service_pb2.ReadAssetResponse(chunk=b"one")
        await go_on.wait()
        yield storage_service_pb2.ReadAssetResponse(chunk=b"two")

    own = secured(chassis, pair, authority.file)
    assert own.secured.client
    async with serving(own, read=read) as target, rpc.channel(own, target) as channel:
        stub = tiny_storage.stub(channel)
        stream = aiter(stub.ReadAsset(READ))
        assert (await anext(stream)).chunk == b"one"
        before = own.secured.client.current()
        authority.issue("service")
        await until(chassis, lambda: own.secured.client and own.secured.client.current() is not before)
        assert (await stub.StatAsset(STAT)).asset.id == "7"
        go_on.set()
        assert [each.chunk async for each in stream] == [b"two"]


async def test_a_service_that_calls_by_tls_does_not_serve_in_the_clear(
    chassis: process.Chassis, authority: certificates.Authority
) -> None:
    with pytest.raises(process.CannotStart, match="REELMESH_TLS_CERTIFICATE_FILE"):
        async with serving(secured(chassis, None, authority.file)):
            pass


async def test_a_door_shows_its_own_certificate_and_asks_for_none(
    chassis: process.Chassis, authority: certificates.Authority, stranger: certificates.Authority
) -> None:
    own = secured(chassis, authority.issue("service"), authority.file, authority.file)
    door = security.Door(renewed(chassis, stranger.issue("public"), None))
    service = tiny_storage.service(tiny_storage.TinyStorage())
    async with rpc.serve(own, [service], host="127.0.0.1", port=0, door=door) as port:
        assert await answered(secured(chassis, None, stranger.file), f"127.0.0.1:{port}") == "7"
    async with rpc.serve(own, [service], host="127.0.0.1", port=0, door=security.Door()) as port:
        assert await answered(chassis, f"127.0.0.1:{port}") == "7"
