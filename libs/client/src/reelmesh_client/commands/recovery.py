"""How the search for lost jobs looks in a terminal."""

import datetime
from collections.abc import Iterable, Sequence

import rich.console
import rich.text
from google.protobuf import timestamp_pb2
from reelmesh.v1 import recovery_service_pb2

from reelmesh_client.commands import fitting, showing

_STYLES = {
    "LOOKING": "yellow",
    "MATCHING": "blue",
    "STANDING": "green",
    "ASKED": "yellow",
    "ANSWERED": "green",
    "PARKED": "red",
    "RELEASED": "cyan",
}
_EXPLAINED = {
    "LOOKING": "accounts are looked through; nothing is submitted",
    "MATCHING": "what was found is given to its attempts; nothing is submitted",
    "STANDING": "it is over",
}
_ID_CELLS = 36


def report(it: recovery_service_pb2.RecoveryReport, now: datetime.datetime) -> rich.console.Group:
    """Return everything about a search, with a table of its accounts."""
    facts = [(rich.text.Text(name, style="dim"), value) for name, value in _facts(it, now)]
    parts: list[rich.console.RenderableType] = [fitting.Rows((), facts)]
    if it.accounts:
        rows = [
            (
                showing.plain(each.account_id),
                showing.plain(each.provider),
                _state(_census_name(each.state)),
                str(each.jobs),
                showing.plain(each.message),
            )
            for each in it.accounts
        ]
        parts.append(fitting.Rows(("account", "provider", "state", "new jobs", "why"), rows, right=(3,)))
    return rich.console.Group(*parts)


def line(it: recovery_service_pb2.RecoveryReport) -> rich.text.Text:
    """Return how far a search is, in a line."""
    name = _name(it)
    asked = recovery_service_pb2.CENSUS_STATE_ASKED
    looked = sum(each.state != asked for each in it.accounts)
    text = _state(name)
    text.append(f": {_EXPLAINED.get(name, '')}; {looked} of {len(it.accounts)} accounts looked through")
    if it.adopted:
        text.append(f", {it.adopted} jobs found their attempts")
    return text


def parked(it: recovery_service_pb2.RecoveryReport) -> Sequence[str]:
    """Return the accounts that wait for an operator."""
    return [each.account_id for each in it.accounts if each.state == recovery_service_pb2.CENSUS_STATE_PARKED]


def orphans(them: Iterable[recovery_service_pb2.Orphan], now: datetime.datetime) -> fitting.Rows:
    """Return jobs of nobody as a table."""
    rows = [
        (
            showing.plain(each.account_id),
            showing.plain(each.job_id),
            showing.plain(each.model),
            showing.ago(each.find_time, now),
            showing.plain(each.attempt_id),
        )
        for each in them
    ]
    # An id is not broken: it is copied.
    return fitting.Rows(("account", "job", "model", "found", "names attempt"), rows, right=(3,), least=_ID_CELLS)


def _facts(it: recovery_service_pb2.RecoveryReport, now: datetime.datetime) -> Iterable[tuple[str, rich.text.Text]]:
    name = _name(it)
    yield "state", _state(name).append(f", {_EXPLAINED.get(name, '')}", style="")
    yield "because", rich.text.Text(showing.plain(it.reason))
    yield "began", rich.text.Text(f"{showing.ago(it.begin_time, now)} ago")
    if it.HasField("end_time"):
        yield "took", rich.text.Text(f"{showing.seconds_between(it.begin_time, it.end_time):.1f} s")
    if it.HasField("head_time"):
        # Whatever was admitted after it is known again once its client asks for it again.
        yield "record until", rich.text.Text(_moment(it.head_time))
    yield "adopted", rich.text.Text(f"{it.adopted} jobs found their attempts")
    yield "freed", rich.text.Text(f"{it.freed} generations had something to submit, and no job")
    yield "orphans", rich.text.Text("there are jobs that belong to nobody" if it.orphans else "none")


def _name(it: recovery_service_pb2.RecoveryReport) -> str:
    return recovery_service_pb2.RecoveryState.Name(it.state).removeprefix("RECOVERY_STATE_")


def _census_name(state: recovery_service_pb2.CensusState) -> str:
    return recovery_service_pb2.CensusState.Name(state).removeprefix("CENSUS_STATE_")


def _state(name: str) -> rich.text.Text:
    return rich.text.Text().append(name.lower(), style=_STYLES.get(name, ""))


def _moment(when: timestamp_pb2.Timestamp) -> str:
    return when.ToDatetime(tzinfo=datetime.UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
