"""The shipped configuration of the collector speaks of what our spans have, and runs where compose.yaml says.

That a collector starts with it, and what it then does: tests/integration/deploy/test_collector.py.
"""

import pathlib
import re
from typing import Any

import pytest
import yaml
from reelmesh_kit import telemetry
from reelmesh_kit.rpc import conventions
from reelmesh_kit.telemetry import early
from reelmesh_orchestrator.adapters import endings

from tests.cluster import programs

DEPLOY = pathlib.Path(__file__).parents[3] / "deploy"
PROVIDER = pathlib.Path(__file__).parents[3] / "libs/provider/src/reelmesh_provider/worker/surroundings.py"


@pytest.fixture
def shipped() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "collector.yaml").read_text())


def test_policies_and_dimensions_name_attributes_that_our_spans_have(shipped: dict[str, Any]) -> None:
    ours = {telemetry.GENERATION_ID, endings.COST_MICROS, endings.STATE, endings.DELIVERY, conventions.STATUS_CODE}
    ours |= {early.GOES_ON, early.REST, *re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)":', PROVIDER.read_text())}
    policies = shipped["processors"]["tail_sampling"]["policies"]
    named = {each[each["type"]]["key"] for each in policies if "key" in each[each["type"]]}
    named |= {each["name"] for each in shipped["connectors"]["span_metrics"]["dimensions"]}
    assert named <= ours
    assert telemetry.GENERATION_ID in PROVIDER.read_text()


def test_generations_are_kept_before_anything_is_dropped_by_chance(shipped: dict[str, Any]) -> None:
    policies = {each["name"]: each for each in shipped["processors"]["tail_sampling"]["policies"]}
    assert policies["generations"]["string_attribute"]["key"] == telemetry.GENERATION_ID
    assert {each["type"] for each in policies.values()} >= {"status_code", "latency", "numeric_attribute"}
    pipelines = shipped["service"]["pipelines"]
    assert "span_metrics" in pipelines["traces/all"]["exporters"]
    assert "tail_sampling" not in pipelines["traces/all"]["processors"]


def test_compose_runs_the_version_that_the_configuration_was_tried_with() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    version = programs.COLLECTOR.version.removeprefix("v")
    assert compose["services"]["collector"]["image"].endswith(f"opentelemetry-collector-contrib:{version}}}")
