"""Every provider, with a vendor that costs nothing, as the conformance tests drive it."""

import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import model, port, testing
from reelmesh_provider_fal import provider as fal
from reelmesh_provider_fal import settings as fal_settings
from reelmesh_provider_local import provider as local
from reelmesh_provider_local import settings as local_settings
from reelmesh_provider_local import wire as local_wire
from reelmesh_provider_omni import provider as omni
from reelmesh_provider_omni import settings as omni_settings
from reelmesh_provider_runway import provider as runway
from reelmesh_provider_runway import settings as runway_settings
from reelmesh_provider_sora import provider as sora
from reelmesh_provider_sora import settings as sora_settings
from reelmesh_provider_veo import provider as veo
from reelmesh_provider_veo import settings as veo_settings
from reelmesh_simulators import catalogue, vendor
from reelmesh_simulators.dialects import fal as fal_dialect

from tests.support import vendors


@dataclasses.dataclass
class Subject:
    """A provider under test and what the tests must know to drive it.

    Attributes:
        task: a task that it can make in a moment.
        creations: how many jobs were created for an attempt, as the vendor counts.
        break_answer: let the answer to the next submit be lost after the job was created.
        keep_busy: let the next job not end by itself.
        fit: how surely a lost job is known again.
        lists_prompts: its list shows what was asked for.
    """

    provider: port.Provider
    task: model.Task
    creations: Callable[[str], Awaitable[int]]
    break_answer: Callable[[model.Task], model.Task]
    keep_busy: Callable[[model.Task], model.Task]
    fit: model.Fit = model.Fit.OWN_ID
    lists_prompts: bool = True


Making = Callable[[process.Chassis, pathlib.Path], AbstractAsyncContextManager[Subject]]


