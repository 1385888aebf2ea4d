"""Notes: a few bytes of another service that lie beside the assets, outside of every database.

They have no row: a database that was put back to an earlier state must not take them along. Every note has the same
size in the bucket, so that it can be read without knowing more than its name.
"""

import re

from reelmesh_kit import errors

LONGEST_BYTES = 1000
# What lies in the bucket: the length in four hexadecimal digits, the content, zeros.
PACKED_BYTES = 1024
CONTENT_TYPE = "application/octet-stream"
# No asset's key begins with it.
FOLDER = "~notes/"
_LENGTH_CHARACTERS = 4
_NAME = re.compile(r"[a-z0-9-]{1,64}")


def key(name: str) -> str:
    """Return where a note lies.

    Raises:
        errors.InvalidArgument: it is no name of a note.
    """
    if not _NAME.fullmatch(name):
        raise errors.InvalidArgument("name", "must be 1 to 64 small letters, digits and dashes")
    return f"{FOLDER}{name}"


def packed(content: bytes) -> bytes:
    """Return a note as it lies in the bucket.

    Raises:
        errors.InvalidArgument: it is too long.
    """
    if len(content) > LONGEST_BYTES:
        raise errors.InvalidArgument("content", f"has {len(content)} bytes, at most {LONGEST_BYTES} are kept")
    return (f"{len(content):0{_LENGTH_CHARACTERS}x}".encode() + content).ljust(PACKED_BYTES, b"\0")


def unpacked(stored: bytes) -> bytes:
    """Return the content of a note.

    Raises:
        errors.Unavailable: somebody has damaged it.
    """
    try:
        length = int(stored[:_LENGTH_CHARACTERS], 16)
    except ValueError:
        raise errors.Unavailable(f"The note is damaged: remove the folder {FOLDER} from the bucket.") from None
    return stored[_LENGTH_CHARACTERS : _LENGTH_CHARACTERS + length]
