"""A StorageService whose answers a test gives, served and called for real."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from reelmesh.mesh.v1 import storage_service_pb2, storage_service_pb2_grpc
from reelmesh_kit import process, rpc
from typing_extensions import override

NAME = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"].full_name


async def _found(request: Any) -> storage_service_pb2.StatAssetResponse:
    response = storage_service_pb2.StatAssetResponse()
    response.asset.id = request.asset_id
    return response


async def _nothing(request: Any) -> AsyncIterator[storage_service_pb2.ReadAssetResponse]:
    return
    yield


async def _counted(requests: AsyncIterator[Any]) -> storage_service_pb2.PutAssetResponse:
    response = storage_service_pb2.PutAssetResponse()
    async for request in requests:
        response.asset.size_bytes += len(request.chunk)
    return response


class TinyStorage(storage_service_pb2_grpc.StorageServiceServicer):
    """Answers by the functions it is given; keeps the calls' methods and the last one's seconds left."""

    def __init__(
        self,
        *,
        stat: Callable[[Any], Awaitable[Any]] = _found,
        read: Callable[[Any], AsyncIterator[Any]] = _nothing,
        put: Callable[[AsyncIterator[Any]], Awaitable[Any]] = _counted,
    ) -> None:
        """Answer StatAsset, ReadAsset and PutAsset by these."""
        self._stat = stat
        self._read = read
        self._put = put
        self.calls: list[str] = []
        self.left_seconds: Any = None

    @override
    async def StatAsset(self, request: Any, context: Any) -> Any:
        self._note("StatAsset", context)
        return await self._stat(request)

    @override
    async def ReadAsset(self, request: Any, context: Any) -> Any:
        self._note("ReadAsset", context)
        async with contextlib.aclosing(self._read(request)) as responses:
            async for response in responses:
                yield response

    @override
    async def PutAsset(self, request_iterator: Any, context: Any) -> Any:
        self._note("PutAsset", context)
        return await self._put(request_iterator)

    def _note(self, method: str, context: Any) -> None:
        self.calls.append(method)
        self.left_seconds = context.time_remaining()

    @override
    async def KeepAssets(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def RemoveAsset(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def SignUrl(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def VerifyUrl(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    @override
    async def GetStatistics(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


def service(servicer: TinyStorage) -> rpc.Service:
    """Return it as something to serve."""
    return rpc.service(NAME, storage_service_pb2_grpc.add_StorageServiceServicer_to_server, servicer)


def stub(channel: grpc.aio.Channel) -> "storage_service_pb2_grpc.StorageServiceAsyncStub":
    """Return a typed stub."""
    return storage_service_pb2_grpc.StorageServiceStub(channel)


@contextlib.asynccontextmanager
async def serving(chassis: process.Chassis, servicer: TinyStorage) -> AsyncIterator[str]:
    """Serve on a free loopback port; yield the target."""
    async with rpc.serve(chassis, [service(servicer)], host="127.0.0.1", port=0, drain_seconds=1.0) as port:
        yield f"127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def calling(
    chassis: process.Chassis, servicer: TinyStorage, **keywords: Any
) -> AsyncIterator["storage_service_pb2_grpc.StorageServiceAsyncStub"]:
    """Serve, and yield a stub that calls it through the kit's channel."""
    async with serving(chassis, servicer) as target, rpc.channel(chassis, target, **keywords) as channel:
        yield stub(channel)
