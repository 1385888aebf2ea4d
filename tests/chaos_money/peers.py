"""Measures gateways by `reelmesh-chaos`, ours and LiteLLM's proxy, each with its defaults and a fallback.

    make chaos-peers [REQUESTS=3] [JSON=path]

Both are told of the same two vendors, a first choice and a fallback, and are asked for the same videos by the openai
SDK, which sends nothing twice here. Ours is the whole mesh in processes of its own, without its free local renderer: it
has nobody to turn to whom the other has not.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from reelmesh_simulators.measuring import running as measuring
from reelmesh_standalone import ports

from tests.chaos_money import dialects, scene
from tests.e2e import mesh as meshes

LITELLM = pathlib.Path(".peers-litellm/bin/litellm")
LITELLM_KEY = "sk-chaos-3f9d1c7a5b2e48f06d"
# It takes half a minute to start on two busy cores.
START_SECONDS = 300.0
STOP_SECONDS = 20.0
# For one video: on a machine that is busy with others, too.
PATIENCE_SECONDS = 600.0
MODEL = "sora-2"
EXIT_OK, EXIT_ABSENT = 0, 2
SOLD = next(one for one in dialects.ALL if one.name == "openai")
OURS = "reelmesh"


@dataclasses.dataclass(frozen=True)
class Gateway:
    """One that is measured: its name, and where and as whom it is asked for which model."""

    name: str
    url: str
    key: str
    model: str = MODEL


def main(words: Sequence[str]) -> int:
    """Measure; return 0 when our own gateway kept what is promised."""
    parser = argparse.ArgumentParser("chaos-peers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=3, help="of each fault")
    parser.add_argument("--fault", action="append", default=[], help="default: all")
    parser.add_argument("--json", default="", help="file for the rows")
    parser.add_argument("--only", choices=[OURS, "litellm"], help="default: both")
    asked = parser.parse_args(words)
    if asked.only != OURS and not LITELLM.exists():
        print(f"there is no {LITELLM}: make chaos-peers installs it", file=sys.stderr)
        return EXIT_ABSENT
    told, code = asyncio.run(_measured(asked))
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(told, indent=1) + "\n")
    return code


async def _measured(asked: argparse.Namespace) -> tuple[dict[str, Any], int]:
    told: dict[str, Any] = {}
    code = EXIT_OK
    for name, opened in ((OURS, mesh), ("litellm", litellm)):
        if asked.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="reelmesh-peers-", ignore_cleanup_errors=True) as folder:
                sellers = ports.free(2)
                async with opened(pathlib.Path(folder), sellers) as gateway:
                    rows, ended = await _chaos(gateway, sellers, asked, pathlib.Path(folder) / "rows.json")
                told[gateway.name] = rows
                code = ended if name == OURS else code
    return told, code


async def _chaos(
    gateway: Gateway, sellers: Sequence[int], asked: argparse.Namespace, file: pathlib.Path
) -> tuple[Any, int]:
    """Run the command, as any reader would."""
    words = ["--target", gateway.url, "--key", gateway.key, "--model", gateway.model, "--json", str(file)]
    words += ["--port", str(sellers[0]), "--fallback-port", str(sellers[1]), "--requests", str(asked.requests)]
    words += [word for name in asked.fault for word in ("--fault", name)]
    words += [
        "--patience",
        str(PATIENCE_SECONDS),
        "--size",
        f"{SOLD.width}x{SOLD.height}",
        "--seconds",
        str(SOLD.seconds),
    ]
    print(f"\n{gateway.name}", flush=True)
    command = pathlib.Path(sys.executable).with_name("reelmesh-chaos")
    child = await asyncio.create_subprocess_exec(str(command), *words, stdin=asyncio.subprocess.DEVNULL)
    code = await child.wait()
    return json.loads(await asyncio.to_thread(file.read_text)), code


@contextlib.asynccontextmanager
async def mesh(folder: pathlib.Path, sellers: Sequence[int]) -> AsyncGenerator[Gateway]:
    """Run a mesh that buys at the first of two vendors, and then at the other."""
    accounts, card, policies = folder / "accounts.yaml", folder / "card.toml", folder / "policies.toml"
    listed = [
        {**SOLD.account(f"http://127.0.0.1:{port}"), "id": f"choice-{number}"} for number, port in enumerate(sellers, 1)
    ]
    accounts.write_text(json.dumps({"accounts": listed}))
    card.write_text(SOLD.card)
    policies.write_text(dialects.policies([SOLD]))
    told = {
        "orchestrator": {
            **scene.PATIENCE,
            "request_timeout_seconds": scene.REQUEST_SECONDS,
            "accounts_file": accounts,
            "policies_file": policies,
        },
        SOLD.service: {
            "accounts_file": accounts,
            SOLD.card_setting: card,
            "submit_timeout_seconds": scene.REQUEST_SECONDS,
            **SOLD.settings,
        },
    }
    apart = frozenset((*scene.CORE, f"{SOLD.service}-0"))
    with scene.keys_in_the_environment():
        wanted = meshes.Wanted(told=told, workers=0, paid=(SOLD.service,), apart=apart)
        async with meshes.up(folder / "mesh", wanted) as running:
            url = f"http://127.0.0.1:{running.one('gateway').running.http_port}/v1"
            yield Gateway(OURS, url, running.key)


@contextlib.asynccontextmanager
async def litellm(folder: pathlib.Path, sellers: Sequence[int]) -> AsyncGenerator[Gateway]:
    """Run LiteLLM's proxy as it comes, with the same two vendors."""
    names = [MODEL, f"{MODEL}-fallback"]
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": f"http://127.0.0.1:{port}/v1",
                    "api_key": "any",
                },
            }
            for name, port in zip(names, sellers, strict=True)
        ],
        "litellm_settings": {"fallbacks": [{names[0]: [names[1]]}], "telemetry": False},
        "general_settings": {"master_key": LITELLM_KEY},
    }
    # JSON is YAML, too.
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))
    (port,) = ports.free(1)
    # Its list of prices as it came with the package, not from the network.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # noqa: TID251 - for a child
    with (folder / "litellm.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(str(LITELLM), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        await measuring.reached(url, START_SECONDS)
        yield Gateway("litellm", url, LITELLM_KEY)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
