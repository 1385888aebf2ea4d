"""The programs of the test cluster and a collector, built once from pinned Go modules and kept outside of the tree.

`python -m tests.cluster.programs` builds what is missing, as `make cluster-binaries` does. A module of binaries/ pins
what it builds by its go.mod and go.sum. What is built lies in a folder named after them and the flags, so that another
pin is another folder, and two checkouts share what they agree on. The first build takes a quarter of an hour of two
cores, and caches of Go of some gigabytes; `rm -r ~/.cache/reelmesh/cluster` frees the programs of older pins.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence

from tests.support import requirements

BINARIES = pathlib.Path(__file__).parent / "binaries"
CACHE = pathlib.Path.home() / ".cache" / "reelmesh" / "cluster"
CACHE_SETTING = "REELMESH_TEST_CLUSTER_CACHE"
HASH_LENGTH = 16
PARTIAL = ".partial"

_KUBERNETES = "k8s.io/kubernetes/cmd"
_CONTAINERD = "github.com/containerd/containerd/v2"
_STAMP = "k8s.io/component-base/version"


class Absent(Exception):
    """A program is not there and cannot be built; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Module:
    """A Go module of ours, which pins others and builds commands of theirs."""

    name: str
    """Its folder in binaries/."""
    packages: Mapping[str, str]
    """The package of each program, by the program's name."""
    pin: str = ""
    """The module whose version the programs call their own."""
    stamps: Sequence[str] = ()
    """Variables of Go that get a value when the programs are linked, with {version}, {major} and {minor} of the pin."""

    @property
    def source(self) -> pathlib.Path:
        """Return the folder of its go.mod."""
        return BINARIES / self.name

    @property
    def version(self) -> str:
        """Return the pinned version, as `v1.36.3`."""
        found = re.search(rf"^(?:require )?\s*{re.escape(self.pin)} (v\S+)", (self.source / "go.mod").read_text(), re.M)
        assert found is not None, f"{self.source}/go.mod does not require {self.pin}"
        return found[1]

    @property
    def linked(self) -> str:
        """Return what the linker is told: no symbols, and the versions."""
        major, minor = self.version.removeprefix("v").split(".")[:2]
        stamps = (f"-X {stamp.format(version=self.version, major=major, minor=minor)}" for stamp in self.stamps)
        return " ".join(["-s -w", *stamps])

    @property
    def folder(self) -> pathlib.Path:
        """Return where its programs are, or will be."""
        digest = hashlib.sha256(f"{platform.machine()} {sorted(self.packages)} {self.linked}".encode())
        for file in sorted(self.source.rglob("*")):
            digest.update(file.read_bytes() if file.is_file() else b"")
        return cache() / f"{self.name}-{digest.hexdigest()[:HASH_LENGTH]}"

    @property
    def built(self) -> bool:
        """Return whether its programs are there; they come all at once."""
        return self.folder.is_dir()


KUBERNETES = Module(
    "kubernetes",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": f"{_KUBERNETES}/kube-apiserver",
        "kube-controller-manager": f"{_KUBERNETES}/kube-controller-manager",
        "kube-proxy": f"{_KUBERNETES}/kube-proxy",
        "kube-scheduler": f"{_KUBERNETES}/kube-scheduler",
        "kubectl": f"{_KUBERNETES}/kubectl",
        "kubelet": f"{_KUBERNETES}/kubelet",
    },
    pin="k8s.io/kubernetes",
    # Else the API server calls itself v0.0.0-master, which a chart's kubeVersion refuses.
    stamps=(f"{_STAMP}.gitVersion={{version}}", f"{_STAMP}.gitMajor={{major}}", f"{_STAMP}.gitMinor={{minor}}"),
)
NODE = Module(
    "node",
    {
        "containerd": f"{_CONTAINERD}/cmd/containerd",
        "containerd-shim-runc-v2": f"{_CONTAINERD}/cmd/containerd-shim-runc-v2",
        "coredns": "github.com/coredns/coredns",
        "ctr": f"{_CONTAINERD}/cmd/ctr",
        "pause": "./pause",
    },
    pin=_CONTAINERD,
    stamps=(f"{_CONTAINERD}/version.Version={{version}}",),
)
HELM = Module(
    "helm",
    {"helm": "helm.sh/helm/v4/cmd/helm"},
    pin="helm.sh/helm/v4",
    stamps=("helm.sh/helm/v4/internal/version.version={version}",),
)
COLLECTOR = Module("collector", {"otelcol": "./otelcol"}, pin="go.opentelemetry.io/collector/otelcol")
MODULES = (KUBERNETES, NODE, HELM, COLLECTOR)


def cache() -> pathlib.Path:
    """Return the folder that keeps what was built: CACHE, or where REELMESH_TEST_CLUSTER_CACHE says."""
    told = requirements.setting(CACHE_SETTING)
    return pathlib.Path(told) if told else CACHE


def find(program: str) -> pathlib.Path:
    """Return where a program is.

    Raises:
        Absent: it was not built yet.
    """
    module = next(module for module in MODULES if program in module.packages)
    if not module.built:
        raise Absent(f"{program} is not built: run `make cluster-binaries` ({module.folder} is missing)")
    return module.folder / program


def build(module: Module) -> pathlib.Path:
    """Build a module's programs if they are not there; return their folder. It appears when all of them are built.

    Raises:
        Absent: this machine cannot build them.
    """
    go = shutil.which("go")
    if go is None and not module.built:
        raise Absent("Go is not on the PATH; the test cluster is built with Go 1.26 or later")
    cache().mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(cache() / f"{module.name}.lock"):
        if go is not None and not module.built:
            _build(go, module)
    return module.folder


def _build(go: str, module: Module) -> None:
    for left in cache().glob(f"{module.name}-*{PARTIAL}"):  # by a build that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{module.name}-", suffix=PARTIAL, dir=cache()) as folder:
        made = pathlib.Path(folder) / "made"
        made.mkdir()
        # One build without cgo for all of them: with both kinds, everything would be compiled twice.
        command = ["env", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly -trimpath -buildvcs=false", go, "build"]
        command += ["-ldflags", module.linked, "-o", str(made), *module.packages.values()]
        built = subprocess.run(command, cwd=module.source, stderr=subprocess.PIPE, text=True, check=False)
        if built.returncode != 0:
            raise Absent(f"{module.name} cannot be built by `{go} build`: {built.stderr.strip()[-1000:]}")
        for program, package in module.packages.items():
            (made / name_by_go(package)).rename(made / program)
        made.rename(module.folder)


def name_by_go(package: str) -> str:
    """Return what Go calls the program of a package: the last part of its path that is no major version."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


@contextlib.contextmanager
def _one_at_a_time(lock: pathlib.Path) -> Generator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(words: Sequence[str]) -> int:
    """Build the modules that are named, or all; print where their programs are."""
    if unknown := set(words) - {module.name for module in MODULES}:
        print(f"{', '.join(sorted(unknown))}: there are only {', '.join(module.name for module in MODULES)}")
        return 2
    try:
        asked = [module for module in MODULES if not words or module.name in words]
        for module in asked:
            if not module.built:
                print(f"building {module.name} {module.version}; the first time takes minutes", flush=True)
            print(f"{module.name} {module.version}: {build(module)}", flush=True)
    except Absent as absent:
        print(absent)
        return 1
    return 0


if __name__ == "__main__":
    requirements.keep_settings(os.environ)  # noqa: TID251 - a command reads the environment it was started in
    sys.exit(main(sys.argv[1:]))
