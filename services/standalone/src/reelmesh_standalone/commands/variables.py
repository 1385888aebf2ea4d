"""`reelmesh settings`: every variable that every service reads."""

import json

import click
import rich.table
import rich.text
from reelmesh_client import settings as client_settings
from reelmesh_client.commands import showing
from reelmesh_kit import settings as kit_settings

from reelmesh_standalone import parts
from reelmesh_standalone.settings import StandaloneSettings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON object by service.")
def settings(as_json: bool) -> None:
    """List every environment variable.

    Variables are read from the environment and from .env in the current folder. `reelmesh up` sets ports, addresses
    and folders of its services itself.
    """
    found = described()
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    table = rich.table.Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("variable", no_wrap=True)
    table.add_column("default", overflow="fold", max_width=32)
    table.add_column("what it is for", overflow="fold")
    for service, variables in found.items():
        table.add_row(rich.text.Text(service, style="bold"), "", "")
        for variable in variables:
            default = rich.text.Text(variable["default"] or "-", style="dim")
            table.add_row(rich.text.Text("  " + variable["variable"]), default, rich.text.Text(variable["meaning"]))
    showing.out().print(table)


def described() -> dict[str, list[dict[str, str]]]:
    """Return all variables by service; those that all services share stand once, under "every service"."""
    shared = kit_settings.describe(kit_settings.ServiceSettings)
    known = {each.env for each in shared}
    found = {
        "command line": [
            {"variable": variable, "default": default, "meaning": meaning}
            for variable, default, meaning in client_settings.DESCRIPTIONS
        ],
        "every service": [_row(each) for each in shared],
    }
    kinds = {"up": StandaloneSettings} | {part.name: part.settings_class() for part in parts.all_parts()}
    for name, kind in kinds.items():
        found[name] = [_row(each) for each in kit_settings.describe(kind) if each.env not in known]
    return found


def _row(described_setting: kit_settings.SettingDescription) -> dict[str, str]:
    secret = " (secret)" if described_setting.secret else ""
    return {
        "variable": described_setting.env,
        "default": described_setting.default,
        "meaning": described_setting.description + secret,
    }
