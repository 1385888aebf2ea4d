"""Which providers are installed: each names itself in the entry point group `reelmesh.providers`."""

import importlib.metadata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from reelmesh_kit import process

from reelmesh_provider import settings

ENTRY_POINT_GROUP = "reelmesh.providers"


@dataclass(frozen=True)
class Served:
    """How one provider's service is run: what its entry point names.

    Attributes:
        provider: its name, as in its card.
        service: the service's name, for `process.run`.
        settings: read from the environment.
        build: its composition root, taking those settings and a chassis.
    """

    provider: str
    service: str
    settings: type[settings.ProviderSettings]
    build: Callable[[Any, process.Chassis], AbstractAsyncContextManager[process.Running]]


def installed() -> dict[str, Served]:
    """Return the installed providers by name. Raises TypeError when an entry point names something else."""
    found: dict[str, Served] = {}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        served = entry.load()
        if not isinstance(served, Served):
            raise TypeError(f"{entry.value} in the entry point group {ENTRY_POINT_GROUP} is no registry.Served")
        found[served.provider] = served
    return found