@contextlib.asynccontextmanager
async def scripted(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    del folder
    provider = testing.ScriptedProvider(own.clock, own.ids)
    provider.finished_at_once = True

    async def creations(attempt_id: str) -> int:
        return sum(job.task.attempt_id == attempt_id for job in provider.jobs.values())

    def break_answer(task: model.Task) -> model.Task:
        provider.script.append(testing.Step(testing.Way.DROP))
        return task

    def keep_busy(task: model.Task) -> model.Task:
        provider.finished_at_once = False
        return task

    async with provider:
        yield Subject(provider, testing.make_task(), creations, break_answer, keep_busy)


@contextlib.asynccontextmanager
async def rendering(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    told = local_settings.LocalSettings.model_construct(data_folder=folder, local_faults_in_prompts=True)

    async with local.LocalProvider(told, own) as provider:

        async def creations(attempt_id: str) -> int:
            return len((await provider.find("local", [testing.make_task(attempt_id=attempt_id)])).matches)

        yield Subject(
            provider,
            testing.make_task(
                provider=local_wire.PROVIDER, account_id="local", model=local_wire.MODEL, duration_seconds=1.0,
                width=160, height=90,
            ),
            creations,
            break_answer=_asking("[[drop]]"),
            keep_busy=_asking("[[stall]]"),
        )  # fmt: skip


def videos(profile: str, seconds: float, size: tuple[int, int], *, lists_prompts: bool = True) -> Making:
    """Return the maker of a server of the OpenAI Videos dialect, with the provider that speaks to it."""

    @contextlib.asynccontextmanager
    async def made(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
        async with vendors.selling(catalogue.DIALECTS[profile]) as served:
            file = folder / "accounts.yaml"
            file.write_text(f"accounts: [{{id: one, provider: sora, endpoint: '{served.url}/v1', secret: SORA_KEY}}]")
            told = sora_settings.SoraSettings.model_construct(
                accounts_file=file, sora_name="sora", sora_profile=profile, sora_card_file=None
            )
            async with sora.SoraProvider(told, own) as provider:
                yield Subject(
                    provider,
                    testing.make_task(
                        provider="sora",
                        account_id="one",
                        model=provider.card.models[0].model,
                        duration_seconds=seconds,
                        width=size[0],
                        height=size[1],
                    ),
                    _creations(served.vendor),
                    break_answer=_asking("[[accept-drop]]"),
                    keep_busy=_asking("[[stall]]"),
                    fit=model.Fit.PLAUSIBLE,
                    lists_prompts=lists_prompts,
                )

    return made


@contextlib.asynccontextmanager
async def queue(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    """Make a fal.ai whose list has requests before they end, which takes the card's long wait out of the tests."""
    async with vendors.selling(lambda seller: fal_dialect.Fal(seller, lists_unfinished=True)) as served:
        file = folder / "accounts.yaml"
        file.write_text(f"accounts: [{{id: one, provider: fal, endpoint: '{served.url}', secret: FAL_KEY}}]")
        told = fal_settings.FalSettings.model_construct(accounts_file=file, fal_card_file=None, fal_forms_file=None)
        async with fal.FalProvider(told, own) as provider:
            yield Subject(
                provider,
                testing.make_task(
                    provider="fal",
                    account_id="one",
                    model="fal-ai/veo3.1/fast",
                    duration_seconds=4.0,
                    width=1280,
                    height=720,
                ),
                _creations(served.vendor),
                break_answer=_asking("[[accept-drop]]"),
                keep_busy=_asking("[[stall]]"),
                fit=model.Fit.DISCRIMINATED,
            )


@contextlib.asynccontextmanager
async def tasks_of_runway(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    async with vendors.selling(catalogue.DIALECTS["runway"]) as served:
        file = folder / "accounts.yaml"
        file.write_text(f"accounts: [{{id: one, provider: runway, endpoint: '{served.url}', secret: RUNWAY_KEY}}]")
        told = runway_settings.RunwaySettings.model_construct(accounts_file=file, runway_card_file=None)
        async with runway.RunwayProvider(told, own) as provider:
            yield Subject(
                provider,
                testing.make_task(
                    provider="runway", account_id="one", model="gen4.5", duration_seconds=2.0, width=1280, height=720
                ),
                _creations(served.vendor),
                break_answer=_asking("[[accept-drop]]"),
                keep_busy=_asking("[[stall]]"),
            )


@contextlib.asynccontextmanager
async def interactions(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    """Make Gemini Omni with a key of the Developer API."""
    async with vendors.selling(catalogue.DIALECTS["omni"]) as served:
        file = folder / "accounts.yaml"
        file.write_text(f"accounts: [{{id: one, provider: omni, endpoint: '{served.url}', secret: OMNI_KEY}}]")
        told = omni_settings.OmniSettings.model_construct(accounts_file=file, omni_card_file=None)
        async with omni.OmniProvider(told, own) as provider:
            yield Subject(
                provider,
                testing.make_task(
                    provider="omni",
                    account_id="one",
                    model="gemini-omni-1.2-flash@360p",
                    duration_seconds=3.0,
                    width=640,
                    height=360,
                ),
                _creations(served.vendor),
                break_answer=_asking("[[accept-drop]]"),
                keep_busy=_asking("[[stall]]"),
            )


VEO_ACCOUNT = """
accounts:
  - id: one
    provider: veo
    endpoint: {url}
    secret: VEO_TOKEN
    options: {{project: films, bucket: clips, storage_endpoint: "{url}"}}
"""


@contextlib.asynccontextmanager
async def vertex(own: process.Chassis, folder: pathlib.Path) -> AsyncIterator[Subject]:
    """Veo on Vertex AI, which writes to a bucket."""
    async with vendors.selling(catalogue.DIALECTS["veo"]) as served:
        file = folder / "accounts.yaml"
        file.write_text(VEO_ACCOUNT.format(url=served.url))
        told = veo_settings.VeoSettings.model_construct(accounts_file=file, veo_name="veo", veo_card_file=None)
        async with veo.VeoProvider(told, own) as provider:
            task = testing.make_task(
                provider="veo", account_id="one", model="veo-3.1-fast-generate-001", width=1280, height=720
            )
            yield Subject(
                provider,
                task,
                _creations(served.vendor),
                break_answer=_asking("[[accept-drop]]"),
                keep_busy=_asking("[[stall]]"),
            )


def _creations(seller: vendor.Vendor) -> Callable[[str], Awaitable[int]]:
    async def creations(attempt_id: str) -> int:
        """Count everything: no attempt's id reaches the vendor."""
        del attempt_id
        return len(seller.ledger.all_jobs())

    return creations


def _asking(marker: str) -> Callable[[model.Task], model.Task]:
    return lambda task: dataclasses.replace(task, prompt=f"{task.prompt} {marker}")


SUBJECTS: Mapping[str, Making] = {
    "scripted": scripted,
    "local": rendering,
    "fal": queue,
    "openai": videos("openai", 4.0, (720, 1280)),
    "litellm": videos("litellm", 4.0, (720, 1280)),
    "sglang": videos("sglang", 1.0, (832, 480), lists_prompts=False),
    "vllm-omni": videos("vllm-omni", 1.0, (832, 480)),
    "omni": interactions,
    "runway": tasks_of_runway,
    "veo": vertex,
}
