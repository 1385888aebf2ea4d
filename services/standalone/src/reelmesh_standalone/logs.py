"""Where log lines go on a laptop: all into bounded files per service, warnings also to the terminal."""

import json
import pathlib
import threading
from collections.abc import Callable
from typing import Any

from reelmesh_kit import clock

# A service keeps two files, the one being written and the one before: at most twice this.
FILE_LIMIT_BYTES = 16 * 1024 * 1024
LINE_LIMIT_CHARACTERS = 64 * 1024
OWN_SERVICE = "standalone"
_SHOWN_LEVELS = ("WARNING", "ERROR", "CRITICAL")

Show = Callable[[str], None]


class Logs:
    """Takes JSON log lines of all services. Safe to use from several threads."""

    def __init__(
        self, folder: pathlib.Path, show: Show, time: clock.Clock, *, limit_bytes: int = FILE_LIMIT_BYTES
    ) -> None:
        """Write below `folder`; hand what needs eyes to `show`."""
        self._folder = folder
        self._show = show
        self._time = time
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._failing = False

    def path(self, service: str) -> pathlib.Path:
        """Return the file of a service's lines."""
        return self._folder / f"{service}.jsonl"

    def take(self, line: str, service: str = "") -> None:
        """Keep one line. What is no JSON object (a traceback, a print) is wrapped into one.

        Args:
            line: as it was logged.
            service: who wrote it; "" takes the line's own word for it.
        """
        fields = _parsed(line) or {
            "time": self._time.now().isoformat(timespec="milliseconds"),
            "level": "ERROR",
            "message": line[:LINE_LIMIT_CHARACTERS],
        }
        name = service or _file_safe(str(fields.get("service") or OWN_SERVICE))
        fields.setdefault("service", name)
        with self._lock:
            self._append(name, json.dumps(fields, ensure_ascii=False) + "\n")
        if fields.get("level") in _SHOWN_LEVELS:
            self._show(f"{fields.get('level', '').lower()} {name}: {fields.get('message', '')}")

    def _append(self, service: str, line: str) -> None:
        path = self.path(service)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size + len(line) > self._limit_bytes:
                path.replace(self._folder / f"{service}.1.jsonl")
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            if not self._failing:
                self._show(f"warning logs: {path} cannot be written: {error.strerror or error}")
            self._failing = True
            return
        self._failing = False


class Stream:
    """A text stream that hands each whole line to `Logs`: what the logging of this process writes to."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._rest = ""

    def write(self, text: str) -> int:
        """Take text; lines are handed on once they are whole."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line:
                self._logs.take(line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: each line is handed on at once."""


def message(line: str) -> str:
    """Return the words of a log line, without its other fields; of a traceback, its last line."""
    fields = _parsed(line) or {}
    last = str(fields.get("exception") or "").strip().rpartition("\n")[2]
    return " ".join(each for each in (str(fields.get("message") or line), last) if each)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _file_safe(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_" else "_" for each in name)
