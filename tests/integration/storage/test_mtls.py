"""Two real services over mTLS: the gateway asks storage how it is; a stranger's certificate gets no answer."""

import contextlib
import pathlib
from collections.abc import AsyncIterator

import httpx
from reelmesh_gateway import app as gateway
from reelmesh_gateway import settings as gateway_settings
from reelmesh_kit import process, settings
from reelmesh_storage import app as storage
from reelmesh_storage import settings as storage_settings

from tests.support import bus_work, certificates

PATIENCE_SECONDS = 60.0


def files(pair: certificates.Pair, authority: certificates.Authority) -> dict[str, object]:
    return {
        "tls_certificate_file": pair.certificate,
        "tls_key_file": pair.key,
        "tls_ca_file": authority.file,
        "tls_client_ca_file": authority.file,
    }


@contextlib.asynccontextmanager
async def asking(folder: pathlib.Path, port: int, secured: dict[str, object]) -> AsyncIterator[str]:
    """Run a gateway that calls storage at a port; yield its URL."""
    given = {"grpc_port": 0, "http_port": 0, "data_folder": folder, "storage_address": f"localhost:{port}", **secured}
    told = settings.load(gateway_settings.GatewaySettings, given)
    own = process.chassis("gateway", told)
    async with gateway.build(told, own) as running:
        yield f"http://127.0.0.1:{running.http_port}/health/detailed"
    own.telemetry.shutdown()


async def told_of_storage(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as caller:
        found: dict[str, str] = (await caller.get(url)).json()["dependencies"]["storage"]
        return found


async def test_the_gateway_reaches_storage_by_mtls_and_a_stranger_does_not(tmp_path: pathlib.Path) -> None:
    authority = certificates.Authority(tmp_path)
    given = {
        "REELMESH_STORAGE_DATABASE_URL": f"sqlite:///{tmp_path / 'storage.sqlite'}",
        "REELMESH_STORAGE_FOLDER": tmp_path / "assets",
    }
    told = settings.load(
        storage_settings.StorageSettings, {**given, **files(authority.issue("storage"), authority), "grpc_port": 0}
    )
    own = process.chassis("storage", told)
    stranger = certificates.Authority(tmp_path, "stranger")
    async with storage.build(told, own) as running:
        let_in = files(authority.issue("gateway"), authority)
        async with asking(tmp_path / "one", running.grpc_port, let_in) as url:

            async def is_well() -> bool:
                return (await told_of_storage(url))["status"] == "ok"

            await bus_work.until(own.clock, is_well, PATIENCE_SECONDS)
        refused = {**files(stranger.issue("other"), stranger), "tls_ca_file": authority.file}
        async with asking(tmp_path / "two", running.grpc_port, refused) as url:

            async def is_told() -> bool:
                return bool((await told_of_storage(url))["message"])

            await bus_work.until(own.clock, is_told, PATIENCE_SECONDS)
            assert (await told_of_storage(url))["status"] != "ok"
    own.telemetry.shutdown()
