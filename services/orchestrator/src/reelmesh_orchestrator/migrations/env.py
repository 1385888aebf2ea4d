"""Runs the migrations on the connection that the kit opened."""

from reelmesh_kit.sql import alembic_environment

alembic_environment.run()
