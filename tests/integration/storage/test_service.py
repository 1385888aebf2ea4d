"""Storage as its clients see it: over gRPC, on real databases and buckets, through restarts and broken connections."""

import asyncio
import hashlib
import json
import pathlib
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx
import pytest
from google.protobuf import duration_pb2
from reelmesh.mesh.v1 import storage_service_pb2 as messages
from reelmesh.v1 import asset_pb2
from reelmesh_kit import clock, errors, sql
from reelmesh_storage import settings as storage_settings
from reelmesh_storage.adapters.sql import tables

from tests.integration.storage import running
from tests.support import s3 as s3_support

BODY = hashlib.sha256(b"seed").digest() * 100_000
SHA256 = hashlib.sha256(BODY).hexdigest()
PROCESS_TIMEOUT_SECONDS = 60
# Of so many uploads that were broken off, a quarter once looked complete to a server that trusted the end of a stream.
BROKEN_UPLOADS = 60


@pytest.fixture
async def client(tmp_path: pathlib.Path) -> AsyncGenerator[running.Client]:
    async with running.serving(running.own_settings(tmp_path)) as served:
        yield served


@pytest.fixture(params=["sqlite and folder", "postgresql and s3"])
def any_settings(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> storage_settings.StorageSettings:
    if request.param == "sqlite and folder":
        return running.own_settings(tmp_path)
    server: s3_support.S3Server = request.getfixturevalue("moto_server")
    return running.own_settings(
        tmp_path,
        database_url=request.getfixturevalue("postgresql_url"),
        backend="s3",
        s3_endpoint=server.endpoint,
        s3_bucket=server.make_bucket(),
        s3_access_key_id=s3_support.ACCESS_KEY_ID,
        s3_secret_access_key=s3_support.SECRET_ACCESS_KEY,
        s3_encryption=True,
    )


async def test_a_note_outlives_the_service_and_its_index(
    any_settings: storage_settings.StorageSettings, tmp_path: pathlib.Path
) -> None:
    async with running.serving(any_settings) as client:
        await client.stub.KeepNote(messages.KeepNoteRequest(name="record-mark", content=b"far"))
        with pytest.raises(errors.InvalidArgument, match="at most 1000"):
            await client.stub.KeepNote(messages.KeepNoteRequest(name="record-mark", content=b"." * 1001))
    # Another index, as after a restore: what is in the bucket alone is still there.
    other = any_settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'other.sqlite'}"})
    async with running.serving(other) as client:
        assert (await client.stub.ReadNote(messages.ReadNoteRequest(name="record-mark"))).content == b"far"
        assert (await client.stub.ReadNote(messages.ReadNoteRequest(name="none"))).content == b""


async def test_an_asset_from_its_upload_to_its_end(any_settings: storage_settings.StorageSettings) -> None:
    head = running.header(
        user_id="ada",
        width=64,
        height=36,
        duration_seconds=2.5,
        expected_size_bytes=len(BODY),
        expected_sha256=SHA256,
        expires_after=duration_pb2.Duration(seconds=600),
    )
    async with running.serving(any_settings) as client:
        stored = await client.put(head, BODY)
        assert (stored.id, stored.size_bytes, stored.sha256) == (head.asset_id, len(BODY), SHA256)
        assert (stored.user_id, stored.width, stored.height, stored.duration_seconds) == ("ada", 64, 36, 2.5)
        assert stored.expire_time.seconds - stored.create_time.seconds == 600
        assert await client.put(head, BODY) == await client.stat(head.asset_id)
    async with running.serving(any_settings) as client:  # after a restart
        assert await client.read(head.asset_id) == BODY
        assert await client.read(head.asset_id, offset=1_000_000, length=700_000) == BODY[1_000_000:1_700_000]
        keep = messages.KeepAssetsRequest(asset_ids=[head.asset_id, str(running.FRESH.fresh())])
        kept = await client.stub.KeepAssets(keep)
        assert list(kept.missing_asset_ids) == [keep.asset_ids[1]]
        assert not (await client.stat(head.asset_id)).HasField("expire_time")
        counts = await client.stub.GetStatistics(messages.GetStatisticsRequest(tenant_id="default"))
        assert [(each.kind, each.assets, each.size_bytes) for each in counts.kinds] == [
            (asset_pb2.ASSET_KIND_CLIP, 1, len(BODY))
        ]
        await client.stub.RemoveAsset(messages.RemoveAssetRequest(asset_id=head.asset_id, tenant_id="default"))
        with pytest.raises(errors.NotFound):
            await client.stat(head.asset_id)
        assert len((await client.stub.GetStatistics(messages.GetStatisticsRequest())).kinds) == 0


