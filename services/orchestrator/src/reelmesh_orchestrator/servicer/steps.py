"""StepService, for media workers."""

from typing import Any

import grpc
from reelmesh.mesh.v1 import step_service_pb2, step_service_pb2_grpc
from reelmesh_kit import errors

from reelmesh_orchestrator import wire
from reelmesh_orchestrator.model import verbs as model_verbs
from reelmesh_orchestrator.servicer import parsing
from reelmesh_orchestrator.usecases import steps

Context = grpc.aio.ServicerContext[Any, Any]


class StepServicer(step_service_pb2_grpc.StepServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, verbs: steps.Steps) -> None:
        """Take the verbs."""
        self._verbs = verbs

    async def BeginStep(  # noqa: N802
        self, request: step_service_pb2.BeginStepRequest, context: Context
    ) -> step_service_pb2.BeginStepResponse:
        """Hand out a step, or say why not."""
        step_id = parsing.identifier("step_id", request.step_id)
        aggregate, refusal = await self._verbs.begin(step_id, request.worker_id)
        if aggregate is not None:
            return step_service_pb2.BeginStepResponse(work=wire.step_work(aggregate, aggregate.step(step_id)))
        answer = step_service_pb2.BeginStepResponse()
        answer.drop.reason = refusal
        if refusal == model_verbs.HELD:
            answer.drop.ask_again_after.FromTimedelta(steps.ASK_AGAIN)
        return answer

    async def FinishStep(  # noqa: N802
        self, request: step_service_pb2.FinishStepRequest, context: Context
    ) -> step_service_pb2.FinishStepResponse:
        """Take the result of a run."""
        step_id = parsing.identifier("step_id", request.step_id)
        kind = request.WhichOneof("result")
        if kind is None:
            raise errors.InvalidArgument("result", "must say how the run ended")
        if kind == "failed":
            trouble = model_verbs.StepTrouble(
                request.failed.message, request.failed.retryable, request.failed.broken_clip_asset_id
            )
            accepted = await self._verbs.fail(step_id, request.token, trouble)
        else:
            accepted = await self._verbs.finish(step_id, request.token, wire.step_result_from_proto(request))
        return step_service_pb2.FinishStepResponse(accepted=accepted)
