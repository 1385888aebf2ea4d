"""What every service's `migrations/env.py` runs: the migrations on the connection that the kit opened."""

import alembic.context


def run() -> None:
    """Run the migrations on the connection handed over in the configuration."""
    configuration = alembic.context.config
    alembic.context.configure(
        connection=configuration.attributes["connection"],
        version_table=configuration.attributes["version_table"],
        transactional_ddl=True,
    )
    with alembic.context.begin_transaction():
        alembic.context.run_migrations()
