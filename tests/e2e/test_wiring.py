"""What a service is told is the same within one process and as a process of its own."""

import os
import pathlib

import pytest
from reelmesh_kit import settings as kit_settings
from reelmesh_standalone import layout, parts, settings

# Providers that are paid do not start without an account.
ACCOUNTS = """
accounts:
  - {id: one-sora, provider: sora, endpoint: "http://127.0.0.1:1/v1"}
  - {id: one-veo, provider: veo, options: {project: project-1, bucket: bucket-1}}
  - {id: one-runway, provider: runway, secret: RUNWAYML_API_SECRET}
  - {id: one-fal, provider: fal, secret: FAL_KEY}
  - {id: one-omni, provider: omni, secret: GEMINI_API_KEY}
"""


@pytest.mark.parametrize("part", parts.all_parts(), ids=lambda part: part.name)
def test_a_child_reads_from_its_environment_what_it_would_be_told_here(
    part: parts.Part, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(ACCOUNTS)
    monkeypatch.setenv("REELMESH_ACCOUNTS_FILE", str(accounts))
    wiring = parts.Wiring(layout.Layout(tmp_path), nats_url="nats://127.0.0.1:1", log_level="ERROR", drain_seconds=1.5)
    values = wiring.values(part, {"http_port": 4711})
    kind = part.settings_class()
    here = settings.tell(kind, values)
    for name, value in settings.child_environment(kind, values).items():
        monkeypatch.setenv(name, value)
    there = kit_settings.load(kind)
    assert there == here
    for name, value in dict(there).items():
        if isinstance(value, pathlib.Path) or name == "database_url":
            assert str(tmp_path) in str(value), f"{name} lies outside of the data folder"


def test_a_child_keeps_the_rest_of_the_environment() -> None:
    environment = settings.child_environment(kit_settings.ServiceSettings, {"grpc_port": 4711})
    assert environment["PATH"] == os.environ["PATH"]  # noqa: TID251 - what it is compared with
    assert environment["REELMESH_GRPC_PORT"] == "4711"
