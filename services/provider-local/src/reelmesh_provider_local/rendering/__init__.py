"""The renderer: from a prompt and its images to a finished MP4, with no key, no network and no state."""

from reelmesh_provider_local.rendering.film import render
from reelmesh_provider_local.rendering.model import (
    InvalidSpec,
    RenderCancelled,
    RenderReport,
    RenderSpec,
    UnreadableImage,
)

__all__ = ["InvalidSpec", "RenderCancelled", "RenderReport", "RenderSpec", "UnreadableImage", "render"]
