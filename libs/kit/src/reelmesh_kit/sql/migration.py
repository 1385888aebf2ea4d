"""Brings a schema up to date with Alembic, under a lock, so that replicas may start together."""

import importlib.resources
import zlib

import alembic.command
import alembic.config
import sqlalchemy
import sqlalchemy.exc
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio

from reelmesh_kit import errors
from reelmesh_kit.sql import postgresql

# How long a starting service waits for a database that is still starting itself.
CONNECT_TIMEOUT_SECONDS = 10.0


def upgrade(connection: sqlalchemy.Connection, package: str) -> None:
    """Run the migrations of `package` that this database has not seen, in one transaction."""
    folder = importlib.resources.files(package) / "migrations"
    configuration = alembic.config.Config()
    configuration.set_main_option("script_location", str(folder))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    configuration.attributes["version_table"] = f"{package}_version"
    alembic.command.upgrade(configuration, "head")
    connection.commit()


def schema_of(package: str) -> str:
    """Return the schema that a service's tables live in, so that services may share a PostgreSQL database."""
    return package.removeprefix("reelmesh_")


async def migrate(url: str, package: str) -> None:
    """Bring the schema of a service up to date on PostgreSQL; replicas that start together take turns.

    Raises:
        errors.Unavailable: the database cannot be reached.
    """
    parsed = postgresql.driven(url)
    arguments = {"timeout": CONNECT_TIMEOUT_SECONDS, "server_settings": {"search_path": schema_of(package)}}
    engine = sqlalchemy_asyncio.create_async_engine(parsed, connect_args=arguments)
    lock = sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=zlib.crc32(package.encode()))
    try:
        async with engine.connect() as connection:
            await connection.execute(lock)
            await connection.execute(sqlalchemy.schema.CreateSchema(schema_of(package), if_not_exists=True))
            await connection.run_sync(upgrade, package)
    except (TimeoutError, OSError, sqlalchemy.exc.DBAPIError) as error:
        if isinstance(error, sqlalchemy.exc.DBAPIError) and not postgresql.is_passing(error):
            raise
        place = parsed.render_as_string(hide_password=True)
        raise errors.Unavailable(f"cannot reach {place}: {error}. Is PostgreSQL running there?") from error
    finally:
        await engine.dispose()
