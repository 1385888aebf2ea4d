"""What keeps a machine from running a test node is told, with what to do."""

import os
import pathlib
import sys

import pytest

from tests.cluster import configuration, machine, programs, slots


@pytest.fixture
def control_groups(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return a folder that looks like control groups of version 2."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids rdma misc\n")
    monkeypatch.setattr(slots, "CGROUPS", tmp_path)
    return tmp_path


def test_another_system_and_another_user_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert machine.refusal() == "a node needs root"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.refusal() == "a node needs Linux, this is darwin"


def test_what_is_not_installed_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(machine, "SYSTEM_PATH", str(tmp_path))
    monkeypatch.setattr(configuration, "PLUGINS", tmp_path)
    assert machine.lack() == (
        "not installed: conntrack, containernetworking-plugins, iproute2, iptables, nftables, runc, util-linux "
        "(Debian's packages)"
    )


def test_what_is_not_built_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    for program in machine.PACKAGES.values():
        (tmp_path / program).touch(mode=0o755)
    (tmp_path / "bridge").touch()
    monkeypatch.setattr(machine, "SYSTEM_PATH", str(tmp_path))
    monkeypatch.setattr(configuration, "PLUGINS", tmp_path)
    monkeypatch.setattr(programs, "CACHE", tmp_path)
    assert machine.lack() == "not built: kubernetes, node, helm (run `make cluster-binaries`)"


def test_only_what_limits_pods_is_controlled(control_groups: pathlib.Path) -> None:
    told = control_groups / "cgroup.subtree_control"
    os.mkfifo(told)
    reader = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    slots.allow_controllers()
    assert os.read(reader, 1000) == b"+cpu+cpuset+hugetlb+io+memory+pids"
    os.close(reader)


def test_control_groups_that_may_not_be_controlled_are_an_error(control_groups: pathlib.Path) -> None:
    (control_groups / "cgroup.subtree_control").mkdir()
    with pytest.raises(OSError, match="subtree_control"):
        slots.allow_controllers()


def test_networks_of_slots_do_not_overlap() -> None:
    networks = [network for number in slots.SLOTS for network in slots.Slot(number).networks]
    assert not any(one.overlaps(other) for index, one in enumerate(networks) for other in networks[:index])
