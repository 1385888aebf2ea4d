"""fal.ai's list of requests by endpoint: what a lost request is found by, for its input stands in it."""

import base64
import binascii
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette import requests, responses

from reelmesh_simulators import orders, vendor
from reelmesh_simulators.dialects import fal_words

LARGEST_PAGE = 100
DEFAULT_PAGE = 50
MOST_ENDPOINTS = 50
DAY_SECONDS = 86_400
STATUSES = ("success", "error", "user_error")
ORDERS = ("ended_at", "duration")


class Refused(Exception):
    """The query is not as it should be."""

    def response(self) -> responses.Response:
        """Return what the caller reads."""
        error = {"type": "validation_error", "message": str(self), "docs_url": "https://docs.fal.ai/platform-apis"}
        return responses.JSONResponse({"error": error}, 400)


@dataclass(frozen=True, slots=True)
class Query:
    """Which requests are asked for."""

    endpoints: frozenset[str]
    start: float
    end: float
    limit: int
    page: int
    status: str | None
    request_id: str | None
    by_duration: bool
    payloads: bool


def read(request: requests.Request, now: float) -> Query:
    """Return what is asked for.

    Raises:
        Refused: it is not to be understood.
    """
    asked = request.query_params
    endpoints = frozenset(one for value in asked.getlist("endpoint_id") for one in value.split(",") if one)
    if not 1 <= len(endpoints) <= MOST_ENDPOINTS:
        raise Refused(f"endpoint_id: between 1 and {MOST_ENDPOINTS} endpoints are required")
    limit = asked.get("limit", str(DEFAULT_PAGE))
    if not limit.isdigit() or not 1 <= int(limit) <= LARGEST_PAGE:
        raise Refused(f"limit: must be between 1 and {LARGEST_PAGE}")
    status, order = asked.get("status"), asked.get("sort_by", ORDERS[0])
    if status is not None and status not in STATUSES:
        raise Refused(f"status: must be one of {', '.join(STATUSES)}")
    if order not in ORDERS:
        raise Refused(f"sort_by: must be one of {', '.join(ORDERS)}")
    return Query(
        endpoints=endpoints,
        start=_time(asked.get("start"), now - DAY_SECONDS),
        end=_time(asked.get("end"), float("inf")),
        limit=int(limit),
        page=_page(asked.get("cursor")),
        status=status,
        request_id=asked.get("request_id"),
        by_duration=order == "duration",
        payloads="payloads" in asked.getlist("expand"),
    )


def _time(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text}: must be a date as of ISO 8601") from None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def _page(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        page = int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError):
        page = -1
    if page < 0:
        raise Refused("cursor: is none of ours")
    return page


def page_of(query: Query, looks: Sequence[vendor.Look], results: Sequence[Any]) -> dict[str, Any]:
    """Return a page of requests: those that ended last come first.

    Args:
        query: what is asked for.
        looks: every request, each with its result beside it.
        results: what each came to: JSON.
    """
    found = [(look, result) for look, result in zip(looks, results, strict=True) if _is_asked_for(query, look)]
    found.sort(key=lambda one: _duration(one[0]) if query.by_duration else _ended(one[0]), reverse=True)
    start, end = query.page * query.limit, (query.page + 1) * query.limit
    more = end < len(found)
    return {
        "items": [_item(look, result if query.payloads else None, query.payloads) for look, result in found[start:end]],
        "next_cursor": base64.b64encode(str(query.page + 1).encode()).decode() if more else None,
        "has_more": more,
    }


def _is_asked_for(query: Query, look: vendor.Look) -> bool:
    job = look.job
    return (
        job.order.model in query.endpoints
        and query.start <= job.created < query.end
        and query.request_id in (None, job.job_id)
        and (query.status is None or query.status == _status(look))
    )


def _status(look: vendor.Look) -> str | None:
    if look.state not in orders.ENDED:
        return None
    failure = fal_words.failure_of(look)
    if failure is None:
        return "success"
    return "error" if failure.status >= 500 else "user_error"


def _ended(look: vendor.Look) -> float:
    job = look.job
    if look.state not in orders.ENDED:
        return float("inf")
    return job.ends if job.cancelled is None else job.cancelled


def _duration(look: vendor.Look) -> float:
    return max(min(_ended(look), look.now) - look.job.starts, 0.0)


def _item(look: vendor.Look, result: Any, payloads: bool) -> dict[str, Any]:
    job, ended = look.job, look.state in orders.ENDED
    failure = fal_words.failure_of(look)
    item: dict[str, Any] = {
        "request_id": job.job_id,
        "endpoint_id": job.order.model,
        "sent_at": stamp(job.created),
        "started_at": stamp(job.starts) if look.now >= job.starts else None,
        "ended_at": stamp(_ended(look)) if ended else None,
        "status_code": (failure.status if failure else 200) if ended else None,
        "duration": round(_duration(look), 3) if ended else None,
    }
    if payloads:
        stored = job.order.told["stored"]
        item |= {"json_input": job.order.told["input"] if stored else None, "json_output": result if stored else None}
    return item


def stamp(at: float) -> str:
    """Return a moment as this API writes it."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat().replace("+00:00", "Z")
