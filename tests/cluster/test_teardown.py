"""A run of the tests leaves nothing on the machine: not when it ends, and not when it is killed."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator

import pytest

from tests.cluster import cluster as clusters
from tests.cluster import init, kubectl, slots

ROOT = pathlib.Path(__file__).parents[2]
START_TIMEOUT_SECONDS = 400.0
GONE_TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.2
# What programs of a node make when nobody stops them; nothing else on the machine does.
MADE = (
    *("etc/cni/net.d/10-pods.conflist", "etc/nri", "opt/cni", "opt/containerd", "opt/nri", "run/containerd/s/*"),
    *("run/containerd/io.containerd*", "run/netns/cni-*", "usr/libexec/kubernetes", "var/lib/cni/results"),
    *("var/lib/kubelet", "var/log/containers", "var/log/pods"),
)
MOUNTED = ("/run", "/proc/sys", str(slots.ROOT), *init.LAYERED)

pytestmark = [pytest.mark.usefixtures("own_node_possible"), pytest.mark.timeout(900)]


@contextlib.contextmanager
def run_elsewhere() -> Generator[tuple[subprocess.Popen[str], kubectl.Kubectl, slots.Slot]]:
    """Run a second cluster in a process of its own; yield it when pods run there."""
    command = [sys.executable, "-m", "tests.cluster"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            file = pathlib.Path(process.stdout.readline().strip().removeprefix("export KUBECONFIG="))
            slot = slots.Slot(int(file.parents[1].name))
            yield process, kubectl.Kubectl(file, home=slot.folder / "home"), slot
        finally:
            process.kill()


def of_the_machine() -> dict[str, object]:
    """Return what of this machine a node would change if it ran on it as it is; others may change more meanwhile."""
    made = sorted(str(path) for pattern in MADE for path in pathlib.Path("/").glob(pattern))
    values = {name: pathlib.Path("/proc/sys", name).read_text() for name in init.KERNEL_SETTINGS}
    points = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    ours = [point for point in points if point in MOUNTED or point.startswith(("/proc/sys/", f"{slots.ROOT}/"))]
    return {"made": made, "mounted": ours, **values}


def networks_of_processes() -> dict[str, list[int]]:
    """Return the processes of this machine by the network that they are in."""
    found: dict[str, list[int]] = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.setdefault(str((folder / "ns" / "net").readlink()), []).append(int(folder.name))
    return found


def networks_below(process: subprocess.Popen[str]) -> set[str]:
    """Return the networks of a cluster: the node's and those of its pods."""
    parents = {pid: _parent(pid) for pids in networks_of_processes().values() for pid in pids}
    below = {process.pid}
    while grown := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= grown
    ours = str(pathlib.Path("/proc/self/ns/net").readlink())
    return {network for network, pids in networks_of_processes().items() if below & set(pids)} - {ours}


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_TIMEOUT_SECONDS  # noqa: TID251 - real processes, in real time
    while not is_so():
        assert time.monotonic() < deadline, "it did not go away"  # noqa: TID251
        time.sleep(POLL_SECONDS)  # noqa: TID251


def left_by(slot: slots.Slot) -> list[str]:
    """Return what a cluster has on this machine."""
    cable = pathlib.Path("/sys/class/net", slot.device)
    places = [*slots.control_groups(slot), slot.folder, cable]
    return [str(place) for place in places if place.exists()]


def test_a_second_cluster_beside_the_first_takes_everything_down_when_it_ends(cluster: clusters.Cluster) -> None:
    before = of_the_machine()
    with run_elsewhere() as (process, second, slot):
        assert second.find("nodes")
        assert cluster.find("nodes")
        assert slot != getattr(cluster.node, "slot", None)
        networks = networks_below(process)
        assert len(networks) > 1, "the node and its pods have networks of their own"
        assert slots.control_groups(slot)
        layers = slot.folder / "layers" / "upper"
        assert any(list(layers.glob(pattern)) for pattern in MADE), "it writes to layers over the machine's folders"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(GONE_TIMEOUT_SECONDS) == 0
    assert left_by(slot) == []
    assert networks & networks_of_processes().keys() == set()
    assert of_the_machine() == before


def test_the_kernel_ends_the_cluster_of_a_killed_run_and_the_next_start_clears_what_is_left() -> None:
    before = of_the_machine()
    with run_elsewhere() as (process, _, slot):
        networks = networks_below(process)
        assert len(networks) > 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: not networks & networks_of_processes().keys())
    assert of_the_machine() == before
    assert slot.folder.exists()
    wait_until(lambda: _is_cleared(slot))
    assert left_by(slot) == []


def _is_cleared(slot: slots.Slot) -> bool:
    """Do what every start does first."""
    slots.clear_dead()
    return not slot.folder.exists()


def test_a_slot_that_somebody_has_is_not_cleared() -> None:
    with slots.take() as (slot, _):
        (slot.folder / "kept").touch()
        slots.clear_dead()
        assert (slot.folder / "kept").exists()
        with slots.take() as (other, _):
            assert other != slot
            assert not any(network.overlaps(another) for network in slot.networks for another in other.networks)
    assert left_by(slot) == left_by(other) == []


def test_a_slot_whose_network_is_somebodys_is_left_out() -> None:
    with slots.take() as (free, _):
        pass
    way = ["blackhole", str(free.services)]
    subprocess.run(["ip", "route", "add", *way], check=True)
    try:
        with slots.take() as (other, _):
            assert other != free
    finally:
        subprocess.run(["ip", "route", "delete", *way], check=True)
