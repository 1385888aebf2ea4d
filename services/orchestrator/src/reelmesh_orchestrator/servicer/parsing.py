"""Reads identifiers out of messages, and who sends them."""

import uuid

from reelmesh_kit import errors, ids, rpc


def identifier(field: str, text: str) -> uuid.UUID:
    """Return the UUID in a field.

    Raises:
        errors.InvalidArgument: it is none. One that names nothing is another matter: that is told by who would have it.
    """
    try:
        return ids.read(text)
    except ValueError as error:
        raise errors.InvalidArgument(field, str(error)) from None


def operator() -> str:
    """Return which operator says so, as it stands in the history."""
    key_id = rpc.caller().key_id
    return f"key {key_id}" if key_id else "an operator"
