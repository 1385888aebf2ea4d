"""kubectl as a library: run with one kubeconfig, its answers as JSON, its refusals as an exception.

It is the client that comes with the cluster, so that it agrees with it, and it does server-side apply, waiting, logs
and port-forwarding as a user would have them; a client in Python would be one more thing to keep in step.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import IO, Any

from tests.cluster import programs

# Of one call; a cluster that is starting can be slow.
CALL_TIMEOUT_SECONDS = 120.0
# For something to become so.
WAIT_TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.5
STOP_TIMEOUT_SECONDS = 30.0
LOCAL_ONLY = "Forwarding from 127.0.0.1:"

Document = dict[str, Any]


class Refused(Exception):
    """The cluster, or kubectl itself, refused; the message is what it said."""


class NotSo(AssertionError):
    """What was waited for did not become so; the message has what the cluster knows about it."""


@dataclasses.dataclass(frozen=True)
class Kubectl:
    """Speaks to one cluster. Namespaces are always named; none is remembered."""

    kubeconfig: pathlib.Path
    home: pathlib.Path | None = None
    """Where it may keep what it has learned of the cluster; None: where the user's own does, with all of the user's
    environment, which the login to a given cluster may need."""

    def run(self, *arguments: str, stdin: str = "", timeout_seconds: float = CALL_TIMEOUT_SECONDS) -> str:
        """Run `kubectl ARGUMENTS`; return what it printed.

        Raises:
            Refused: it failed, or did not end in time.
        """
        return run(self.command(*arguments), self.environment, stdin, timeout_seconds)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `kubectl ARGUMENTS`."""
        return [str(executable("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments]

    @property
    def environment(self) -> Mapping[str, str] | None:
        """Return the environment that clients of this cluster run in; None is our own."""
        return None if self.home is None else {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}

    def apply(self, *documents: Document | str, namespace: str = "default") -> None:
        """Apply documents, each one a mapping, or text in YAML or JSON that may have many, on the server's side.

        Raises:
            Refused: one of them; those before it are applied.
        """
        texts = [document if isinstance(document, str) else json.dumps(document) for document in documents]
        together = "\n---\n".join(texts)
        self.run("apply", "--server-side", "--force-conflicts", f"--namespace={namespace}", "-f-", stdin=together)

    def get(self, kind: str, name: str, namespace: str = "default") -> Document:
        """Return one object.

        Raises:
            Refused: there is none.
        """
        return json.loads(self.run("get", kind, name, f"--namespace={namespace}", "--output=json"))

    def find(self, kind: str, namespace: str = "default", *, selector: str = "") -> list[Document]:
        """Return the objects of a kind that have these labels (`app=gateway,tier=edge`), or all."""
        listed = self.run("get", kind, f"--namespace={namespace}", f"--selector={selector}", "--output=json")
        return json.loads(listed)["items"]

    def delete(self, kind: str, name: str, namespace: str = "default", *, wait: bool = False) -> None:
        """Delete one object; that it is gone already is well."""
        options = ["--ignore-not-found", f"--wait={str(wait).lower()}"]
        self.run("delete", kind, name, f"--namespace={namespace}", *options)

    def logs(self, pod: str, namespace: str = "default", *options: str) -> str:
        """Return what a pod, or `deployment/NAME`, has printed; options as `--previous`, `--container=NAME`."""
        return self.run("logs", pod, f"--namespace={namespace}", *options)

    def wait(
        self,
        target: str,
        condition: str,
        namespace: str = "default",
        *,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
    ) -> None:
        """Wait for a condition of an object that is there: `pod/NAME`, `Ready`; `deployment/NAME`, `Available`.

        Raises:
            NotSo: it did not come to be in time.
        """
        wanted = [f"--for=condition={condition}", f"--timeout={timeout_seconds}s", f"--namespace={namespace}"]
        try:
            self.run("wait", target, *wanted, timeout_seconds=timeout_seconds + CALL_TIMEOUT_SECONDS)
        except Refused as refused:
            raise NotSo(f"{target} is not {condition}: {refused}\n{self.known(target, namespace)}") from refused

    def wait_until(
        self,
        kind: str,
        name: str,
        is_so: Callable[[Document], bool],
        namespace: str = "default",
        *,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
    ) -> Document:
        """Wait until an object is there and `is_so` holds for it; return it.

        Raises:
            NotSo: it did not come to be in time.
        """
        deadline = time.monotonic() + timeout_seconds  # noqa: TID251 - a real cluster, in real time
        while True:
            with contextlib.suppress(Refused):
                found = self.get(kind, name, namespace)
                if is_so(found):
                    return found
            if time.monotonic() > deadline:  # noqa: TID251
                raise NotSo(f"{kind}/{name}:\n{self.known(f'{kind}/{name}', namespace)}")
            time.sleep(POLL_SECONDS)  # noqa: TID251

    def known(self, target: str, namespace: str) -> str:
        """Return what the cluster knows of an object and its namespace, for a failure's message."""
        told: list[str] = []
        questions = (
            ("describe", target),
            ("get", "pods", "--output=wide"),
            ("get", "events", "--sort-by=.lastTimestamp"),
        )
        for question in questions:
            try:
                told.append(self.run(*question, f"--namespace={namespace}"))
            except Refused as refused:
                told.append(str(refused))
        return "\n".join(told)

    @contextlib.contextmanager
    def forward(self, target: str, port: int, namespace: str = "default") -> Generator[int]:
        """Forward a free loopback port to a port of `pod/NAME` or `service/NAME`; yield it. Works with any cluster.

        Raises:
            Refused: there is no such target, or no pod behind it runs.
        """
        command = self.command("port-forward", f"--namespace={namespace}", "--address=127.0.0.1", target, f":{port}")
        # A file, not a pipe: it says a line for each connection, and nobody reads them.
        with tempfile.TemporaryFile("w+") as told, _ended(command, told, self.environment) as process:
            while not (line := _first_line(told)).startswith(LOCAL_ONLY):
                if process.poll() is not None:
                    raise Refused(f"port-forward {target}: {_first_line(told)}")
                time.sleep(POLL_SECONDS)  # noqa: TID251 - a real process, in real time
            yield int(line.removeprefix(LOCAL_ONLY).split()[0])


@contextlib.contextmanager
def _ended(
    command: Sequence[str], told: IO[str], environment: Mapping[str, str] | None
) -> Generator[subprocess.Popen[bytes]]:
    """Run a command until the end of the block."""
    process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_SECONDS)


def _first_line(file: IO[str]) -> str:
    file.seek(0)
    first = file.readline()
    file.seek(0, os.SEEK_END)
    return first.rstrip("\n") if first.endswith("\n") else ""


def run(
    command: Sequence[str], environment: Mapping[str, str] | None, stdin: str = "", timeout_seconds: float = 120.0
) -> str:
    """Run a client of the cluster; return what it printed.

    Raises:
        Refused: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout_seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise Refused(f"{' '.join(command[:6])} did not end within {timeout_seconds} s") from late
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def executable(name: str) -> pathlib.Path:
    """Return where a client lies: the one that was built, else the one on the PATH.

    Raises:
        programs.Absent: there is neither.
    """
    try:
        return programs.find(name)
    except programs.Absent:
        found = shutil.which(name)
        if found is None:
            raise
        return pathlib.Path(found)
