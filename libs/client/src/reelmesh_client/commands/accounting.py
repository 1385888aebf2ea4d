"""`reelmesh accounts` and `reelmesh switch`: how well providers are, and what operators switch off."""

import datetime
from collections.abc import Callable, Iterable

import click
import rich.text
from google.protobuf import timestamp_pb2
from reelmesh.v1 import account_service_pb2

from reelmesh_client import client, errors
from reelmesh_client.commands import fitting, outcome, running, showing

LISTED_DEFAULT = 20
LISTED_MOST = 10_000
_Target = account_service_pb2.SwitchTarget
_STATES = {
    account_service_pb2.BREAKER_STATE_CLOSED: ("well", "green"),
    account_service_pb2.BREAKER_STATE_OPEN: ("breaker open", "red"),
    account_service_pb2.BREAKER_STATE_HALF_OPEN: ("a trial is made", "yellow"),
}


@click.command(epilog=outcome.EXPLAINED)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def accounts(where: running.Where, as_json: bool) -> None:
    """Show accounts at providers, and how well their models are.

    Needs a key with the scope "admin".
    """
    found = running.run(where, lambda opened: opened.accounts())
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        showing.out().print(_accounts_table(found, running.device().now()))
    else:
        showing.err().print("None: no provider has announced itself, and accounts.yaml lists none.", markup=False)


@click.group(epilog=outcome.EXPLAINED)
def switch() -> None:
    """Switch providers, accounts and models off and on.

    What is off gets nothing new, from that moment on; what is in flight there is watched until it ends, and what waits
    goes to the next candidate. Needs a key with the scope "admin"; who did so, and why, stands in the history.
    """


def _target(function: Callable[..., None]) -> Callable[..., None]:
    for name, words in (("model", "A model."), ("account", "An account."), ("provider", "A provider, such as veo.")):
        function = click.option(f"--{name}", default="", help=words)(function)
    return click.option("--reason", required=True, help="Why: 1 to 500 characters for the history.")(function)


@switch.command(epilog=outcome.EXPLAINED)
@_target
@click.option("--json", "as_json", is_flag=True, help="Print the switch as JSON to stdout.")
@running.mesh_command
def off(where: running.Where, provider: str, account: str, model: str, reason: str, as_json: bool) -> None:
    """Switch off whatever has all of the names that are given."""
    names = _named(provider, account, model)

    async def work(opened: client.Client) -> account_service_pb2.Switch:
        try:
            return await opened.switch_off(reason, **names)
        except errors.InvalidArgument as error:
            error.hint = f"`{where.again('accounts')}` shows what there is."
            raise

    done = running.run(where, work)
    if as_json:
        click.echo(showing.as_json(done))
        return
    showing.err().print(f"off: {_words(done.target)}", markup=False, soft_wrap=True)
    follow = where.again(f"switch on {_options(done.target)} --reason …")
    showing.err().print(f"→ {follow}", markup=False, soft_wrap=True)


@switch.command(epilog=outcome.EXPLAINED)
@_target
@click.option("--json", "as_json", is_flag=True, help="Print what is still off as a JSON array.")
@running.mesh_command
def on(where: running.Where, provider: str, account: str, model: str, reason: str, as_json: bool) -> None:
    """Switch on what was switched off, by the same names."""
    names = _named(provider, account, model)
    left = running.run(where, lambda opened: opened.switch_on(reason, **names))
    if as_json:
        click.echo(showing.as_json_list(left))
        return
    target = _Target(**names)
    showing.err().print(f"on: {_words(target)}", markup=False, soft_wrap=True)
    for each in left:
        words = f"! {_words(each.target)} is still off: {showing.plain(each.reason)}"
        showing.err().print(words, markup=False, soft_wrap=True)


@switch.command(name="list", epilog=outcome.EXPLAINED)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def list_(where: running.Where, as_json: bool) -> None:
    """List what is switched off, the oldest first."""
    found = running.run(where, lambda opened: opened.switches())
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        now = running.device().now()
        rows = [
            (
                _words(one.target),
                showing.ago(one.create_time, now),
                showing.plain(one.operator),
                showing.plain(one.reason),
            )
            for one in found
        ]
        showing.out().print(fitting.Rows(("off", "since", "by", "why"), rows, right=(1,)))
    else:
        showing.err().print("None: nothing is switched off.", markup=False)


