"""The users: what each wants, asked for until it is answered, and what they were told."""

import contextlib
import dataclasses
import datetime
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf import message as protobuf
from reelmesh.v1 import generation_pb2, generation_service_pb2, generation_service_pb2_grpc
from reelmesh_kit import errors, process, rpc

from tests.simulation import dialect, history, hosts, network, plan, services, vendor

TENANT = "tenant"
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 3.0
# How often a user looks whether a video has come after all.
LOOKS_FOR_TAKES = 10
Answer = TypeVar("Answer", bound=protobuf.Message)
_ENDED = frozenset(
    {
        generation_pb2.GENERATION_STATE_COMPLETED,
        generation_pb2.GENERATION_STATE_FAILED,
        generation_pb2.GENERATION_STATE_CANCELLED,
        generation_pb2.GENERATION_STATE_EXPIRED,
        generation_pb2.GENERATION_STATE_REJECTED,
    }
)


@dataclasses.dataclass
class Told:
    """What users were told."""

    #: Ids of admitted generations, by wish.
    admitted: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    #: Wishes that were refused for good.
    refused: list[str] = dataclasses.field(default_factory=list[str])
    #: Called with the id of each generation whose admission was answered.
    on_admitted: list[Callable[[str], None]] = dataclasses.field(default_factory=list[Callable[[str], None]])

    def answered(self, wanted: tuple[plan.Wanted, ...]) -> bool:
        """Tell whether everybody knows what came of their wish."""
        return len(self.admitted) + len(self.refused) == len(wanted)


class User:
    """Somebody with a wish."""

    def __init__(
        self, stub: Any, chassis: process.Chassis, wish: plan.Wanted, told: Told, log: history.History
    ) -> None:
        """Take a stub of the public service."""
        self._stub = stub
        self._clock = chassis.clock
        self._wish = wish
        self._told = told
        self._history = log

    async def live(self) -> None:
        """Ask, and see it through."""
        wish = self._wish
        await self._clock.sleep(wish.at)
        with rpc.acting_as(rpc.Caller(TENANT)):
            try:
                generation_id = await self._ask()
            except errors.ReelmeshError as error:
                self._history.note(wish.name, f"is refused: {error}")
                self._told.refused.append(wish.name)
                return
            if wish.cancel_after is not None:
                await self._clock.sleep(wish.cancel_after)
                await self._cancel(generation_id)
            for _ in range(wish.retries):
                await self._retry_once_failed(generation_id)
            if wish.promotes:
                await self._promote_what_comes_late(generation_id)
            if wish.deletes:
                await self._delete_once_ended(generation_id)

    async def _ask(self) -> str:
        wish = self._wish
        asked = generation_service_pb2.GenerationRequest(
            prompt=f"a film for {wish.name}",
            output={"duration_seconds": wish.shots * dialect.LONGEST_CLIP_SECONDS, "width": 640, "height": 360},
            fallback_floor=f"DELIVERY_{wish.floor or 'UNSPECIFIED'}",
            seed=wish.seed,
        )
        if wish.deadline_after is not None:
            asked.deadline_time.FromDatetime(self._clock.now() + datetime.timedelta(seconds=wish.deadline_after))
        request = generation_service_pb2.CreateGenerationRequest(generation=asked, request_id=wish.name)
        created = await self._sure(lambda: self._stub.CreateGeneration(request))
        generation_id = created.generation.id
        self._told.admitted[wish.name] = generation_id
        self._history.note(wish.name, f"is admitted as {vendor.short(generation_id)}")
        for each in self._told.on_admitted:
            each(generation_id)
        return generation_id

    async def _cancel(self, generation_id: str) -> None:
        request = generation_service_pb2.CancelGenerationRequest(generation_id=generation_id)
        try:
            await self._sure(lambda: self._stub.CancelGeneration(request))
        except errors.WrongState as error:
            self._history.note(self._wish.name, f"cannot cancel: {error}")
        else:
            self._history.note(self._wish.name, "has cancelled")

    async def _retry_once_failed(self, generation_id: str) -> None:
        seen = await self._ended(generation_id)
        request = generation_service_pb2.RetryGenerationRequest(generation_id=generation_id)
        while seen.state == generation_pb2.GENERATION_STATE_FAILED:
            try:
                await self._sure(lambda: self._stub.RetryGeneration(request))
            except errors.UnresolvedAttempt:
                await self._clock.sleep(LOOK_SECONDS)
            except errors.WrongState as error:
                self._history.note(self._wish.name, f"cannot retry: {error}")
                return
            else:
                self._history.note(self._wish.name, "tries again")
                return

    async def _ended(self, generation_id: str) -> generation_pb2.Generation:
        look = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
        while (seen := await self._sure(lambda: self._stub.GetGeneration(look))).generation.state not in _ENDED:
            await self._clock.sleep(LOOK_SECONDS)
        return seen.generation

    async def _promote_what_comes_late(self, generation_id: str) -> None:
        for _ in range(LOOKS_FOR_TAKES):
            seen = await self._ended(generation_id)
            wanted = [
                each.number for each in seen.takes if each.whole and each.state == generation_pb2.TAKE_STATE_READY
            ]
            for number in wanted:
                request = generation_service_pb2.PromoteTakeRequest(generation_id=generation_id, take=number)
                await self._sure(lambda asked=request: self._stub.PromoteTake(asked))
                self._history.note(self._wish.name, f"has take {number} delivered")
            if wanted:
                return
            await self._clock.sleep(LOOK_SECONDS)

    async def _delete_once_ended(self, generation_id: str) -> None:
        await self._ended(generation_id)
        request = generation_service_pb2.DeleteGenerationRequest(generation_id=generation_id)
        with contextlib.suppress(errors.NotFound):  # the answer to the first one was lost
            await self._sure(lambda: self._stub.DeleteGeneration(request))
        self._history.note(self._wish.name, "has deleted it")

    async def _sure(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until there is an answer."""
        while True:
            try:
                return await ask()
            except (errors.RetryableError, errors.DeadlineExceeded, errors.NoCandidate):
                # No candidate: the workers have not announced themselves yet.
                await self._clock.sleep(AGAIN_SECONDS)


def main(wires: network.Network, wanted: tuple[plan.Wanted, ...], told: Told, log: history.History) -> hosts.Main:
    """Return the process in which all users live; nobody kills it."""

    async def run(host: hosts.Host, chassis: process.Chassis) -> None:
        channel: Any = wires.channel(host, chassis, services.ORCHESTRATOR)
        stub = generation_service_pb2_grpc.GenerationServiceStub(channel)
        async with process.supervise(
            chassis, **{wish.name: User(stub, chassis, wish, told, log).live for wish in wanted}
        ):
            await host.stopping.wait()

    return run
