"""The composition root: opens what the gateway calls, then the ports on which it is called."""

import contextlib
import math
from collections.abc import AsyncGenerator, Mapping

from reelmesh.mesh.v1 import health_service_pb2_grpc, media_service_pb2_grpc, storage_service_pb2_grpc
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    asset_service_pb2,
    asset_service_pb2_grpc,
    generation_service_pb2,
    generation_service_pb2_grpc,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2,
    recovery_service_pb2_grpc,
)
from reelmesh_kit import admin, bus, process, rpc, security, web

from reelmesh_gateway import settings
from reelmesh_gateway.adapters import hook_book, key_file, media, nudging, peers, storage, vendor_keys
from reelmesh_gateway.adapters import web as web_adapter
from reelmesh_gateway.model import rates
from reelmesh_gateway.routes import edge, front, http, metrics, streams
from reelmesh_gateway.servicer import accounts as accounts_servicer
from reelmesh_gateway.servicer import admission
from reelmesh_gateway.servicer import assets as asset_servicer
from reelmesh_gateway.servicer import generations as generation_servicer
from reelmesh_gateway.servicer import reconciliation as reconciliation_servicer
from reelmesh_gateway.servicer import recovery as recovery_servicer
from reelmesh_gateway.usecases import assets, entrance, examining, hearing, places, watching

SERVICE = "gateway"
NEEDED = frozenset({"orchestrator", "storage"})
# HTTP requests open at once besides streams of events, and connections besides those that have a request.
REQUESTS_LIMIT = 500
IDLE_CONNECTIONS_LIMIT = 500
_SECONDS_A_MINUTE = 60.0


