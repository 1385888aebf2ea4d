"""What those who look after a gateway see: health, metrics, traces, documentation."""

import json
import logging
import stat

import httpx
import openapi_spec_validator
import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter
from reelmesh_kit import process

from tests.integration.gateway import conftest, fake_mesh

ROOT = "/api/v1/generations"
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


async def test_health_needs_no_key_and_names_each_dependency_with_its_latency(gateway: conftest.Gateway) -> None:
    async with gateway.client(key="") as stranger:
        short = await stranger.get("/health")
        detailed = (await stranger.get("/health/detailed")).json()

    assert short.json() == {"status": "ok", "service": "gateway"}
    assert detailed["status"] == "ok"
    assert set(detailed["dependencies"]) == {"orchestrator", "storage", "media"}
    assert all(each["latency_ms"] > 0 for each in detailed["dependencies"].values())


@pytest.mark.parametrize(("away", "status", "word"), [("storage", 503, "down"), ("media", 200, "degraded")])
async def test_only_a_needed_dependency_that_is_down_makes_health_a_503(
    open_gateway: conftest.Open, away: str, status: int, word: str
) -> None:
    async with open_gateway(**{f"{away}_address": "127.0.0.1:1"}) as gateway, gateway.client(key="") as stranger:
        answer = await stranger.get("/health/detailed")

    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert answer.json()["dependencies"][away]["status"] == "down"
    assert "127.0.0.1" not in answer.text


async def test_requests_are_counted_by_route_and_not_by_path(client: httpx.AsyncClient) -> None:
    made = (await client.post(ROOT, json={"prompt": "a"})).json()
    await client.get(f"{ROOT}/{made['id']}")
    await client.request("BREW", "/secret-path")

    text = (await client.get("/metrics")).text

    assert 'api_requests_total{method="POST",route="/api/v1/generations",status="202"} 1.0' in text
    assert 'api_requests_total{method="GET",route="/api/v1/generations/{generation_id}",status="200"} 1.0' in text
    assert 'api_requests_total{method="_OTHER",route="unmatched",status="404"} 1.0' in text
    assert "secret-path" not in text


async def test_the_admin_port_is_ready_and_has_the_same_metrics(gateway: conftest.Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.admin_url) as operator:
        ready = await operator.get("/ready")
        metrics = await operator.get("/metrics")

    assert ready.status_code == 200
    assert "api_event_streams_open" in metrics.text


async def test_a_create_is_traced_even_when_its_caller_does_not_sample(
    client: httpx.AsyncClient, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    answer = await client.post(ROOT, json={"prompt": "a"}, headers={"traceparent": UNSAMPLED})

    server = next(each for each in spans.get_finished_spans() if each.name == "POST /api/v1/generations")
    call = next(each for each in spans.get_finished_spans() if "CreateGeneration" in each.name)
    assert server.context is not None
    assert f"{server.context.trace_id:032x}" == UNSAMPLED.split("-")[1]
    assert answer.headers["traceparent"].split("-")[1] == UNSAMPLED.split("-")[1]
    assert call.parent is not None
    assert call.parent.span_id == server.context.span_id
    assert server.attributes is not None
    assert server.attributes["http.request.method"] == "POST"
    assert server.attributes["http.route"] == "/api/v1/generations"
    assert server.attributes["http.response.status_code"] == 202


async def test_a_trace_begins_here_when_the_caller_has_none(
    client: httpx.AsyncClient, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    answer = await client.post(ROOT, json={"prompt": "a"}, headers={"traceparent": "nonsense"})

    server = next(each for each in spans.get_finished_spans() if each.name == "POST /api/v1/generations")
    assert server.parent is None
    assert server.context is not None
    assert answer.headers["traceparent"].split("-")[1] == f"{server.context.trace_id:032x}"


async def test_prompts_are_neither_in_spans_nor_in_logs(
    client: httpx.AsyncClient,
    spans: in_memory_span_exporter.InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, logger="reelmesh"):
        await client.post(ROOT, json={"prompt": "xyzzy"})
        await client.post(ROOT, json={"prompt": "xyzzy", "unknown": 1})

    assert "xyzzy" not in "".join(each.to_json() for each in spans.get_finished_spans())
    assert "xyzzy" not in caplog.text


async def test_the_schema_is_valid_and_every_operation_says_how_it_fails(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()

    openapi_spec_validator.validate(schema)
    operations = {
        f"{method} {path}": operation
        for path, item in schema["paths"].items()
        if path.startswith("/api/")
        for method, operation in item.items()
    }
    assert len(operations) == 28
    for name, operation in operations.items():
        assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorBody"), (
            name
        )
        assert "422" not in operation["responses"], name
        assert operation["security"], name
        assert operation["description"], name


async def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    script = await client.get("/docs/files/swagger-ui-bundle.js")
    root = await client.get("/")

    assert "https://" not in page
    assert "//cdn" not in page
    assert script.status_code == 200
    assert root.headers["location"] == "/docs"


async def test_the_development_key_is_only_for_its_owner_and_only_its_hash_is_kept(gateway: conftest.Gateway) -> None:
    secret_file = gateway.data_folder / "development.key"
    keys_file = gateway.data_folder / "api-keys.json"

    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600
    assert gateway.key.split("_")[2] not in keys_file.read_text()
    assert json.loads(keys_file.read_text())["keys"][0]["scopes"] == ["admin", "read", "write"]


async def test_a_second_start_keeps_the_keys(open_gateway: conftest.Open) -> None:
    async with open_gateway() as first:
        key = first.key
    async with open_gateway() as second, second.client(key) as client:
        assert (await client.get(ROOT)).status_code == 200
        assert second.key == key


async def test_a_port_in_use_is_said_with_the_variable_that_sets_it(
    gateway: conftest.Gateway, open_gateway: conftest.Open
) -> None:
    with pytest.raises(process.CannotStart, match="REELMESH_HTTP_PORT"):
        async with open_gateway(http_port=int(gateway.url.rsplit(":", 1)[1])):
            pass


async def test_a_key_file_that_is_broken_stops_the_start_and_says_what_to_do(open_gateway: conftest.Open) -> None:
    async with open_gateway() as gateway:
        folder = gateway.data_folder
    (folder / "api-keys.json").write_text('{"keys": [{"id": "x"}]}')

    with pytest.raises(process.CannotStart, match="Restore it"):
        async with open_gateway():
            pass


async def test_a_mesh_that_is_away_does_not_keep_the_gateway_from_starting(
    open_gateway: conftest.Open, mesh: fake_mesh.FakeMesh
) -> None:
    away = dict.fromkeys((f"{name}_address" for name in mesh.addresses), "127.0.0.1:1")

    async with open_gateway(**away) as gateway, gateway.client() as client:
        assert (await client.get("/health")).status_code == 200
