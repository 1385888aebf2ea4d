"""What every part of the worker is given: the chassis, the provider, the mesh, and how much may be done at once."""

from dataclasses import dataclass

from opentelemetry.util.types import AttributeValue
from reelmesh_kit import process

from reelmesh_provider import metrics, model, port, ports


@dataclass(frozen=True)
class Mesh:
    """The mesh behind its ports."""

    attempts: ports.Attempts
    pool: ports.Pool
    assets: ports.Assets
    clips: ports.Clips
    progress: ports.Progress
    journal: ports.Journal


@dataclass(frozen=True)
class Limits:
    """How much one worker does at once."""

    submit_slots: int = 4
    submit_timeout_seconds: float = 60.0
    watch_limit: int = 200
    fetch_slots: int = 4
    largest_clip_bytes: int = 2 * 1024**3


@dataclass(frozen=True)
class Surroundings:
    """All of it."""

    chassis: process.Chassis
    provider: port.Provider
    mesh: Mesh
    limits: Limits
    metrics: metrics.Metrics

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.card.provider


def span_attributes(task: model.Task) -> dict[str, AttributeValue]:
    """Describe the work on a task to its spans: generative AI conventions where they have a word; never the prompt."""
    return {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "video",
        "gen_ai.provider.name": task.provider,
        "gen_ai.request.model": task.model,
        "reelmesh.attempt.id": task.attempt_id,
        "reelmesh.generation.id": task.generation_id,
        "reelmesh.account.id": task.account_id,
        "reelmesh.clip.duration_seconds": task.duration_seconds,
        "reelmesh.clip.size": f"{task.width}x{task.height}",
    }