async def test_a_link_to_a_file_is_verified_also_after_a_restart(tmp_path: pathlib.Path) -> None:
    head = running.header()
    async with running.serving(running.own_settings(tmp_path)) as client:
        await client.put(head, BODY)
        signed = await client.stub.SignUrl(messages.SignUrlRequest(asset_id=head.asset_id))
    token = signed.url.removeprefix("/files/")
    assert urllib.parse.quote(token) == token
    async with running.serving(running.own_settings(tmp_path)) as client:
        verified = await client.stub.VerifyUrl(messages.VerifyUrlRequest(token=token))
        assert verified.asset_id == head.asset_id
        with pytest.raises(errors.PermissionDenied):
            await client.stub.VerifyUrl(messages.VerifyUrlRequest(token=token.swapcase()))


async def test_a_stranger_finds_nothing(client: running.Client) -> None:
    head = running.header(tenant_id="acme")
    await client.put(head, BODY)
    assert (await client.stat(head.asset_id, "acme")).id == head.asset_id
    with pytest.raises(errors.NotFound):
        await client.stat(head.asset_id, "default")
    with pytest.raises(errors.NotFound):
        await client.read(head.asset_id, tenant_id="default")
    with pytest.raises(errors.NotFound):
        await client.stub.RemoveAsset(messages.RemoveAssetRequest(asset_id=head.asset_id, tenant_id="default"))
    with pytest.raises(errors.NotFound):
        await client.stub.SignUrl(messages.SignUrlRequest(asset_id=head.asset_id, tenant_id="default"))


async def test_removing_once_more_is_fine_but_not_for_a_stranger(client: running.Client) -> None:
    head = running.header(tenant_id="acme")
    await client.put(head, BODY)

    for _ in range(2):
        await client.stub.RemoveAsset(messages.RemoveAssetRequest(asset_id=head.asset_id, tenant_id="acme"))

    for asset_id in (head.asset_id, str(running.FRESH.fresh())):
        with pytest.raises(errors.NotFound):
            await client.stub.RemoveAsset(messages.RemoveAssetRequest(asset_id=asset_id, tenant_id="default"))
    with pytest.raises(errors.NotFound):
        await client.stat(head.asset_id, "acme")


async def test_bad_requests_are_refused_by_the_field(client: running.Client) -> None:
    head = running.header()
    await client.put(head, BODY)
    refusals = {
        "header": client.stub.PutAsset(iter([messages.PutAssetRequest(chunk=b"x")])),
        "header.asset_id": client.stub.PutAsset(running.parts(running.header(asset_id="x"), b"x")),
        "chunk": client.stub.PutAsset(running.parts(running.header(), b"")),
        "header.expected_sha256": client.stub.PutAsset(running.parts(running.header(expected_sha256="0" * 64), b"x")),
        "asset_id": client.stub.StatAsset(messages.StatAssetRequest(asset_id="x")),
        "asset_ids[0]": client.stub.KeepAssets(messages.KeepAssetsRequest(asset_ids=["x"])),
    }
    for field, call in refusals.items():
        with pytest.raises(errors.InvalidArgument) as refusal:
            await call
        assert refusal.value.metadata["field"] == field
    for values in ({"offset": len(BODY)}, {"offset": -1}, {"length": len(BODY) + 1}):
        with pytest.raises(errors.InvalidArgument):
            await client.read(head.asset_id, **values)
    with pytest.raises(errors.WrongState):
        await client.put(head, BODY[1:])
    with pytest.raises(errors.InvalidArgument):
        await client.stub.PutAsset(iter([]))


