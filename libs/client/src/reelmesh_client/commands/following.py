"""Shows what happens to a generation while it happens: a line per event, and a bar that moves."""

from types import TracebackType
from typing import Self

import rich.console
import rich.progress
from google.protobuf import timestamp_pb2

from reelmesh_client import errors, watching
from reelmesh_client.commands import showing

_WIDE_CELLS = 80
_WORDS_CELLS, _WORDS_CELLS_LEAST = 28, 11
_BAR_CELLS, _BAR_CELLS_LEAST = 32, 4


class Follower:
    """Prints events and, on a terminal, keeps a progress bar below them.

    Told everything that a watch sees; used as a context manager around it.
    """

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console
        self._began: timestamp_pb2.Timestamp | None = None
        self._lost = False
        # A narrow terminal has the words in fewer cells, and a short bar.
        self._words = _WORDS_CELLS if console.width >= _WIDE_CELLS else _WORDS_CELLS_LEAST
        self._bar = rich.progress.Progress(
            rich.progress.SpinnerColumn(),
            rich.progress.TextColumn(f"{{task.description:<{self._words}}}", markup=False),
            rich.progress.BarColumn(bar_width=min(_BAR_CELLS, max(_BAR_CELLS_LEAST, console.width - self._words - 20))),
            rich.progress.TextColumn("{task.percentage:>3.0f} %", markup=False),
            rich.progress.TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )
        self._task = self._bar.add_task("waiting", total=100)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away; the lines stay."""
        self._bar.stop()

    def saw(self, seen: watching.Seen) -> None:
        """Show one thing that a watch saw."""
        self._lost = False
        if seen.HasField("event"):
            self._began = self._began or seen.event.create_time
            since = showing.seconds_between(self._began, seen.event.create_time)
            showing.print_event(self._console, seen.event, since)
            self._bar.update(self._task, description=showing.state_name(seen.event.state).lower())
        elif seen.HasField("progress"):
            self._bar.update(
                self._task,
                completed=seen.progress.progress_percent,
                description=showing.plain(seen.progress.activity)[: self._words] or None,
            )

    def lost(self, error: errors.ReelmeshError) -> None:
        """Say, once each time, that the mesh does not answer and is looked for."""
        if not self._lost:
            self._lost = True
            self.say(f"… {showing.plain(error.message)}; trying again")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.print(text, markup=False, soft_wrap=True)
