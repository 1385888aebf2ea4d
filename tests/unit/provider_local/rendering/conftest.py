"""What the renderer's tests share: specs of tiny films, and drawn pictures."""

from tests.support.films import picture, spec

__all__ = ["picture", "spec"]
