"""The examples run as they are written."""

import pathlib
import subprocess
import sys
from collections.abc import Generator

import pytest
from reelmesh_standalone import checking

from tests.e2e import standalone

pytestmark = pytest.mark.slow

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
# Lets a script run only if it takes no package of ours.
ALONE = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("reelmesh"):
            raise ImportError(f"{name} is a package of reelmesh")
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Generator[standalone.Up]:
    with standalone.up(tmp_path_factory.mktemp("examples") / "data") as started:
        yield started


def test_a_client_from_the_published_protos_alone_creates_watches_and_downloads(mesh, tmp_path) -> None:
    target = tmp_path / "boat.mp4"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ALONE,
            str(EXAMPLES / "from_protos_alone.py"),
            mesh.mesh().grpc,
            mesh.key(),
            str(target),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    checking.check(target, duration_seconds=6.0, width=1280, height=720)


def test_the_typed_client_makes_a_video(mesh, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "make_a_video.py")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
        env=standalone.environment() | {"REELMESH_DATA_FOLDER": str(mesh.folder)},
    )
    assert done.returncode == 0, done.stderr
    checking.check(tmp_path / "boat.mp4", duration_seconds=6.0, width=1280, height=720)
