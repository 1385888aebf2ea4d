"""Keys: the layout that was promised, safe whatever the ids contain, and told from what is not ours."""

import datetime
import posixpath
import uuid
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies
from reelmesh_storage.model import asset, layout

ASSET = uuid.UUID("11111111-1111-4111-8111-111111111111")
GENERATION = uuid.UUID("22222222-2222-4222-8222-222222222222")
WRITE = uuid.UUID("33333333-3333-4333-8333-333333333333")
DAY = datetime.datetime(2026, 1, 9, 23, 59, tzinfo=datetime.UTC)
NASTY_IDS = (
    "..",
    ".",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\nb",
    "~root",
    ".hidden",
    "videos",
    "C:",
    "%2e%2e",
    "пользователь",
    "🙂" * 60,
    "x" * 256,
    " ",
    "-rf",
)


def key(kind: asset.Kind, *, taken: bool = False, **values: Any) -> str:
    given: dict[str, Any] = {
        "asset_id": ASSET,
        "tenant_id": "default",
        "user_id": "ada",
        "generation_id": GENERATION,
        "content_type": "image/jpeg",
    }
    intent = asset.Intent(kind=kind, **(given | values))
    return layout.key(intent, WRITE, DAY, taken=taken)


@pytest.mark.parametrize(
    ("kind", "content_type", "name", "expected"),
    [
        (asset.Kind.RENDITION, "video/mp4", "", f"videos/ada/2026/01/09/{GENERATION}.mp4"),
        (asset.Kind.RENDITION, "video/mp4", "720p", f"videos/ada/2026/01/09/{GENERATION}_720p.mp4"),
        (asset.Kind.THUMBNAIL, "image/jpeg", "", f"thumbnails/ada/2026/01/09/{GENERATION}.jpg"),
        (asset.Kind.POSTER, "image/webp", "", f"posters/ada/2026/01/09/{GENERATION}.webp"),
        (asset.Kind.INFOGRAPHIC, "image/svg+xml", "", f"infographics/ada/2026/01/09/{GENERATION}.svg"),
        (asset.Kind.CLIP, "video/mp4", "take", f"clips/ada/2026/01/09/{ASSET}.mp4"),
        (asset.Kind.FRAME, "image/png", "", f"frames/ada/2026/01/09/{ASSET}.png"),
        (asset.Kind.REFERENCE, "image/png", "", f"references/ada/2026/01/09/{ASSET}.png"),
        (asset.Kind.FACE, "image/jpeg", "", f"faces/ada/{ASSET}.jpg"),
        (asset.Kind.CLIP, "application/x-unknown", "", f"clips/ada/2026/01/09/{ASSET}.bin"),
    ],
)
def test_each_kind_has_its_place(kind: asset.Kind, content_type: str, name: str, expected: str) -> None:
    assert key(kind, content_type=content_type, name=name) == expected


def test_the_tenant_stands_for_a_user_who_was_not_named() -> None:
    assert key(asset.Kind.FACE, user_id="") == f"faces/default/{ASSET}.jpg"


def test_tenants_other_than_the_default_one_have_a_folder_of_their_own() -> None:
    assert key(asset.Kind.FACE, tenant_id="acme") == f"acme/faces/ada/{ASSET}.jpg"
    assert key(asset.Kind.FACE, tenant_id="videos") == f"~videos/faces/ada/{ASSET}.jpg"


def test_finished_work_without_a_generation_is_named_by_its_own_id() -> None:
    assert key(asset.Kind.RENDITION, generation_id=None) == f"videos/ada/2026/01/09/{ASSET}.jpg"


def test_a_taken_key_is_told_apart_by_the_write() -> None:
    assert key(asset.Kind.FACE, taken=True) == f"faces/ada/{ASSET}_{WRITE.hex}.jpg"


@pytest.mark.parametrize("identifier", NASTY_IDS)
def test_nasty_ids_stay_in_their_segment(identifier: str) -> None:
    for found in (key(asset.Kind.CLIP, user_id=identifier), key(asset.Kind.CLIP, tenant_id=identifier, user_id="")):
        assert_safe(found)
        assert layout.kind_of(found) is asset.Kind.CLIP


@hypothesis.given(strategies.text(min_size=1, max_size=256), strategies.text(min_size=1, max_size=256))
def test_segments_are_safe_and_different_for_different_ids(one: str, other: str) -> None:
    hypothesis.assume("\0" not in one + other and _encodable(one) and _encodable(other))
    first, second = layout.segment(one), layout.segment(other)
    assert_safe(f"faces/{first}/x.jpg")
    assert (first == second) == (one == other)


@hypothesis.given(
    kind=strategies.sampled_from(asset.Kind),
    taken=strategies.booleans(),
    tenant_id=strategies.sampled_from(["default", "acme", "videos", *NASTY_IDS]),
    name=strategies.sampled_from(["", "720p", "a.b_c-d"]),
    generation_id=strategies.sampled_from([None, GENERATION]),
)
def test_every_key_that_is_made_is_known_as_ours(
    kind: asset.Kind, taken: bool, tenant_id: str, name: str, generation_id: uuid.UUID | None
) -> None:
    made = key(kind, taken=taken, tenant_id=tenant_id, name=name, generation_id=generation_id)
    assert layout.kind_of(made) is kind


@pytest.mark.parametrize(
    "foreign",
    [
        "videos/ada/holiday.mp4",
        f"backups/ada/{ASSET}.mp4",
        f"videos/{ASSET}.mp4",
        f"a/b/videos/ada/2026/01/09/{ASSET}.mp4",
        f"videos/ada/2026/01/09/{ASSET}",
        f"videos/ada/2026/01/09/old-{ASSET}.mp4",
        "",
    ],
)
def test_what_this_layout_would_not_have_made_is_not_ours(foreign: str) -> None:
    assert layout.kind_of(foreign) is None


def assert_safe(a_key: str) -> None:
    parts = a_key.split("/")
    assert posixpath.normpath(a_key) == a_key
    assert all(part and not part.startswith(".") and len(part.encode()) <= 255 for part in parts)
    assert a_key.isascii()
    assert not set(a_key) & set("\\\0\n\r *?<>|\"':")


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)
