"""Reads identifiers out of messages."""

import uuid

from reelmesh_kit import errors, ids


def identifier(field: str, text: str) -> uuid.UUID:
    """Return the UUID in a field.

    Raises:
        errors.InvalidArgument: it is none. One that names nothing is another matter: that is told by who would have it.
    """
    try:
        return ids.read(text)
    except ValueError as error:
        raise errors.InvalidArgument(field, str(error)) from None
