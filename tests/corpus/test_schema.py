"""What the gateway's own OpenAPI says of itself, tried with what it allows and with what it does not."""

from typing import Any

import hypothesis
import hypothesis.errors
import pytest
import schemathesis
from schemathesis import checks as plain_checks
from schemathesis.core import failures
from schemathesis.specs.openapi import checks as schema_checks

from tests.corpus import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(meshes.TEST_SECONDS)]

# For each operation and mode; all of them take a minute on a busy machine.
EXAMPLES = 25
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# They take no parameter, or any text at all: nothing sent to them can be wrong.
TAKE_ANYTHING = {
    "GET /api/v1/accounts",
    "GET /api/v1/pools",
    "GET /api/v1/switches",
    "GET /files/{token}",
    "GET /v1/models",
    "GET /health",
    "GET /health/detailed",
    "GET /metrics",
    "GET /api/v1/recovery",
}
CHECKS = [
    plain_checks.not_a_server_error,
    schema_checks.status_code_conformance,
    schema_checks.content_type_conformance,
    schema_checks.response_headers_conformance,
    schema_checks.response_schema_conformance,
]
# The same examples each time.
SEEDED = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def tried(corpus: meshes.Corpus, operation: Any, mode: schemathesis.GenerationMode) -> list[int]:
    """Try an operation with examples of a mode; return the statuses that it answered.

    Raises:
        failures.FailureGroup: an answer is a fault, or not as the schema says.
    """
    statuses: list[int] = []

    @SEEDED
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        headers = {"x-api-key": corpus.mesh.key}
        answer = case.call(base_url=corpus.url, headers=headers, timeout=meshes.PATIENCE_SECONDS)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    holds()
    return statuses


def operations(document: dict[str, Any]) -> list[Any]:
    """Return the operations of a schema."""
    schema: Any = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


async def described(corpus: meshes.Corpus) -> dict[str, Any]:
    """Return the schema that the gateway serves."""
    answer = await corpus.http.get("/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


async def test_what_the_schema_allows_is_answered_as_it_says(corpus: meshes.Corpus) -> None:
    answered: dict[str, list[int]] = {}
    for operation in operations(await described(corpus)):
        answered[operation.label] = tried(corpus, operation, POSITIVE)
        await corpus.still_well()
    assert 202 in answered["POST /api/v1/generations"]
    assert 200 in answered["POST /api/v1/quotes"]
    assert 200 in answered["GET /api/v1/generations"]
    assert 202 in answered["POST /api/v1/recovery"]


async def test_what_the_schema_does_not_allow_is_refused_as_it_says(corpus: meshes.Corpus) -> None:
    taken: set[str] = set()
    for operation in operations(await described(corpus)):
        try:
            statuses = tried(corpus, operation, NEGATIVE)
        except hypothesis.errors.Unsatisfiable:
            statuses = []
        if not any(400 <= status < 500 for status in statuses):
            taken.add(operation.label)
        await corpus.still_well()
    assert taken == TAKE_ANYTHING


@pytest.mark.parametrize(
    ("path", "method", "change"),
    [
        ("/api/v1/generations", "get", lambda said: said.pop("200")),
        ("/api/v1/generations", "get", lambda said: said["200"].update(content={"text/csv": {}})),
        (
            "/health",
            "get",
            lambda said: said["200"].update(content={"application/json": {"schema": {"type": "integer"}}}),
        ),
    ],
    ids=["a status", "a type", "a shape"],
)
async def test_an_answer_that_is_not_as_the_schema_says_is_noticed(
    corpus: meshes.Corpus, path: str, method: str, change: Any
) -> None:
    document = await described(corpus)
    change(document["paths"][path][method]["responses"])
    (wrong,) = (each for each in operations(document) if each.label == f"{method.upper()} {path}")
    with pytest.raises(failures.FailureGroup):
        tried(corpus, wrong, POSITIVE)
