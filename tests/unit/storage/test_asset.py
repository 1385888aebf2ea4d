"""Assets: the table of states, and what storing again means."""

import dataclasses
import datetime
import itertools
import pathlib
import uuid

import pytest
from reelmesh_storage.model import asset, leftovers

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
CONTENT = asset.Content(3, "0" * 64)
INTENT = asset.Intent(uuid.UUID(int=1), "default", asset.Kind.CLIP, "video/mp4", user_id="ada", life=HOUR)
ASSET = asset.Asset(
    id=INTENT.asset_id,
    write_id=uuid.UUID(int=2),
    tenant_id="default",
    user_id="ada",
    kind=asset.Kind.CLIP,
    content_type="video/mp4",
    content=CONTENT,
    key="k",
    created_at=NOW,
    expires_at=NOW + HOUR,
    generation_id=None,
    width=0,
    height=0,
    duration_seconds=0.0,
)
ALLOWED = {
    ("WRITING", "STORED"),
    ("WRITING", "REMOVING"),
    ("STORED", "REMOVING"),
    ("REMOVING", "REMOVED"),
}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(asset.State, asset.State)))
def test_only_the_changes_in_the_table_are_allowed(source: asset.State, target: asset.State) -> None:
    allowed = (source.value, target.value) in ALLOWED
    assert (target in asset.TRANSITIONS[source]) is allowed
    assert (source in asset.sources(target)) is allowed


def test_references_and_whatever_nobody_kept_live_for_a_day() -> None:
    assert {kind: life for kind, life in asset.DEFAULT_LIVES.items() if life != datetime.timedelta(hours=24)} == {}
    assert set(asset.DEFAULT_LIVES) == set(asset.Kind)


def test_a_life_that_was_asked_for_counts_more_than_the_default() -> None:
    assert INTENT.expires_after == HOUR
    assert dataclasses.replace(INTENT, life=None).expires_after == datetime.timedelta(hours=24)


@pytest.mark.parametrize(
    ("intent", "content", "expected"),
    [
        (INTENT, CONTENT, True),
        (dataclasses.replace(INTENT, width=5), CONTENT, True),
        (INTENT, asset.Content(3, "1" * 64), False),
        (INTENT, asset.Content(4, "0" * 64), False),
        (dataclasses.replace(INTENT, tenant_id="acme"), CONTENT, False),
        (dataclasses.replace(INTENT, user_id="bob"), CONTENT, False),
        (dataclasses.replace(INTENT, kind=asset.Kind.FACE), CONTENT, False),
    ],
)
def test_the_same_is_the_same_bytes_of_the_same_owner(
    intent: asset.Intent, content: asset.Content, expected: bool
) -> None:
    assert asset.same(ASSET, intent, content) is expected


def test_storing_again_never_shortens_a_life() -> None:
    assert asset.prolonged(ASSET, INTENT, NOW - HOUR / 2) == NOW + HOUR
    assert asset.prolonged(ASSET, INTENT, NOW + HOUR / 2) == NOW + HOUR + HOUR / 2
    assert asset.prolonged(dataclasses.replace(ASSET, expires_at=None), INTENT, NOW) is None


def test_the_readme_shows_the_table() -> None:
    readme = pathlib.Path(__file__).parents[3] / "services" / "storage" / "README.md"
    for source, following in asset.TRANSITIONS.items():
        shown = ", ".join(state for state in asset.State if state in following) or "forgotten after 7 days"
        assert f"| {source} | {shown} |" in readme.read_text()
    assert datetime.timedelta(days=7) == leftovers.TOMBSTONE_LIFE
