"""Notes of other services: written whole, read whole, and known to no index."""

from reelmesh_kit import errors

from reelmesh_storage import ports
from reelmesh_storage.model import note


class Notes:
    """A few bytes by name, in the bucket alone."""

    def __init__(self, bucket: ports.Bucket) -> None:
        """Use a bucket."""
        self._bucket = bucket

    async def keep(self, name: str, content: bytes) -> None:
        """Write a note in place of the one of that name; it is on disk when this returns.

        Raises:
            errors.InvalidArgument: the name is none, or the content is too long.
            errors.Unavailable, errors.StorageFull: the bucket cannot take it.
        """
        key, stored = note.key(name), note.packed(content)
        async with self._bucket.upload(key, note.CONTENT_TYPE) as upload:
            await upload.write(stored)
            await upload.publish()

    async def read(self, name: str) -> bytes:
        """Return a note; empty when there is none.

        Raises:
            errors.InvalidArgument: the name is none.
            errors.Unavailable: the bucket does not answer.
        """
        try:
            chunks = [chunk async for chunk in self._bucket.read(note.key(name), 0, note.PACKED_BYTES)]
        except errors.NotFound:
            return b""
        return note.unpacked(b"".join(chunks))
