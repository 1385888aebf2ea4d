"""Makes a video knowing nothing but an address and a key: the contract comes from the server by reflection.

It needs grpcio and grpcio-reflection, and no package of reelmesh:

    key=$(cat ~/.local/share/reelmesh/gateway/development.key)
    python examples/from_protos_alone.py 127.0.0.1:9090 "$key" boat.mp4
"""

# ruff: noqa: T201 - a script for people

import pathlib
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha import proto_reflection_descriptor_database as reflection

PROMPT = "A paper boat sails down a gutter in the rain"
CALL_TIMEOUT_SECONDS = 15
WATCH_TIMEOUT_SECONDS = 600
# A mesh of version 1 has these.
GENERATIONS = "reelmesh.v1.GenerationService"
ASSETS = "reelmesh.v1.AssetService"


class Service:
    """A service as its server describes it: methods by name, requests from keyword arguments."""

    def __init__(self, channel: grpc.Channel, pool: descriptor_pool.DescriptorPool, name: str, key: str) -> None:
        self._channel = channel
        self._methods = pool.FindServiceByName(name).methods_by_name
        self._name = name
        self._metadata = (("authorization", f"Bearer {key}"),)

    def call(self, method: str, **fields: Any) -> Any:
        """Make a call with one answer."""
        invoke = self._channel.unary_unary(self._path(method), *self._codec(method))
        return invoke(self._request(method, fields), timeout=CALL_TIMEOUT_SECONDS, metadata=self._metadata)

    def stream(self, method: str, **fields: Any) -> Iterator[Any]:
        """Make a call with a stream of answers."""
        invoke = self._channel.unary_stream(self._path(method), *self._codec(method))
        return invoke(self._request(method, fields), timeout=WATCH_TIMEOUT_SECONDS, metadata=self._metadata)

    def _path(self, method: str) -> str:
        return f"/{self._name}/{method}"

    def _request(self, method: str, fields: dict[str, Any]) -> Any:
        return message_factory.GetMessageClass(self._methods[method].input_type)(**fields)

    def _codec(self, method: str) -> tuple[Any, Any]:
        request = message_factory.GetMessageClass(self._methods[method].input_type)
        answer = message_factory.GetMessageClass(self._methods[method].output_type)
        return request.SerializeToString, answer.FromString


def main(address: str, key: str, target: pathlib.Path) -> int:
    """Create, watch, download."""
    with grpc.insecure_channel(address) as channel:
        pool = descriptor_pool.DescriptorPool(reflection.ProtoReflectionDescriptorDatabase(channel))
        generations = Service(channel, pool, GENERATIONS, key)
        request = {"prompt": PROMPT, "output": {"duration_seconds": 6, "aspect_ratio": "16:9", "resolution": 720}}
        created = generations.call("CreateGeneration", generation=request, request_id=str(uuid.uuid4()))  # noqa: TID251
        ended = created.generation
        for seen in generations.stream("WatchGeneration", generation_id=ended.id):
            if seen.HasField("event"):
                print(seen.event.message)
            elif seen.HasField("ended"):
                ended = seen.ended
        if not ended.renditions:
            print(f"no video: {ended.failure.message}", file=sys.stderr)
            return 1
        download(Service(channel, pool, ASSETS, key), ended.renditions[0].asset_id, target)
        print(f"{target}: {target.stat().st_size} bytes")
    return 0


def download(assets: Service, asset_id: str, target: pathlib.Path) -> None:
    """Store an asset's bytes in a file."""
    with target.open("wb") as file:
        for part in assets.stream("DownloadAsset", asset_id=asset_id):
            file.write(part.chunk)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: from_protos_alone.py ADDRESS KEY FILE")
    sys.exit(main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])))
