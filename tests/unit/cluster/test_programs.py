"""Which folder keeps the programs that Go builds for tests, and what is said when they cannot be had."""

import dataclasses
import pathlib

import pytest

from tests.cluster import programs

GO_MOD = "module example.com/small\n\ngo 1.21\n\nrequire example.com/pinned v1.2.3\n"


@pytest.fixture
def module(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> programs.Module:
    """Return a module that is not built, with a cache of its own."""
    monkeypatch.setattr(programs, "BINARIES", tmp_path / "binaries")
    monkeypatch.setattr(programs, "CACHE", tmp_path / "cache")
    (tmp_path / "binaries" / "small").mkdir(parents=True)
    (tmp_path / "binaries" / "small" / "go.mod").write_text(GO_MOD)
    stamps = ("main.version={version}", "main.major={major}", "main.minor={minor}")
    return programs.Module("small", {"small": "./small"}, pin="example.com/pinned", stamps=stamps)


@pytest.mark.parametrize("module", programs.MODULES, ids=lambda module: module.name)
def test_a_module_pins_what_it_builds(module: programs.Module) -> None:
    tools = (module.source / "go.mod").read_text()
    foreign = [package for package in module.packages.values() if not (module.source / package).is_dir()]
    assert [package for package in foreign if package not in tools] == []
    assert module.version.startswith("v")
    assert (module.source / "go.sum").exists()


def test_kubernetes_takes_all_its_parts_at_its_own_version() -> None:
    source = (programs.KUBERNETES.source / "go.mod").read_text()
    version = programs.KUBERNETES.version.replace("v1.", "v0.", 1)
    replaced = [line.split() for line in source.splitlines() if " => " in line]
    assert len(replaced) == 33
    assert [line for line in replaced if line[0] != line[2] or line[3] != version] == []


def test_programs_are_told_their_version_when_they_are_linked(module: programs.Module) -> None:
    assert module.linked == "-s -w -X main.version=v1.2.3 -X main.major=1 -X main.minor=2"


def test_another_pin_another_program_and_another_flag_are_another_folder(module: programs.Module) -> None:
    first = module.folder
    (module.source / "go.sum").write_text("example.com/pinned v1.2.3 h1:x=\n")
    second = module.folder
    third = dataclasses.replace(module, packages={"other": "./other"}).folder
    fourth = dataclasses.replace(module, stamps=()).folder
    assert len({first, second, third, fourth}) == 4
    assert module.folder == second


def test_what_is_built_is_not_built_again(module: programs.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    module.folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", "/nowhere")
    assert programs.build(module) == module.folder


def test_without_go_it_says_so(module: programs.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(programs.Absent, match="Go is not on the PATH"):
        programs.build(module)


def test_what_go_refuses_is_told_and_nothing_is_left_not_even_by_a_build_that_was_killed(
    module: programs.Module, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs.cache() / "small-killed.partial").mkdir(parents=True)
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\necho 'go.mod requires go >= 1.26.0 (running go 1.19)' >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    with pytest.raises(programs.Absent, match=r"requires go >= 1\.26\.0"):
        programs.build(module)
    assert [path.name for path in programs.cache().iterdir()] == ["small.lock"]


def test_what_is_not_built_is_named_with_what_to_do(module: programs.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MODULES", (module,))
    with pytest.raises(programs.Absent, match="small is not built: run `make cluster-binaries`"):
        programs.find("small")


def test_an_unknown_module_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.main(["kuberentes"]) == 2
    assert "there are only kubernetes, node, helm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("go.etcd.io/etcd/server/v3", "server"),
        ("github.com/containerd/containerd/v2/cmd/ctr", "ctr"),
        ("github.com/coredns/coredns", "coredns"),
        ("./pause", "pause"),
    ],
)
def test_go_leaves_a_major_version_out_of_a_programs_name(package: str, name: str) -> None:
    assert programs.name_by_go(package) == name
