"""Places on this machine for test clusters: each has a number, from which its networks and names follow.

A slot is taken by a lock on a file. The kernel gives the lock back when the last process that holds it has gone,
however it went; so whoever gets the lock may take away everything that was left in the slot.
"""

import contextlib
import dataclasses
import fcntl
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Generator

# Only root can write here, and it is a real disk: file systems of containers are laid over folders below it.
ROOT = pathlib.Path("/tmp/reelmesh-test-cluster")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# What the kubelet and runc limit pods by.
CONTROLLERS = {"cpu", "cpuset", "hugetlb", "io", "memory", "pids"}
SLOTS = range(1, 100)
CLEARING_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.1
# A way to so much, as 10.0.0.0/8, is one out of here rather than somebody's own network.
WIDE_PREFIX_LENGTH = 8


class Taken(Exception):
    """No slot is free."""


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place for one cluster. Networks of two slots do not overlap."""

    number: int
    root: pathlib.Path = ROOT

    @property
    def folder(self) -> pathlib.Path:
        """Return where the cluster keeps everything; the name is short, for there are sockets below it."""
        return self.root / str(self.number)

    @property
    def lock(self) -> pathlib.Path:
        """Return the file whose lock is the slot."""
        return self.root / f"{self.number}.lock"

    @property
    def device(self) -> str:
        """Return the name of the machine's end of the cable to the node."""
        return f"rm-test{self.number}"

    @property
    def cgroup(self) -> str:
        """Return the name of the control group of all pods, in every hierarchy."""
        return f"reelmesh-test-{self.number}"

    @property
    def link(self) -> ipaddress.IPv4Network:
        """Return the network of the cable between the machine and the node."""
        return ipaddress.IPv4Network(f"10.99.{self.number}.0/30")

    @property
    def machine_address(self) -> str:
        """Return the machine's own address on the cable: pods reach servers of the tests there."""
        return str(self.link[1])

    @property
    def node_address(self) -> str:
        """Return the node's address, where the API server listens."""
        return str(self.link[2])

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Return the network of the pods."""
        return ipaddress.IPv4Network(f"10.244.{self.number}.0/24")

    @property
    def services(self) -> ipaddress.IPv4Network:
        """Return the network of the services; the first address is the API server's, the tenth the cluster's DNS."""
        return ipaddress.IPv4Network(f"10.96.{self.number}.0/24")

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network, ...]:
        """Return all that this slot routes."""
        return self.link, self.pods, self.services


@contextlib.contextmanager
def take() -> Generator[tuple[Slot, int]]:
    """Take the first free slot, cleared; yield it with the descriptor that holds its lock. Clear it again at the end.

    Processes that inherit the descriptor keep the slot when we are killed, until they are gone too.

    Raises:
        Taken: there is none.
    """
    _make_root()
    for number in SLOTS:
        slot = Slot(number)
        descriptor = _locked(slot)
        if descriptor is None:
            continue
        try:
            clear(slot)
            if _is_used_otherwise(slot):
                continue
            slot.folder.mkdir()
            try:
                yield slot, descriptor
            finally:
                clear(slot)
            return
        finally:
            os.close(descriptor)
    raise Taken(f"none of the {len(SLOTS)} places for test clusters is free; {ROOT} says who has them")


def clear_dead() -> None:
    """Clear every slot whose cluster is gone without having done so itself."""
    _make_root()
    for folder in ROOT.iterdir():
        if not folder.name.isdigit():
            continue
        slot = Slot(int(folder.name))
        descriptor = _locked(slot)
        if descriptor is not None:
            try:
                clear(slot)
            finally:
                os.close(descriptor)


def clear(slot: Slot) -> None:
    """Take away what a cluster left in a slot that is ours: its pods, their control groups, the cable, the files.

    Raises:
        TimeoutError: something does not go away.
    """
    deadline = time.monotonic() + CLEARING_TIMEOUT_SECONDS  # noqa: TID251 - the kernel, in real time
    while left := _clear(slot):
        if time.monotonic() > deadline:  # noqa: TID251
            raise TimeoutError(f"the test cluster in {slot.folder} left what cannot be removed: {', '.join(left)}")
        time.sleep(POLL_SECONDS)  # noqa: TID251


def _clear(slot: Slot) -> list[str]:
    left: list[str] = []
    for group in control_groups(slot):
        _kill_all(group)
        with contextlib.suppress(FileNotFoundError):
            try:
                group.rmdir()
            except OSError:  # a process that was killed is still going
                left.append(str(group))
    # The cable goes with the node's network, which the kernel takes down after its last process, in its own time.
    subprocess.run(["ip", "link", "delete", slot.device], stderr=subprocess.DEVNULL, check=False)
    if _has_device(slot):
        left.append(slot.device)
    for mount in mounts_below(slot.folder):
        subprocess.run(["umount", "--lazy", mount], stderr=subprocess.DEVNULL, check=False)
    if not mounts_below(slot.folder) and not left:
        shutil.rmtree(slot.folder, ignore_errors=True)
    return left + ([str(slot.folder)] if slot.folder.exists() else [])


def make_control_groups(slot: Slot) -> None:
    """Make the control group of a slot's pods, in every hierarchy."""
    allow_controllers()
    for hierarchy in _hierarchies():
        (hierarchy / slot.cgroup).mkdir()


