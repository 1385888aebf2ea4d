"""The frames that a video begins and ends on, and what it should not show."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    for name in ("negative_prompt", "first_frame_asset_id", "last_frame_asset_id"):
        op.add_column("generations", sa.Column(name, sa.Text(), nullable=False, server_default=""))
