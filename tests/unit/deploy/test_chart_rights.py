"""The rights that the chart gives people: to see worker pools, and to pause them."""

from typing import Any

import pytest

from scripts import chart


def of_kind(kind: str, name: str) -> dict[str, Any]:
    return next(each for each in chart.documents("full") if (each["kind"], each["metadata"]["name"]) == (kind, name))


@pytest.mark.parametrize(("right", "verbs"), [("viewers", []), ("pausers", ["patch"])])
def test_who_is_named_may_see_pools_and_some_may_pause_them(right: str, verbs: list[str]) -> None:
    role, binding = (of_kind(kind, f"mesh-pool-{right}") for kind in ("Role", "RoleBinding"))
    events = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["list"]}
    seeing = {"apiGroups": ["reelmesh.dev"], "resources": ["workerpools"], "verbs": ["get", "list", "watch", *verbs]}
    assert role["rules"] == [seeing, events]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    groups, accounts = (
        [each for each in binding["subjects"] if (each["kind"] == "ServiceAccount") is account]
        for account in (False, True)
    )
    assert {each["apiGroup"] for each in groups} == {"rbac.authorization.k8s.io"}
    given = {each["name"]: each["namespace"] for each in accounts}
    assert given == ({"deployer": "pipelines", "on-call": chart.NAMESPACE} if right == "pausers" else {})
