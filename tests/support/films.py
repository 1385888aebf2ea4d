"""Tiny films to render, and what to draw them from."""

from collections.abc import Callable

import pytest
from reelmesh_provider_local import rendering

from tests.support import drawings


@pytest.fixture
def spec() -> Callable[..., rendering.RenderSpec]:
    """A spec for a small film; any field may be given."""

    def build(**given: object) -> rendering.RenderSpec:
        fields: dict[str, object] = {
            "prompt": "A red fox runs through fresh snow",
            "images": (),
            "duration_seconds": 1.0,
            "width": 320,
            "height": 180,
            "seed": 1,
        }
        return rendering.RenderSpec(**{**fields, **given})  # type: ignore[arg-type]

    return build


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """A file of a picture with structure: a colour, diagonal stripes, and a bright corner."""
    return drawings.striped
