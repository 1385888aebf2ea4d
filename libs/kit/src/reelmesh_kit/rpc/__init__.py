"""gRPC between services: serving and calling with deadlines, traces, identity and errors in our words.

A composition root writes `rpc.serve(chassis, [rpc.service(name, add, servicer)], host=…, port=0)` and
`rpc.channel(chassis, "storage:7000")`; both are async context managers.
"""

from reelmesh_kit.rpc.client import Channel, channel
from reelmesh_kit.rpc.deadline import remaining_seconds
from reelmesh_kit.rpc.identity import Caller, acting_as, caller
from reelmesh_kit.rpc.server import Service, health_service, serve, service
from reelmesh_kit.rpc.uploading import complete

__all__ = [
    "Caller",
    "Channel",
    "Service",
    "acting_as",
    "caller",
    "channel",
    "complete",
    "health_service",
    "remaining_seconds",
    "serve",
    "service",
]
