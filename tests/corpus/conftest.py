"""One mesh for the whole corpus: on PostgreSQL where there is one, which minds more than SQLite does."""

import uuid
from collections.abc import AsyncGenerator, Iterator

import pytest
import pytest_asyncio

from tests.corpus import mesh as meshes
from tests.support import postgresql

SERVICES = ("orchestrator", "storage")


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Yield the URL of a database for each service that keeps one; none where there is no PostgreSQL."""
    try:
        server: postgresql.PostgresqlServer = request.getfixturevalue("postgresql_server")
    except pytest.skip.Exception:
        yield {}
        return
    names = {service: f"{service}_{uuid.uuid4().hex}" for service in SERVICES}  # noqa: TID251
    for name in names.values():
        server.run(f'CREATE DATABASE "{name}"')
    yield {service: server.url(name) for service, name in names.items()}
    for name in names.values():
        server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def corpus(databases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[meshes.Corpus]:
    """Yield the mesh and its caller."""
    async with meshes.up(tmp_path_factory.mktemp("corpus"), databases) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asset(corpus: meshes.Corpus) -> str:
    """Return an uploaded reference image."""
    return await corpus.uploaded()
