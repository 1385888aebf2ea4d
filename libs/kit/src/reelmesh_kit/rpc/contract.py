"""What the protos promise about methods: which may be repeated, said to gRPC as a service config."""

import functools
import importlib
import json
import pkgutil
from collections.abc import Iterator

import reelmesh
from google.protobuf import descriptor, descriptor_pb2

from reelmesh_kit.rpc import limits

REPEATABLE = (
    descriptor_pb2.MethodOptions.IDEMPOTENT,
    descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
)


def _services() -> Iterator[descriptor.ServiceDescriptor]:
    for module in pkgutil.walk_packages(reelmesh.__path__, f"{reelmesh.__name__}."):
        if module.name.endswith("_pb2"):
            file: descriptor.FileDescriptor = importlib.import_module(module.name).DESCRIPTOR
            yield from file.services_by_name.values()


def idempotent_methods() -> list[tuple[str, str]]:
    """Return (full service name, method) of each method that the protos mark as safe to repeat, sorted."""
    return sorted(
        (service.full_name, method.name)
        for service in _services()
        for method in service.methods
        if method.GetOptions().idempotency_level in REPEATABLE
    )


@functools.cache
def service_config() -> str:
    """Return the JSON by which gRPC spreads calls over addresses and repeats UNAVAILABLE ones, where that is safe."""
    retry = {
        "maxAttempts": limits.RETRY_ATTEMPTS,
        "initialBackoff": f"{limits.FIRST_RETRY_SECONDS}s",
        "maxBackoff": f"{limits.LONGEST_RETRY_SECONDS}s",
        "backoffMultiplier": 2,
        # The second by a server that stops: it drops calls that reach it too late, and does not say so in better words.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    names = [{"service": service, "method": method} for service, method in idempotent_methods()]
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": names, "retryPolicy": retry}],
            "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
        }
    )
