"""What fal finds wrong: with a request, which is then refused, or with something else."""

import json

import pytest
from reelmesh_provider import model
from reelmesh_provider_fal import wire

FAILED, REFUSED = model.Outcome.FAILED, model.Outcome.REFUSED


@pytest.mark.parametrize(
    ("kind", "context", "told"),
    [
        ("image_too_small", {"min_width": 300, "min_height": 200}, "no (at least 300x200 pixels)"),
        ("image_too_large", {"max_width": 4000, "max_height": 4000}, "no (at most 4000x4000 pixels)"),
        ("file_too_large", {"max_size": 8388608}, "no (at most 8388608 bytes)"),
        ("unsupported_image_format", {"supported_formats": [".jpg", ".png"]}, "no (.jpg, .png)"),
        ("face_detection_error", {}, "no"),
        ("feature_not_supported", None, "no"),
        ("sequence_too_long", {"max_length": 4}, "no"),
        # A context that says something else, or nothing that could be read.
        ("image_too_small", {"min_width": 300}, "no"),
        ("image_too_small", "tall", "no"),
        ("unsupported_image_format", {"supported_formats": 7}, "no"),
    ],
)
def test_what_is_wrong_with_the_request_is_refused_with_what_would_be_right(
    kind: str, context: object, told: str
) -> None:
    detail = {"loc": ["body", "image_url"], "msg": "no", "type": kind, "ctx": context}
    state = wire.ended(wire.Ended("e", kind), 422, json.dumps({"detail": [detail]}))
    assert state == model.Negative(REFUSED, f"image_url: {told}", 0)


@pytest.mark.parametrize("kind", ["file_download_error", "missing", "literal_error", "one_of", "internal_server_error"])
def test_what_may_be_wrong_with_how_we_ask_counts_as_a_failure(kind: str) -> None:
    details = [{"msg": "a", "type": "image_too_small"}, {"msg": "b", "type": kind}]
    state = wire.ended(wire.Ended("e", kind), 422, json.dumps({"detail": details}))
    assert state == model.Negative(FAILED, "a; b", 0)
