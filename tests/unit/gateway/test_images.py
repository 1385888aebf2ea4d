"""What an upload is, by its first bytes."""

import pytest
from reelmesh_gateway.model import images


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", images.JPEG),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d", images.PNG),
        (b"RIFF\x10\x00\x00\x00WEBP", images.WEBP),
        (b"RIFF\x10\x00\x00\x00WAVE", None),
        (b"GIF89a\x00\x00\x00\x00\x00\x00", None),
        (b"<svg xmlns=", None),
        (b"\x89PNG", None),
        (b"", None),
    ],
)
def test_only_the_three_kinds_are_known(head: bytes, expected: str | None) -> None:
    assert images.sniff(head) == expected
