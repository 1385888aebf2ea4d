"""What keeps a machine from running a test node is told, with what to do."""

import dataclasses
import os
import pathlib

import pytest

from tests.cluster import machine, programs, slots


@pytest.fixture
def control_groups(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder that looks like control groups of version 2."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids rdma misc\n")
    return tmp_path


def test_another_system_and_another_user_are_refused() -> None:
    assert machine.refusal("linux", user_id=1000) == "a node needs root"
    assert machine.refusal("darwin") == "a node needs Linux, this is darwin"


def test_what_is_not_installed_is_named_by_its_package(tmp_path: pathlib.Path) -> None:
    assert machine.lack(str(tmp_path), tmp_path) == (
        "not installed: conntrack, containernetworking-plugins, iproute2, iptables, nftables, runc, util-linux "
        "(Debian's packages)"
    )


def test_what_is_not_built_is_named_with_the_command(tmp_path: pathlib.Path) -> None:
    for program in machine.PACKAGES.values():
        (tmp_path / program).touch(mode=0o755)
    (tmp_path / "bridge").touch()
    never = dataclasses.replace(programs.HELM, packages={"never": "example.org/never"})
    told = machine.lack(str(tmp_path), tmp_path, [never])
    assert told == "not built: helm (run `make cluster-binaries`)"


def test_only_what_limits_pods_is_controlled(control_groups: pathlib.Path) -> None:
    told = control_groups / "cgroup.subtree_control"
    os.mkfifo(told)
    reader = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    slots.allow_controllers(control_groups)
    assert os.read(reader, 1000) == b"+cpu+cpuset+hugetlb+io+memory+pids"
    os.close(reader)


def test_control_groups_that_may_not_be_controlled_are_an_error(control_groups: pathlib.Path) -> None:
    (control_groups / "cgroup.subtree_control").mkdir()
    with pytest.raises(OSError, match="subtree_control"):
        slots.allow_controllers(control_groups)


def test_networks_of_slots_do_not_overlap() -> None:
    networks = [network for number in slots.SLOTS for network in slots.Slot(number).networks]
    assert not any(one.overlaps(other) for index, one in enumerate(networks) for other in networks[:index])
