"""What the chart renders: every service, told what it reads, kept small, and replaced without anybody noticing."""

import copy
import functools
import importlib.util
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from reelmesh_kit import accounts
from reelmesh_standalone import parts

from scripts import chart, chart_page, crd
from tests.support import deploying

SCHEMA: dict[str, Any] = json.loads((chart.CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((chart.CHART / "values.yaml").read_text())
# It talks to Kubernetes; `reelmesh up` has nothing to scale.
OPERATOR = "operator"
# What others read: the libraries of vendors.
OTHERS = {"GOOGLE_APPLICATION_CREDENTIALS"}
HANDBOOK = chart.ROOT / "docs" / "operating.md"


def of_kind(case: str, *kinds: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in chart.documents(case) if each["kind"] in kinds}


def pods(case: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, each in of_kind(case, "Deployment", "StatefulSet", "Job").items():
        yield name, each["spec"]["template"]["spec"]
    for name, each in of_kind(case, "Pod").items():
        yield name, each["spec"]


def ours(case: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each service of the mesh: its name, its workload and its container."""
    for name, each in of_kind(case, "Deployment", "StatefulSet").items():
        container = each["spec"]["template"]["spec"]["containers"][0]
        if container.get("command", [""])[0] == "python":
            yield name.partition("-")[2], each, container


def test_the_renders_are_those_of_the_chart_as_it_is() -> None:
    assert chart.DIGEST.read_text().strip() == chart.digest(), "run make chart-renders, and read what it changes"
    assert sorted(file.stem for file in chart.RENDERS.glob("*.yaml")) == chart.CASES


def test_a_field_that_kubernetes_does_not_know_is_noticed() -> None:
    (first, *_) = of_kind("external", "Deployment").values()
    wrong = copy.deepcopy(first)
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    assert chart.invalid([first], "1.34") == []
    assert "readynessProbe" in chart.invalid([wrong], "1.34")[0]


def test_every_service_can_be_run_by_it() -> None:
    assert {name for name, _, _ in ours("full")} >= {part.name for part in parts.all_parts()}
    assert VALUES["services"].keys() == {part.name for part in parts.all_parts()} | {OPERATOR}


@pytest.mark.parametrize("case", chart.CASES)
def test_services_are_told_what_they_read_and_nothing_else(case: str) -> None:
    for name, _, container in ours(case):
        package = container["command"][2]
        assert importlib.util.find_spec(f"{package}.__main__"), name
        told = [variable["name"] for variable in container["env"]]
        # Helm 4 refuses to install what has a variable twice.
        assert len(told) == len(set(told)), name
        assert set(told) - deploying.variables_of(package) - OTHERS == set(), name


@pytest.mark.parametrize("case", chart.CASES)
def test_pods_keep_the_restricted_standard(case: str) -> None:
    for name, pod in pods(case):
        security = pod["securityContext"]
        assert (security["runAsNonRoot"], security["seccompProfile"]) == (True, {"type": "RuntimeDefault"}), name
        assert security["runAsUser"] > 0, name
        assert pod["automountServiceAccountToken"] is name.endswith(f"-{OPERATOR}"), name
        assert pod["enableServiceLinks"] is False, name
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("case", chart.CASES)
def test_nobody_but_the_operator_and_who_is_named_holds_rights_and_that_in_the_namespace_alone(case: str) -> None:
    assert of_kind(case, "ClusterRole", "ClusterRoleBinding") == {}
    values: dict[str, Any] = yaml.safe_load((chart.CHART / "ci" / f"{case}.yaml").read_text())
    holders = {name.partition("-")[2] for name in of_kind(case, "Role", "RoleBinding")}
    named = {f"pool-{right}" for right in values.get("workerPools", {})}
    assert holders == {name for name, _, _ in ours(case)} & {OPERATOR} | named


@pytest.mark.parametrize("case", chart.CASES)
def test_what_pods_mount_and_read_is_rendered_or_named_by_the_values(case: str) -> None:
    values = yaml.safe_load((chart.CHART / "ci" / f"{case}.yaml").read_text())
    given = set(re.findall(r"[\w-]+", json.dumps(values)))
    made = {name for kind in ("ConfigMap", "Secret", "ServiceAccount") for name in of_kind(case, kind)}
    for name, pod in pods(case):
        text = json.dumps(pod)
        asked = re.findall(r'"(?:secretName|serviceAccountName)": "([^"]+)"', text)
        asked += re.findall(r'"(?:secretKeyRef|configMap|secretRef)": \{(?:"key": "[^"]+", )?"name": "([^"]+)"', text)
        assert [each for each in asked if each not in made | given] == [], name
        mounts = {each["name"] for container in pod["containers"] for each in container.get("volumeMounts", [])}
        claims = [
            claim["metadata"]["name"]
            for claim in of_kind(case, "StatefulSet").get(name, {}).get("spec", {}).get("volumeClaimTemplates", [])
        ]
        assert mounts <= {each["name"] for each in pod.get("volumes", [])} | set(claims), name


@pytest.mark.parametrize("case", chart.CASES)
def test_probes_ask_ports_that_there_are(case: str) -> None:
    for name, workload, container in ours(case):
        ports = {each["name"] for each in container["ports"]}
        probes = [container[kind] for kind in ("startupProbe", "readinessProbe", "livenessProbe")]
        asked = [next(probe[how] for how in ("httpGet", "tcpSocket") if how in probe) for probe in probes]
        assert {each["port"] for each in asked} <= ports, name
        assert [each.get("path") for each in asked[1:]] == ["/ready", "/live"], name
        told = {each["name"]: each.get("value") for each in container["env"]}
        # The gRPC port is the last that a service opens: whoever has it is complete.
        assert asked[0]["port"] == ("grpc" if "grpc" in ports else "admin"), name
        assert ("REELMESH_LEAVE_SECONDS" in told) == ("grpc" in ports), name
        stopping = int(told.get("REELMESH_LEAVE_SECONDS") or 0) + int(told["REELMESH_DRAIN_SECONDS"] or 0)
        assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= stopping + 20, name


def test_grpc_is_found_by_headless_services() -> None:
    services = of_kind("external", "Service")
    for name, _, container in ours("external"):
        service = services[f"reelmesh-{name}"]["spec"]
        assert service["clusterIP"] == "None"
        assert {each["name"] for each in service["ports"]} == {each["name"] for each in container["ports"]}
        assert [each["appProtocol"] for each in service["ports"] if each["name"] == "grpc"] in (["grpc"], [])


def test_what_a_pool_owns_has_no_replicas_and_has_a_budget() -> None:
    deployments = of_kind("full", "Deployment")
    assert {name for name, each in deployments.items() if "replicas" not in each["spec"]} == {
        "mesh-provider-local",
        "mesh-provider-fal",
    }
    budgets = of_kind("full", "PodDisruptionBudget")
    assert {"mesh-provider-local", "mesh-provider-fal", "mesh-gateway"} <= budgets.keys()
    # A budget over one Pod would keep its node from being drained.
    assert "mesh-provider-sora" not in budgets


def test_a_stopped_mesh_has_no_pods_but_those_of_pools() -> None:
    counts = {name: each["spec"].get("replicas") for name, each in of_kind("stopped", "Deployment").items()}
    assert counts.pop("reelmesh-provider-local") is None
    assert set(counts.values()) == {0}


def test_journals_that_nothing_else_knows_outlive_pods() -> None:
    assert of_kind("full", "StatefulSet").keys() == {"mesh-provider-omni", "mesh-provider-runway"}


def test_the_accounts_are_a_file_that_services_can_read(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(of_kind("full", "ConfigMap")["mesh-accounts"]["data"]["accounts.yaml"])
    found = accounts.Book(file).accounts
    assert {each.provider for each in found} == {"fal", "omni", "runway", "sora", "wan", "veo"}


def test_files_change_the_checksum() -> None:
    annotated = {
        name: each["spec"]["template"]["metadata"]["annotations"]
        for name, each in of_kind("full", "Deployment").items()
        if "annotations" in each["spec"]["template"]["metadata"]
    }
    assert re.fullmatch(r"[0-9a-f]{64}", annotated["mesh-orchestrator"]["checksum/files"])


def test_the_schema_is_over_before_services_are_replaced_where_it_can_be() -> None:
    hooks = of_kind("external", "Job")["reelmesh-migrate"]["metadata"]["annotations"]
    assert hooks["helm.sh/hook"] == "pre-install,pre-upgrade"
    # Its server is not there yet when hooks run.
    assert of_kind("embedded", "Job") == {}


def test_the_readme_has_the_values_as_they_are() -> None:
    readme = (chart.CHART / "README.md").read_text()
    assert readme == chart_page.page(readme, (chart.CHART / "values.yaml").read_text()), "run make pages"


def test_every_value_is_described() -> None:
    described = {path for path, _ in chart_page.described((chart.CHART / "values.yaml").read_text())}
    bare = [path for path in _leaves(VALUES, "") if not any(f"{path}.".startswith(f"{each}.") for each in described)]
    assert bare == []


def _leaves(values: dict[str, Any], before: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def test_the_trial_is_what_is_rendered_for_it() -> None:
    trial = yaml.safe_load((chart.CHART / "values-embedded.yaml").read_text())
    case = yaml.safe_load((chart.CHART / "ci" / "embedded.yaml").read_text())
    del case["embedded"]["password"]
    assert trial == case


@functools.cache
def validator() -> jsonschema.Draft7Validator:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    return jsonschema.Draft7Validator(SCHEMA)


def test_the_values_fit_their_schema() -> None:
    assert [error.message for error in validator().iter_errors(VALUES)] == []


def test_the_schema_is_closed_and_knows_every_value() -> None:
    open_objects = [path for path, each in _objects(SCHEMA, "") if "additionalProperties" not in each]
    free = {"global", "resources", "strategy", "affinity", "podSecurityContext", "securityContext"}
    assert {path.rpartition(".")[2] for path in open_objects} <= free
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()
    assert SCHEMA["definitions"]["service"]["properties"].keys() == VALUES["defaults"].keys()


def _objects(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if schema.get("type") == "object":
        yield path, schema
    for name, each in [*schema.get("properties", {}).items(), *schema.get("definitions", {}).items()]:
        yield from _objects(each, f"{path}.{name}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"imagee": {}},
        {"image": {"tags": "1"}},
        {"image": {"digest": "sha256:short"}},
        {"image": {"pullPolicy": "Sometimes"}},
        {"stopped": "yes"},
        {"logLevel": "info"},
        {"publicUrl": "video.example.com"},
        {"otlpEndpoint": "collector:4317"},
        {"nats": {"url": "nats.messaging:4222"}},
        {"nats": {"password": "never in values"}},
        {"nats": {"user": {"password": "never in values"}}},
        {"nats": {"nkey": {"seedKey": ""}}},
        {"nats": {"tls": {"certificate": "yes"}}},
        {"tls": {"enabled": True}},
        {"tls": {"mutual": "true"}},
        {"tls": {"public": {"crt": "never in values"}}},
        {"postgresql": {"url": "postgresql://user:password@host/name"}},
        {"s3": {"secretAccessKey": "never in values"}},
        {"service": {"httpPort": 0}},
        {"service": {"type": "Cluster"}},
        {"accounts": {"list": [{"id": "fal-1"}]}},
        {"networkPolicy": {"internet": {"ports": []}}},
        {"networkPolicy": {"destinations": {"redis": {}}}},
        {"serviceMonitor": {"interval": "often"}},
        {"defaults": {"replica": 2}},
        {"services": {"Gateway": {}}},
        {"services": {"nats": {}}},
        {"services": {"gateway": {"replicas": -1}}},
        {"services": {"gateway": {"replicas": "2"}}},
        {"services": {"gateway": {"uses": ["kafka"]}}},
        {"services": {"gateway": {"env": {"lower": "x"}}}},
        {"services": {"gateway": {"secretEnv": {"KEY": {"name": "secret"}}}}},
        {"services": {"gateway": {"data": {"persistence": {"size": "large"}}}}},
        {"services": {"gateway": {"terminationGracePeriodSeconds": 0}}},
        {"embedded": {"redis": {"enabled": True}}},
    ],
    ids=json.dumps,
)
def test_values_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    assert [error.message for error in validator().iter_errors(wrong)] != []


def test_pools_name_the_workloads_that_leave_their_pods_to_them_and_are_what_their_definition_takes() -> None:
    (version,) = crd.definition()["spec"]["versions"]
    workloads = of_kind("full", "Deployment", "StatefulSet")
    found = of_kind("full", "WorkerPool")
    assert {name: each["spec"]["queue"] for name, each in found.items()} == {
        "mesh-provider-fal": {"provider": "fal"},
        "mesh-provider-local": {"provider": "local"},
    }
    for each in found.values():
        jsonschema.validate(each, version["schema"]["openAPIV3Schema"])
        workload = each["spec"]["workload"]
        assert workloads[workload["name"]]["kind"] == workload["kind"]
        assert "replicas" not in workloads[workload["name"]]["spec"]


def test_the_operator_has_one_pod_and_the_role_that_the_handbook_names() -> None:
    workload = of_kind("full", "Deployment")["mesh-operator"]
    assert (workload["spec"]["replicas"], workload["spec"]["strategy"]) == (1, {"type": "Recreate"})
    role = of_kind("full", "Role")["mesh-operator"]
    written = re.search(r"```yaml\nrules:\n.*?```", HANDBOOK.read_text(), re.DOTALL)
    assert written
    assert role["rules"] == yaml.safe_load(written.group().strip("`").removeprefix("yaml\n"))["rules"]
    binding = of_kind("full", "RoleBinding")["mesh-operator"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"][0]["name"] == workload["spec"]["template"]["spec"]["serviceAccountName"]


def test_what_may_be_said_of_a_pool_is_what_its_definition_has() -> None:
    (version,) = crd.definition()["spec"]["versions"]
    defined = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    said = SCHEMA["definitions"]["service"]["properties"]["pool"]["properties"]
    assert said.keys() == defined.keys() - {"workload"}
    for name, each in said.items():
        assert each.get("properties", {}).keys() == defined[name].get("properties", {}).keys(), name


def test_before_their_kind_is_defined_no_pool_is_asked_for() -> None:
    assert of_kind(chart.FIRST, "WorkerPool") == {}


def told(case: str, start: str) -> dict[str, dict[str, str]]:
    """Return, by service, the variables that begin so."""
    return {
        name: {each["name"]: each.get("value", "") for each in container["env"] if each["name"].startswith(start)}
        for name, _, container in ours(case)
    }


def test_services_that_are_called_or_call_speak_tls_and_ask_for_certificates_if_it_is_mutual() -> None:
    folder = "/etc/reelmesh/tls"
    own = {
        "REELMESH_TLS_CERTIFICATE_FILE": f"{folder}/tls.crt",
        "REELMESH_TLS_KEY_FILE": f"{folder}/tls.key",
        "REELMESH_TLS_CA_FILE": f"{folder}/ca.crt",
    }
    clients = {"REELMESH_TLS_CLIENT_CA_FILE": f"{folder}/ca.crt"}
    assert told("full", "REELMESH_TLS") == {name: {**own, **clients} for name, _, _ in ours("full")}
    # Storage calls nobody, and is called.
    assert told("secured", "REELMESH_TLS") == {name: own for name, _, _ in ours("secured")}
    assert set().union(*told("external", "REELMESH_TLS").values()) == set()


def test_the_gateway_alone_has_the_certificate_for_callers() -> None:
    for case, http in (("full", "false"), ("secured", "true")):
        found = {
            name: each for name, each in told(case, "REELMESH_PUBLIC_").items() if "REELMESH_PUBLIC_KEY_FILE" in each
        }
        assert found.keys() == {"gateway"}
        assert found["gateway"]["REELMESH_PUBLIC_HTTP_TLS"] == http
    (service,) = (each for name, each in of_kind("secured", "Service").items() if name == "reelmesh")
    assert service["spec"]["ports"][0]["appProtocol"] == "https"
    assert of_kind("secured", "Pod")["reelmesh-test"]["spec"]["containers"][0]["command"][-1].startswith("https://")


@pytest.mark.parametrize("case", ["full", "secured"])
def test_files_that_secure_connections_are_whole_secrets_read_only_for_the_group_alone(case: str) -> None:
    seen = 0
    for name, workload, container in ours(case):
        pod = workload["spec"]["template"]["spec"]
        secrets = {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each}
        mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
        for variable in container["env"]:
            folder, _, file = variable.get("value", "").rpartition("/")
            if variable["name"].endswith("_FILE") and mounts.get(folder, {}).get("name") in secrets:
                seen += 1
                # One file alone would not follow its Secret.
                assert "subPath" not in mounts[folder], name
                assert mounts[folder]["readOnly"] is True, name
                secret = secrets[mounts[folder]["name"]]
                assert secret["defaultMode"] == 0o440 or "google" in folder, name
                assert [each["path"] for each in secret.get("items", [])] in ([], [file]), name
    assert seen >= 3 * len(list(ours(case)))


def test_who_uses_nats_proves_who_it_is_there_and_nobody_else_has_the_proof() -> None:
    users = {name for name, variables in told("full", "REELMESH_NATS_URL").items() if variables}
    proofs = told("full", "REELMESH_NATS_C")
    assert {name for name, variables in proofs.items() if variables} == users
    assert proofs["media"] == {
        "REELMESH_NATS_CREDENTIALS_FILE": "/etc/reelmesh/nats/mesh.creds",
        "REELMESH_NATS_CA_FILE": "/etc/reelmesh/nats-tls/ca.crt",
        "REELMESH_NATS_CERTIFICATE_FILE": "/etc/reelmesh/nats-tls/tls.crt",
    }
    assert {"REELMESH_NATS_USER", "REELMESH_NATS_PASSWORD"} <= told("secured", "REELMESH_NATS")["media"].keys()
