"""`reelmesh doubts`: what operators do about attempts of which nobody knows what became of them."""

import datetime
from collections.abc import Awaitable, Callable, Iterable

import click
import rich.text
from reelmesh.v1 import generation_pb2, reconciliation_service_pb2

from reelmesh_client import client, errors
from reelmesh_client.commands import fitting, outcome, running, showing

LISTED_DEFAULT = 100
LISTED_MOST = 100_000
_ID_CELLS = 36
_Attempt = reconciliation_service_pb2.DoubtfulAttempt
_Verb = Callable[[client.Client], Awaitable[_Attempt]]


@click.group(epilog=outcome.EXPLAINED)
def doubts() -> None:
    """Settle attempts whose fate at the provider is unknown.

    They hold their money and their shot until a provider's list shows what became of them, or you say so. Look at the
    provider's console first. Needs a key with the scope "admin"; what you say stands in the generation's history.
    """


def _reason(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--reason", required=True, help="How you know: 1 to 500 characters for the history.")(function)


def _as_json(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print the attempt as JSON to stdout.")(function)


@doubts.command(name="list", epilog=outcome.EXPLAINED)
@click.option("--limit", type=click.IntRange(1, LISTED_MOST), default=LISTED_DEFAULT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def list_(where: running.Where, limit: int, as_json: bool) -> None:
    """List attempts in doubt, the oldest first."""

    async def work(opened: client.Client) -> list[_Attempt]:
        return [each async for each in opened.doubts(limit=limit)]

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        showing.out().print(_table(found, running.device().now()))
    else:
        showing.err().print("None: of every attempt it is known what became of it.", markup=False)


@doubts.command(epilog=outcome.EXPLAINED)
@click.argument("attempt_id", metavar="ATTEMPT")
@click.argument("job_id", metavar="JOB")
@_reason
@_as_json
@running.mesh_command
def adopt(where: running.Where, attempt_id: str, job_id: str, reason: str, as_json: bool) -> None:
    """Take the provider's JOB, and its result, for ATTEMPT's."""
    _say(where, lambda opened: opened.adopt_job(attempt_id, job_id, reason), as_json)


@doubts.command(epilog=outcome.EXPLAINED)
@click.argument("attempt_id", metavar="ATTEMPT")
@_reason
@_as_json
@running.mesh_command
def resubmit(where: running.Where, attempt_id: str, reason: str, as_json: bool) -> None:
    """Give ATTEMPT up, and try the same provider again.

    Its price counts as spent. If the provider has made it after all, both are paid.
    """
    _say(where, lambda opened: opened.resubmit(attempt_id, reason), as_json)


@doubts.command(name="write-off", epilog=outcome.EXPLAINED)
@click.argument("attempt_id", metavar="ATTEMPT")
@_reason
@_as_json
@running.mesh_command
def write_off(where: running.Where, attempt_id: str, reason: str, as_json: bool) -> None:
    """Give ATTEMPT up, and go on with the next candidate.

    Its price counts as spent. If the provider has made it after all, the result is kept as another take.
    """
    _say(where, lambda opened: opened.write_off(attempt_id, reason), as_json)


def _say(where: running.Where, verb: _Verb, as_json: bool) -> None:
    async def work(opened: client.Client) -> _Attempt:
        try:
            return await verb(opened)
        except (errors.NotFound, errors.WrongState) as error:
            error.hint = f"`{where.again('doubts list')}` shows those that are in doubt."
            raise

    attempt = running.run(where, work)
    if as_json:
        click.echo(showing.as_json(attempt))
        return
    showing.err().print(f"{_state(attempt)}: {showing.plain(attempt.message)}", markup=False, soft_wrap=True)
    follow = where.again(f"events {showing.plain(attempt.generation_id)}")
    showing.err().print(f"→ {follow}", markup=False, soft_wrap=True)


def _table(them: Iterable[_Attempt], now: datetime.datetime) -> fitting.Rows:
    rows = [
        (
            showing.plain(each.attempt_id),
            showing.plain(each.account_id),
            showing.plain(each.model),
            rich.text.Text(f"${each.held_micros / 1e6:.4f}"),
            showing.ago(each.submit_time, now),
            showing.plain(each.message),
        )
        for each in them
    ]
    # An id is not broken: it is copied.
    return fitting.Rows(("attempt", "account", "model", "holds", "since", "why"), rows, right=(3, 4), least=_ID_CELLS)


def _state(attempt: _Attempt) -> str:
    return generation_pb2.AttemptState.Name(attempt.state).removeprefix("ATTEMPT_STATE_").lower().replace("_", " ")
