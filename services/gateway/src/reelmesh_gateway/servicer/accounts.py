"""The public AccountService: lets operators in by their key and passes their calls on to the orchestrator."""

from typing import Any

from reelmesh.v1 import account_service_pb2, account_service_pb2_grpc
from typing_extensions import override

from reelmesh_gateway.model import keys
from reelmesh_gateway.servicer import admission


class Accounts(account_service_pb2_grpc.AccountServiceServicer):
    """Serves `reelmesh.v1.AccountService` to keys with the scope "admin"."""

    def __init__(
        self, door: admission.Admission, orchestrator: "account_service_pb2_grpc.AccountServiceAsyncStub"
    ) -> None:
        """Pass calls on to `orchestrator`."""
        self._door = door
        self._orchestrator = orchestrator

    @override
    async def ListAccounts(
        self, request: account_service_pb2.ListAccountsRequest, context: Any
    ) -> account_service_pb2.ListAccountsResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListAccounts(request)

    @override
    async def ListSwitches(
        self, request: account_service_pb2.ListSwitchesRequest, context: Any
    ) -> account_service_pb2.ListSwitchesResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListSwitches(request)

    @override
    async def SwitchOff(
        self, request: account_service_pb2.SwitchOffRequest, context: Any
    ) -> account_service_pb2.SwitchOffResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.SwitchOff(request)

    @override
    async def SwitchOn(
        self, request: account_service_pb2.SwitchOnRequest, context: Any
    ) -> account_service_pb2.SwitchOnResponse:
        """Pass an operator's word on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.SwitchOn(request)

    @override
    async def ListHealthEvents(
        self, request: account_service_pb2.ListHealthEventsRequest, context: Any
    ) -> account_service_pb2.ListHealthEventsResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListHealthEvents(request)

    @override
    async def ListPools(
        self, request: account_service_pb2.ListPoolsRequest, context: Any
    ) -> account_service_pb2.ListPoolsResponse:
        """Pass a list on."""
        with self._door.admitted(context, keys.Scope.ADMIN):
            return await self._orchestrator.ListPools(request)
