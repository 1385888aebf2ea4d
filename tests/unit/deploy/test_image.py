"""The image is made of what the lock pins, and building it says what it lacks."""

import pathlib
import re
import subprocess
import tomllib

import pytest

from scripts import runtime_lock
from tests.cluster.images import building

ROOT = pathlib.Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
LOCK = """\
click==8.5.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cc
numpy==2.5.1 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
ruff==0.17.5 \\
    --hash=sha256:ee
"""


def test_what_is_needed_comes_with_its_hashes_and_nothing_else_comes() -> None:
    needed = "-e file:///build/libs/kit\n# a comment\nnumpy==2.5.1\nClick==8.5.0\n"
    assert runtime_lock.picked(LOCK, needed) == (
        "click==8.5.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "numpy==2.5.1 ; python_full_version >= '3.12' \\\n    --hash=sha256:dd\n"
    )


@pytest.mark.parametrize("needed", ["click==8.5.1", "attrs==26.1.0"])
def test_what_the_lock_does_not_have_is_refused(needed: str) -> None:
    with pytest.raises(LookupError, match=f"{needed}: run make lock"):
        runtime_lock.picked(LOCK, needed)


def test_the_lock_of_this_repository_can_be_picked_from() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    needed = re.findall(r"^\S+==[^\s;]+", lock, re.MULTILINE)
    assert runtime_lock.picked(lock, "\n".join(needed)).count("--hash") == lock.count("--hash")


def test_the_image_is_built_with_the_uv_of_the_makefile() -> None:
    (made_with,) = re.findall(r"uv==([\d.]+)", (ROOT / "Makefile").read_text())
    pinned = (ROOT / "deploy" / "docker" / "uv.lock.txt").read_text()
    assert pinned.startswith(f"uv=={made_with} \\\n    --hash=sha256:")


def test_every_member_reaches_the_image_but_what_is_for_tests() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert rules[rules.index("*") :][0] == "*"
    assert {rule for rule in rules if rule.startswith(("libs/", "services/"))} == {"libs/simulators"}
    users = [
        file.parent.name
        for file in ROOT.glob("services/*/pyproject.toml")
        if "reelmesh-simulators" in tomllib.loads(file.read_text())["project"].get("dependencies", [])
    ]
    assert users == []


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert all(int(part) >= 10_000 for part in user.split(":"))


def test_without_a_builder_it_says_what_to_install(tmp_path: pathlib.Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dirname").symlink_to("/usr/bin/dirname")
    command = ["env", f"PATH={tools}", "/bin/sh", str(ROOT / "scripts" / "build-image")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "install podman or buildah" in result.stderr


def test_an_image_is_built_anew_when_anything_that_reaches_it_changes() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed <= set(building.OURS.sources)


def test_another_content_is_another_image(tmp_path: pathlib.Path) -> None:
    recipe = building.Recipe("reelmesh.local/one:test", tmp_path / "Dockerfile", tmp_path, ("kept",))
    (tmp_path / "kept" / "__pycache__").mkdir(parents=True)
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "kept" / "file").write_text("1")
    first = recipe.digest
    (tmp_path / "kept" / "__pycache__" / "file.pyc").write_text("never reaches it")
    (tmp_path / "left").write_text("neither does this")
    assert recipe.digest == first
    (tmp_path / "kept" / "file").write_text("2")
    assert recipe.digest != first


def test_the_builder_that_is_wanted_is_the_one_that_is_looked_for(tmp_path: pathlib.Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dirname").symlink_to("/usr/bin/dirname")
    for name in ("podman", "buildah"):
        (tools / name).write_text(f"#!/bin/sh\necho {name} was asked >&2\nexit 3\n")
        (tools / name).chmod(0o755)
    script = str(ROOT / "scripts" / "build-image")
    for wanted, asked in (({}, "podman"), ({"BUILDER": "buildah"}, "buildah")):
        result = subprocess.run(
            ["/bin/sh", script], env={"PATH": str(tools), **wanted}, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (3, f"{asked} was asked\n")
