"""What tests of whole films share: a renderer with the packaged fonts only, and a look into the finished file."""

import pathlib
from collections.abc import Callable

import av
import numpy as np
import pytest
from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import film

from tests.support.films import picture, spec

__all__ = ["decoded", "picture", "render", "spec"]

NO_SYSTEM_FONTS: tuple[pathlib.Path, ...] = ()


@pytest.fixture
def render(tmp_path: pathlib.Path) -> Callable[..., tuple[pathlib.Path, rendering.RenderReport]]:
    """Render a spec with the packaged fonts only; gives the file and the report."""

    def run(spec: rendering.RenderSpec, name: str = "film.mp4") -> tuple[pathlib.Path, rendering.RenderReport]:
        path = tmp_path / name
        return path, film.render(spec, path, lambda _: None, lambda: False, NO_SYSTEM_FONTS)

    return run


@pytest.fixture
def decoded() -> Callable[[pathlib.Path], list[np.ndarray]]:
    """All frames of a film as (height, width, 3) arrays."""

    def read(path: pathlib.Path) -> list[np.ndarray]:
        with av.open(str(path), format="mp4") as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]

    return read
