"""Prints the definition of the resource WorkerPool from the classes that read it, so that both say the same."""

import sys
from typing import Any, cast

import yaml
from reelmesh_operator.wire import resource

PATH = "deploy/helm/reelmesh/templates/crds/workerpools.yaml"
HEAD = """\
{{- /* Printed by `make crd` from services/operator/src/reelmesh_operator/wire/resource.py: change that. */ -}}
{{- if .Values.crds.enabled }}
"""
KEEP = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""
FOOT = "{{- end }}\n"
_INTEGER = {"type": "integer", "format": "int32", "minimum": 0}
_STRING = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
COLUMNS = (
    ("Workload", "string", ".spec.workload.name", 0),
    ("Queue", "string", ".status.queue", 0),
    ("Replicas", "integer", ".status.replicas", 0),
    ("Desired", "integer", ".status.desiredReplicas", 0),
    ("Waiting", "integer", ".status.waiting", 0),
    ("In Flight", "integer", ".status.inFlight", 0),
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Limited", "string", '.status.conditions[?(@.type=="Limited")].reason', 0),
    ("Paused", "string", '.status.conditions[?(@.type=="Paused")].reason', 1),
    ("Last Scale", "date", ".status.lastScaleTime", 1),
    ("Age", "date", ".metadata.creationTimestamp", 0),
)


class _Plain(yaml.SafeDumper):
    """Writes out what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer."""
        del data
        return True


def definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.PLURAL}.{resource.GROUP}"},
        "spec": {
            "group": resource.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": resource.KIND,
                "listKind": f"{resource.KIND}List",
                "plural": resource.PLURAL,
                "singular": resource.KIND.lower(),
                "shortNames": ["wp"],
                "categories": ["reelmesh"],
            },
            "versions": [
                {
                    "name": resource.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": name, "type": kind, "jsonPath": path, "priority": priority}
                        for name, kind, path, priority in COLUMNS
                    ],
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }


def page() -> str:
    """Return the definition as a template of the chart."""
    text = yaml.dump(definition(), Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)
    name = f"  name: {resource.PLURAL}.{resource.GROUP}\n"
    return HEAD + text.replace(name, name + KEEP, 1) + FOOT


def _schema() -> dict[str, Any]:
    spec = resource.Spec.model_json_schema(by_alias=True)
    return {
        "description": "Workers of one kind: as many as there is work that can be done now.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": {"type": "object"},
            "spec": _structural(spec, spec.get("$defs", {})),
            "status": _status(),
        },
    }


def _structural(given: Any, parts: dict[str, Any]) -> Any:
    """Return a schema as Kubernetes wants it: nothing referred to, no titles, what may be absent is not null."""
    if not isinstance(given, dict):
        return given
    node = dict(cast("dict[str, Any]", given))
    if "$ref" in node:
        node = {**parts[node.pop("$ref").rpartition("/")[2]], **node}
    if "anyOf" in node:
        (present,) = [one for one in node.pop("anyOf") if one != {"type": "null"}]
        node = {**_structural(present, parts), **node}
    if node.get("default", ...) is None:
        del node["default"]
    if node.get("type") == "integer":
        node["format"] = "int32"
    dropped = ("title", "$defs")
    named = {
        key: {name: _structural(one, parts) for name, one in value.items()}
        if key == "properties"
        else value
        if key in ("default", "enum", "required", "x-kubernetes-validations")
        else _structural(value, parts)
        for key, value in node.items()
        if key not in dropped
    }
    # Where a part may be left out its own defaults still count.
    if named.get("type") == "object" and isinstance(named.get("default"), dict):
        named["default"] = {}
    return named


def _status() -> dict[str, Any]:
    condition = {
        "type": "object",
        "required": ["type", "status", "reason", "lastTransitionTime"],
        "properties": {
            "type": _STRING,
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": _STRING,
            "message": _STRING,
            "lastTransitionTime": _TIME,
            "observedGeneration": {"type": "integer", "format": "int64"},
        },
    }
    return {
        "description": "What the operator saw and decided last.",
        "type": "object",
        "properties": {
            "observedGeneration": {"type": "integer", "format": "int64"},
            "queue": {**_STRING, "description": "Where the work waits."},
            "desiredReplicas": {**_INTEGER, "description": "Workers that it is on the way to."},
            "replicas": {**_INTEGER, "description": "Workers that the workload shall have."},
            "readyReplicas": {**_INTEGER, "description": "Workers whose readiness probe succeeds."},
            "waiting": {**_INTEGER, "description": "Attempts that wait to be sent out."},
            "inFlight": {**_INTEGER, "description": "Attempts or steps that are sent out or at work."},
            "draining": {
                "type": "array",
                "items": _STRING,
                "description": "Workers that take no new work and go when they are idle.",
            },
            "lastScaleTime": {**_TIME, "description": "When the replicas were changed last."},
            "conditions": {
                "type": "array",
                "items": condition,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        },
    }


if __name__ == "__main__":
    sys.stdout.write(page())
