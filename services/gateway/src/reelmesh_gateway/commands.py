"""`reelmesh keys` and `reelmesh webhooks`: for who operates a gateway. What they do is loaded when it is asked for."""

import contextlib
import dataclasses
import functools
import json
import logging
import os
import pathlib
import pwd
from collections.abc import Callable, Generator
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reelmesh_gateway.model import keys as model
    from reelmesh_gateway.usecases import issuing

SCOPES = ("read", "write", "admin")
# Where `reelmesh up` has the gateway keep its files, within the mesh's data folder.
_WITHIN_A_MESH = "gateway"
_KEYS_FILE = "api-keys.json"


@dataclasses.dataclass(frozen=True)
class Where:
    """The folders that a command line names; None where it says nothing."""

    data_folder: pathlib.Path | None
    folder: pathlib.Path | None


def _somewhere(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a gateway's folder, and pass them on as the first argument."""

    @click.option(
        "--data",
        "data_folder",
        type=click.Path(path_type=pathlib.Path, file_okay=False),
        help="Data folder of the mesh. [REELMESH_DATA_FOLDER; default: ~/.local/share/reelmesh]",
    )
    @click.option(
        "--folder",
        type=click.Path(path_type=pathlib.Path, file_okay=False),
        help="Folder of a gateway that runs by itself: its REELMESH_DATA_FOLDER.",
    )
    @functools.wraps(function)
    def command(data_folder: pathlib.Path | None, folder: pathlib.Path | None, **options: Any) -> None:
        function(Where(data_folder, folder), **options)

    return command


class Refused(click.ClickException):
    """A command that did nothing, and says why and what to do. Exit codes are those of every command of `reelmesh`."""

    exit_code = 3

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        click.echo(f"✗ {self.message}\n  → {self.hint}", err=True, file=file)


class UnusableFile(Refused):
    """The file of keys cannot be read or written."""

    exit_code = 6


@click.group()
def keys() -> None:
    """Add, list and revoke API keys.

    Works on the gateway's file of keys, so it runs where the gateway does, whether that runs or not; a running gateway
    knows at once. Each change is noted in api-keys.log beside it.
    """


@keys.command()
@click.argument("tenant")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be repeated. [read and write]")
@click.option("--name", default="", help="What it is for, to tell it from others.")
@click.option("--json", "as_json", is_flag=True, help="Print the key and what is known about it as JSON.")
@_somewhere
def add(where: Where, tenant: str, scopes: tuple[str, ...], name: str, as_json: bool) -> None:
    """Issue a key for TENANT, and print it.

    This once: only its SHA-256 is kept.
    """
    from reelmesh_gateway.model import keys as model

    wanted = [model.Scope(each) for each in scopes or ("read", "write")]
    with _issuing(where, make=True) as issuer:
        issued = issuer.add(tenant, wanted, name)
    if as_json:
        click.echo(json.dumps({"key": issued.text, **_fields(issued.key)}, indent=2, ensure_ascii=False))
        return
    click.echo(issued.text)
    allowed = " and ".join(sorted(issued.key.scopes))
    click.echo(f"Key {issued.key.id} lets {tenant} {allowed}. It is shown this once.", err=True)
    click.echo(f"→ the gateway that keeps its files in {_folder(where)} knows it", err=True)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@_somewhere
def list_(where: Where, as_json: bool) -> None:
    """List the keys, oldest first, without their secrets."""
    with _issuing(where) as issuer:
        found = issuer.listed()
    if as_json:
        click.echo(json.dumps([_fields(each) for each in found], indent=2, ensure_ascii=False))
        return
    tenants = max(len(each.tenant_id) for each in found) if found else 0
    for each in found:
        scopes = ",".join(sorted(each.scopes))
        line = f"{each.id}  {each.created:%Y-%m-%d}  {scopes:<16}  {each.tenant_id:<{tenants}}  {each.name}"
        click.echo(line.rstrip())
    if not found:
        click.echo("None. Issue one: reelmesh keys add TENANT", err=True)


@keys.command()
@click.argument("key_id", metavar="ID")
@_somewhere
def revoke(where: Where, key_id: str) -> None:
    """Make a key stop working at once.

    ID is its id, as `reelmesh keys list` shows it, or the key itself.
    """
    with _issuing(where) as issuer:
        revoked = issuer.revoke(key_id)
    click.echo(f"Key {revoked.id} of {revoked.tenant_id} is revoked.", err=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
def webhooks(as_json: bool) -> None:
    """Print where vendors may tell that a job has ended.

    By the settings of the gateway: REELMESH_ACCOUNTS_FILE, REELMESH_PUBLIC_URL and REELMESH_WEBHOOK_KEY. Whoever has an
    address and can sign for the vendor can have us look at jobs; nothing more.
    """
    found = _addresses()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        click.echo(f"{each['account']}  {each['signed']}  {each['url'] or 'named by each request'}")
    if not found:
        click.echo("No account has `webhooks` in accounts.yaml.", err=True)


def _addresses() -> list[dict[str, str]]:
    """Return the accounts with webhooks; where each request names an address, there is none of the whole account."""
    from reelmesh_kit import accounts
    from reelmesh_kit import settings as kit_settings
    from reelmesh_kit import webhooks as addresses

    from reelmesh_gateway import settings

    try:
        told = kit_settings.load(settings.GatewaySettings)
        listed = [each for each in accounts.Book(told.accounts_file).accounts if each.webhooks is not None]
    except (kit_settings.SettingsError, accounts.AccountsError) as error:
        raise Refused(str(error), "Correct it, and print them again.") from error
    if listed and not told.public_url:
        raise Refused("nobody knows where vendors reach the gateway", "Set REELMESH_PUBLIC_URL to its https://host.")
    key = told.webhook_key.get_secret_value() if told.webhook_key else ""
    return [
        {
            "account": each.id,
            "provider": each.provider,
            "signed": each.webhooks.signed if each.webhooks else "",
            "url": f"{told.public_url}{addresses.path(key, each.id)}" if accounts.registers_webhooks(each) else "",
        }
        for each in listed
    ]


@contextlib.contextmanager
def _issuing(where: Where, *, make: bool = False) -> Generator["issuing.Issuing"]:
    """Open the keys, or `make` a file for them; turn what goes wrong into a sentence and an exit code."""
    from reelmesh_kit import chance, clock, errors, process

    from reelmesh_gateway.adapters import key_file
    from reelmesh_gateway.usecases import issuing

    folder = _folder(where)
    if not make and not (folder / _KEYS_FILE).exists():
        raise Refused(
            f"there are no API keys in {folder}", "Start the gateway once, or name another folder with --data."
        )
    try:
        ring = key_file.kept(folder, logging.getLogger(__name__))
        audit = key_file.AuditFile(folder, clock.SystemClock(), _who())
        yield issuing.Issuing(ring, audit, clock.SystemClock(), chance.SystemChance())
    except errors.InvalidArgument as error:
        raise Refused(error.message, "Correct it; nothing was changed.") from error
    except errors.NotFound as error:
        raise Refused(error.message, "`reelmesh keys list` shows those that there are.") from error
    except (process.CannotStart, errors.StorageFull) as error:
        raise UnusableFile(str(error), "Nothing was changed.") from error
    except OSError as error:
        hint = "Free space, or run this as who runs the gateway; nothing was changed."
        raise UnusableFile(f"{folder} cannot be written: {error.strerror or error}", hint) from error


def _folder(where: Where) -> pathlib.Path:
    """Return the gateway's own folder: the one that was named, or the one that a mesh has within its data folder.

    The environment's data folder is that of a gateway where one has kept keys in it.
    """
    from reelmesh_gateway import settings

    if where.folder is not None:
        return where.folder.expanduser().absolute()
    data_folder = (where.data_folder or settings.CommandSettings().data_folder).expanduser().absolute()
    return data_folder if (data_folder / _KEYS_FILE).exists() else data_folder / _WITHIN_A_MESH


def _fields(key: "model.Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant_id": key.tenant_id,
        "scopes": sorted(key.scopes),
        "name": key.name,
        "create_time": key.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _who() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
