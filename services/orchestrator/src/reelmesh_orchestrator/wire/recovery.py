"""The record's marks, censuses, and what operators are told about recoveries."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import TypeGuard

from google.protobuf import timestamp_pb2
from reelmesh.mesh.v1 import pool_service_pb2, record_mark_pb2
from reelmesh.v1 import recovery_service_pb2
from reelmesh_kit import errors, ids

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import eras, recovering
from reelmesh_orchestrator.wire import workers


def mark_from_proto(message: record_mark_pb2.RecordMark) -> eras.Mark | None:
    """Return what somebody has seen of the record; None when that is nothing.

    Raises:
        errors.InvalidArgument: it is no mark.
    """
    if not message.era_id:
        return None
    try:
        event_id = ids.read(message.event_id) if message.event_id else None
        return eras.Mark(ids.read(message.era_id), message.position, event_id)
    except ValueError as error:
        raise errors.InvalidArgument("mark", str(error)) from None


def mark_to_proto(mark: eras.Mark | None) -> record_mark_pb2.RecordMark:
    """Return a mark; an empty one when nothing was seen."""
    if mark is None:
        return record_mark_pb2.RecordMark()
    return record_mark_pb2.RecordMark(
        era_id=str(mark.era_id), position=mark.position, event_id=str(mark.event_id or "")
    )


def found_from_proto(message: pool_service_pb2.ListedJob, account_id: str) -> recovering.Found:
    """Return a job that a worker found; whose account it is the record knows.

    Raises:
        errors.InvalidArgument: it has no id, names an attempt by something else than a UUID, or does not say how.
    """
    if not message.job_id:
        raise errors.InvalidArgument("jobs.job_id", "must be the provider's id of the job")
    try:
        attempt_id = ids.read(message.attempt_id) if message.attempt_id else None
    except ValueError as error:
        raise errors.InvalidArgument("jobs.attempt_id", str(error)) from None
    return recovering.Found(
        project=message.project or account_id,
        job_id=message.job_id,
        account_id=account_id,
        provider="",
        model=message.model,
        evidence=workers.evidence_from_proto(message.evidence),
        attempt_id=attempt_id,
        seed=message.seed if message.HasField("seed") else None,
    )


def report_to_proto(
    era: eras.Era, censuses: Iterable[recovering.Census], *, orphans: bool
) -> recovery_service_pb2.RecoveryReport:
    """Return how far a recovery is."""
    report = recovery_service_pb2.RecoveryReport(
        era_id=str(era.id),
        number=era.number,
        state=f"RECOVERY_STATE_{era.state}",
        reason=era.reason,
        accounts=[_census(one) for one in censuses],
        adopted=era.adopted,
        freed=era.freed,
        orphans=orphans,
    )
    report.begin_time.FromDatetime(era.begin_time)
    if era.end_time:
        report.end_time.FromDatetime(era.end_time)
    if era.head_time:
        report.head_time.FromDatetime(era.head_time)
    return report


def _census(one: recovering.Census) -> recovery_service_pb2.AccountCensus:
    return recovery_service_pb2.AccountCensus(
        account_id=one.account_id,
        provider=one.provider,
        state=f"CENSUS_STATE_{one.state}",
        jobs=one.jobs,
        message=one.message,
    )


def orphan_to_proto(one: ports.Orphan) -> recovery_service_pb2.Orphan:
    """Return a job that belongs to nobody."""
    found = one.found
    find_time = timestamp_pb2.Timestamp()
    find_time.FromDatetime(one.find_time)
    return recovery_service_pb2.Orphan(
        account_id=found.account_id,
        provider=found.provider,
        job_id=found.job_id,
        attempt_id=str(found.attempt_id or ""),
        model=found.model,
        evidence=f"ORPHAN_EVIDENCE_{found.evidence.name}",
        find_time=find_time,
    )


def token_of_orphans(place: ports.OrphanPlace | None) -> str:
    """Return a page's end as callers carry it; empty when there is nothing behind it."""
    if place is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps([place.project, place.job_id]).encode()).decode()


def orphans_from_token(token: str) -> ports.OrphanPlace | None:
    """Return where a page begins.

    Raises:
        errors.InvalidArgument: the token is none of ours.
    """
    if not token:
        return None
    try:
        project, job_id = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        project = job_id = None
    if not _can_be_kept(project) or not _can_be_kept(job_id):
        raise errors.InvalidArgument("page_token", "must be the next_page_token of the page before")
    return ports.OrphanPlace(project, job_id)


def _can_be_kept(name: object) -> TypeGuard[str]:
    """Tell whether this is text that a database takes: a token is anybody's to write."""
    return isinstance(name, str) and "\x00" not in name and not any(0xD800 <= ord(one) <= 0xDFFF for one in name)
