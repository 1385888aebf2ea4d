"""What an upload is, told from its first bytes: a name or a header may lie, and the decoder is another service's."""

HEAD_BYTES = 12

JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"


def sniff(head: bytes) -> str | None:
    """Return the media type of a JPEG, PNG or WebP by its first HEAD_BYTES; None for anything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    return None
