"""Storage's composition root: database, bucket, use cases, and the edges that lead to them."""

import contextlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import admin, process, rpc, sql

from reelmesh_storage import metrics, ports, servicer, settings
from reelmesh_storage.adapters import counting, filesystem
from reelmesh_storage.adapters import sql as sql_adapter
from reelmesh_storage.model import link
from reelmesh_storage.usecases import lives, notes, serving, storing, sweeping

SERVICE = "storage"
PACKAGE = "reelmesh_storage"
_DESCRIPTOR = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"]


@contextlib.asynccontextmanager
async def build(own_settings: settings.StorageSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
    """Open everything in order and serve; unwinding is the shutdown: servers and loops first, then resources."""
    async with contextlib.AsyncExitStack() as stack:
        admin_port = await stack.enter_async_context(admin.serve(own, own_settings.host, own_settings.admin_port))
        opening = sql.open_database(own_settings.database_url, own.clock, migrations=PACKAGE)
        database = await stack.enter_async_context(opening)
        own_metrics = metrics.Metrics(own.telemetry.registry)
        plain = await stack.enter_async_context(_bucket(own_settings, own))
        bucket = counting.CountedBucket(plain, own_metrics)
        index = sql_adapter.SqlIndex(database)
        own.health.add("database", index.check)
        own.health.add("bucket", bucket.check)

        keeping = lives.Lives(index, bucket)
        sweeper = sweeping.Sweeping(sql_adapter.SqlSweepIndex(database), bucket, own.clock, own.ids, own.logger)
        loops = process.supervise(
            own, sweep=lambda: sweeper.run(own_settings.sweep_every_seconds, own_metrics.note_sweep)
        )
        await stack.enter_async_context(loops)
        edge = servicer.StorageServicer(
            storing.Storing(index, bucket, own.clock, own.ids, _limits(own_settings), own.logger),
            serving.Serving(index, bucket, _link_secret(own_settings, own)),
            keeping,
            notes.Notes(bucket),
        )
        served = rpc.service(_DESCRIPTOR, storage_service_pb2_grpc.add_StorageServiceServicer_to_server, edge)
        serve = rpc.serve(
            own,
            [served, rpc.health_service(own)],
            host=own_settings.host,
            port=own_settings.grpc_port,
            drain_seconds=own_settings.drain_seconds,
        )
        yield process.Running(grpc_port=await stack.enter_async_context(serve), admin_port=admin_port)


def _bucket(own_settings: settings.StorageSettings, own: process.Chassis) -> AbstractAsyncContextManager[ports.Bucket]:
    if own_settings.backend == "filesystem":
        return filesystem.open_bucket(own_settings.folder, own.ids)
    from reelmesh_storage.adapters import s3  # a folder does not wait for the library of buckets

    secret = own_settings.s3_secret_access_key
    place = s3.Place(
        bucket=own_settings.s3_bucket,
        prefix=own_settings.s3_prefix,
        region=own_settings.s3_region,
        endpoint=own_settings.s3_endpoint,
        access_key_id=own_settings.s3_access_key_id,
        secret_access_key=None if secret is None else secret.get_secret_value(),
        path_style=own_settings.s3_path_style,
        encryption=own_settings.s3_encryption,
        cdn_url=own_settings.cdn_url,
    )
    return s3.open_bucket(place)


def _limits(own_settings: settings.StorageSettings) -> storing.Limits:
    return storing.Limits(own_settings.asset_limit_bytes, own_settings.concurrent_writes)


def _link_secret(own_settings: settings.StorageSettings, own: process.Chassis) -> bytes:
    """Return what proves our links. A bucket with URLs of its own makes none of ours, so that nothing is kept."""
    if own_settings.url_secret is not None:
        return own_settings.url_secret.get_secret_value().encode()
    if own_settings.backend == "filesystem":
        return filesystem.link_secret(own_settings.folder, own.chance, own.ids)
    return own.chance.token(link.SECRET_BYTES)
