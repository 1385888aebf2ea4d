"""What a machine must have and allow before a test node can run on it."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterable

from tests.cluster import configuration, programs, slots

# What each Debian package brings that a node needs.
PACKAGES = {
    "runc": "runc",
    "nftables": "nft",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "util-linux": "unshare",
}
PLUGINS_PACKAGE = "containernetworking-plugins"
# Root's own PATH may lack where Debian keeps these.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--mount-proc")


def refusal(system: str = sys.platform, user_id: int | None = None) -> str:
    """Return why this machine can run no test node, whatever is installed on it; empty if it can."""
    if system != "linux":
        return f"a node needs Linux, this is {system}"
    if (os.geteuid() if user_id is None else user_id) != 0:
        return "a node needs root"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"the kernel refuses namespaces: {tried.stderr.strip()}"
    try:
        slots.allow_controllers()
    except OSError as refused:
        return f"the kernel refuses control groups: {refused}"
    return ""


def lack(
    system_path: str = SYSTEM_PATH,
    plugins: pathlib.Path = configuration.PLUGINS,
    modules: Iterable[programs.Module] = programs.MODULES,
) -> str:
    """Return which packages or programs are not here, and how to get them; empty if none is missing."""
    packages = [package for package, file in PACKAGES.items() if not shutil.which(file, path=system_path)]
    if not (plugins / "bridge").exists():
        packages.append(PLUGINS_PACKAGE)
    if packages:
        return f"not installed: {', '.join(sorted(packages))} (Debian's packages)"
    unbuilt = [module.name for module in modules if not module.built]
    if unbuilt:
        return f"not built: {', '.join(unbuilt)} (run `make cluster-binaries`)"
    return ""


def path() -> str:
    """Return the PATH of a node's programs."""
    folders = [module.folder for module in (programs.KUBERNETES, programs.NODE)]
    return ":".join([*map(str, folders), SYSTEM_PATH])


def executable(name: str) -> pathlib.Path:
    """Return where a program of the node lies."""
    found = shutil.which(name, path=path())
    assert found is not None, f"{name} is neither built nor installed"
    return pathlib.Path(found)
