"""The renderer: from a prompt and its images to a finished MP4, with no key, no network and no state.

`film.render` makes it. It is not named here, so that who only speaks of films does not wait for what draws them.
"""

from reelmesh_provider_local.rendering.model import (
    InvalidSpec,
    RenderCancelled,
    RenderReport,
    RenderSpec,
    UnreadableImage,
)

__all__ = ["InvalidSpec", "RenderCancelled", "RenderReport", "RenderSpec", "UnreadableImage"]
