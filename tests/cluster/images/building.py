"""Builds images with buildah on a base from debootstrap, in a store of our own; `make cluster-images` runs it.

A finished image is an archive in the cache of the test cluster, named after everything that it is made of: what has not
changed is built once on a machine. What has changed is built on the layers that are left.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping, Sequence

from tests.cluster import programs, slots
from tests.support import requirements

ROOT = pathlib.Path(__file__).parents[3]
HERE = pathlib.Path(__file__).parent
REELMESH = "reelmesh.local/reelmesh:test"
POSTGRESQL = "reelmesh.local/postgresql:test"
# What Debian calls the packages that bring them.
TOOLS = ("buildah", "debootstrap")
# What the Dockerfile wants of its base: Python, and authorities that pip and uv trust.
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates")
# Of an image; several checkouts on one machine have different ones.
KEPT_ARCHIVES = 3
# Each step of a build is one; the next build goes on from those that it shares.
PRUNED_ABOVE_IMAGES = 200
HASH_LENGTH = 16
PARTIAL = "base-"
# How this machine reaches package registries is how a build on it does.
TRUSTED = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
LENT = (TRUSTED, pathlib.Path("/etc/pip.conf"))
PASSED = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")
UNSEEN = frozenset({"__pycache__", "tests", "simulators"})
TAIL = 3000


class Failed(Exception):
    """An image was not built; the message has the end of what the builder said."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """An image and all that it is made of."""

    name: str
    dockerfile: pathlib.Path
    context: pathlib.Path
    sources: Sequence[str]
    """Files and folders below the context that reach the image."""

    @property
    def digest(self) -> str:
        """Return what names this image: another content is another name."""
        found = hashlib.sha256(f"{_base()} {self.name}\n".encode() + self.dockerfile.read_bytes())
        for file in self._files():
            named = f"{file.relative_to(self.context)} {file.stat().st_mode & 0o111}\n"
            found.update(named.encode() + file.read_bytes())
        return found.hexdigest()[:HASH_LENGTH]

    @property
    def short(self) -> str:
        """Return the name without registry and tag."""
        return self.name.rpartition("/")[2].partition(":")[0]

    @property
    def archive(self) -> pathlib.Path:
        """Return where its archive is, or will be."""
        return _folder() / f"{self.short}-{self.digest}.tar"

    def _files(self) -> Iterable[pathlib.Path]:
        for source in self.sources:
            place = self.context / source
            files = [place] if place.is_file() else sorted(place.rglob("*"))
            for file in files:
                parts = file.relative_to(self.context).parts
                hidden = UNSEEN.intersection(parts) or any(part.endswith(".egg-info") for part in parts)
                if file.is_file() and not hidden:
                    yield file


OURS = Recipe(
    REELMESH,
    ROOT / "deploy" / "docker" / "Dockerfile",
    ROOT,
    (
        *(".dockerignore", "LICENSE", "pyproject.toml", "requirements.lock", "deploy/docker/uv.lock.txt"),
        *("scripts/runtime_lock.py", "scripts/build-image", "libs", "services"),
    ),
)
DATABASE = Recipe(POSTGRESQL, HERE / "postgresql.Dockerfile", HERE, ("postgresql.sh",))
RECIPES = (OURS, DATABASE)


def lack() -> str:
    """Return which tools are missing here, and how to get them; empty if none is."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)} (Debian's packages)" if missing else ""


def built(recipe: Recipe) -> pathlib.Path:
    """Return the archive of an image, which is built first if it is not there.

    Raises:
        Failed: it cannot be built.
    """
    archive = recipe.archive
    _folder().mkdir(parents=True, exist_ok=True)
    if not archive.exists():
        with _one_at_a_time():
            if not archive.exists():
                _build(recipe, archive)
    archive.touch()
    return archive


def _build(recipe: Recipe, archive: pathlib.Path) -> None:
    base = _base_image()
    given = ["--isolation", "chroot", "--network", "host", "--layers"]
    for file in LENT:
        given += ["--volume", f"{file}:{file}:ro"] if file.exists() else []
    for name, value in _environment().items():
        given += ["--build-arg", f"{name}={value}"] if name in PASSED else []
    environment = _environment() | {
        "BUILDER": "buildah",
        "BUILDAH_OPTIONS": " ".join(_store()),
        "BUILD_ARGS": " ".join(given),
        "DOCKERFILE": str(recipe.dockerfile),
        "CONTEXT": str(recipe.context),
        "BASE_IMAGE": base,
        "IMAGE": recipe.name,
    }
    _run([str(ROOT / "scripts" / "build-image")], environment)
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    _buildah("push", "--quiet", recipe.name, f"docker-archive:{partial}:{recipe.name}")
    if recipe.archive != archive:
        raise Failed(f"{recipe.name}: what it is made of was changed while it was built; build it again")
    partial.rename(archive)
    for old in sorted(_folder().glob(f"{recipe.short}-*.tar"), key=lambda file: file.stat().st_mtime)[:-KEPT_ARCHIVES]:
        old.unlink()
    if len(_buildah("images", "--all", "--quiet").split()) > PRUNED_ABOVE_IMAGES:
        _buildah("rmi", "--prune")


def _base() -> str:
    release = dict(
        line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    codename = release.get("VERSION_CODENAME", "stable").strip('"')
    return f"localhost/{codename}-{platform.machine()}:{'-'.join(BASE_PACKAGES)}"


def _base_image() -> str:
    """Return the name of the base, which is made first if it is not there."""
    base = _base()
    if _has(base):
        return base
    for left in _folder().glob(f"{PARTIAL}*"):  # by a build that was killed
        for mount in slots.mounts_below(left):
            _run(["umount", mount])
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=_folder()) as folder:
        system = pathlib.Path(folder) / "system"
        codename = base.removeprefix("localhost/").partition("-")[0]
        _run(["debootstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", codename, str(system)])
        for left in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(system / left)
            (system / left).mkdir()
        container = _buildah("from", "scratch").strip()
        _buildah("add", "--quiet", container, str(system), "/")
        _buildah("commit", "--quiet", "--rm", container, base)
    return base


def _has(image: str) -> bool:
    listed = subprocess.run(
        ["buildah", *_store(), "inspect", image], capture_output=True, env=_environment(), check=False
    )
    return listed.returncode == 0


def _buildah(*words: str) -> str:
    return _run(["buildah", *_store(), *words])


def _store() -> list[str]:
    return ["--root", str(_folder() / "store"), "--runroot", str(_folder() / "run"), "--storage-driver", "overlay"]


def _folder() -> pathlib.Path:
    return programs.cache() / "images"


def _environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - the builder's way to registries is this shell's


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment or _environment(), cwd=ROOT, check=False
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:4])} …: {(done.stdout + done.stderr).strip()[-TAIL:]}")
    return done.stdout


@contextlib.contextmanager
def _one_at_a_time() -> Generator[None]:
    with (_folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build what is missing; print where the archives are, how large, and how long it took."""
    if reason := lack():
        print(f"images: {reason}")
        return 1
    for recipe in RECIPES:
        began = time.monotonic()  # noqa: TID251 - real builds, in real time
        try:
            archive = built(recipe)
        except Failed as failed:
            print(failed)
            return 1
        took = time.monotonic() - began  # noqa: TID251
        print(f"{recipe.name}: {archive}, {archive.stat().st_size / 1e6:.0f} MB, {took:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    requirements.keep_settings(os.environ)  # noqa: TID251 - a command reads the environment it was started in
    sys.exit(main())
