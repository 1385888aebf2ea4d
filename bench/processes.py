"""What processes have used so far: processor seconds and memory, as Linux tells them in /proc."""

import contextlib
import os
import pathlib
from collections.abc import Mapping

_PROC = pathlib.Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Places in /proc/<pid>/stat behind the name in parentheses, see proc(5).
_PARENT, _FIRST_TIME, _LAST_TIME, _RESIDENT = 1, 11, 14, 21


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process with all its threads and children, also of those that have ended.

    Raises:
        ProcessLookupError: there is no such process.
    """
    return sum(_times(each) for each in _family(pid))


def thread_seconds(pid: int) -> dict[int, float]:
    """Return the processor time of each living thread of a process, without its children."""
    found: dict[int, float] = {}
    for each in (_PROC / str(pid) / "task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            fields = _fields(pid, f"task/{each.name}/stat")
            found[int(each.name)] = sum(map(int, fields[_FIRST_TIME : _FIRST_TIME + 2])) / _TICKS_PER_SECOND
    return found


def resident_bytes(pid: int) -> int:
    """Return the memory that a process and its children occupy; what they share counts for each.

    Raises:
        ProcessLookupError: there is no such process.
    """
    return sum(int(_fields(each)[_RESIDENT]) * _PAGE_BYTES for each in _family(pid))


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return how much each counter has grown."""
    return {name: after[name] - before[name] for name in before}


def _times(pid: int) -> float:
    fields = _fields(pid)
    # Its own in user and system mode, and those of the children that it has waited for.
    return sum(int(field) for field in fields[_FIRST_TIME : _LAST_TIME + 1]) / _TICKS_PER_SECOND


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for each in [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]:
        with contextlib.suppress(ProcessLookupError):
            children.setdefault(int(_fields(each)[_PARENT]), []).append(each)
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _fields(pid: int, file: str = "stat") -> list[str]:
    try:
        return (_PROC / str(pid) / file).read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"there is no process {pid}") from None