@switch.command(epilog=outcome.EXPLAINED)
@click.option("--limit", type=click.IntRange(1, LISTED_MOST), default=LISTED_DEFAULT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
def history(where: running.Where, limit: int, as_json: bool) -> None:
    """List changes of switches and circuit breakers, newest first."""

    async def work(opened: client.Client) -> list[account_service_pb2.HealthEvent]:
        return [each async for each in opened.health_events(limit=limit)]

    found = running.run(where, work)
    if as_json:
        click.echo(showing.as_json_list(found))
    elif found:
        now = running.device().now()
        rows = [
            (
                showing.ago(one.create_time, now),
                account_service_pb2.HealthEventType.Name(one.type)
                .removeprefix("HEALTH_EVENT_TYPE_")
                .lower()
                .replace("_", " "),
                _words(one.target),
                showing.plain(one.operator) or "the breaker",
                showing.plain(one.message),
            )
            for one in found
        ]
        showing.out().print(fitting.Rows(("ago", "what", "of", "by", "why"), rows, right=(0,)))
    else:
        showing.err().print("Nothing has happened yet.", markup=False)


def _named(provider: str, account: str, model: str) -> dict[str, str]:
    names = {"provider": provider, "account_id": account, "model": model}
    if not any(names.values()):
        raise click.UsageError("Say what: --provider, --account, --model, or several of them.")
    return names


def _words(target: _Target) -> str:
    told = (("provider", target.provider), ("account", target.account_id), ("model", target.model))
    return ", ".join(f"{kind} {showing.plain(name)}" for kind, name in told if name)


def _options(target: _Target) -> str:
    told = (("provider", target.provider), ("account", target.account_id), ("model", target.model))
    return " ".join(f"--{kind} {showing.plain(name)}" for kind, name in told if name)


def _accounts_table(them: Iterable[account_service_pb2.Account], now: datetime.datetime) -> fitting.Rows:
    rows = [
        (
            showing.plain(account.id) if place == 0 else "",
            showing.plain(account.provider) if place == 0 else "",
            f"{account.in_flight} of {account.slots}" if place == 0 else "",
            str(account.waiting) if place == 0 else "",
            showing.plain(model.model),
            _health(account, model, now),
        )
        for account in them
        for place, model in enumerate(account.models or [account_service_pb2.AccountModel()])
    ]
    return fitting.Rows(("account", "provider", "in flight", "waiting", "model", "health"), rows, right=(3,))


def _health(
    account: account_service_pb2.Account, model: account_service_pb2.AccountModel, now: datetime.datetime
) -> rich.text.Text:
    if not account.enabled:
        return rich.text.Text("off in accounts.yaml", style="yellow")
    if not model.model:
        return rich.text.Text("no worker of its provider has announced itself", style="yellow")
    if model.switched_off:
        return rich.text.Text("switched off", style="yellow")
    words, style = _STATES.get(model.breaker, ("unknown", "yellow"))
    said = [words]
    if model.HasField("rest_time"):
        said.append(f"the provider asked for a pause of {_ahead(model.rest_time, now)}")
    if model.HasField("trial_time"):
        said.append(f"next trial in {_ahead(model.trial_time, now)}")
    failed = [f"{number} {what} failed in a row" for number, what in _failed(model) if number]
    if model.breaker == account_service_pb2.BREAKER_STATE_CLOSED:
        said += failed
    if model.message:
        said.append(showing.plain(model.message))
    if model.retire_date:
        said.append(f"retires on {model.retire_date}")
    return rich.text.Text(", ".join(said), style=style)


def _failed(model: account_service_pb2.AccountModel) -> tuple[tuple[int, str], ...]:
    return (model.failed_submits, "submits"), (model.failed_jobs, "jobs")


def _ahead(moment: timestamp_pb2.Timestamp, now: datetime.datetime) -> str:
    seconds = (moment.ToDatetime(tzinfo=datetime.UTC) - now).total_seconds()
    return f"{max(round(seconds), 0)} s"