@contextlib.asynccontextmanager
async def build(own_settings: settings.GatewaySettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
    """Serve until the body ends; what was opened last closes first."""
    issued = key_file.opened(own_settings.data_folder, own.logger, own.clock, own.chance)
    async with contextlib.AsyncExitStack() as stack:
        admin_port = await stack.enter_async_context(admin.serve(own, own_settings.host, own_settings.admin_port))
        door = process.door(own, own_settings, "public_certificate_file", "public_key_file")
        http_door = door if own_settings.public_http_tls else security.Door()
        behind = await _front(stack, own_settings, own, issued)
        http_port = await stack.enter_async_context(_http(own_settings, behind, http_door))
        public_url = own_settings.public_url or f"{http_door.scheme}://{own_settings.host}:{http_port}"
        grpc_port = await stack.enter_async_context(
            rpc.serve(
                own,
                _services(behind, public_url),
                host=own_settings.host,
                port=own_settings.grpc_port,
                drain_seconds=own_settings.drain_seconds,
                door=door,
            )
        )
        # Ready means that those we call were well once, not that they are: 503 with words beats a refused connection.
        yield process.Running(grpc_port=grpc_port, http_port=http_port, admin_port=admin_port)
        own.health.drain()
        # Before the servers stop: they would wait for streams that never end by themselves.
        behind.streams.close()


async def _front(
    stack: contextlib.AsyncExitStack,
    own_settings: settings.GatewaySettings,
    own: process.Chassis,
    issued: key_file.KeyFile,
) -> front.Front:
    targets = {
        "orchestrator": own_settings.orchestrator_address,
        "storage": own_settings.storage_address,
        "media": own_settings.media_address,
    }
    channels: dict[str, rpc.Channel] = {}
    for name, target in targets.items():
        opening = rpc.channel(own, target, timeout_seconds=own_settings.rpc_timeout_seconds)
        channels[name] = await stack.enter_async_context(opening)
    looked_after = examining.Examining(_peers(channels), own.clock, own.logger)
    own.health.add("services", looked_after.met)
    stack.callback(own.health.remove, "services")
    await stack.enter_async_context(process.supervise(own, peers=looked_after.watch))
    measured = metrics.Metrics(own.telemetry.registry)
    followers = places.following(own_settings.event_streams_limit)
    measured.event_streams.set_function(lambda: followers.taken)
    return front.Front(
        own=own,
        entrance=entrance.Entrance(issued, own.clock, _creates(own_settings)),
        generations=generation_service_pb2_grpc.GenerationServiceStub(channels["orchestrator"]),
        recovery=recovery_service_pb2_grpc.RecoveryServiceStub(channels["orchestrator"]),
        accounts=account_service_pb2_grpc.AccountServiceStub(channels["orchestrator"]),
        doubts=reconciliation_service_pb2_grpc.ReconciliationServiceStub(channels["orchestrator"]),
        assets=assets.Assets(
            storage.Storage(storage_service_pb2_grpc.StorageServiceStub(channels["storage"])),
            media.Media(media_service_pb2_grpc.MediaServiceStub(channels["media"])),
            own.ids,
            own.clock,
            own.logger,
            upload_limit_bytes=own_settings.upload_limit_bytes,
        ),
        watching=watching.Watching(own.clock, own.chance),
        streams=streams.Streams(
            own.clock,
            heartbeat_seconds=own_settings.heartbeat_seconds,
        ),
        examining=looked_after,
        followers=followers,
        large_bodies=places.sending_large_bodies(),
        web=web_adapter.Web(own.clock, private=own_settings.fetch_private_addresses),
        hearing=await _hearing(stack, own_settings, own),
        downloads=places.downloading(own_settings.downloads_limit),
        metrics=measured,
        public_url=own_settings.public_url,
        requests_limit=own_settings.event_streams_limit + REQUESTS_LIMIT,
        upload_limit_bytes=own_settings.upload_limit_bytes,
        upload_timeout_seconds=own_settings.upload_timeout_seconds,
    )


async def _hearing(
    stack: contextlib.AsyncExitStack, own_settings: settings.GatewaySettings, own: process.Chassis
) -> hearing.Hearing:
    key = own_settings.webhook_key.get_secret_value() if own_settings.webhook_key else ""
    # Only what vendors tell goes by NATS from here, and they come again.
    link = await stack.enter_async_context(bus.connect(own, own_settings.nats_url, needed=False)) if key else None
    return hearing.Hearing(
        hook_book.HookBook(own_settings.accounts_file, key, own.logger),
        vendor_keys.VendorKeys(own.clock),
        nudging.Nudging(link),
        own.clock,
        own.logger,
    )


def _peers(channels: Mapping[str, rpc.Channel]) -> dict[str, examining.Peer]:
    stubs = {name: health_service_pb2_grpc.HealthServiceStub(channel) for name, channel in channels.items()}
    return {name: examining.Peer(peers.Peer(stub), name in NEEDED) for name, stub in stubs.items()}


def _http(
    own_settings: settings.GatewaySettings, behind: front.Front, door: security.Door
) -> contextlib.AbstractAsyncContextManager[int]:
    return web.serve(
        http.application(behind),
        own_settings.host,
        own_settings.http_port,
        variable="REELMESH_HTTP_PORT",
        close_seconds=math.ceil(own_settings.drain_seconds),
        connections_limit=behind.requests_limit + IDLE_CONNECTIONS_LIMIT,
        keep_alive_seconds=own_settings.keep_alive_seconds,
        refuse=edge.Threshold(behind.own, behind.metrics).refuse,
        leaving=lambda: behind.own.health.leaving,
        door=door,
    )


def _services(behind: front.Front, public_url: str) -> list[rpc.Service]:
    door = admission.Admission(behind.entrance)
    return [
        rpc.service(
            generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"],
            generation_service_pb2_grpc.add_GenerationServiceServicer_to_server,
            generation_servicer.Generations(
                door, behind.generations, behind.assets, behind.watching, behind.followers, public_url
            ),
        ),
        rpc.service(
            asset_service_pb2.DESCRIPTOR.services_by_name["AssetService"],
            asset_service_pb2_grpc.add_AssetServiceServicer_to_server,
            asset_servicer.Assets(
                door,
                behind.assets,
                behind.downloads,
                public_url,
                behind.own.clock,
                upload_timeout_seconds=behind.upload_timeout_seconds,
            ),
        ),
        rpc.service(
            recovery_service_pb2.DESCRIPTOR.services_by_name["RecoveryService"],
            recovery_service_pb2_grpc.add_RecoveryServiceServicer_to_server,
            recovery_servicer.Recovery(door, behind.recovery),
        ),
        rpc.service(
            reconciliation_service_pb2.DESCRIPTOR.services_by_name["ReconciliationService"],
            reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server,
            reconciliation_servicer.Reconciliation(door, behind.doubts),
        ),
        rpc.service(
            account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
            account_service_pb2_grpc.add_AccountServiceServicer_to_server,
            accounts_servicer.Accounts(door, behind.accounts),
        ),
    ]


def _creates(own_settings: settings.GatewaySettings) -> rates.Rate:
    return rates.Rate(own_settings.creates_per_minute / _SECONDS_A_MINUTE, own_settings.creates_burst)
