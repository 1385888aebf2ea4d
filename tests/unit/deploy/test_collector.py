"""The shipped configuration of the collector: every key is one that its components know, and nothing hangs loose.

The keys are those of the contrib distribution that compose.yaml names; an unknown one keeps a collector from starting.
"""

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from reelmesh_kit import telemetry
from reelmesh_kit.rpc import conventions
from reelmesh_kit.telemetry import early
from reelmesh_orchestrator.adapters import endings

DEPLOY = pathlib.Path(__file__).parents[3] / "deploy"
PROVIDER = pathlib.Path(__file__).parents[3] / "libs/provider/src/reelmesh_provider/worker/surroundings.py"
ANY = "any"
POLICY: Mapping[str, Any] = {
    "string_attribute": {"key": str, "values": [str], "enabled_regex_matching": bool, "cache_max_size": int},
    "status_code": {"status_codes": [str]},
    "latency": {"threshold_ms": int, "upper_threshold_ms": int},
    "numeric_attribute": {"key": str, "min_value": int, "max_value": int},
    "probabilistic": {"sampling_percentage": float, "hash_salt": str},
}
# What may stand where: a mapping of keys, a list of one shape, or a type.
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": str}, "http": {"endpoint": str}}}},
    "processors": {
        "memory_limiter": {"check_interval": str, "limit_mib": int, "spike_limit_mib": int},
        "batch": {"timeout": str, "send_batch_size": int},
        "tail_sampling": {
            "decision_wait": str,
            "num_traces": int,
            "expected_new_traces_per_sec": int,
            "decision_cache": {"sampled_cache_size": int, "non_sampled_cache_size": int},
            "policies": [{"name": str, "type": str, **POLICY}],
        },
    },
    "connectors": {
        "spanmetrics": {
            "namespace": str,
            "histogram": {"unit": str, "disable": bool, "explicit": {"buckets": [str]}},
            "dimensions": [{"name": str, "default": str}],
            "exemplars": {"enabled": bool, "max_per_data_point": int},
        },
        "forward": {},
    },
    "exporters": {
        "otlp": {"endpoint": str, "tls": {"insecure": bool}},
        "prometheus": {"endpoint": str, "enable_open_metrics": bool},
    },
}
DURATION = re.compile(r"\d+(ms|s|m|h)")


@pytest.fixture
def shipped() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "collector.yaml").read_text())


def _wrong(told: Any, shape: Any, where: str) -> Iterator[str]:
    """Tell where a configuration is not of a shape."""
    if isinstance(shape, dict):
        if not isinstance(told, dict):
            yield f"{where} is no mapping"
            return
        for key, value in told.items():
            if key in shape:
                yield from _wrong(value, shape[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} is unknown"
    elif isinstance(shape, list):
        for number, each in enumerate(told if isinstance(told, list) else [told]):
            yield from _wrong(each, shape[0], f"{where}[{number}]")
    elif not isinstance(told, (int, float) if shape is float else shape) or (shape is not bool and told is True):
        yield f"{where} is {told!r}"


def _faults(config: dict[str, Any]) -> list[str]:
    found = [] if set(config) == {*SHAPES, "service"} else [f"chapters: {sorted(config)}"]
    for chapter, shape in SHAPES.items():
        found += _wrong(config.get(chapter, {}), shape, chapter)
    for policy in config["processors"]["tail_sampling"]["policies"]:
        if set(policy) != {"name", "type", policy["type"]}:
            found.append(f"policy {policy['name']} has not exactly its type's settings")
    connectors = set(config["connectors"])
    pipelines = config["service"]["pipelines"]
    for chapter, side in (("receivers", "receivers"), ("processors", "processors"), ("exporters", "exporters")):
        used = {name for each in pipelines.values() for name in each[side]}
        found += [f"{side}: {name}" for name in sorted((used - connectors) ^ set(config[chapter]))]
    for name in connectors:
        ends = [
            (side, kind.partition("/")[0]) for kind, each in pipelines.items()
            for side in ("receivers", "exporters") if name in each[side]
        ]  # fmt: skip
        if sorted(side for side, _ in ends) != ["exporters", "receivers"]:
            found.append(f"connector {name} does not join two pipelines: {ends}")
    return found


def test_every_key_is_known_and_every_component_used(shipped: dict[str, Any]) -> None:
    assert _faults(shipped) == []


@pytest.mark.parametrize(
    ("chapter", "changed"),
    [
        ("receivers", {"otlp": {"protocol": {}}}),
        ("processors", {"batch": {"timeout": 3}}),
        ("exporters", {"jaeger": {}}),
        ("connectors", {"count": {}}),
    ],
)
def test_what_no_collector_would_start_with_is_found(
    shipped: dict[str, Any], chapter: str, changed: dict[str, Any]
) -> None:
    shipped[chapter] |= changed
    assert _faults(shipped)


def test_durations_are_durations(shipped: dict[str, Any]) -> None:
    told = [
        shipped["processors"]["memory_limiter"]["check_interval"],
        shipped["processors"]["tail_sampling"]["decision_wait"],
        *shipped["connectors"]["spanmetrics"]["histogram"]["explicit"]["buckets"],
    ]
    assert [each for each in told if not DURATION.fullmatch(each)] == []


def test_policies_and_dimensions_name_attributes_that_our_spans_have(shipped: dict[str, Any]) -> None:
    ours = {telemetry.GENERATION_ID, endings.COST_MICROS, endings.STATE, endings.DELIVERY, conventions.STATUS_CODE}
    ours |= {early.GOES_ON, early.REST, *re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)":', PROVIDER.read_text())}
    policies = shipped["processors"]["tail_sampling"]["policies"]
    named = {each[each["type"]]["key"] for each in policies if "key" in each[each["type"]]}
    named |= {each["name"] for each in shipped["connectors"]["spanmetrics"]["dimensions"]}
    assert named <= ours
    assert telemetry.GENERATION_ID in PROVIDER.read_text()


def test_generations_are_kept_before_anything_is_dropped_by_chance(shipped: dict[str, Any]) -> None:
    policies = {each["name"]: each for each in shipped["processors"]["tail_sampling"]["policies"]}
    assert policies["generations"]["string_attribute"]["key"] == telemetry.GENERATION_ID
    assert {each["type"] for each in policies.values()} >= {"status_code", "latency", "numeric_attribute"}
    pipelines = shipped["service"]["pipelines"]
    assert "spanmetrics" in pipelines["traces/all"]["exporters"]
    assert "tail_sampling" not in pipelines["traces/all"]["processors"]


def test_compose_runs_a_distribution_that_has_these_components() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert "opentelemetry-collector-contrib" in compose["services"]["collector"]["image"]
