"""Checks the Helm chart: lint, renders of a matrix of values against those that are kept, and Kubernetes's schemas.

`python -m scripts.chart` checks, `python -m scripts.chart --write` renders anew. What is kept lies in
deploy/helm/renders, with the digest of what it was made from, so that a machine without helm notices a stale one, too.
"""

import argparse
import difflib
import functools
import hashlib
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).parent.parent
CHART = ROOT / "deploy" / "helm" / "reelmesh"
RENDERS = ROOT / "deploy" / "helm" / "renders"
DIGEST = RENDERS / "digest"
CASES = sorted(file.stem for file in (CHART / "ci").glob("*.yaml"))
# The oldest that the chart names, one of those that are common, and the newest that is known.
KUBERNETES = ("1.30", "1.34", kubernetes_validate.latest_version())
# Kinds that Kubernetes does not have itself.
FOREIGN = frozenset({"ServiceMonitor", "WorkerPool"})
# The case in which no custom resource is defined yet.
FIRST = "stopped"
NAMESPACE = "video"
_CACHE = pathlib.Path.home() / ".cache" / "reelmesh" / "cluster"
_SHOWN_LINES = 60


def helm() -> str | None:
    """Return the helm on the PATH, else the newest that `make cluster-binaries` built; None if there is neither."""
    built = sorted(_CACHE.glob("helm-*/helm"), key=lambda file: file.stat().st_mtime)
    return shutil.which("helm") or (str(built[-1]) if built else None)


def rendered(program: str, case: str) -> str:
    """Return what the chart makes of the values of a case.

    Raises:
        subprocess.CalledProcessError: it makes nothing of them; its stderr says why.
    """
    values = CHART / "ci" / f"{case}.yaml"
    command = [program, "template", "reelmesh", str(CHART), "--namespace", NAMESPACE, "--values", str(values)]
    # As where the definitions of the chart are there already, but in the case of a first installation.
    command += [] if case == FIRST else ["--api-versions", "reelmesh.dev/v1alpha1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def digest() -> str:
    """Return the digest of what renders are made from."""
    found = hashlib.sha256()
    for file in sorted(file for file in CHART.rglob("*") if file.is_file() and file.suffix != ".md"):
        found.update(f"{file.relative_to(CHART)}\n".encode() + file.read_bytes())
    return found.hexdigest()


@functools.cache
def documents(case: str) -> list[dict[str, Any]]:
    """Return the manifests of a kept render."""
    return [each for each in yaml.safe_load_all((RENDERS / f"{case}.yaml").read_text()) if each]


def invalid(manifests: Iterable[dict[str, Any]], version: str) -> list[str]:
    """Return what a version of Kubernetes would not take as it stands, unknown fields included."""
    found: list[str] = []
    for manifest in manifests:
        if manifest["kind"] in FOREIGN:
            continue
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            found.append(f"{name} on {version}: {error}")
    return found


def _written(program: str) -> None:
    RENDERS.mkdir(exist_ok=True)
    for stale in RENDERS.glob("*.yaml"):
        stale.unlink()
    for case in CASES:
        (RENDERS / f"{case}.yaml").write_text(rendered(program, case))
    DIGEST.write_text(digest() + "\n")


def _wrong(program: str) -> list[str]:
    found: list[str] = []
    for case in CASES:
        values = str(CHART / "ci" / f"{case}.yaml")
        lint = [program, "lint", "--strict", "--quiet", "--values", values, str(CHART)]
        linted = subprocess.run(lint, capture_output=True, text=True, check=False)
        if linted.returncode:
            found.append(linted.stdout + linted.stderr)
            continue
        kept = (RENDERS / f"{case}.yaml").read_text() if (RENDERS / f"{case}.yaml").exists() else ""
        lines = kept.splitlines(), rendered(program, case).splitlines()
        found.extend([*difflib.unified_diff(*lines, f"kept {case}", f"new {case}", lineterm="")][:_SHOWN_LINES])
    return found


def main() -> int:
    """Check the chart, or write its renders; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="render anew")
    write = parser.parse_args().write
    program = helm()
    if program is None:
        sys.stderr.write(
            "helm is missing: install it, or build it by make cluster-binaries. Renders are not made anew.\n"
        )
    if write:
        if program is None:
            return 1
        _written(program)
        return 0
    found = _wrong(program) if program else []
    if DIGEST.read_text().strip() != digest():
        found.append("The renders are older than the chart: run make chart-renders, and read what it changes.")
    found += [line for version in KUBERNETES for case in CASES for line in invalid(documents(case), version)]
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
