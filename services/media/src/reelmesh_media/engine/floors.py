"""Draws what stands in for a video. Its fonts and tables are loaded in the process that draws, not in the service."""

from pathlib import Path

from reelmesh_media.model import infographics, ladder


def infographic(request: infographics.InfographicRequest, out: Path) -> ladder.MadeFile:
    """Draw the picture, as `engine.infographics.draw` does."""
    from reelmesh_media.engine import infographics as drawing

    return drawing.draw(request, out)
