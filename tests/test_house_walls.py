"""Every wall is seen red: what the house forbids to import or call is planted in a copy of the tree, and must be named.

A guard that was never seen to fail guards nothing: folders without `__init__.py`, or a package missing from the
configuration, make a linter pass over what it should read, and say nothing.
"""

import configparser
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scripts import contracts as expand

ROOT = pathlib.Path(__file__).parent.parent
TOOLS = pathlib.Path(sys.executable).parent
SOURCES = sorted([*ROOT.glob("libs/*/src/reelmesh*"), *ROOT.glob("services/*/src/reelmesh*")])
SERVICES = {folder.name for folder in SOURCES if folder.is_relative_to(ROOT / "services")}
# It starts all others, so what keeps services apart cannot bind it.
STANDALONE = "reelmesh_standalone"
GENERATED = "reelmesh"
# Wide enough that no line of the linter's is broken.
COLUMNS = "500"


@dataclasses.dataclass(frozen=True)
class Plant:
    """An import that must be refused: `imported` in a module, or (nothing imported) a module where no room is."""

    module: str
    imported: str = ""

    @property
    def named(self) -> str:
        """Return what the linter says of it."""
        return f"{self.module} -> {self.imported}" if self.imported else self.module


PLANTS = {
    "packages": [
        Plant("reelmesh_gateway.usecases.planted", "reelmesh_orchestrator.model"),
        Plant("reelmesh_storage.adapters.planted", "reelmesh_standalone.layout"),
        Plant("reelmesh_provider.worker.planted", "reelmesh_provider_local.model"),
        Plant("reelmesh_client.planted", "reelmesh_gateway.model"),
        Plant("reelmesh_kit.rpc.planted", "reelmesh_provider.model"),
        Plant("reelmesh_kit.sql.planted", "reelmesh_client.requests"),
        Plant("reelmesh_json.planted", "reelmesh_kit.errors"),
        Plant("reelmesh_lettering.typography", "reelmesh_kit.errors"),
        Plant("reelmesh.planted", "reelmesh_json.messages"),
    ],
    "client": [Plant("reelmesh_client.planted", "reelmesh_kit.clock")],
    "users-of-the-client": [
        Plant("reelmesh_gateway.adapters.planted", "reelmesh_client.client"),
        Plant("reelmesh_provider_local.planted", "reelmesh_client.client"),
    ],
    "users-of-simulators": [
        Plant("reelmesh_provider_local.planted", "reelmesh_simulators.vendor"),
        Plant("reelmesh_standalone.commands.planted", "reelmesh_simulators.catalogue"),
    ],
    "users-of-the-provider-port": [Plant("reelmesh_orchestrator.wire.planted", "reelmesh_provider.model")],
    "rooms": [
        Plant("reelmesh_gateway.model.planted", "reelmesh_gateway.ports"),
        Plant("reelmesh_gateway.usecases.planted", "reelmesh_gateway.adapters"),
        Plant("reelmesh_gateway.wire.planted", "reelmesh_gateway.usecases"),
        Plant("reelmesh_gateway.routes.planted", "reelmesh_gateway.servicer"),
        Plant("reelmesh_storage.adapters.planted", "reelmesh_storage.settings"),
        Plant("reelmesh_orchestrator.ports", "reelmesh_orchestrator.app"),
        Plant("reelmesh_orchestrator.planted"),
    ],
    "rooms-of-media": [
        Plant("reelmesh_media.engine.planted", "reelmesh_media.usecases"),
        Plant("reelmesh_media.model.planted", "reelmesh_media.engine"),
        Plant("reelmesh_media.planted"),
    ],
    "rooms-of-providers": [
        Plant("reelmesh_provider_local.rendering.planted", "reelmesh_provider_local.wire"),
        Plant("reelmesh_provider_local.jobs", "reelmesh_provider_local.provider"),
        Plant("reelmesh_provider_local.planted"),
    ],
    "rooms-of-standalone": [
        Plant("reelmesh_standalone.parts", "reelmesh_standalone.app"),
        Plant("reelmesh_standalone.planted"),
    ],
    "rooms-of-the-kit": [
        Plant("reelmesh_kit.errors", "reelmesh_kit.rpc"),
        Plant("reelmesh_kit.bus.planted", "reelmesh_kit.sql"),
        Plant("reelmesh_kit.planted"),
    ],
    "rooms-of-the-json": [Plant("reelmesh_json.planted")],
    "rooms-of-lettering": [
        Plant("reelmesh_lettering.planted"),
        Plant("reelmesh_lettering.wording", "reelmesh_lettering.fonts"),
    ],
    "rooms-of-the-provider-library": [
        Plant("reelmesh_provider.worker.planted", "reelmesh_provider.adapters"),
        Plant("reelmesh_provider.model.planted", "reelmesh_provider.worker"),
        Plant("reelmesh_provider.planted"),
    ],
    "rooms-of-the-client": [
        Plant("reelmesh_client.errors", "reelmesh_client.client"),
        Plant("reelmesh_client.client", "reelmesh_client.commands"),
        Plant("reelmesh_client.planted"),
    ],
    "rooms-of-the-simulators": [
        Plant("reelmesh_simulators.vendor", "reelmesh_simulators.dialects.openai"),
        Plant("reelmesh_simulators.orders", "reelmesh_simulators.ledger"),
        Plant("reelmesh_simulators.planted"),
    ],
    "model": [
        Plant("reelmesh_gateway.model.planted", "grpc"),
        Plant("reelmesh_media.model.planted", "av"),
        Plant("reelmesh_orchestrator.model.planted", "reelmesh.v1"),
        Plant("reelmesh_orchestrator.model.planted", "reelmesh_kit.clock"),
        Plant("reelmesh_storage.model.planted", "asyncio"),
        Plant("reelmesh_storage.model.planted", "time"),
        Plant("reelmesh_provider.model.planted", "random"),
        Plant("reelmesh_provider_local.model", "numpy"),
    ],
    "ports": [
        Plant("reelmesh_orchestrator.ports", "sqlalchemy"),
        Plant("reelmesh_storage.ports", "boto3"),
        Plant("reelmesh_media.ports", "reelmesh_media.wire"),
    ],
    "usecases": [
        Plant("reelmesh_gateway.usecases.planted", "grpc"),
        Plant("reelmesh_orchestrator.usecases.planted", "reelmesh.mesh.v1"),
        Plant("reelmesh_orchestrator.usecases.planted", "reelmesh_kit.sql"),
        Plant("reelmesh_storage.usecases.planted", "boto3"),
        Plant("reelmesh_storage.usecases.planted", "sqlalchemy"),
        Plant("reelmesh_media.usecases.planted", "av"),
    ],
    "worker": [
        Plant("reelmesh_provider.worker.planted", "grpc"),
        Plant("reelmesh_provider.worker.planted", "reelmesh.mesh.v1"),
        Plant("reelmesh_provider.worker.planted", "httpx"),
    ],
    "wire": [
        Plant("reelmesh_gateway.wire.planted", "grpc"),
        Plant("reelmesh_orchestrator.wire.planted", "socket"),
        Plant("reelmesh_orchestrator.wire.planted", "sqlalchemy"),
        Plant("reelmesh_provider_local.wire", "asyncio"),
    ],
    "edges": [
        Plant("reelmesh_gateway.routes.planted", "reelmesh_gateway.adapters"),
        Plant("reelmesh_gateway.routes.planted", "reelmesh_gateway.settings"),
        Plant("reelmesh_orchestrator.servicer.planted", "sqlalchemy"),
        Plant("reelmesh_orchestrator.servicer.planted", "reelmesh_kit.sql"),
        Plant("reelmesh_provider.consumer", "httpx"),
    ],
    "adapters": [
        Plant("reelmesh_gateway.adapters.planted", "reelmesh_gateway.usecases"),
        Plant("reelmesh_orchestrator.adapters.planted", "reelmesh_orchestrator.settings"),
        Plant("reelmesh_storage.adapters.planted", "reelmesh_kit.settings"),
    ],
    "adapters-apart": [Plant("reelmesh_storage.adapters.planted", "reelmesh_storage.adapters.filesystem")],
    "engine": [
        Plant("reelmesh_media.engine.planted", "grpc"),
        Plant("reelmesh_media.engine.planted", "reelmesh_kit.rpc"),
    ],
    "rendering": [
        Plant("reelmesh_provider_local.rendering.planted", "reelmesh_kit.process"),
        Plant("reelmesh_provider_local.rendering.planted", "reelmesh_provider.model"),
    ],
    "lettering": [Plant("reelmesh_lettering.fonts", "httpx")],
    "settings": [
        Plant("reelmesh_storage.settings", "sqlalchemy"),
        Plant("reelmesh_gateway.settings", "reelmesh_gateway.usecases"),
    ],
    "crash-points": [
        Plant("reelmesh_storage.crash_points", "reelmesh_storage.model"),
        Plant("reelmesh_provider.crash_points", "reelmesh_kit.sql"),
    ],
    "front-doors": [Plant("reelmesh_storage.__main__", "reelmesh_storage.adapters")],
    "commands": [
        Plant("reelmesh_gateway.commands", "grpc"),
        Plant("reelmesh_gateway.commands", "reelmesh_gateway.routes"),
    ],
    "pure-kit": [
        Plant("reelmesh_kit.errors", "grpc"),
        Plant("reelmesh_kit.ids", "reelmesh_kit.sql"),
        Plant("reelmesh_kit.crashing", "reelmesh_kit.errors"),
    ],
}


