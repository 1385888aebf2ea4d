"""Brings a schema up to date with Alembic, under a lock, so that replicas may start together.

Alembic is loaded only when there is something to bring up to date: most starts find nothing, and need not wait for it.
"""

import importlib.resources
import re
import zlib

import sqlalchemy
import sqlalchemy.exc

from reelmesh_kit import errors, process

# A file of a migration begins with its revision: v0001_first.py.
_REVISION = re.compile(r"v(\d+)_\w+\.py")
# How long a starting service waits for a database that is still starting itself.
CONNECT_TIMEOUT_SECONDS = 10.0


def upgrade(connection: sqlalchemy.Connection, package: str) -> None:
    """Run the migrations of `package` that this database has not seen, in one transaction.

    Raises:
        process.CannotStart: it has seen some that `package` does not know.
    """
    known, found = newest(package), revision(connection, package)
    if found == known:
        connection.rollback()
        return
    if found is not None and found > known:
        raise process.CannotStart(
            f"The database of {schema_of(package)} is of a newer release: its tables are at revision {found}, and this "
            f"release knows {known}. Start the newer release, or put the backup from before the upgrade in its place."
        )
    import alembic.command
    import alembic.config

    folder = importlib.resources.files(package) / "migrations"
    configuration = alembic.config.Config()
    configuration.set_main_option("script_location", str(folder))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    configuration.attributes["version_table"] = _version_table(package)
    alembic.command.upgrade(configuration, "head")
    connection.commit()


def newest(package: str) -> str:
    """Return the revision that the last migration of `package` leads to, by the names of their files."""
    names = (file.name for file in (importlib.resources.files(package) / "migrations" / "versions").iterdir())
    return max(found[1] for name in names if (found := _REVISION.fullmatch(name)))


def revision(connection: sqlalchemy.Connection, package: str) -> str | None:
    """Return the revision that a database is at; None before the first."""
    if not sqlalchemy.inspect(connection).has_table(_version_table(package)):
        return None
    table = sqlalchemy.table(_version_table(package), sqlalchemy.column("version_num", sqlalchemy.String))
    return connection.execute(sqlalchemy.select(table.c.version_num)).scalar()


def _version_table(package: str) -> str:
    return f"{package}_version"


def schema_of(package: str) -> str:
    """Return the schema that a service's tables live in, so that services may share a PostgreSQL database."""
    return package.removeprefix("reelmesh_")


async def migrate(url: str, package: str) -> None:
    """Bring the schema of a service up to date on PostgreSQL; replicas that start together take turns.

    Raises:
        errors.Unavailable: the database cannot be reached.
    """
    from sqlalchemy.ext import asyncio as sqlalchemy_asyncio

    from reelmesh_kit.sql import postgresql  # see database

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
