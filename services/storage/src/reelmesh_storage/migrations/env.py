"""Runs the migrations of the storage index."""

from reelmesh_kit.sql import alembic_environment

alembic_environment.run()
