"""What the operator needs from the outside, in our words."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reelmesh_operator.model import happenings, pools


@dataclasses.dataclass(frozen=True)
class Access:
    """How the API server of Kubernetes is reached."""

    url: str
    token_file: pathlib.Path
    ca_file: pathlib.Path

    @property
    def token(self) -> str:
        """The present token, "" without one: the kubelet writes a new one before the old one ends."""
        return self.token_file.read_text().strip() if self.token_file.is_file() else ""


class Signals(Protocol):
    """Who knows how much work there is."""

    async def signals(self, queues: Sequence[pools.Queue], asked_at: float) -> Mapping[pools.Queue, pools.Signal]:
        """Return what there is to do, by queue; one that nobody has heard of is there, and not known.

        Raises:
            errors.ReelmeshError: the orchestrator does not answer.
        """
        ...

    async def cordon(self, queue: pools.Queue, names: Sequence[str], hold_seconds: float) -> None:
        """Say which workers of a queue take no new work, these and no others, for a time.

        Raises:
            errors.ReelmeshError: the orchestrator does not answer.
        """
        ...


class Cluster(Protocol):
    """Kubernetes."""

    async def resources(self) -> Sequence[Mapping[str, Any]]:
        """Return the resources of all pools, as they stand now.

        Raises:
            errors.ReelmeshError: Kubernetes does not answer, or does not let us.
        """
        ...

    async def actual(self, workload: pools.Workload) -> pools.Actual:
        """Return what there is of a workload.

        Raises:
            errors.NotFound: there is no such workload.
            errors.ReelmeshError: Kubernetes does not answer, or does not let us.
        """
        ...

    async def scale(self, workload: pools.Workload, replicas: int) -> None:
        """Write the number of replicas.

        Raises:
            errors.ReelmeshError: it could not be written.
        """
        ...

    async def set_cost(self, pod: str, cost: int) -> None:
        """Write the deletion cost of a Pod; one that is gone is no error.

        Raises:
            errors.ReelmeshError: it could not be written.
        """
        ...

    async def tell(self, pool: str, status: Mapping[str, Any]) -> None:
        """Write the status of a pool; one that is gone is no error.

        Raises:
            errors.ReelmeshError: it could not be written.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Note:
    """Something that happened to a pool, as the cluster keeps it."""

    #: Unlike that of any other.
    name: str
    #: Name and UID of the resource.
    pool: str
    uid: str
    happened: happenings.Happening
    #: When, as Kubernetes writes it.
    at: str


class Notes(Protocol):
    """Where the cluster keeps what happened."""

    async def note(self, what: Note) -> None:
        """Keep what happened.

        Raises:
            errors.ReelmeshError: it could not be written.
        """
        ...

    async def note_again(self, name: str, count: int, at: str) -> None:
        """Keep that it happened so often, and when last; what is forgotten already is no error.

        Raises:
            errors.ReelmeshError: it could not be written.
        """
        ...


class Board(Protocol):
    """Where numbers are shown."""

    def show(self, views: Sequence[pools.View], decisions: Mapping[str, pools.Decision]) -> None:
        """Show what was seen and decided, and nothing of pools that are gone."""
        ...

    def count(self, what: str) -> None:
        """Count something that failed: signals, read, scale, cost, cordon, status, event."""
        ...
