"""`reelmesh recover`: what operators do after the record went back."""

import asyncio
from collections.abc import Callable

import click
from reelmesh.v1 import recovery_service_pb2

from reelmesh_client import client, errors
from reelmesh_client.commands import outcome, recovery, running, showing

LISTED_DEFAULT = 100
LISTED_MOST = 100_000
_HELP = ("-h", "--help")


class _Status(click.Group):
    """A group that shows the status when no verb is named, with the options of that one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in _HELP):
            args = [_STATUS, *args]
        return super().parse_args(ctx, args)


_STATUS = "status"


@click.group(cls=_Status, epilog=outcome.EXPLAINED)
def recover() -> None:
    """Look for lost jobs after the database was put back.

    Without a verb: the status. Needs a key with the scope "admin".
    """


def _wait(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--wait", is_flag=True, help="Follow it until it is over.")(function)


def _reason(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--reason", default="", help="A sentence for the report, at most 500 characters.")(function)


def _as_json(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON to stdout.")(function)


@recover.command(name=_STATUS, epilog=outcome.EXPLAINED)
@_wait
@_as_json
@running.mesh_command
def status(where: running.Where, wait: bool, as_json: bool) -> None:
    """Show how far it is, or how the last one went."""

    async def work(opened: client.Client) -> recovery_service_pb2.RecoveryReport | None:
        return await _followed(opened, where) if wait else await opened.recovery()

    _report(where, running.run(where, work), as_json)


@recover.command(epilog=outcome.EXPLAINED)
@_reason
@_wait
@_as_json
@running.mesh_command
def start(where: running.Where, reason: str, wait: bool, as_json: bool) -> None:
    """Look for lost jobs, although the record seems to be what it was.

    Nothing is submitted until every account was looked through. If that is being done already it goes on.
    """

    async def work(opened: client.Client) -> recovery_service_pb2.RecoveryReport | None:
        started = await opened.start_recovery(reason)
        return await _followed(opened, where) if wait else started

    _report(where, running.run(where, work), as_json)


@recover.command(epilog=outcome.EXPLAINED)
@click.option("--limit", type=click.IntRange(1, LISTED_MOST), default=LISTED_DEFAULT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def orphans(where: running.Where, limit: int, as_json: bool) -> None:
    """List jobs that accounts have and that belong to nobody.

    If one is of a generation that was made after the backup, that gets it when its client asks for it again.
    """

    async def work(opened: client.Client) -> list[recovery_service_pb2.Orphan]:
        return [each async for each in opened.orphans(limit=limit)]

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        showing.out().print(recovery.orphans(found, running.device().now()))
    else:
        showing.err().print("None: every job that was found belongs to somebody.", markup=False)


@recover.command(epilog=outcome.EXPLAINED)
@click.argument("account_id", metavar="ACCOUNT")
@_reason
@_as_json
@running.mesh_command
def release(where: running.Where, account_id: str, reason: str, as_json: bool) -> None:
    """Let go on what waits for a parked account.

    You state that ACCOUNT has no job that the mesh does not know: look at the vendor's console first. What was asked
    for there, and is not known, may be made and paid for again.
    """

    async def work(opened: client.Client) -> recovery_service_pb2.RecoveryReport:
        try:
            return await opened.release_account(account_id, reason)
        except (errors.NotFound, errors.WrongState) as error:
            error.hint = f"`{where.again('recover')}` shows the accounts."
            raise

    _report(where, running.run(where, work), as_json)


async def _followed(opened: client.Client, where: running.Where) -> recovery_service_pb2.RecoveryReport | None:
    """Say what happens until it is over; after Ctrl-C, how to go on."""
    console = showing.err()
    last: recovery_service_pb2.RecoveryReport | None = None
    lost = False

    def say_lost(error: errors.ReelmeshError) -> None:
        nonlocal lost
        if not lost:
            lost = True
            console.print(f"… {showing.plain(error.message)}; trying again", markup=False, soft_wrap=True)

    try:
        async for report in opened.follow_recovery(on_lost=say_lost):
            last, lost = report, False
            console.print(recovery.line(report), soft_wrap=True)
    except asyncio.CancelledError:
        console.print("\nIt goes on without you.", markup=False)
        console.print(f"  follow it  {where.again('recover status')} --wait", markup=False, soft_wrap=True)
        raise
    return last


def _report(where: running.Where, report: recovery_service_pb2.RecoveryReport | None, as_json: bool) -> None:
    """Print a report, and what an operator can do."""
    if as_json:
        click.echo(showing.as_json(recovery_service_pb2.GetRecoveryResponse(recovery=report)))
        return
    console = showing.err()
    if report is None:
        console.print("The record never went back, as far as anybody knows.", markup=False)
        console.print(f"→ {where.again('recover start')} --reason …, if you know better", markup=False, soft_wrap=True)
        return
    showing.out().print(recovery.report(report, running.device().now()))
    for account in recovery.parked(report):
        console.print(
            f"→ look at the vendor's console of {showing.plain(account)}, then: "
            f"{where.again(f'recover release {showing.plain(account)}')} --reason …",
            markup=False,
            soft_wrap=True,
        )
    if report.orphans:
        console.print(f"→ {where.again('recover orphans')}", markup=False, soft_wrap=True)
    if report.state != recovery_service_pb2.RECOVERY_STATE_STANDING:
        console.print(f"→ {where.again('recover status')} --wait", markup=False, soft_wrap=True)
