"""Places for those who follow something and stay, by whatever door they came: as many as there is room for."""

import contextlib
import datetime
from collections.abc import Generator

from reelmesh_kit import errors

FULL_RETRY_AFTER = datetime.timedelta(seconds=10)


class Places:
    """How many follow at this moment, and how many may."""

    def __init__(self, limit: int) -> None:
        """Let `limit` callers follow at once."""
        self._limit = limit
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many follow at this moment."""
        return self._taken

    def refuse_if_full(self) -> None:
        """Refuse one more when there are too many.

        Raises:
            RateLimited: there are.
        """
        if self._taken >= self._limit:
            raise errors.RateLimited(
                f"{self._limit} callers follow generations already. Try again, or read the events without following.",
                FULL_RETRY_AFTER,
            )

    @contextlib.contextmanager
    def take(self) -> Generator[None]:
        """Count one more while the body runs; who asked `refuse_if_full` a moment ago is let in."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
