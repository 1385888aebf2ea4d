"""What the local provider can be told."""

import pydantic
from reelmesh_provider import settings


class LocalSettings(settings.ProviderSettings):
    """How much is rendered at once, how long results stay, and the knobs that make it misbehave for tests."""

    local_render_processes: int = pydantic.Field(
        default=1, ge=1, le=64, description="Clips that the local provider renders at once, each in its own process."
    )
    local_results_kept_hours: float = pydantic.Field(
        default=24.0, gt=0, description="How long the local provider keeps its jobs and their clips, hours."
    )
    local_longest_seconds: float = pydantic.Field(
        default=60.0,
        ge=1,
        le=60,
        description="Longest clip that the local provider offers, seconds; a longer video is made of several.",
    )
    local_faults: str = pydantic.Field(
        default="",
        description="Simulator knob: faults of every local job, as in prompts: [[drop]], [[busy=2:1]], [[slow=5]] …",
    )
    local_faults_in_prompts: bool = pydantic.Field(
        default=False, description="Simulator knob: obey [[fault]] markers in prompts. For tests only."
    )
    local_hides_tags: bool = pydantic.Field(
        default=False,
        description="Simulator knob: do not echo the attempt's id in the list, so that lost jobs are found by seed.",
    )
    local_smaller: int = pydantic.Field(
        default=1,
        ge=1,
        le=64,
        description="Simulator knob: clips are so many times narrower and lower than asked for, which costs less.",
    )