class House:
    """A copy of the tree, to plant in."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Copy everything the contracts look at."""
        self.folder = folder
        self._planted: dict[pathlib.Path, str | None] = {}
        self.paths = {source.name: folder / source.relative_to(ROOT) for source in SOURCES}
        for source in SOURCES:
            shutil.copytree(source, self.paths[source.name], ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "scripts").mkdir()
        for script in ("contracts.py", "import_contracts.py"):
            shutil.copy(ROOT / "scripts" / script, folder / "scripts")
        shutil.copy(ROOT / ".importlinter", folder)

    def plant(self, plant: Plant) -> None:
        """Write the import into the module, which is made unless it is there."""
        package, *rest = plant.module.split(".")
        file = self.paths[package].joinpath(*rest).with_suffix(".py")
        self._planted.setdefault(file, file.read_text() if file.exists() else None)
        with file.open("a") as lines:
            lines.write(f"\nimport {plant.imported}\n" if plant.imported else "")

    def add(self, folder: str, module: str) -> None:
        """Write an empty module into a package that is made unless it is there."""
        package = self.folder / folder
        package.mkdir(parents=True, exist_ok=True)
        self.paths[package.name] = package
        self._planted[package / f"{module}.py"] = None
        (package / f"{module}.py").touch()

    def clear(self) -> None:
        """Take out what was planted and added."""
        for file, text in self._planted.items():
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        self._planted.clear()
        for name, path in list(self.paths.items()):
            if not any(path.iterdir()):
                path.rmdir()
                del self.paths[name]

    def lint(self, *contracts: str) -> subprocess.CompletedProcess[str]:
        """Run the linter as `make contracts` does, on the copy, with these contracts alone or with all."""
        paths = os.pathsep.join(str(path.parent) for path in self.paths.values())
        return subprocess.run(
            [sys.executable, "-m", "scripts.contracts", *contracts],
            cwd=self.folder,
            env={"PYTHONPATH": paths, "COLUMNS": COLUMNS, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return the copy that all tests plant in, one after the other."""
    return House(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(copy: House) -> Iterator[House]:
    """Yield the copy, and clear it after the test."""
    yield copy
    copy.clear()


def contracts() -> dict[str, dict[str, list[str]]]:
    """Return the options of each contract as lists of lines, by the contract's id."""
    read = configparser.ConfigParser()
    read.read_string(expand.expanded((ROOT / ".importlinter").read_text(), expand.providers(ROOT)))
    return {
        section.rpartition(":")[2]: {key: value.split("\n") for key, value in read[section].items()}
        for section in read.sections()
    }


def lines_of(contract: str, option: str) -> list[str]:
    return [line for line in contracts()[contract].get(option, []) if line]


def test_the_house_as_it_stands_keeps_every_contract(house: House) -> None:
    done = house.lint()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("contract", sorted(PLANTS))
def test_a_planted_import_breaks_its_contract(house: House, contract: str) -> None:
    for plant in PLANTS[contract]:
        house.plant(plant)
    done = house.lint(contract)
    unseen = [plant.named for plant in PLANTS[contract] if plant.named not in done.stdout]
    assert done.returncode == 1
    assert not unseen, done.stdout + done.stderr


def test_a_new_provider_is_bound_without_being_named(house: House) -> None:
    for room in ("__init__", "__main__", "app", "provider", "settings", "wire"):
        house.add("services/provider-acme/src/reelmesh_provider_acme", room)
    assert house.lint().returncode == 0
    house.plant(Plant("reelmesh_provider_acme.wire", "grpc"))
    house.plant(Plant("reelmesh_provider_acme.settings", "reelmesh_provider_local.settings"))
    done = house.lint()
    assert "reelmesh_provider_acme.wire -> grpc" in done.stdout
    assert "reelmesh_provider_acme.settings -> reelmesh_provider_local.settings" in done.stdout


def test_every_contract_is_seen_red() -> None:
    assert set(contracts()) - {"importlinter"} == set(PLANTS)


def test_every_package_on_disk_is_looked_at() -> None:
    assert sorted(lines_of("importlinter", "root_packages")) == sorted(folder.name for folder in SOURCES)


def test_every_package_has_its_place_among_the_packages() -> None:
    placed = [name.strip() for line in lines_of("packages", "layers") for name in line.split("|")]
    assert sorted(placed) == sorted(folder.name for folder in SOURCES)


def test_every_package_has_a_contract_that_names_all_its_rooms() -> None:
    named = [
        container
        for contract, options in contracts().items()
        if options.get("exhaustive") == ["True"]
        for container in lines_of(contract, "containers")
    ]
    assert sorted(named) == sorted({folder.name for folder in SOURCES} - {GENERATED})


def test_the_adapters_of_every_package_are_kept_apart() -> None:
    having = {folder.name for folder in SOURCES if (folder / "adapters").exists()}
    named = {line.removesuffix(".adapters.*") for line in lines_of("adapters-apart", "modules")}
    assert having <= named <= {folder.name for folder in SOURCES}


def test_no_service_is_forgotten_by_what_services_may_not_use() -> None:
    services = SERVICES - {STANDALONE}
    assert set(expand.providers(ROOT)) < services
    assert set(lines_of("users-of-the-client", "source_modules")) == services
    assert set(lines_of("users-of-simulators", "source_modules")) == SERVICES
    workers = {name for name in services if name.startswith("reelmesh_provider_")}
    assert set(lines_of("users-of-the-provider-port", "source_modules")) == services - workers


BANNED = [
    "import os\n\nprint(os.environ)\n",
    "import os\n\nprint(os.getenv('HOME'))\n",
    "from os import environ\n",
    "import time\n\nprint(time.time())\n",
    "import time\n\nprint(time.monotonic())\n",
    "import time\n\ntime.sleep(1)\n",
    "import datetime\n\nprint(datetime.datetime.now(datetime.UTC))\n",
    "import datetime\n\nprint(datetime.datetime.utcnow())\n",
    "import asyncio\n\n\nasync def wait() -> None:\n    await asyncio.sleep(1)\n",
    "import uuid\n\nprint(uuid.uuid4())\n",
    "import random\n",
    "from random import choice\n",
    "import secrets\n",
    "from unittest import mock\n\nmock.patch('x')\n",
    "from unittest.mock import patch\n",
    "from unittest.mock import MagicMock\n",
]


def ruff(code: str, file: str) -> subprocess.CompletedProcess[str]:
    """Check `code` as if it stood in `file`, with the house's own configuration."""
    command = [
        TOOLS / "ruff",
        "check",
        "--no-cache",
        "--output-format",
        "concise",
        "--stdin-filename",
        ROOT / file,
        "-",
    ]
    return subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", BANNED)
@pytest.mark.parametrize("file", ["services/gateway/src/reelmesh_gateway/usecases/planted.py", "tests/unit/planted.py"])
def test_time_chance_environment_and_patches_are_refused(code: str, file: str) -> None:
    done = ruff(code, file)
    assert done.returncode == 1
    assert "TID251" in done.stdout


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("from . import sibling\n", "TID252"),
        ("try:\n    x = 1\nexcept Exception:\n    pass\n", "BLE001"),
        ("import datetime\n\nprint(datetime.datetime(2026, 1, 1))\n", "DTZ001"),
        ("print('hello')\n", "T201"),
    ],
)
def test_further_habits_are_refused(code: str, rule: str) -> None:
    assert rule in ruff(code, "services/gateway/src/reelmesh_gateway/usecases/planted.py").stdout


def test_settings_may_read_the_environment() -> None:
    done = ruff("import os\n\nHOME = os.environ\n", "services/gateway/src/reelmesh_gateway/settings.py")
    assert done.returncode == 0, done.stdout
