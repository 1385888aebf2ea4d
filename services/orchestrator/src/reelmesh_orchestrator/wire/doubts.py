"""Attempts in doubt, as operators are told of them."""

import base64
import binascii
import datetime
import json

from reelmesh.v1 import reconciliation_service_pb2
from reelmesh_kit import clock, errors, ids

from reelmesh_orchestrator import ports


def doubt_to_proto(doubt: ports.Doubt) -> reconciliation_service_pb2.DoubtfulAttempt:
    """Return an attempt with whose it is."""
    one = doubt.attempt
    message = reconciliation_service_pb2.DoubtfulAttempt(
        attempt_id=str(one.id),
        generation_id=str(doubt.generation_id),
        tenant_id=doubt.tenant_id,
        account_id=one.account_id,
        provider=one.provider,
        model=one.model,
        state=f"ATTEMPT_STATE_{one.state}",
        held_micros=one.held_micros,
        spent_micros=one.spent_micros,
        job_id=one.job_id,
        message=one.message,
    )
    if one.submit_time is not None:
        message.submit_time.FromDatetime(one.submit_time)
    return message


def token_of_doubts(place: ports.DoubtPlace | None) -> str:
    """Return a page's end as callers carry it; empty when there is nothing behind it."""
    if place is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps([place.since.isoformat(), str(place.attempt_id)]).encode()).decode()


def doubts_from_token(token: str) -> ports.DoubtPlace | None:
    """Return where a page begins.

    Raises:
        errors.InvalidArgument: the token is none of ours.
    """
    if not token:
        return None
    try:
        since, attempt_id = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        # A token of ours names a zone; of another one this makes something else that is a time.
        moment = datetime.datetime.fromisoformat(since).astimezone(clock.UTC)
        return ports.DoubtPlace(moment, ids.read(attempt_id))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise errors.InvalidArgument("page_token", "must be the next_page_token of the page before") from None
