"""The services that a standalone mesh is made of, in the order in which they start."""

import dataclasses
import importlib
import importlib.metadata
import inspect
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from reelmesh_kit import process, settings

from reelmesh_standalone import layout, ports

# Each entry point of this group is a provider's class; its package has an app and settings like every service's.
PROVIDERS_GROUP = "reelmesh.providers"
# The one that needs neither key nor network: without it a first run makes nothing.
ALWAYS = "reelmesh_provider_local"

# What providers lack that are paid where nobody has an account.
WITHOUT_ACCOUNTS = frozenset({"REELMESH_ACCOUNTS_FILE"})

GATEWAY = "gateway"
# Settings of the mesh that services get as they are.
_PASSED_ON = frozenset({"log_level", "drain_seconds"})
# Within one machine; what the gateway shows to the world is its own.
IN_THE_CLEAR: Mapping[str, object] = {
    name: field.default
    for name, field in settings.ServiceSettings.model_fields.items()
    if name.startswith(("tls_", "nats_")) and name != "nats_url"
}
_DOOR_IN_THE_CLEAR: Mapping[str, object] = {"public_certificate_file": None, "public_key_file": None}
_PASSED_TO_THE_GATEWAY = frozenset({"host", "http_port", "grpc_port"})
_BEFORE_PROVIDERS = ("storage", "orchestrator", "media")


@dataclasses.dataclass(frozen=True)
class Part:
    """One service: the name that logs and spans carry, and its package."""

    name: str
    package: str
    provider: bool = False

    @property
    def optional(self) -> bool:
        """Whether the mesh goes on without it when its settings are not complete."""
        return self.provider and self.package != ALWAYS

    def build(self) -> process.Build[settings.ServiceSettings]:
        """Return the service's composition root."""
        found: process.Build[settings.ServiceSettings] = importlib.import_module(f"{self.package}.app").build
        return found

    def problems(self, told: settings.ServiceSettings) -> Sequence[str]:
        """Return what a provider's package says keeps it from being used, told this; most have nothing to say."""
        asked: Callable[[settings.ServiceSettings], Sequence[str]] | None = getattr(
            importlib.import_module(f"{self.package}.app"), "problems", None
        )
        return asked(told) if asked is not None else ()

    def settings_class(self) -> type[settings.ServiceSettings]:
        """Return the one class of settings that the service's package declares."""
        module = importlib.import_module(f"{self.package}.settings")
        declared = [
            each
            for _, each in inspect.getmembers(module, inspect.isclass)
            if issubclass(each, settings.ServiceSettings) and each.__module__ == module.__name__
        ]
        if len(declared) != 1:
            raise TypeError(f"{module.__name__} must declare one class of settings, it declares {len(declared)}")
        return declared[0]


def all_parts() -> list[Part]:
    """Return every service that is installed: those that others call come first."""
    core = [Part(name, f"reelmesh_{name}") for name in _BEFORE_PROVIDERS]
    return [*core, *_providers(), Part(GATEWAY, f"reelmesh_{GATEWAY}")]


def _providers() -> Iterator[Part]:
    packages = {each.value.partition(":")[0].partition(".")[0] for each in _provider_entries()}
    for package in sorted(packages):
        yield Part(package.removeprefix("reelmesh_").replace("_", "-"), package, provider=True)


def _provider_entries() -> importlib.metadata.EntryPoints:
    return importlib.metadata.entry_points(group=PROVIDERS_GROUP)


class Wiring:
    """What services must know of each other, learnt as they start."""

    def __init__(self, where: layout.Layout, *, nats_url: str, log_level: str, drain_seconds: float) -> None:
        """Begin with what is known before any service runs."""
        self._layout = where
        self._known: dict[str, object] = {
            **IN_THE_CLEAR,
            **_DOOR_IN_THE_CLEAR,
            "host": ports.LOOPBACK,
            "nats_url": nats_url,
            "spans_folder": where.spans_folder,
            "log_level": log_level,
            "drain_seconds": drain_seconds,
        }

    def learn(self, part: Part, running: process.Running) -> None:
        """Remember where a service answers, for those that start after it."""
        if running.grpc_port:
            self._known[f"{part.name}_address"] = f"{ports.LOOPBACK}:{running.grpc_port}"

    def values(self, part: Part, given: Mapping[str, object]) -> dict[str, object]:
        """Return the settings of a service: whichever it has of those that are known, and `given` over them."""
        offered: dict[str, object] = {
            **self._known,
            "grpc_port": 0,
            "admin_port": 0,
            # Workers of providers make a folder of their name in the one they are given.
            "data_folder": self._layout.folder if part.provider else self._layout.service_folder(part.name),
            "database_url": self._layout.database_url(part.name),
            "folder": self._layout.service_folder(part.name) / "assets",
            "scratch_folder": self._layout.service_folder(part.name) / "scratch",
            **given,
        }
        return {name: offered[name] for name in part.settings_class().model_fields if name in offered}


def set_by_mesh(part: Part) -> frozenset[str]:
    """Return the names of a service's settings that a mesh on one machine sets itself, whatever the environment says.

    Those that the mesh reads itself and passes on are not among them.
    """
    wiring = Wiring(layout.Layout(pathlib.Path()), nats_url="", log_level="", drain_seconds=0.0)
    for other in all_parts():
        wiring.learn(other, process.Running(grpc_port=1))
    own = wiring.values(part, {}).keys() - _PASSED_ON
    return frozenset(own - _PASSED_TO_THE_GATEWAY if part.name == GATEWAY else own)