def allow_controllers(groups: pathlib.Path = CGROUPS) -> None:
    """Let the control groups in a folder be controlled; version 2 wants that said, version 1 does so anyhow.

    Raises:
        OSError: the kernel refuses; in a container, for instance, whose processes are in the outermost group.
    """
    controllers = groups / "cgroup.controllers"
    there = set(controllers.read_text().split()) if controllers.exists() else set[str]()
    for name in sorted(CONTROLLERS & there):
        (groups / "cgroup.subtree_control").write_text(f"+{name}")


def _hierarchies() -> list[pathlib.Path]:
    mounts = (line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines())
    return [pathlib.Path(mount[1]) for mount in mounts if mount[2] in {"cgroup", "cgroup2"}]


def control_groups(slot: Slot) -> list[pathlib.Path]:
    """Return the control groups of a slot in all hierarchies, the innermost first."""
    tops = [hierarchy / slot.cgroup for hierarchy in _hierarchies()]
    found = [pathlib.Path(folder) for top in tops for folder, _, _ in os.walk(top)]
    return sorted(found, key=lambda group: len(group.parts), reverse=True)


def mounts_below(folder: pathlib.Path) -> list[str]:
    """Return where something is mounted in or below a folder, the innermost first."""
    points = (line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines())
    return sorted((point for point in points if pathlib.Path(point).is_relative_to(folder)), reverse=True)


def _kill_all(group: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _has_device(slot: Slot) -> bool:
    return pathlib.Path("/sys/class/net", slot.device).exists()


def _is_used_otherwise(slot: Slot) -> bool:
    """Return whether this machine already knows a way to one of the slot's networks; that is somebody else's."""
    listed = subprocess.run(["ip", "-json", "-4", "route", "show"], capture_output=True, text=True, check=True).stdout
    routes = [route["dst"] for route in json.loads(listed or "[]") if route["dst"] != "default"]
    known = [ipaddress.IPv4Network(route, strict=False) for route in routes]
    narrow = [network for network in known if network.prefixlen > WIDE_PREFIX_LENGTH]
    return any(network.overlaps(other) for network in slot.networks for other in narrow)


def _make_root() -> None:
    ROOT.mkdir(mode=0o700, exist_ok=True)
    status = ROOT.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != 0o700:
        raise PermissionError(f"{ROOT} is not ours alone; remove it")


def _locked(slot: Slot) -> int | None:
    descriptor = os.open(slot.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
