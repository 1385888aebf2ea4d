"""`reelmesh migrate`: schemas are brought up to date before services start, and nothing else runs."""

import asyncio
import importlib.resources
from typing import NoReturn, Protocol, cast

import rich.markup
from reelmesh_client.commands import outcome, showing
from reelmesh_kit import clock, errors, process, sql
from reelmesh_kit import settings as kit_settings
from reelmesh_kit.sql import migration

from reelmesh_standalone import parts


class _Keeping(Protocol):
    """The settings of a service that has a database."""

    database_url: str


def migrate() -> None:
    """Bring the schema of each service that has one up to date, and say at which revision it is.

    Raises:
        outcome.Ended: a database is not named, cannot be reached, or is of a newer release; it was said.
    """
    places = {part: _place(part) for part in parts.all_parts() if _has_schema(part)}
    for part, url in places.items():
        try:
            revision = asyncio.run(_migrated(url, part.package))
        except errors.RetryableError as error:
            _explain(outcome.Exit.UNREACHABLE, f"{part.name}: {error.message}", "Start it, or correct the URL.")
        except (process.CannotStart, errors.ReelmeshError) as error:
            _explain(outcome.Exit.REFUSED, f"{part.name}: {error}", "Nothing was changed in it.")
        showing.out().print(rich.markup.escape(f"{part.name}: schema {revision}"))


def _has_schema(part: parts.Part) -> bool:
    return (importlib.resources.files(part.package) / "migrations").is_dir()


def _place(part: parts.Part) -> str:
    try:
        told = kit_settings.load(part.settings_class())
    except kit_settings.SettingsError as error:
        _explain(outcome.Exit.USAGE, f"{part.name}: {error}", "Give this command the variables of the services.")
    # The default is a file in the folder where a service starts: whoever migrates that has forgotten something.
    if "database_url" not in told.model_fields_set:
        _explain(
            outcome.Exit.USAGE,
            f"{part.name} has no database here",
            "Set REELMESH_DATABASE_URL as for the services: postgresql://… or sqlite:///path.",
        )
    return cast(_Keeping, told).database_url


async def _migrated(url: str, package: str) -> str:
    async with sql.open_database(url, clock.SystemClock(), migrations=package):
        return migration.newest(package)


def _explain(exit_code: outcome.Exit, problem: str, advice: str) -> NoReturn:
    showing.err().print(f"✗ {problem}\n  → {advice}", markup=False)
    raise outcome.Ended(exit_code)
