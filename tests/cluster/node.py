"""A real Kubernetes of one node, from plain programs, that takes everything it made with it when it ends.

It lives in namespaces of its own for processes, mounts and network, below a process 1 that ends when we do (init.py).
A cable of two ends joins it to the machine: the tests reach the API, pods and services by their addresses, pods reach
servers of the tests at the machine's end, and nothing reaches the world.
"""

import contextlib
import dataclasses
import json
import pathlib
import string
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import IO

from tests.cluster import archives, configuration, kubectl, machine, programs, slots

HERE = pathlib.Path(__file__).parent
# On a machine that is busy with other things as well; 15 seconds are usual.
START_TIMEOUT_SECONDS = 300.0
STOP_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.2
LOG_TAIL = 2000
CONTAINERD_NAMESPACE = "k8s.io"


class NotStarted(Exception):
    """The node did not come up; the message has the end of the log of what failed."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A node that runs."""

    slot: slots.Slot
    kubeconfig: pathlib.Path
    """Of an administrator; good from this machine."""
    process: subprocess.Popen[str]
    """Whoever kills it or closes its input ends the node."""

    def import_image(self, archive: pathlib.Path) -> None:
        """Give the node an image, an OCI or Docker archive, under the name that it carries."""
        self._ctr("images", "import", "--local", str(archive))

    def _ctr(self, *arguments: str) -> None:
        command = [programs.find("ctr"), "--address", self.slot.folder / "containerd.sock"]
        command += ["--namespace", CONTAINERD_NAMESPACE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")

    def start(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Start programs in the node, by name."""
        assert self.process.stdin is not None
        for name, (program, *arguments) in commands.items():
            order = {
                "name": name,
                "command": [str(machine.executable(program)), *arguments],
                "environment": {"PATH": machine.path(), "HOME": str(self.slot.folder / "home")},
            }
            self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, while every program of the node runs.

        Raises:
            NotStarted: a program has ended, or it took too long.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS  # noqa: TID251 - real processes, in real time
        while not is_so():
            if ended := sorted((self.slot.folder / "logs").glob("*.ended")):
                raise NotStarted(f"{ended[0].stem} has ended:\n{self.log(ended[0].stem)}")
            if self.process.poll() is not None:
                raise NotStarted(f"the node has ended:\n{self.log('init')}")
            if time.monotonic() > deadline:  # noqa: TID251
                raise NotStarted(f"{what} took longer than {START_TIMEOUT_SECONDS} s; logs:\n{self._all_logs()}")
            time.sleep(POLL_SECONDS)  # noqa: TID251

    def log(self, name: str) -> str:
        """Return the end of a program's log."""
        return (self.slot.folder / "logs" / f"{name}.log").read_text(errors="replace")[-LOG_TAIL:]

    def _all_logs(self) -> str:
        names = sorted(file.stem for file in (self.slot.folder / "logs").glob("*.log"))
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in names)


@contextlib.contextmanager
def run() -> Generator[Node]:
    """Run a node until the end of the block; it is Ready and its DNS answers. Clear what dead runs left, first.

    Raises:
        NotStarted: it did not come up.
        slots.Taken: too many run already.
    """
    slots.clear_dead()
    with slots.take() as (slot, lock):
        for name in configuration.FOLDERS:
            (slot.folder / name).mkdir()
        kubeconfig = configuration.write_keys(slot)
        configuration.write_files(slot)
        slots.make_control_groups(slot)
        with (slot.folder / "logs" / "init.log").open("w") as log:
            process = _enter(slot, lock, log)
        try:
            node = Node(slot, kubeconfig, process)
            _bring_up(node)
            yield node
        finally:
            _end(process)


def _enter(slot: slots.Slot, lock: int, log: IO[str]) -> subprocess.Popen[str]:
    """Start process 1 in namespaces of its own. Its parent holds the lock, and goes after all its processes."""
    init = [sys.executable, "-I", HERE / "init.py", slot.folder]
    return subprocess.Popen(
        ["unshare", *machine.NAMESPACES, "--propagation", "private", "--kill-child=KILL", *init],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        pass_fds=[lock],
        start_new_session=True,  # Ctrl-C is for us; we end it when we are done
        env={"PATH": machine.SYSTEM_PATH},
    )


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _bring_up(node: Node) -> None:
    slot = node.slot
    assert node.process.stdout is not None
    if node.process.stdout.readline() != "mounted\n":
        node.process.wait()
        raise NotStarted(f"the node has no mounts of its own:\n{node.log('init')}")
    _lay_cable(slot, node.process.pid)
    client = kubectl.Kubectl(node.kubeconfig, home=slot.folder / "home")
    node.start(configuration.stores(slot))
    node.start(configuration.api_server(slot))
    node.wait("containerd", (slot.folder / "containerd.sock").is_socket)
    for name, program in ((configuration.PAUSE_IMAGE, "pause"), (configuration.DNS_IMAGE, "coredns")):
        image = archives.Image(name, {f"/bin/{program}": programs.find(program)}, [f"/bin/{program}"])
        archive = image.write(slot.folder / f"{program}.tar")
        node.wait(f"import of {name}", lambda archive=archive: _is_done(lambda: node.import_image(archive)))
        archive.unlink()
    node.wait("the API server", lambda: _is_done(lambda: client.run("get", "--raw", "/readyz")))
    node.start(configuration.clients(slot))
    manifest = string.Template((HERE / "dns.yaml").read_text())
    dns = manifest.substitute(image=configuration.DNS_IMAGE, address=configuration.dns_address(slot))
    node.wait("the DNS's manifest", lambda: _is_done(lambda: client.run("apply", "--filename=-", stdin=dns)))
    ready = ("wait", "--timeout=1s", "--for=condition=Ready", f"node/{configuration.NODE_NAME}")
    node.wait("the node", lambda: _is_done(lambda: client.run(*ready)))
    resolves = ("rollout", "status", "--namespace=kube-system", "--timeout=1s", "deployment/coredns")
    node.wait("the cluster's DNS", lambda: _is_done(lambda: client.run(*resolves)))


def _is_done(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except (kubectl.Refused, RuntimeError):
        return False
    return True


def _lay_cable(slot: slots.Slot, pid: int) -> None:
    """Join the node's network to the machine's. It goes when the node goes."""
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net"]
    address = slot.machine_address
    for command in (
        ["ip", "link", "add", slot.device, "type", "veth", "peer", "name", "eth0", "netns", str(pid)],
        ["ip", "address", "add", f"{address}/{slot.link.prefixlen}", "dev", slot.device],
        ["ip", "link", "set", slot.device, "up"],
        *(["ip", "route", "add", str(network), "via", slot.node_address] for network in (slot.pods, slot.services)),
        [*inside, "ip", "link", "set", "lo", "up"],
        [*inside, "ip", "address", "add", f"{slot.node_address}/{slot.link.prefixlen}", "dev", "eth0"],
        [*inside, "ip", "link", "set", "eth0", "up"],
        [*inside, "ip", "route", "add", "default", "via", address],
        [*inside, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotStarted(f"{' '.join(command)}: {done.stderr.strip()}")
