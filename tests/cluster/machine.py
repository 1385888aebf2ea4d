"""What a machine must have and allow before a test node can run on it."""

import os
import pathlib
import shutil
import subprocess
import sys

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


def refusal() -> str:
    """Return why this machine can run no test node, whatever is installed on it; empty if it can."""
    if sys.platform != "linux":
        return f"a node needs Linux, this is {sys.platform}"
    if os.geteuid() != 0:
        return "a node needs root"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"the kernel refuses namespaces: {tried.stderr.strip()}"
    try:
        slots.allow_controllers()
    except OSError as refused:
        return f"the kernel refuses control groups: {refused}"
    return ""


def lack() -> str:
    """Return which packages or programs are not here, and how to get them; empty if none is missing."""
    packages = [package for package, file in PACKAGES.items() if not shutil.which(file, path=SYSTEM_PATH)]
    if not (configuration.PLUGINS / "bridge").exists():
        packages.append(PLUGINS_PACKAGE)
    if packages:
        return f"not installed: {', '.join(sorted(packages))} (Debian's packages)"
    unbuilt = [module.name for module in programs.MODULES if not module.built]
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
