"""Reads identifiers out of messages."""

import uuid

from reelmesh_kit import errors


def identifier(field: str, text: str) -> uuid.UUID:
    """Return the UUID in a field.

    Raises:
        errors.InvalidArgument: it is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise errors.InvalidArgument(field, f"{text[:80]!r} is not a UUID") from None


def resource(kind: str, text: str) -> uuid.UUID:
    """Return the UUID that names a resource; what is no UUID names nothing.

    Raises:
        errors.NotFound: it is no UUID.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise errors.NotFound(f"there is no {kind} {text[:80]!r}") from None
