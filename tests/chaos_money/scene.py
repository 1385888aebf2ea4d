"""What a run stands on: every vendor, simulated, and a whole mesh that buys from them."""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence

import httpx
from reelmesh_kit import webhooks
from reelmesh_simulators import catalogue, orders, serving, vendor
from reelmesh_simulators.dialects import openai

from tests.chaos_money import dialects, relays
from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

# Clips of 1280x720 come as 160x90: what is tried here is money, not pictures.
SMALLER = 8
PACE = orders.Pace(queue_seconds=0.2, render_seconds=0.6, smaller=SMALLER)
SUBMIT_SLOTS = 50
# A dozen processes on two cores: more patience than where one of them is tested, so that little is begun in vain.
PATIENCE = {
    "lease_seconds": 6.0,
    "renew_seconds": 1.5,
    "sweep_seconds": 0.5,
    "submit_within_seconds": 4.0,
    "begin_seconds": 15.0,
    "step_seconds": 90.0,
    # Hundreds of faults are laid upon purpose: who stops asking learns nothing about what each costs.
    "breaker_failures": 0,
    # Every third film ends at the local renderer: nobody shall wait for a place there.
    "free_account_slots": 16,
}
REQUEST_SECONDS = 5.0
# From which the addresses are derived at which vendors tell us of ends.
WEBHOOK_KEY = "sixteen characters and more"
COUNTED = re.compile(r'provider_webhooks_total\{.*result="(\w+)".*\} (\S+)')
# Each makes one video at a time, and most of that is waiting where videos are as small as here.
MEDIA = 4
MEDIAS = tuple(f"media-{number}" for number in range(MEDIA))
CORE = ("storage-0", "orchestrator-0", *MEDIAS, f"{meshes.WORKER}-0", "gateway-0")


@dataclasses.dataclass(frozen=True)
class Shop:
    """A vendor, and the process that buys from it.

    Attributes:
        number: of the worker among those of its service.
        crash_file: says at which crash points the worker dies.
    """

    dialect: dialects.Dialect
    vendor: vendor.Vendor
    number: int
    crash_file: pathlib.Path


@dataclasses.dataclass
class Scene:
    """Everything."""

    mesh: meshes.Mesh
    shops: Sequence[Shop]

    @property
    def caller(self) -> callers.Caller:
        """Who calls the gateway."""
        return self.mesh.caller

    def worker(self, shop: Shop) -> meshes.Apart:
        """Return the process that buys at a shop."""
        return self.mesh.apart(shop.dialect.service, shop.number)

    async def heard(self) -> Mapping[str, int]:
        """Return what became of everything that vendors told, by result, as the gateway counts it."""
        async with httpx.AsyncClient() as client:
            told = await client.get(f"http://127.0.0.1:{self.mesh.one('gateway').running.http_port}/metrics")
        found: dict[str, int] = {}
        for result, count in COUNTED.findall(told.text):
            found[result] = found.get(result, 0) + int(float(count))
        return found


@contextlib.asynccontextmanager
async def opened(
    folder: pathlib.Path,
    chosen: Sequence[dialects.Dialect],
    apart: Sequence[dialects.Dialect],
    *,
    core_apart: bool,
    request_seconds: float = REQUEST_SECONDS,
) -> AsyncGenerator[Scene]:
    """Open vendors and a mesh.

    Args:
        folder: for all files; empty.
        chosen: whom the mesh buys from.
        apart: those whose workers are processes of their own, so that they can be killed.
        core_apart: whether all other services are, too.
        request_seconds: after which a request to a vendor is given up that was not answered.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(keys_in_the_environment())
        relay, address = await stack.enter_async_context(relays.relayed())
        served = {
            one.name: await stack.enter_async_context(vendors.selling(_simulated(one, address), pace=PACE))
            for one in chosen
        }
        accounts = folder / "accounts.yaml"
        # JSON is YAML, too.
        accounts.write_text(json.dumps({"accounts": [one.account(served[one.name].url) for one in chosen]}))
        numbers = _numbers(chosen)
        shops = [
            Shop(one, served[one.name].vendor, numbers[one.name], folder / f"{one.name}.crashes") for one in chosen
        ]
        names = {one.name: f"{one.service}-{numbers[one.name]}" for one in chosen}
        wanted = meshes.Wanted(
            told=_told(folder, accounts, shops, address, request_seconds),
            media=MEDIA if core_apart else 1,
            paid=tuple(one.service for one in chosen),
            apart=frozenset(names[one.name] for one in apart) | frozenset(CORE if core_apart else ()),
        )
        mesh = await stack.enter_async_context(meshes.up(folder / "mesh", wanted))
        relay.gateway = f"http://127.0.0.1:{mesh.one('gateway').running.http_port}"
        yield Scene(mesh, shops)


def _simulated(dialect: dialects.Dialect, address: str) -> Callable[[vendor.Vendor], serving.Dialect]:
    """Return the simulator of a dialect; whom an operator tells our address at a console is told here."""
    if dialect.signed != "standard":
        return catalogue.DIALECTS[dialect.name]
    secret = dialects.KEYS[dialects.WEBHOOKS].encode()
    url = address + webhooks.path(WEBHOOK_KEY, dialect.account_id)
    return functools.partial(openai.OpenAI, webhook_url=url, webhook_secret=secret)


def _numbers(chosen: Sequence[dialects.Dialect]) -> Mapping[str, int]:
    """Return which worker of its service each dialect has."""
    return {one.name: sum(other.service == one.service for other in chosen[:place]) for place, one in enumerate(chosen)}


def _told(
    folder: pathlib.Path, accounts: pathlib.Path, shops: Sequence[Shop], address: str, request_seconds: float
) -> meshes.Told:
    policies = folder / "policies.toml"
    policies.write_text(dialects.policies([shop.dialect for shop in shops]))
    told: dict[str, Mapping[str, object]] = {
        "orchestrator": {
            **PATIENCE,
            "request_timeout_seconds": request_seconds,
            "accounts_file": accounts,
            "policies_file": policies,
        },
        "gateway": {"accounts_file": accounts, "webhook_key": WEBHOOK_KEY},
        # What markers ask for is asked of the vendors.
        meshes.WORKER: {
            "local_faults_in_prompts": False,
            "local_smaller": SMALLER,
            "local_render_processes": 2,
            "submit_slots": SUBMIT_SLOTS,
        },
    }
    for shop in shops:
        dialect = shop.dialect
        card = folder / f"{dialect.name}.toml"
        card.write_text(dialect.card)
        shop.crash_file.write_text("")
        told[f"{dialect.service}-{shop.number}"] = {
            "accounts_file": accounts,
            dialect.card_setting: card,
            "submit_timeout_seconds": request_seconds,
            "submit_slots": SUBMIT_SLOTS,
            "public_url": address,
            "webhook_key": WEBHOOK_KEY,
            "crash_at": f"@{shop.crash_file}",
            **dialect.settings,
        }
    return told


@contextlib.contextmanager
def keys_in_the_environment() -> Generator[None]:
    """Set the variables that accounts.yaml names, for workers here and for those that are children."""
    environment = os.environ  # noqa: TID251 - see above
    before = {name: environment.get(name) for name in dialects.KEYS}
    environment.update(dialects.KEYS)
    try:
        yield
    finally:
        for name, value in before.items():
            del environment[name]
            environment.update({name: value} if value is not None else {})
