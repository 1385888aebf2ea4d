"""The way past SQLAlchemy for texts that were put together once: what runs often goes to the driver as it is.

Its errors come in SQLAlchemy's words all the same, so that whoever catches them need not know which way it went.
"""

from collections.abc import Sequence
from typing import Any, Protocol


class Driver(Protocol):
    """The driver's own connection below one of SQLAlchemy's."""

    def rows(self, text: str, parameters: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Run a text and return all that it finds."""
        ...

    def hits(self, text: str, parameters: Sequence[Sequence[Any]]) -> int:
        """Run a text for each of many; return how many rows it has hit."""
        ...
