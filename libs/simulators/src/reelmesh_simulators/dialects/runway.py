"""Runway's API, version 2024-11-06: tasks, uploads, the Model Router.

Written from the runwayml SDK (5.24.0) and what Runway publishes. Which family of failure codes a task fails with is
told by the amount: `[[fail]]` ASSET.INVALID, `[[fail=1]]` SAFETY.INPUT.TEXT (which is not refunded), `[[fail=2]]`
INPUT_PREPROCESSING.SAFETY.TEXT, `[[fail=3]]` no code at all; `[[fail-inside]]` INTERNAL.BAD_OUTPUT.CODE01,
`[[fail-inside=1]]` INTERNAL. The words of refusals that are not about a field are not published; theirs are close.
"""

import datetime
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import (
    addresses,
    bodies,
    runway_media,
    runway_models,
    runway_router,
    runway_uploads,
    shapes,
)
from reelmesh_simulators.dialects.runway_words import (
    DAILY_CAP,
    DOCS,
    INPUT_UNSAFE,
    PERMANENT,
    SPOILT,
    Refused,
    file_error,
    issue,
    no_model,
)
from reelmesh_simulators.dialects.shapes import Kind, Problem
from reelmesh_simulators.faults import Fault

NAME = "runway"
VERSIONS = ("2024-11-06",)
MICROS_FOR_EACH_CREDIT = 10_000
DAY_SECONDS = 86_400
URL_SECONDS = 24 * 3600
PLENTY_OF_CREDITS = 100_000_000
MONTHLY_CREDITS = 1_000_000
LARGEST_PAGE = 100
# What the router did not route is remembered so often, and no longer than the process.
REMEMBERED_REFUSALS = 1000
ROUTERS: Mapping[str, str] = {"default": "5d1c7f0e-6a42-4f6e-9a0b-2f6f3c1d8e77"}


