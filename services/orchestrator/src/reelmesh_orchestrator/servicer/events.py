"""EventService, for services that must see every event."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import event_service_pb2, event_service_pb2_grpc
from reelmesh_kit import errors

from reelmesh_orchestrator import ports, wire

Context = grpc.aio.ServicerContext[Any, Any]

LARGEST_PAGE = 1000


class EventServicer(event_service_pb2_grpc.EventServiceServicer):
    """Translates; there is nothing to decide."""

    def __init__(self, record: ports.Record) -> None:
        """Take the record."""
        self._record = record

    async def ListEvents(  # noqa: N802
        self, request: event_service_pb2.ListEventsRequest, context: Context
    ) -> event_service_pb2.ListEventsResponse:
        """List events of all generations."""
        if request.page_size < 0 or request.after_position < 0:
            raise errors.InvalidArgument("page_size" if request.page_size < 0 else "after_position", "is negative")
        size = min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        events = await self._record.read(lambda store: store.all_events(request.after_position, size))
        return event_service_pb2.ListEventsResponse(events=[wire.event_message(one) for one in events])
