"""Runs import-linter over .importlinter, in which `reelmesh_provider_*` stands for every provider on disk.

A provider is a folder: adding one edits nothing outside it, not even the list of those who must keep the contracts.
"""

import pathlib
import sys
import tempfile

from importlinter import cli

CONFIGURATION = pathlib.Path(".importlinter")
PROVIDERS = "reelmesh_provider_*"


def providers(root: pathlib.Path) -> list[str]:
    """Return the packages of all providers below `root`."""
    return sorted(folder.name for folder in root.glob(f"services/provider-*/src/{PROVIDERS}") if folder.is_dir())


def expanded(text: str, names: list[str]) -> str:
    """Return the configuration with each line that says `reelmesh_provider_*` said of all `names`.

    On a line with bars the names get bars between them, elsewhere a line each.
    """
    lines: list[str] = []
    for line in text.splitlines():
        if PROVIDERS not in line or line.lstrip().startswith("#"):
            lines.append(line)
        elif "|" in line:
            lines.append(line.replace(PROVIDERS, " | ".join(names)))
        else:
            lines += [line.replace(PROVIDERS, name) for name in names]
    return "\n".join(lines) + "\n"


def main(contracts: list[str]) -> int:
    """Lint the tree in the current folder by these contracts, or by all; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = pathlib.Path(folder) / CONFIGURATION.name
        configuration.write_text(expanded(CONFIGURATION.read_text(), providers(pathlib.Path())))
        return cli.lint_imports(str(configuration), limit_to_contracts=tuple(contracts), no_cache=True, no_logo=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
