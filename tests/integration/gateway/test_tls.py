"""The doors by TLS: HTTP and gRPC show the certificate, and take up a renewed one; nobody is answered in the clear."""

import asyncio
import pathlib
import socket
import ssl

import httpx
import pytest
import reelmesh_client
from reelmesh_client import errors, retrying
from reelmesh_gateway import app, settings
from reelmesh_kit import process
from reelmesh_kit import settings as kit_settings

from tests.support import bus_work, certificates

PATIENCE_SECONDS = 60.0
ONCE = retrying.Backoff(tries=1)


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> certificates.Authority:
    return certificates.Authority(tmp_path)


def told(folder: pathlib.Path, pair: certificates.Pair, **more: object) -> settings.GatewaySettings:
    files = {"public_certificate_file": pair.certificate, "public_key_file": pair.key}
    given = {"grpc_port": 0, "http_port": 0, "data_folder": folder / "data", **files, **more}
    return kit_settings.load(settings.GatewaySettings, given)


def shown(port: int, authority: pathlib.Path) -> int:
    """Return the serial number of the certificate that a port shows."""
    context = ssl.create_default_context(cafile=str(authority))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        held = wrapped.getpeercert(binary_form=True)
        assert held
        return certificates.serial_number(ssl.DER_cert_to_PEM_cert(held).encode())


async def test_http_is_answered_by_tls_alone_and_a_renewed_certificate_is_taken_up(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    pair = authority.issue("public")
    async with app.build(told(tmp_path, pair), chassis) as running:
        url = f"https://127.0.0.1:{running.http_port}/health"
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(authority.file))) as caller:
            assert (await caller.get(url)).status_code == 200
            # One that is refused before its end hears why.
            assert (await caller.get(url, headers={"x": "x" * 100_000})).status_code == 431
        async with httpx.AsyncClient() as plain:
            with pytest.raises(httpx.HTTPError):
                await plain.get(url.replace("https", "http"))
        before = certificates.serial_number(pair.certificate.read_bytes())
        assert await asyncio.to_thread(shown, running.http_port, authority.file) == before
        authority.issue("public")

        async def is_renewed() -> bool:
            return await asyncio.to_thread(shown, running.http_port, authority.file) != before

        await bus_work.until(chassis.clock, is_renewed, PATIENCE_SECONDS)
        after = certificates.serial_number(pair.certificate.read_bytes())
        assert await asyncio.to_thread(shown, running.http_port, authority.file) == after


async def test_grpc_is_answered_by_tls_for_who_believes_the_authority(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    stranger = certificates.Authority(tmp_path, "stranger")
    async with app.build(told(tmp_path, authority.issue("public")), chassis) as running:
        address = f"127.0.0.1:{running.grpc_port}"
        async with reelmesh_client.Client(f"https://{address}", "none", ca_file=authority.file) as client:
            with pytest.raises(errors.Unauthenticated):
                await client.get("g1")
        for other, file in ((address, None), (f"https://{address}", stranger.file), (f"https://{address}", None)):
            async with reelmesh_client.Client(other, "none", ca_file=file, backoff=ONCE) as client:
                with pytest.raises(errors.Unreachable):
                    await client.get("g1")


async def test_http_stays_in_the_clear_behind_an_ingress(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    own = told(tmp_path, authority.issue("public"), public_http_tls=False)
    async with app.build(own, chassis) as running, httpx.AsyncClient() as plain:
        assert (await plain.get(f"http://127.0.0.1:{running.http_port}/health")).status_code == 200
        assert await asyncio.to_thread(shown, running.grpc_port, authority.file)


async def test_a_gateway_whose_certificate_cannot_be_used_does_not_start(
    chassis: process.Chassis, tmp_path: pathlib.Path, authority: certificates.Authority
) -> None:
    old = authority.issue("public", lifetime=-certificates.DAY)
    with pytest.raises(process.CannotStart, match=r"REELMESH_PUBLIC_CERTIFICATE_FILE: .* has expired"):
        async with app.build(told(tmp_path, old), chassis):
            pass
    with pytest.raises(kit_settings.SettingsError, match="REELMESH_PUBLIC_KEY_FILE"):
        told(tmp_path, old, public_key_file=None)
