"""Starts processes that have imported everything already, so that many deaths take little time.

A service spends seconds on importing. The nursery, a process of its own, imports all services once and then forks: a
child is the service itself, run by its own front door, with an environment, a log and a process id to itself. Orders
come as lines of JSON on stdin; how children end goes out as lines of JSON on stdout.
"""

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import sys
from collections.abc import Mapping
from typing import Any

LOOK_SECONDS = 0.02


def main(packages: list[str]) -> None:
    """Import `packages`, then serve until stdin is closed; children that are left are killed."""
    for package in packages:
        importlib.import_module(f"{package}.app")
        importlib.import_module(f"{package}.settings")
    children: dict[int, str] = {}
    _tell(ready=True)
    try:
        while _served(children):
            _reap(children)
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _served(children: dict[int, str]) -> bool:
    """Wait a moment for an order, and obey it; return False when there will be none."""
    readable, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    if not readable:
        return True
    line = sys.stdin.readline()
    if not line:
        return False
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        _become(order)
    children[pid] = order["name"]
    _tell(name=order["name"], pid=pid)
    return True


def _reap(children: dict[int, str]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell(name=children.pop(pid), pid=pid, code=os.waitstatus_to_exitcode(status))


def _become(order: Mapping[str, Any]) -> None:
    """Be the service that was ordered, and end with it."""
    code = 1
    try:
        os.setsid()
        os.chdir(order["folder"])
        _replace(0, os.devnull, os.O_RDONLY)
        _replace(1, order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        _replace(2, order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.environ.clear()  # noqa: TID251 - a child has an environment of its own
        os.environ.update(order["environment"])  # noqa: TID251
        sys.argv = [order["package"]]
        runpy.run_module(order["package"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


def _replace(descriptor: int, path: str, flags: int) -> None:
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, descriptor)
    os.close(opened)


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
