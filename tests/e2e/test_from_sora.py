"""What docs/from-sora.md shows works as it stands there, with the address and the key of a mesh of ours."""

import asyncio
import pathlib
import re
import subprocess
import sys

import pytest

from tests.e2e import mesh

pytestmark = pytest.mark.slow

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "from-sora.md"
RUN_SECONDS = 100.0
ADDRESS, KEY = "http://127.0.0.1:8080", "rm_…"


def code(one: mesh.Mesh) -> str:
    """Return the code of the page, block after block, for this mesh."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    text = "\n".join(blocks)
    assert ADDRESS in text
    assert KEY in text
    return text.replace(ADDRESS, f"http://127.0.0.1:{one.one('gateway').running.http_port}").replace(KEY, one.key)


async def test_the_code_of_the_page_makes_a_video(tmp_path: pathlib.Path) -> None:
    async with mesh.up(tmp_path / "mesh") as one:
        program = tmp_path / "program.py"
        program.write_text(code(one))
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore::DeprecationWarning", str(program)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
    assert (tmp_path / "boat.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "boat.webp").read_bytes()[8:12] == b"WEBP"
