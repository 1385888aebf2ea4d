"""Media in the simulation: the real consumer, book and lease around an engine that takes time and makes small files."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from reelmesh.mesh.v1 import media_service_pb2, media_service_pb2_grpc, storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import errors, process, rpc
from reelmesh_media import consumer, wire
from reelmesh_media.adapters import orchestrator
from reelmesh_media.model import steps

from tests.simulation import dice, faults, hosts, jetstream, loop, network, stores, vendor

NAME = "media"
RENEW_AGAIN_SECONDS = 1.0
ACK_WAIT_SECONDS = 10.0
LANES = ("quick", "ladder")
SHORTEST_WORK_SECONDS = 0.2
LONGEST_WORK_SECONDS = 3.0
_DESCRIPTOR = media_service_pb2.DESCRIPTOR.services_by_name["MediaService"]


class Performer:
    """Does what `reelmesh_media.usecases.performing.Performing` does, without pixels."""

    def __init__(self, channel: rpc.Channel, weather: faults.Weather, chance: dice.Dice) -> None:
        """Take a channel to storage."""
        self._stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        self._weather = weather
        self._chance = chance

    async def perform(self, work: steps.Work) -> steps.Result:
        """Do what the step says."""
        try:
            if isinstance(work.what, steps.LastFrame):
                return await self._take_frame(work, work.what)
            if isinstance(work.what, steps.Infographic):
                return await self._draw(work)
            return await self._make_ladder(work, work.what)
        except errors.NotFound as error:
            return steps.Failed(f"a clip is gone: {error.message}", retryable=False)
        except errors.StorageFull as error:
            return steps.Failed(error.message, retryable=True)

    async def _take_frame(self, work: steps.Work, what: steps.LastFrame) -> steps.Result:
        await self.read(what.clip_asset_id)
        await self._labour()
        if self._weather.strikes(faults.Kind.STEP_FAILS, NAME):
            return steps.Failed("no frame can be taken: a fault says so", retryable=True)
        frame = work.asset_id("frame")
        await self._store(work, frame, steps.Kind.FRAME, "image/png")
        return steps.FrameTaken(frame)

    async def _draw(self, work: steps.Work) -> steps.Result:
        await self._labour()
        if self._weather.strikes(faults.Kind.STEP_FAILS, NAME):
            return steps.Failed("nothing can be drawn: a fault says so", retryable=True)
        still = work.asset_id("infographic")
        await self._store(work, still, steps.Kind.INFOGRAPHIC, "image/png")
        return steps.PictureDrawn(still, 640, 360, 100)

    async def _make_ladder(self, work: steps.Work, what: steps.Ladder) -> steps.Result:
        for clip in what.clip_asset_ids:
            await self.read(clip)
            if self._weather.strikes(faults.Kind.STEP_REJECTS_CLIP, NAME):
                return steps.Failed("a fault says that it is broken", retryable=False, broken_clip_asset_id=clip)
        await self._labour()
        if self._weather.strikes(faults.Kind.STEP_FAILS, NAME):
            return steps.Failed("out of memory: a fault says so", retryable=True)
        made = [
            steps.MadeRendition(work.asset_id(name), name, size, size, what.duration_seconds, 100)
            for name, size in (("1080p", 1080), ("480p", 480))
        ]
        for number, rendition in enumerate(made):
            name = rendition.name if number else ""
            await self._store(work, rendition.asset_id, steps.Kind.RENDITION, "video/mp4", name)
        thumbnail, poster = work.asset_id("thumbnail"), work.asset_id("poster")
        await self._store(work, thumbnail, steps.Kind.THUMBNAIL, "image/jpeg")
        await self._store(work, poster, steps.Kind.POSTER, "image/jpeg")
        return steps.LadderMade(tuple(made), thumbnail, poster, ())

    async def read(self, asset_id: str) -> bytes:
        """Read an asset."""
        request = storage_service_pb2.ReadAssetRequest(asset_id=asset_id)
        return b"".join([part.chunk async for part in self._stub.ReadAsset(request, timeout=60.0)])

    async def _store(self, work: steps.Work, asset_id: str, kind: steps.Kind, type_: str, name: str = "") -> None:
        content = f"{kind} {name} of {work.generation_id} by {work.token}".encode()
        upload = steps.Upload(asset_id, work.owner, kind, type_, work.generation_id, name)

        async def parts() -> AsyncIterator[storage_service_pb2.PutAssetRequest]:
            yield storage_service_pb2.PutAssetRequest(header=wire.put_header(upload, len(content)))
            yield storage_service_pb2.PutAssetRequest(chunk=content)

        await self._stub.PutAsset(parts(), timeout=60.0)

    async def _labour(self) -> None:
        await loop.passing(self._chance.uniform(SHORTEST_WORK_SECONDS, LONGEST_WORK_SECONDS))


class Probing(media_service_pb2_grpc.MediaServiceServicer):
    """MediaService, as far as workers of providers ask it."""

    def __init__(self, performer: Performer) -> None:
        """Read clips by a performer."""
        self._performer = performer

    async def ProbeClip(  # noqa: N802
        self, request: media_service_pb2.ProbeClipRequest, context: Any
    ) -> media_service_pb2.ProbeClipResponse:
        """Measure a clip."""
        if vendor.BROKEN_MARK in await self._performer.read(request.asset_id):
            raise errors.BrokenMedia("no frame can be decoded")
        return media_service_pb2.ProbeClipResponse(width=640, height=360, duration_seconds=4.0, audio=True)


def main(wires: network.Network, server: jetstream.Server, weather: faults.Weather, chance: dice.Dice) -> hosts.Main:
    """Return the media service."""

    async def run(host: hosts.Host, chassis: process.Chassis) -> None:
        link = jetstream.connected(server, chassis)
        to_orchestrator = wires.channel(host, chassis, "orchestrator")
        performer: Any = Performer(wires.channel(host, chassis, stores.NAME), weather, chance)
        lease = orchestrator.OrchestratorLease(to_orchestrator, chassis.ids, host.name)
        taking = consumer.StepConsumer(
            orchestrator.OrchestratorSteps(to_orchestrator),
            performer,
            lambda: lease.worker_id,
            chassis.clock,
            lambda: lease.cordoned,
        )

        async def keep() -> None:
            while True:
                await chassis.clock.sleep(await _renewed(lease, taking))

        def lane(name: str) -> process.Loop:
            return lambda: link.work(
                f"media-{name}", f"task.media.{name}", taking.handle, slots=1, ack_wait_seconds=ACK_WAIT_SECONDS
            )

        add = media_service_pb2_grpc.add_MediaServiceServicer_to_server
        wires.serve(NAME, host, chassis, [rpc.service(_DESCRIPTOR, add, Probing(performer))])
        async with process.supervise(chassis, lease=keep, **{name: lane(name) for name in LANES}):
            await host.stopping.wait()
        with contextlib.suppress(errors.ReelmeshError):
            await lease.release()

    return run


async def _renewed(lease: orchestrator.OrchestratorLease, taking: consumer.StepConsumer) -> float:
    try:
        return await lease.renew(taking.tokens, idle=taking.idle)
    except errors.RetryableError:
        return RENEW_AGAIN_SECONDS
