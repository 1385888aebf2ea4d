"""Places for those who come and stay, by whatever door: as many as there is room for."""

import contextlib
import datetime
from collections.abc import Generator

from reelmesh_kit import errors

FULL_RETRY_AFTER = datetime.timedelta(seconds=10)


class Places:
    """How many are here at this moment, and how many may be."""

    def __init__(self, limit: int, refusal: type[errors.RetryableError], message: str) -> None:
        """Let `limit` callers in at once, and refuse further ones by an error of this class and message."""
        self._limit = limit
        self._refusal = refusal
        self._message = message
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many are here at this moment."""
        return self._taken

    def refuse_if_full(self) -> None:
        """Refuse one more when there are too many.

        Raises:
            RetryableError: there are.
        """
        if self._taken >= self._limit:
            raise self._refusal(f"{self._limit} {self._message}", FULL_RETRY_AFTER)

    @contextlib.contextmanager
    def take(self) -> Generator[None]:
        """Count one more while the body runs; who asked `refuse_if_full` a moment ago is let in."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def following(limit: int) -> Places:
    """Return the places of those who follow generations."""
    message = "callers follow generations already. Try again, or read the events without following."
    return Places(limit, errors.RateLimited, message)


def downloading(limit: int) -> Places:
    """Return the places of those who download: each may hold three megabytes while it is slow."""
    return Places(limit, errors.Unavailable, "downloads are under way already. Try again in a moment.")


# Requests whose bodies are held in memory, whole: each may have 14 MB, and be there twice.
LARGE_BODIES_LIMIT = 16


def sending_large_bodies() -> Places:
    """Return the places of those who send a picture within a request."""
    message = "requests with pictures are being read already. Try again in a moment."
    return Places(LARGE_BODIES_LIMIT, errors.Unavailable, message)
