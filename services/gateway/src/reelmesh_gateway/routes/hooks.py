"""Where vendors tell that a job has ended: the path itself is one half of the permission, the signature the other."""

import fastapi
from reelmesh_kit import errors, webhooks
from starlette import requests

from reelmesh_gateway.model import hooks
from reelmesh_gateway.routes import front
from reelmesh_gateway.wire import errors as wire

NOWHERE = "There is nothing at this path. /docs lists what there is."


def router(behind: front.Front) -> fastapi.APIRouter:
    """Return the routes; they need no key, and are in no schema: who uses them was given the address."""
    routes = fastapi.APIRouter(include_in_schema=False)

    @routes.post(webhooks.FOLDER + "{account_id}/{token}")
    @routes.post(webhooks.FOLDER + "{account_id}/{token}/{attempt_id}")
    async def take_webhook(
        request: fastapi.Request, account_id: str, token: str, attempt_id: str = ""
    ) -> fastapi.Response:
        """Take a notice. 2xx says that it need not come again; 503 that it should."""
        hook = _hook(behind, account_id, token, attempt_id)
        try:
            body = await request.body()
        except requests.ClientDisconnect:
            return fastapi.Response(status_code=400)
        result = await behind.hearing.hear(hook, request.headers, body)
        _count(behind, hook.provider, result)
        _refuse(result)
        return fastapi.Response(status_code=204)

    return routes


def _hook(behind: front.Front, account_id: str, token: str, attempt_id: str) -> hooks.Hook:
    """Return the address, before a byte of the body is read.

    Raises:
        NotFound: it is none of ours.
        Unavailable: what is told there cannot be checked.
    """
    try:
        hook = behind.hearing.at(account_id, token, attempt_id)
    except errors.Unavailable as error:
        behind.own.logger.warning("Webhooks of account %s cannot be checked: %s", account_id, error.message)
        _count(behind, "", hooks.Result.UNREADY)
        raise errors.Unavailable("This cannot be checked at the moment. Send it again.") from error
    if hook is None:
        _count(behind, "", hooks.Result.UNKNOWN)
        raise errors.NotFound(NOWHERE)
    return hook


def _refuse(result: hooks.Result) -> None:
    if result is hooks.Result.FORGED:
        raise errors.PermissionDenied("The signature is missing, or is not the vendor's.")
    if result is hooks.Result.STALE:
        stale = f"is more than {hooks.TOLERANCE_SECONDS:.0f} s away from the time here"
        raise wire.Refused(400, errors.InvalidArgument("timestamp", stale))
    if result is hooks.Result.UNREADY:
        raise errors.Unavailable("This cannot be taken at the moment. Send it again.")


def _count(behind: front.Front, provider: str, result: hooks.Result) -> None:
    behind.metrics.webhooks.labels(provider, result.value).inc()
