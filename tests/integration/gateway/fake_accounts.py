"""The orchestrator's AccountService, in memory."""

from typing import Any

from google.protobuf import timestamp_pb2
from reelmesh.v1 import account_service_pb2, account_service_pb2_grpc, pool_pb2
from reelmesh_kit import rpc
from typing_extensions import override

NOON = timestamp_pb2.Timestamp(seconds=1_798_891_200)
TARGET = account_service_pb2.SwitchTarget(provider="veo", model="veo-3.1")


class FakeAccounts(account_service_pb2_grpc.AccountServiceServicer):
    """Has one account and one switch; remembers what operators say, and who says it."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.callers: list[rpc.Caller] = []
        self.refuse_with: Exception | None = None
        model = account_service_pb2.AccountModel(
            model="veo-3.1", breaker=account_service_pb2.BREAKER_STATE_OPEN, trial_time=NOON, failed_submits=5
        )
        self.account = account_service_pb2.Account(id="gcp-1", provider="veo", slots=4, enabled=True, models=[model])
        self.switch = account_service_pb2.Switch(target=TARGET, operator="key k", reason="why", create_time=NOON)

    @override
    async def ListAccounts(self, request: Any, context: Any) -> Any:
        self._called(request)
        return account_service_pb2.ListAccountsResponse(accounts=[self.account])

    @override
    async def ListSwitches(self, request: Any, context: Any) -> Any:
        self._called(request)
        return account_service_pb2.ListSwitchesResponse(switches=[self.switch])

    @override
    async def SwitchOff(self, request: Any, context: Any) -> Any:
        self._called(request)
        return account_service_pb2.SwitchOffResponse(switch=self.switch)

    @override
    async def SwitchOn(self, request: Any, context: Any) -> Any:
        self._called(request)
        return account_service_pb2.SwitchOnResponse(remaining=[self.switch])

    @override
    async def ListHealthEvents(self, request: Any, context: Any) -> Any:
        self._called(request)
        event = account_service_pb2.HealthEvent(
            type=account_service_pb2.HEALTH_EVENT_TYPE_OPENED,
            target=TARGET,
            message="5 submits failed",
            create_time=NOON,
        )
        return account_service_pb2.ListHealthEventsResponse(events=[event], next_page_token="more")

    @override
    async def ListPools(self, request: Any, context: Any) -> Any:
        self._called(request)
        worker = pool_pb2.PoolWorker(name="provider-veo-x", cordoned=True, idle=True, drained=True)
        pool = pool_pb2.Pool(kind="provider", pool="veo", known=True, waiting=3, workers=[worker])
        return account_service_pb2.ListPoolsResponse(pools=[pool])

    def _called(self, request: Any) -> None:
        self.requests.append(request)
        self.callers.append(rpc.caller())
        if self.refuse_with is not None:
            raise self.refuse_with
