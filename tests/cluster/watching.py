"""What happens in the test cluster, as it happens: changes of objects, each with its moment, and logs to their end."""

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import threading
from collections.abc import Callable, Generator
from typing import Any

from reelmesh_kit import clock

from tests.cluster import cluster as clusters

_CLOCK = clock.SystemClock()
SEPARATOR = "|"
END_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Seen:
    """An object as it was at a moment, by the clock of the tests."""

    at: float
    values: tuple[str, ...]


@dataclasses.dataclass
class Watch:
    """All that was seen of objects so far, oldest first."""

    seen: list[Seen] = dataclasses.field(default_factory=list[Seen])

    def first(self, like: Callable[[tuple[str, ...]], object], since: float = 0.0) -> float | None:
        """Return when something was first seen that is like that; None: not yet."""
        return next((one.at for one in self.seen if one.at >= since and like(one.values)), None)


@contextlib.contextmanager
def watch(
    cluster: clusters.Cluster,
    namespace: str,
    kind: str,
    *paths: str,
    selector: str = "",
    told: Callable[[tuple[str, ...]], None] = lambda _: None,
) -> Generator[Watch]:
    """Watch objects during the block: what stands at these paths in them, as `.metadata.name`.

    `kind` may name one, as `deployment/d`. `told` is called with each change, in a thread of its own.
    """
    found = Watch()
    words = SEPARATOR.join(f"{{{path}}}" for path in paths) + '{"\\n"}'
    chosen = [kind] if "/" in kind else [kind, f"--selector={selector}"]
    command = cluster.command("get", *chosen, f"--namespace={namespace}", "--watch", f"--output=jsonpath={words}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                values = tuple(line.rstrip("\n").split(SEPARATOR))
                found.seen.append(Seen(_CLOCK.elapsed(), values))
                told(values)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield found
        finally:
            process.terminate()
            reader.join(END_SECONDS)


@dataclasses.dataclass
class Logs:
    """The logs of Pods, which outlive them here."""

    cluster: clusters.Cluster
    namespace: str
    folder: pathlib.Path
    _following: dict[str, subprocess.Popen[bytes]] = dataclasses.field(default_factory=dict[str, Any])

    def follow(self, pod: str) -> None:
        """Keep what a Pod says from now on, and what it has said."""
        if pod in self._following:
            return
        command = self.cluster.command("logs", "--follow", pod, f"--namespace={self.namespace}")
        with (self.folder / f"{pod}.log").open("wb") as file:
            self._following[pod] = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, env=self.cluster.environment
            )

    def of(self, pod: str) -> list[dict[str, Any]]:
        """Return the lines that a Pod has said so far."""
        file = self.folder / f"{pod}.log"
        return lines(file.read_text(errors="replace")) if file.exists() else []

    def end(self) -> None:
        """Follow nobody any more."""
        for process in self._following.values():
            process.terminate()
            process.wait(END_SECONDS)


def lines(log: str) -> list[dict[str, Any]]:
    """Return the lines of a log of ours."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
