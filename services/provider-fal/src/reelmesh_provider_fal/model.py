"""How a model at fal.ai is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Form:
    """What a model wants to be told.

    Attributes:
        text: endpoint for a prompt alone.
        sizes: the fields that ask for a size, by "WIDTHxHEIGHT".
        image: endpoint for a prompt and the picture that the video begins with; empty where there is none.
        image_field: what that picture is called there.
        both: endpoint for a prompt and the pictures that it begins and ends with; empty where `image` takes both.
        both_field: what the picture that it begins with is called at `both`.
        last_field: what the picture that it ends with is called; empty where it takes none.
        length_unit: what follows the number of seconds in `duration`.
        seed: it takes a seed.
        negative_prompt: it takes one, under this name.
        fixed: fields that are always the same. Where two models have one endpoint they tell these apart.
    """

    text: str
    sizes: Mapping[str, Mapping[str, Any]]
    image: str = ""
    image_field: str = ""
    both: str = ""
    both_field: str = ""
    last_field: str = ""
    length_unit: str = ""
    seed: bool = False
    negative_prompt: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All endpoints."""
        return tuple(each for each in (self.text, self.image, self.both) if each)