async def test_too_large_an_asset_is_refused(tmp_path: pathlib.Path) -> None:
    async with running.serving(running.own_settings(tmp_path, asset_limit_bytes=1000)) as client:
        with pytest.raises(errors.TooLarge) as refusal:
            await client.put(running.header(), BODY)
        assert refusal.value.metadata["limit_bytes"] == "1000"
    assert running.files(tmp_path / "assets") == []


async def test_uploads_that_break_off_are_never_taken_for_complete(
    client: running.Client, tmp_path: pathlib.Path
) -> None:
    ids: list[str] = []
    for number in range(BROKEN_UPLOADS):
        async with client.plain() as stub:
            head = running.header()
            ids.append(head.asset_id)
            call = stub.PutAsset()
            await call.write(messages.PutAssetRequest(header=head))
            for _ in range(number % 3 + 1):
                await call.write(messages.PutAssetRequest(chunk=BODY[: 1000 + 300_000 * (number % 2)]))
            if number % 2:
                call.cancel()
            # Else the connection goes away under it.
    await settled(tmp_path)
    for asset_id in ids:
        with pytest.raises(errors.NotFound):
            await client.stat(asset_id)
    await client.put(running.header(), BODY)
    assert len(running.files(tmp_path / "assets")) == 1


async def settled(folder: pathlib.Path) -> None:
    """Wait until no write is open any more."""
    rows: Sequence[Any] = ()
    async with sql.open_database(f"sqlite:///{folder / 'storage.db'}", clock.SystemClock()) as database:
        for _ in range(500):
            rows = await database.read(lambda transaction: transaction.rows(tables.WRITES.select().limit(1000)))
            if not rows and running.files(folder / "assets") == []:
                return
            await asyncio.sleep(0.02)  # noqa: TID251 - a real service, in real time
    pytest.fail(f"still open: {[(row.key, row.state) for row in rows]}")


async def test_a_reader_that_goes_away_stops_the_reading(client: running.Client) -> None:
    head = running.header()
    await client.put(head, BODY)
    async with client.plain() as stub:
        call = stub.ReadAsset(messages.ReadAssetRequest(asset_id=head.asset_id))
        async for _ in call:
            break
        call.cancel()
    await client.stub.RemoveAsset(messages.RemoveAssetRequest(asset_id=head.asset_id))


async def test_health_and_metrics_are_told(client: running.Client) -> None:
    await client.put(running.header(), BODY)
    ready = json.loads(await admin(client, "/ready"))
    assert ready["ready"], ready
    assert {"database", "bucket"} <= set(ready["checks"])
    metrics = await admin(client, "/metrics")
    assert f'storage_bytes_total{{direction="in"}} {len(BODY):.1e}' in metrics
    assert "storage_published_total 1.0" in metrics


def test_it_runs_as_a_process_and_stops_when_it_is_told(tmp_path: pathlib.Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "REELMESH_DATABASE_URL": f"sqlite:///{tmp_path / 'storage.db'}",
        "REELMESH_STORAGE_FOLDER": str(tmp_path / "assets"),
        "REELMESH_NATS_URL": running.NO_NATS,
        "REELMESH_DRAIN_SECONDS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "reelmesh_storage"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert b"storage" in line
        started.send_signal(signal.SIGTERM)
        assert started.wait(PROCESS_TIMEOUT_SECONDS) == 0


async def admin(client: running.Client, path: str) -> str:
    """Ask the admin port."""
    async with httpx.AsyncClient(timeout=10) as asking:
        answer = await asking.get(f"http://127.0.0.1:{client.running.admin_port}{path}")
    return answer.text
