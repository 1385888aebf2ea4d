"""Routing policies from a TOML file: the one that is shipped, or the operator's own."""

import importlib.resources
import pathlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from reelmesh_kit import process

from reelmesh_orchestrator.model import policies

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIELDS: Mapping[str, type] = {
    "name": str,
    "version": int,
    "chain": list,
    "order": str,
    "only_chain": bool,
    "least_quality": int,
    "categories": list,
}


def read(path: pathlib.Path | None) -> policies.Policies:
    """Return the policies of a file, or those that are shipped.

    Raises:
        process.CannotStart: the file cannot be used; the message says where and why.
    """
    try:
        text = (
            path.read_text()
            if path
            else importlib.resources.files("reelmesh_orchestrator").joinpath("policies.toml").read_text()
        )
        return _policies(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise process.CannotStart(
            f"{path} has no usable policies: {error}. REELMESH_POLICIES_FILE names it."
        ) from error


def _policies(told: Mapping[str, Any]) -> policies.Policies:
    listed = told.get("policies")
    if set(told) != {"policies"} or not isinstance(listed, list):
        raise ValueError("it has [[policies]] and nothing else")
    found = tuple(_policy(each) for each in cast(list[Mapping[str, Any]], listed))
    if problem := policies.problems(found):
        raise ValueError(problem)
    return policies.Policies(found)


def _policy(told: Mapping[str, Any]) -> policies.RoutingPolicy:
    name = told.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a policy's name is lower-case letters, digits and dashes, not {name!r}")
    for field, value in told.items():
        if field not in _FIELDS:
            raise ValueError(f"policy {name} has an unknown field {field!r}; known are {', '.join(_FIELDS)}")
        if type(value) is not _FIELDS[field]:
            raise TypeError(f"{field} of policy {name} is {value!r}")
    fields = dict(told)
    for field in ("chain", "categories"):
        fields[field] = tuple(map(str, cast(list[object], told.get(field, []))))
    fields["order"] = policies.Order(told.get("order", policies.Order.PRICE))
    return policies.RoutingPolicy(**fields)
