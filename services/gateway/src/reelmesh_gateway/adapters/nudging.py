"""Nudges on the bus: said to whoever listens at this moment, kept by nobody."""

from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus as buses
from reelmesh_kit import errors

from reelmesh_gateway.model import hooks


class Nudging:
    """Tells the workers of a provider."""

    def __init__(self, bus: buses.Bus | None) -> None:
        """Tell by `bus`; None where nothing is ever told."""
        self._bus = bus

    async def nudge(self, nudge: hooks.Nudge) -> None:
        """Say that a job is worth a look.

        Raises:
            Unavailable: there is no connection.
        """
        if self._bus is None or not self._bus.is_up:
            raise errors.Unavailable("NATS is not connected.")
        note = task_pb2.JobNudge(
            account_id=nudge.account_id, vendor_job_id=nudge.vendor_job_id, attempt_id=nudge.attempt_id
        )
        await self._bus.shout(f"nudge.{nudge.provider}.{nudge.account_id}", note.SerializeToString())
