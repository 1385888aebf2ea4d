"""Keys of an operator: they work at once beside a running mesh, and each tenant sees its own."""

import json
import pathlib

import pytest

from tests.e2e import standalone

pytestmark = pytest.mark.slow


def _key(folder: pathlib.Path, *arguments: str) -> str:
    added = standalone.run("keys", "add", *arguments, folder=folder)
    assert added.returncode == 0, added.stderr
    return added.stdout.strip()


def test_keys_work_and_stop_working_while_the_mesh_runs(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "data"
    with standalone.up(folder) as mesh:
        made = standalone.run("generate", "a paper boat", "--duration", "1", "--no-watch", folder=folder)
        assert made.returncode == 0, made.stderr
        key = _key(folder, "acme", "--name", "ci")

        def listed() -> tuple[int, str]:
            done = standalone.run("list", "--json", "--address", mesh.mesh().grpc, "--api-key", key)
            return done.returncode, done.stdout

        assert listed() == (0, "[]\n")
        known = json.loads(standalone.run("keys", "list", "--json", folder=folder).stdout)
        assert [each["tenant_id"] for each in known] == ["development", "acme"]
        assert standalone.run("keys", "revoke", known[1]["id"], folder=folder).returncode == 0
        assert listed() == (3, "")
