"""The outermost layer of HTTP: the trace begins here, each request gets an id, a measurement, and an answer."""

import contextlib
import re

from opentelemetry import trace
from reelmesh_kit import errors, metrics, process, telemetry, webhooks
from starlette import datastructures, responses, types

from reelmesh_gateway.routes import answers
from reelmesh_gateway.routes import metrics as own_metrics
from reelmesh_gateway.wire import errors as wire

REQUEST_ID_HEADER = "x-request-id"
TRACEPARENT_HEADER = "traceparent"
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
# Methods of another name may be anything a caller likes, and labels must stay bounded.
_OTHER_METHOD = "_OTHER"
_NO_ROUTE = "unmatched"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# The address, the head.
_TOO_LARGE = (414, 431)


class Edge:
    """Stands around everything else; the one place of HTTP where any exception is caught."""

    def __init__(
        self, app: types.ASGIApp, own: process.Chassis, measured: own_metrics.Metrics, *, requests_limit: int
    ) -> None:
        """Wrap `app`; when `requests_limit` requests are open, further ones are refused."""
        self._app = app
        self._requests_limit = requests_limit
        self._open = 0
        self._own = own
        self._metrics = measured

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Answer one request; other kinds of connection are none of ours."""
        if scope["type"] != "http":
            raise RuntimeError(f"The gateway does not speak {scope['type']}.")
        exchange = _Exchange(scope, send, _request_id(scope, self._own))
        began = self._own.clock.elapsed()
        with self._span(scope) as span:
            exchange.traceparent = telemetry.current_traceparent()
            try:
                await self._answered(scope, receive, exchange)
            finally:
                self._record(span, scope, exchange, self._own.clock.elapsed() - began)

    async def _answered(self, scope: types.Scope, receive: types.Receive, exchange: "_Exchange") -> None:
        self._open += 1
        try:
            self._refuse_if_full()
            await self._app(scope, receive, exchange.send)
        except errors.ReelmeshError as error:
            await self._refuse(exchange, receive, answers.refusal(error, exchange.asked), error)
        except wire.Refused as refused:
            await self._refuse(exchange, receive, answers.refused(refused, exchange.asked), refused)
        except Exception as error:
            self._own.logger.exception("%s %s failed in a way nobody expected.", scope["method"], _route(scope))
            await self._refuse(exchange, receive, answers.fault(exchange.asked), error)
        finally:
            self._open -= 1

    def _refuse_if_full(self) -> None:
        if self._open > self._requests_limit:
            raise errors.Unavailable("Too many requests are open at this moment. Try again; nothing was done.")

    async def _refuse(
        self, exchange: "_Exchange", receive: types.Receive, answer: types.ASGIApp, error: Exception
    ) -> None:
        if exchange.status:
            # Half of an answer is out already: only a broken connection tells the caller that it is half.
            exchange.broken = True
            self._own.logger.warning("An answer broke off: %s: %s", type(error).__name__, error)
            return
        await answer(exchange.scope, receive, exchange.send)

    def _span(self, scope: types.Scope) -> contextlib.AbstractContextManager[trace.Span]:
        reading = scope["method"] in _READING
        return self._own.telemetry.span(
            _method(scope),
            kind=trace.SpanKind.SERVER,
            parent=_parent(scope, sampled=not reading),
            attributes=_request_attributes(scope),
            ratio=self._own.telemetry.reads_ratio if reading else 1.0,
            record_errors=False,
        )

    def _record(self, span: trace.Span, scope: types.Scope, exchange: "_Exchange", seconds: float) -> None:
        method, route, status = _method(scope), _route(scope), exchange.status
        if route != _NO_ROUTE:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        if status:
            span.set_attribute("http.response.status_code", status)
        if status >= 500 or exchange.broken:
            span.set_attribute("error.type", str(status))
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        self._metrics.requests.labels(method, route, str(status or "gone")).inc()
        metrics.observe(self._metrics.duration, seconds, method=method, route=route)


class Threshold:
    """Answers what never reaches the application, in the words that all other errors have."""

    def __init__(self, own: process.Chassis, measured: own_metrics.Metrics) -> None:
        """Count refusals in `measured`."""
        self._own = own
        self._metrics = measured

    def refuse(self, status: int, problem: str) -> responses.Response:
        """Return the answer with this status; nothing of the request is known, not even an id that it may carry."""
        request_id = str(self._own.ids.fresh())
        self._metrics.requests.labels(_OTHER_METHOD, _NO_ROUTE, str(status)).inc()
        answer = answers.refused(wire.Refused(status, _error(status, problem)), answers.Asked(request_id))
        answer.headers[REQUEST_ID_HEADER] = request_id
        answer.headers["x-content-type-options"] = "nosniff"
        return answer


class _Exchange:
    """One request and what became of its answer."""

    def __init__(self, scope: types.Scope, send: types.Send, request_id: str) -> None:
        self.scope = scope
        self.request_id = request_id
        self.asked = answers.Asked(request_id, scope["path"])
        self.traceparent = ""
        self.status = 0
        """0 until an answer begins; stays 0 for a caller that left before."""
        self.broken = False
        self._send = send
        scope.setdefault("state", {})["request_id"] = request_id

    async def send(self, message: types.Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = datastructures.MutableHeaders(scope=message)
            headers[REQUEST_ID_HEADER] = self.request_id
            headers["x-content-type-options"] = "nosniff"
            if self.traceparent:
                headers[TRACEPARENT_HEADER] = self.traceparent
        await self._send(message)


def _error(status: int, problem: str) -> errors.ReelmeshError:
    if status == 503:
        return errors.Unavailable(problem)
    return errors.TooLarge(problem) if status in _TOO_LARGE else errors.InvalidArgument("request", problem)


def _request_id(scope: types.Scope, own: process.Chassis) -> str:
    given = datastructures.Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else str(own.ids.fresh())


def _parent(scope: types.Scope, *, sampled: bool) -> str:
    """Return the caller's trace context. What may begin a generation is traced whatever the caller samples."""
    given = datastructures.Headers(scope=scope).get(TRACEPARENT_HEADER, "")
    return telemetry.always_kept(given) if sampled else given


def _method(scope: types.Scope) -> str:
    method: str = scope["method"]
    return method if method in answers.METHODS else _OTHER_METHOD


def _route(scope: types.Scope) -> str:
    return getattr(scope.get("route"), "path", _NO_ROUTE)


def _request_attributes(scope: types.Scope) -> dict[str, str | int]:
    """Return OpenTelemetry's attributes of an HTTP server span; never queries or bodies."""
    attributes: dict[str, str | int] = {
        "http.request.method": _method(scope),
        # An address for webhooks is a permission.
        "url.path": webhooks.FOLDER if scope["path"].startswith(webhooks.FOLDER) else scope["path"],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if scope.get("server"):
        attributes["server.address"], attributes["server.port"] = scope["server"]
    if scope.get("client"):
        attributes["client.address"] = scope["client"][0]
    agent = datastructures.Headers(scope=scope).get("user-agent")
    return attributes | ({"user_agent.original": agent} if agent else {})
