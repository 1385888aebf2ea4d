"""What who runs a simulator may see and do, under `/_sim`: the ledger, rules for faults, a restart."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import vendor
from reelmesh_simulators.faults import Fault, Rule


def routes(seller: vendor.Vendor) -> Sequence[routing.Route]:
    """Return the addresses of a vendor's operator."""

    async def ledger(request: requests.Request) -> responses.Response:
        del request
        lines = seller.ledger.lines(seller.now)
        return responses.JSONResponse(
            {
                "requests": [dataclasses.asdict(line) for line in lines],
                "creates": [dataclasses.asdict(create) for create in seller.ledger.creates()],
                "jobs": [_shown(vendor.seen(job, seller.now)) for job in seller.ledger.all_jobs()],
                "asked": seller.asked,
                "paid": sum(len(line.job_ids) for line in lines),
                "billed_micros": sum(line.billed_micros for line in lines),
            }
        )

    async def shown(request: requests.Request) -> responses.Response:
        del request
        return responses.JSONResponse([dataclasses.asdict(rule) for rule in seller.suffering.rules])

    async def added(request: requests.Request) -> responses.Response:
        try:
            rule = _rule(await request.json())
        except (ValueError, TypeError, KeyError) as error:
            names = ", ".join(Fault)
            return responses.JSONResponse({"error": f"{error}. A rule has a fault, one of: {names}"}, 400)
        seller.suffering.rules.append(rule)
        return responses.JSONResponse(dataclasses.asdict(rule), 201)

    async def cleared(request: requests.Request) -> responses.Response:
        del request
        seller.suffering.rules.clear()
        return responses.Response(status_code=204)

    async def restarted(request: requests.Request) -> responses.Response:
        del request
        seller.ledger.forget_all()
        return responses.Response(status_code=204)

    return [
        routing.Route("/_sim/ledger", ledger, methods=["GET"]),
        routing.Route("/_sim/faults", shown, methods=["GET"]),
        routing.Route("/_sim/faults", added, methods=["POST"]),
        routing.Route("/_sim/faults", cleared, methods=["DELETE"]),
        routing.Route("/_sim/restart", restarted, methods=["POST"]),
    ]


def _shown(look: vendor.Look) -> dict[str, Any]:
    """Return a job as the vendor's operator sees it, with what it can be told from others by."""
    job, order = look.job, look.job.order
    return {
        "job_id": job.job_id,
        "account": job.account,
        "request": order.request,
        "model": order.model,
        "seconds": order.seconds,
        "size": f"{order.width}x{order.height}",
        "clips": order.clips,
        "seed": order.seed,
        "labels": dict(order.labels),
        "created": job.created,
        "ends": job.ends if math.isfinite(job.ends) else None,
        "state": look.state,
        "billed_micros": job.bill_micros(look.now),
    }


def _rule(told: dict[str, Any]) -> Rule:
    """Return the rule that an operator states.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    unknown = set(told) - {field.name for field in dataclasses.fields(Rule)}
    if unknown:
        raise ValueError(f"a rule has no {', '.join(sorted(unknown))}")
    times = told.get("times")
    return Rule(
        fault=Fault(told["fault"]),
        amount=float(told.get("amount", 0.0)),
        match=str(told.get("match", "")),
        times=None if times is None else int(times),
        share=float(told.get("share", 1.0)),
    )
