"""A vendor that breaks, behind a whole mesh: what is asked of it, what goes wrong, and how it shall end."""

import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Mapping

import pytest
from reelmesh_simulators import catalogue, ledger, orders, vendor

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.support import vendors

PACE = orders.Pace(queue_seconds=0.1, render_seconds=0.5)
# Many are asked for at once, and some wait until the vendor's list counts.
PATIENCE_SECONDS = 500.0


@dataclasses.dataclass(frozen=True)
class Tale:
    """What a fault shall lead to."""

    attempts: tuple[str, ...] = ("SUCCEEDED",)
    made: int = 1
    """Jobs that the vendor makes of it."""
    billed: int = 1
    """How often its price is spent."""
    delivery: str = "VIDEO"


def refused(made: int = 0, billed: int = 0) -> Tale:
    """Return the tale of what the vendor ends without a video, for good: a picture is delivered in its place."""
    return Tale(("FAILED",), made, billed, "INFOGRAPHIC")


@dataclasses.dataclass(frozen=True)
class Provider:
    """A provider whose vendor is simulated.

    Attributes:
        name: as in accounts.yaml.
        dialect: what the vendor speaks.
        accounts: accounts.yaml, with {url} where the vendor is.
        card: its card.
        secret: the variable of the account's secret, and the secret.
        told: more that its service is told.
    """

    name: str
    dialect: str
    accounts: str
    card: str
    secret: tuple[str, str] = ("", "")
    told: Mapping[str, object] = dataclasses.field(default_factory=dict[str, object])

    @property
    def service(self) -> str:
        """Its service."""
        return f"provider-{self.name}"

    def written(self, folder: pathlib.Path, url: str) -> meshes.Told:
        """Write its files; return what the mesh is told."""
        accounts, card = folder / "accounts.yaml", folder / "card.toml"
        accounts.write_text(self.accounts.format(url=url))
        card.write_text(self.card)
        own = {"accounts_file": accounts, f"{self.name}_card_file": card, "submit_slots": 50, **self.told}
        # A vendor that breaks on purpose is not to be left alone.
        return {"orchestrator": {"accounts_file": accounts, "breaker_failures": 0}, self.service: own}


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a generation ended."""

    generation: callers.Body
    attempts: tuple[str, ...]
    """The states of the attempts at the vendor, in order."""
    line: ledger.Line
    """What the vendor's books say of it."""
    told: list[tuple[str, str]]
    """Its events, for whom something surprises."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """A mesh, and the vendor that it pays."""

    mesh: meshes.Mesh
    vendor: vendor.Vendor

    async def ended(self, generation_id: str, film: str) -> Ended:
        """Wait until a generation has ended; `film` is what the vendor has read of its prompt."""
        done = await self.mesh.caller.ended(generation_id, PATIENCE_SECONDS)
        told = [(event["type"], event["message"]) for event in await self.mesh.caller.events(generation_id)]
        (shot,) = done["shots"]
        attempts = tuple(one["state"] for one in callers.sent(shot))
        return Ended(done, attempts, self.line(film), told)

    def line(self, film: str) -> ledger.Line:
        """Return what the vendor's books say of a film."""
        (line,) = [each for each in self.vendor.ledger.lines(self.vendor.now) if each.request == film]
        return line

    async def stopped(self, generation_id: str, film: str) -> Ended:
        """Cancel a generation while the vendor works at its film; return how it ended, once its money is settled."""

        def runs() -> bool:
            found = [job for job in self.vendor.ledger.all_jobs() if job.order.request == film]
            return bool(found) and self.vendor.peek(found[0].job_id).state is orders.State.RUNNING

        caller = self.mesh.caller
        await callers.until(runs, "the vendor works at it")
        await caller.happened(generation_id, "attempt_accepted")
        await caller.cancel(generation_id)
        await caller.becomes(generation_id, lambda found: not found["held_micros"], "its money is settled")
        found = await self.ended(generation_id, film)
        assert found.generation["state"] == "CANCELLED", found.told
        return found


@contextlib.asynccontextmanager
async def scene(provider: Provider, folder: pathlib.Path) -> AsyncGenerator[Scene]:
    """Run a mesh with a provider, and its vendor."""
    variable, secret = provider.secret
    with pytest.MonkeyPatch.context() as patch:
        if variable:
            patch.setenv(variable, secret)
        async with vendors.selling(catalogue.DIALECTS[provider.dialect], pace=PACE) as served:
            wanted = meshes.Wanted(told=provider.written(folder, served.url), paid=(provider.service,))
            async with meshes.up(folder, wanted) as running:
                yield Scene(running, served.vendor)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A generation that was asked for: its id, and its film."""

    id: str
    film: str


async def ask(
    scene: Scene,
    tales: Mapping[str, Tale],
    model: str,
    output: Mapping[str, object] = callers.TINY,
) -> dict[str, Asked]:
    """Ask for a generation of each tale, all at once; return them by their faults."""
    asked: dict[str, Asked] = {}
    for number, faults in enumerate(tales):
        film = f"Film number {number}"
        admitted = await scene.mesh.caller.create(f"{film} {faults}", output, model=model)
        asked[faults] = Asked(admitted["id"], film)
    return asked


async def check(scene: Scene, asked: Asked, tale: Tale, price_micros: int) -> Ended:
    """Wait for the end of a tale, and hold it to what it shall be: paid at most once, and settled."""
    found = await scene.ended(asked.id, asked.film)
    done = found.generation
    assert found.attempts == tale.attempts, found.told
    assert (done["state"], done["delivery"]) == ("COMPLETED", tale.delivery), found.told
    assert len(found.line.job_ids) == tale.made, found.told
    assert (done["held_micros"], done["spent_micros"]) == (0, tale.billed * price_micros), found.told
    return found