class Runway:
    """The API."""

    name = NAME

    def __init__(
        self,
        seller: vendor.Vendor,
        *,
        balance_credits: int | None = None,
        daily_cap: int | None = None,
        url_seconds: float = URL_SECONDS,
        routers: Mapping[str, str] = ROUTERS,
    ) -> None:
        """Sell by `seller`, whose ledger's slots are the generations of a model that run at a time; more are THROTTLED.

        Args:
            seller: who keeps the books.
            balance_credits: what each account has; None for more than can be spent.
            daily_cap: generations of a model in 24 hours; None for no limit.
            url_seconds: how long the address of an output is valid.
            routers: slugs and ids of every account's routers.
        """
        seller.ledger.group = lambda job: f"{job.account} {job.order.model}"
        self._vendor = seller
        self._balance = balance_credits
        self._cap = daily_cap
        self._url_seconds = url_seconds
        self._routers = routers
        self._uploads = runway_uploads.Uploads(seller)
        self._unrouted: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=REMEMBERED_REFUSALS)

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        task = "/v1/tasks/{job_id}"
        return [
            routing.Route("/v1/text_to_video", self._answering(self._text), methods=["POST"]),
            routing.Route("/v1/image_to_video", self._answering(self._image), methods=["POST"]),
            routing.Route("/v1/generate/video", self._answering(self._generate), methods=["POST"]),
            routing.Route("/v1/routers/{router_id}/requests", self._answering(self._requests), methods=["GET"]),
            routing.Route(task, self._answering(self._get), methods=["GET"]),
            routing.Route(task, self._answering(self._delete), methods=["DELETE"]),
            routing.Route("/v1/organization", self._answering(self._organization), methods=["GET"]),
            routing.Route("/v1/uploads", self._answering(self._upload), methods=["POST"]),
            routing.Route(runway_uploads.PATH, self._uploads.received, methods=["POST"]),
            routing.Route("/outputs/{job_id}.mp4", self._output, methods=["GET"]),
        ]

    def spoilt(self, spoilt: vendor.Spoiled) -> responses.Response:
        """Say in Runway's words what went wrong."""
        if spoilt.fault in (Fault.EXPIRED, Fault.LOST):
            return file_error(spoilt.fault)
        if spoilt.fault is Fault.RETIRED:
            return Refused.because([no_model("this model")]).response()
        status, error = SPOILT[spoilt.fault]
        answer = Refused(status, error, docUrl=f"{DOCS}errors/errors").response()
        if spoilt.fault in (Fault.BUSY, Fault.POLL_BUSY):
            answer.headers["retry-after"] = f"{spoilt.amount:g}"
        return answer

    def unknown(self, problem: str) -> responses.Response:
        """Say that there is nothing."""
        return Refused(404, "Not found" if problem else "Could not find a task with that ID.").response()

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            try:
                made: responses.Response = await answer(request, _caller(request))
            except Refused as refused:
                return refused.response()
            return made

        return answered

    # --- making

    async def _text(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        return await self._created(caller, await _fields(request), image=False)

    async def _image(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        return await self._created(caller, await _fields(request), image=True)

    async def _created(self, caller: vendor.Caller, fields: bodies.Fields, *, image: bool) -> responses.Response:
        name = fields.get("model")
        model = runway_models.MODELS.get(name) if isinstance(name, str) else None
        shape = model and (model.image if image else model.text)
        if model is None or shape is None:
            raise Refused.because([no_model(name)])
        problems = shapes.problems(fields, shape)
        if problems:
            raise Refused.because([issue(problem) for problem in problems])
        made = runway_models.made_of(model, fields)
        self._uploads.check(caller.account, made.uris)
        job = await self._ordered(caller, fields, made, {})
        return responses.JSONResponse({"id": job.job_id, "estimatedCost": {"credits": made.estimate_credits}})

    async def _generate(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        body = await _fields(request)
        problems = list(shapes.problems(body, runway_router.BODY))
        given = body.get("input")
        if isinstance(given, Mapping):
            problems += shapes.problems(cast(bodies.Fields, given), runway_router.INPUT)
        if problems:
            raise Refused.because([issue(problem) for problem in problems])
        slug, given = str(body["configId"]), cast(bodies.Fields, given)
        if slug not in self._routers:
            raise Refused(404, "Router config not found", code="router_config_not_found")
        chosen = runway_router.choose(given)
        decision = {"id": str(self._vendor.ids.fresh()), "requestId": str(self._vendor.ids.fresh()), "router": slug}
        if chosen.name is None or chosen.made is None:
            refused = {**decision, "createdAt": _time(self._vendor.now)}
            self._unrouted.append((caller.account, refused))
            raise Refused(400, "No eligible model for this request", code="no_eligible_model")
        self._uploads.check(caller.account, chosen.made.uris)
        told = {**decision, "eligible": list(chosen.eligible)}
        job = await self._ordered(caller, chosen.fields, chosen.made, {"decision": told})
        return responses.JSONResponse(
            {"id": job.job_id, "routing": runway_router.routing_of(slug, given, chosen.name, chosen.made)}
        )

    async def _ordered(
        self, caller: vendor.Caller, fields: bodies.Fields, made: runway_models.Made, told: Mapping[str, Any]
    ) -> orders.Job:
        order = orders.Order(
            prompt=str(fields.get("promptText") or ""),
            model=str(fields["model"]),
            seconds=made.seconds,
            width=made.width,
            height=made.height,
            audio=made.audio,
            seed=fields.get("seed"),
            told={
                "estimate": made.estimate_credits,
                "negative_prompt": str(fields.get("negativePrompt") or ""),
                "frames": runway_media.positions(fields.get("promptImage")),
                **told,
            },
        )
        self._check_limits(caller, order, made)
        price = made.credits * MICROS_FOR_EACH_CREDIT
        job_id = str(self._vendor.ids.fresh())
        return await self._vendor.create(caller, order, job_id, price, price if _keeps_the_money(order) else 0)

    def _check_limits(self, caller: vendor.Caller, order: orders.Order, made: runway_models.Made) -> None:
        if self._cap is not None and self._made_today(caller.account).get(order.model, 0) >= self._cap:
            self._vendor.refused(caller, order, "daily-cap")
            raise Refused(429, DAILY_CAP, docUrl=f"{DOCS}usage/tiers")
        if self._balance is not None and made.estimate_credits > self._left(caller.account):
            self._vendor.refused(caller, order, Fault.QUOTA)
            raise Refused(*SPOILT[Fault.QUOTA])

    # --- looking

    async def _get(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        look = await self._vendor.look(caller.account, request.path_params["job_id"])
        return responses.JSONResponse(self._shown(look, str(request.base_url)))

    def _shown(self, look: vendor.Look, base_url: str) -> dict[str, Any]:
        job, status = look.job, _status(look)
        shown: dict[str, Any] = {"id": job.job_id, "status": status, "createdAt": _time(job.created)}
        if look.state not in orders.ENDED:
            progress = {"progress": look.percent / 100} if status == "RUNNING" else {}
            return {**shown, **progress, "estimatedCost": {"credits": job.order.told["estimate"]}}
        shown["cost"] = {"credits": job.bill_micros(look.now) // MICROS_FOR_EACH_CREDIT}
        if status == "SUCCEEDED":
            shown["output"] = [] if job.empty else [self._address(look, base_url)]
        if status == "FAILED":
            shown |= _failure(look)
        return shown

    def _address(self, look: vendor.Look, base_url: str) -> str:
        """Return a fresh address of what was made: no two looks give the same."""
        job_id = look.job.job_id
        token = addresses.token(job_id, look.now + self._url_seconds, self._vendor.ids.fresh().hex)
        return f"{base_url}outputs/{job_id}.mp4?_jwt={token}"

    async def _output(self, request: requests.Request) -> responses.Response:
        look = self._vendor.peek(request.path_params["job_id"])
        token = request.query_params.get("_jwt", "")
        if look.state is not orders.State.SUCCEEDED:
            return file_error(Fault.LOST)
        if not addresses.is_valid(look.job.job_id, token, look.now):
            return file_error(Fault.EXPIRED)
        if request.method == "HEAD":
            return serving.Bytes(request, await vendor.made_of(look.job), "video/mp4")
        content = await self._vendor.content(look)
        return serving.Bytes(request, content, "video/mp4", truncated=self._vendor.truncated(look.job))

    async def _delete(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        job_id = request.path_params["job_id"]
        self._vendor.cancel(caller.account, job_id)
        self._vendor.delete(caller.account, job_id)
        return responses.Response(status_code=204)

    async def _requests(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        slugs = [slug for slug, own in self._routers.items() if own == request.path_params["router_id"]]
        if not slugs:
            raise Refused(404, "Router not found")
        limit, cursor = request.query_params.get("limit", ""), request.query_params.get("cursor", "0")
        if not (limit.isdigit() and 1 <= int(limit) <= LARGEST_PAGE and cursor.isdigit()):
            asked = Problem(("limit",), Kind.TYPE, ("integer",), limit)
            raise Refused(400, "Validation of query failed", issues=[issue(asked)], docUrl=f"{DOCS}api")
        decisions = [
            runway_router.routed(look.job, _time(look.job.created))
            for look in self._vendor.listed(caller.account)
            if runway_router.router_of(look.job) == slugs[0]
        ]
        decisions += [
            runway_router.unrouted(one)
            for account, one in self._unrouted
            if account == caller.account and one["router"] == slugs[0]
        ]
        decisions.sort(key=lambda one: one["createdAt"], reverse=True)
        start, end = int(cursor), int(cursor) + int(limit)
        page: dict[str, Any] = {"data": decisions[start:end]}
        return responses.JSONResponse({**page, "nextCursor": str(end)} if end < len(decisions) else page)

    # --- the account

    async def _upload(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        fields = await _fields(request)
        problems = shapes.problems(fields, runway_uploads.BODY)
        if problems:
            raise Refused.because([issue(problem) for problem in problems])
        return responses.JSONResponse(self._uploads.begun(caller.account, str(request.base_url)))

    async def _organization(self, request: requests.Request, caller: vendor.Caller) -> responses.Response:
        del request
        limits = {"maxConcurrentGenerations": self._vendor.ledger.slots, "maxDailyGenerations": self._cap}
        today = self._made_today(caller.account)
        return responses.JSONResponse(
            {
                "creditBalance": self._left(caller.account),
                "tier": {
                    "maxMonthlyCreditSpend": MONTHLY_CREDITS,
                    "models": dict.fromkeys(runway_models.MODELS, limits),
                },
                "usage": {"models": {name: {"dailyGenerations": count} for name, count in today.items()}},
            }
        )

    def _of(self, account: str) -> Sequence[orders.Job]:
        return [job for job in self._vendor.ledger.all_jobs() if job.account == account]

    def _made_today(self, account: str) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for job in self._of(account):
            if job.created > self._vendor.now - DAY_SECONDS:
                counts[job.order.model] = counts.get(job.order.model, 0) + 1
        return counts

    def _left(self, account: str) -> int:
        """Return the credits that are left: a task is paid when it is taken, and given back if it comes to nothing."""
        now, spent = self._vendor.now, 0
        for job in self._of(account):
            ended = job.state(now) in orders.ENDED
            spent += job.bill_micros(now) // MICROS_FOR_EACH_CREDIT if ended else job.order.told["estimate"]
        return (PLENTY_OF_CREDITS if self._balance is None else self._balance) - spent


def _caller(request: requests.Request) -> vendor.Caller:
    """Return who asks.

    Raises:
        Refused: without a key, or without the version of the API that is meant.
    """
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not key:
        raise Refused(*SPOILT[Fault.UNAUTHORIZED])
    version = request.headers.get("x-runway-version")
    if version not in VERSIONS:
        wanted = f"Send the header X-Runway-Version: {VERSIONS[-1]}."
        raise Refused(400, f"The API version {'is missing' if version is None else 'is not known'}. {wanted}")
    repeats = request.headers.get("x-stainless-retry-count", "0")
    return vendor.Caller(key, request.headers.get("user-agent", ""), int(repeats) if repeats.isdigit() else 0)


async def _fields(request: requests.Request) -> bodies.Fields:
    fields = await serving.body_of(request)
    if not isinstance(fields, Mapping):
        raise Refused(400, "The body is no JSON object.")
    return cast(bodies.Fields, fields)


def _time(at: float) -> str:
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(look: vendor.Look) -> str:
    if look.state is orders.State.QUEUED:
        return "THROTTLED" if look.job.ready <= look.now else "PENDING"
    return "FAILED" if look.state is orders.State.FILTERED else str(look.state)


def _keeps_the_money(order: orders.Order) -> bool:
    failing = order.marker(Fault.FAIL)
    return failing is not None and PERMANENT.get(int(failing.amount)) == INPUT_UNSAFE


def _failure(look: vendor.Look) -> dict[str, Any]:
    order = look.job.order
    inside, failing = order.marker(Fault.FAIL_INSIDE), order.marker(Fault.FAIL)
    code: str | None = "SAFETY.OUTPUT.VIDEO"
    if failing:
        code = PERMANENT.get(int(failing.amount), "ASSET.INVALID")
    elif inside:
        code = "INTERNAL" if inside.amount else "INTERNAL.BAD_OUTPUT.CODE01"
    text = "The task failed."
    if code is None:
        return {"failure": text}
    if "SAFETY" in code:
        text = "The content was rejected by our content moderation system."
    return {"failure": text, "failureCode": code}
