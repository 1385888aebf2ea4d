"""Process 1 of a test node: `init.py FOLDER`, started in namespaces of its own for processes, mounts and network.

It starts what it is told to, a line of JSON each, until its input ends: when whoever started it closes the pipe, or is
gone. Then it ends, and with it the kernel ends every process of the node and takes away the mounts and the network.
Nothing else needs to clean up, however the run of the tests ended. It uses the standard library only.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

# What the kubelet wants of the whole machine. It finds it here, and so leaves the machine's own values alone.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# What the node writes outside of its folder lands in layers over these.
LAYERED = ("/etc", "/opt", "/var")
POLL_SECONDS = 0.1


def main(folder: pathlib.Path) -> None:
    """Prepare the mounts, say so by a line, and start what the lines of the input name."""
    for descriptor in list(pathlib.Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # what we hold for the slot is not for those that we start
            os.set_inheritable(int(descriptor.name), int(descriptor.name) <= 2)
    _mount(folder)
    started = Started(folder / "logs")
    threading.Thread(target=started.reap, daemon=True).start()
    print("mounted", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        started.start(order["name"], order["command"], order["environment"])


def _mount(folder: pathlib.Path) -> None:
    # Pods may ask to see mounts that are made later.
    _run("mount", "--make-rshared", "/")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for place in LAYERED:
        upper, work = (folder / "layers" / kind / place[1:] for kind in ("upper", "work"))
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", place)
    for name, value in KERNEL_SETTINGS.items():
        file = folder / "layers" / name.replace("/", ".")
        file.write_text(f"{value}\n")
        if pathlib.Path("/proc/sys", name).exists():
            _run("mount", "--bind", str(file), f"/proc/sys/{name}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


class Started:
    """The programs that run, each with a log, and the notes of those that have ended."""

    def __init__(self, logs: pathlib.Path) -> None:
        """Write NAME.log and, when it has ended, its exit code to NAME.ended."""
        self._logs = logs
        self._names: dict[int, str] = {}
        self._lock = threading.Lock()

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        """Start a program. No Popen: it would wait for it, and the reaper does so already."""
        with self._lock, (self._logs / f"{name}.log").open("wb") as log:
            actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
            actions += [(os.POSIX_SPAWN_DUP2, log.fileno(), descriptor) for descriptor in (1, 2)]
            self._names[os.posix_spawn(command[0], command, environment, file_actions=actions)] = name

    def reap(self) -> None:
        """Wait for whatever ends: everybody who has lost its parent is a child of process 1."""
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                time.sleep(POLL_SECONDS)  # noqa: TID251 - real processes, in real time
                continue
            with self._lock:
                name = self._names.pop(pid, None)
            if name is not None:
                (self._logs / f"{name}.ended").write_text(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
