"""Crash points: named moments at which a process can be told to kill itself, so that what it leaves can be looked at.

A service declares its points in one `Table`, in its `crash_points.py`. The kit passes the boundaries of commits and of
messages by itself and asks for their names: whoever writes says `with crash_points.CREATE:` around it. Whatever else
is a boundary is a `Point` of its own. All of it costs a look at one variable until `arm` was called, which the front
door of a process does when REELMESH_CRASH_AT names points.
"""

import contextvars
import json
import os
import pathlib
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, NoReturn

# What is waited for stands in a file whose path follows.
FILE = "@"
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


# What the kit passes by itself. The work of a transaction is done, nothing of it is on disk:
BEFORE_COMMIT = "before_commit"
# It is on disk, and nobody was told.
AFTER_COMMIT = "after_commit"
# A message was taken, nothing was done about it.
BEFORE_EFFECT = "before_effect"
# What it asked for is done, and the bus was not told.
BEFORE_ACK = "before_ack"


class NoSuchPoint(Exception):
    """A crash was asked for at a point that its service does not have."""


class Point:
    """One moment."""

    def __init__(self, name: str) -> None:
        """Name it; made by a table."""
        self.name = name

    def passed(self) -> None:
        """Say that the process is there."""
        if _armed is not None:
            _armed.passed(self.name)


class Act:
    """Something that crosses boundaries of the kit: `with` it, they carry its name."""

    def __init__(self, name: str, *boundaries: str) -> None:
        """Name it and the boundaries that it crosses; made by a table."""
        self.name = name
        self.points: Mapping[str, str] = {boundary: f"{name}.{boundary}" for boundary in boundaries}

    def __enter__(self) -> None:
        """Give boundaries this name from here on, in this task and those that it starts."""
        if _armed is not None:
            _under_way.set(_UnderWay(self, _under_way.get()))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Give them the name again that they had before."""
        if _armed is not None and (inner := _under_way.get()) is not None:
            _under_way.set(inner.outer)


class Table:
    """All crash points of a service or library, in the order of their declaration."""

    def __init__(self, owner: str) -> None:
        """Begin the names of all with `owner`."""
        self.owner = owner
        self.names: list[str] = []
        _tables[owner] = self

    def point(self, name: str) -> Point:
        """Declare a moment."""
        return Point(self._declared(name))

    def commit(self, name: str) -> Act:
        """Declare what writes to the database, in one transaction or in several."""
        return self._act(name, BEFORE_COMMIT, AFTER_COMMIT)

    def message(self, name: str) -> Act:
        """Declare what works off messages."""
        return self._act(name, BEFORE_EFFECT, BEFORE_ACK)

    def _act(self, name: str, *boundaries: str) -> Act:
        for boundary in boundaries:
            self._declared(f"{name}.{boundary}")
        return Act(f"{self.owner}.{name}", *boundaries)

    def _declared(self, name: str) -> str:
        whole = f"{self.owner}.{name}"
        if whole in self.names or not _NAME.fullmatch(whole):
            raise ValueError(f"{whole!r} is declared already, or is no name of small letters, digits, _ and -")
        self.names.append(whole)
        return whole


def at(boundary: str, act: Act | None = None) -> None:
    """Say that the process is at a boundary of what is under way, or of `act`, which `current` gave before."""
    if _armed is not None:
        _armed.crossed(boundary, act or current())


def current() -> Act | None:
    """Return what is under way, for work that is done in another thread; None while no crash is wanted."""
    if _armed is None or (found := _under_way.get()) is None:
        return None
    return found.act


def arm(wanted: str, die: Callable[[str, int], None] | None = None) -> None:
    """Have the process killed at the points that `wanted` names ("name:pass, name"), whichever is reached first.

    Points of other services than those of this process are passed over: one environment may be for all of them.

    Args:
        wanted: what to wait for; "" waits for nothing. "@path" waits for what stands in that file, whenever it does;
            passes are counted anew when it changes.
        die: called with the point and its pass in place of the kill. For tests.

    Raises:
        NoSuchPoint: a service of this process has no such point.
    """
    global _armed
    if wanted.startswith(FILE):
        _armed = _Armed({}, die or _die, pathlib.Path(wanted.removeprefix(FILE)))
    else:
        plan = _read(wanted)
        _armed = _Armed(plan, die or _die) if plan else None


def _read(wanted: str) -> dict[str, int]:
    plan: dict[str, int] = {}
    for word in filter(None, (word.strip() for word in wanted.split(","))):
        name, _, number = word.partition(":")
        table = _tables.get(name.partition(".")[0])
        if table is not None and name not in table.names:
            raise NoSuchPoint(f"there is no crash point {name!r}; see the service's crash_points.py")
        if table is not None:
            plan[name] = int(number or "1")
    return plan


class _UnderWay(NamedTuple):
    act: Act
    outer: "_UnderWay | None"


class _Armed:
    """Counts passes, in whichever thread they are made."""

    def __init__(
        self, plan: Mapping[str, int], die: Callable[[str, int], None], file: pathlib.Path | None = None
    ) -> None:
        self._plan = dict(plan)
        self._left = dict(plan)
        self._die = die
        self._file = file
        self._written = (0, 0)
        self._lock = threading.Lock()
        self._nameless: set[str] = set()

    def passed(self, name: str) -> None:
        with self._lock:
            if self._file is not None:
                self._look_up(self._file)
            if name not in self._left:
                return
            self._left[name] -= 1
            if self._left[name]:
                return
            del self._left[name]
        self._die(name, self._plan[name])

    def _look_up(self, file: pathlib.Path) -> None:
        """Take over what stands in the file, if it changed; write it whole, under another name, and rename it."""
        try:
            found = file.stat()
            written = (found.st_ino, found.st_mtime_ns)
            if written != self._written:
                self._plan = _read(file.read_text())
                self._left, self._written = dict(self._plan), written
        except FileNotFoundError:
            self._left = {}

    def crossed(self, boundary: str, act: Act | None) -> None:
        name = act.points.get(boundary) if act is not None else None
        if name is not None:
            self.passed(name)
            return
        # A boundary that no table has: told once, so that whoever tries all points learns of it.
        told = f"{boundary} of {act.name if act else 'nothing'}"
        if told not in self._nameless:
            self._nameless.add(told)
            _tell({"nameless_crash_point": told})


def _die(name: str, number: int) -> NoReturn:
    _tell({"crash_point": name, "pass": number})
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # not reached


def _tell(fields: Mapping[str, object]) -> None:
    """Write a line as the logs have them; whoever is about to die cannot wait for a buffer."""
    line = json.dumps({"level": "CRITICAL", "message": "A crash point.", **fields})
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{line}\n".encode())


_tables: dict[str, Table] = {}
_armed: _Armed | None = None
_under_way: contextvars.ContextVar[_UnderWay | None] = contextvars.ContextVar("reelmesh_under_way", default=None)
