"""`reelmesh dead-letters`: the messages that were given up, and why."""

import asyncio
import json
import pathlib
from typing import NoReturn

import click
from reelmesh_client import discovery
from reelmesh_client.commands import fitting, outcome, running, showing
from reelmesh_kit import bus, errors, process, settings

from reelmesh_standalone import parts


def dead_letters(data_folder: pathlib.Path | None, limit: int, nats_url: str, *, as_json: bool) -> None:
    """Print the newest messages that were given up.

    Raises:
        outcome.Ended: no bus answers; why was said.
    """
    folder = running.Where(None, None, data_folder).folder()
    mesh = discovery.read(folder)
    url = nats_url or (mesh.nats if mesh else "")
    if not url:
        _explain(f"no mesh runs on {folder}", "Start it with `reelmesh up`, or name its bus with --nats.")
    try:
        # The bus of a mesh on this machine asks for nothing, whatever the environment says of others.
        given = {"nats_url": url, **({} if nats_url else parts.IN_THE_CLEAR)}
        letters = asyncio.run(_read(settings.load(settings.ServiceSettings, given), limit))
    except settings.SettingsError as error:
        _explain("the settings are not usable", str(error))
    except process.CannotStart as error:
        _explain(f"{settings.without_password(url)} is not to be reached", str(error))
    except errors.RetryableError as error:
        _explain(f"{url} does not answer: {error.message}", "Is nats-server running there?")
    if as_json:
        click.echo(json.dumps([_fields(letter) for letter in letters], indent=2))
    elif letters:
        showing.out().print(_table(letters))
    else:
        showing.out().print("no dead letters")


async def _read(told: settings.ServiceSettings, limit: int) -> list[bus.DeadLetter]:
    own = process.chassis("command-line", told)
    async with bus.connect(own, told.nats_url) as link:
        return await link.dead_letters(limit)


def _explain(problem: str, advice: str) -> NoReturn:
    showing.err().print(f"✗ {problem}\n  → {advice}", markup=False)
    raise outcome.Ended(outcome.Exit.UNREACHABLE)


def _fields(letter: bus.DeadLetter) -> dict[str, object]:
    return {
        "died_at": letter.died_at.isoformat(),
        "subject": letter.subject,
        "consumer": letter.consumer,
        "deliveries": letter.deliveries,
        "reason": letter.reason,
        "message_id": letter.message_id,
    }


def _table(letters: list[bus.DeadLetter]) -> fitting.Rows:
    rows = [
        (
            f"{each.died_at:%Y-%m-%d %H:%M:%S}",
            each.subject,
            each.consumer,
            str(each.deliveries),
            showing.plain(each.reason),
        )
        for each in letters
    ]
    return fitting.Rows(("died at", "subject", "given up by", "times", "why"), rows, right=(3,))
