"""What a worker is asked to make, and what it calls a job of a provider."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A reference image, first or last frame, read into memory: its bytes and their media type."""

    asset_id: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt: one clip to ask one account for, once.

    Attributes:
        attempt_id, generation_id, shot_id: UUIDs.
        frames_per_second: 0 leaves it to the provider.
        seed: the user's, or derived from the attempt; `seed_is_users` tells which (the user's tells nothing apart).
        continued: another shot goes on from this one's last frame.
        price_micros: the most that the attempt may cost, micro-dollars.
        traceparent: W3C trace context of the generation.
        references, first_frame, last_frame: filled by the worker before `submit`; empty everywhere else.
    """

    attempt_id: str
    generation_id: str
    shot_id: str
    tenant_id: str
    provider: str
    account_id: str
    model: str
    prompt: str
    duration_seconds: float
    width: int
    height: int
    seed: int
    user_id: str = ""
    frames_per_second: int = 0
    audio: bool = False
    seed_is_users: bool = False
    reference_asset_ids: tuple[str, ...] = ()
    first_frame_asset_id: str = ""
    continued: bool = False
    price_micros: int = 0
    traceparent: str = ""
    last_frame_asset_id: str = ""
    negative_prompt: str = ""
    references: tuple[Picture, ...] = ()
    first_frame: Picture | None = None
    last_frame: Picture | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job at a provider that belongs to an attempt of ours."""

    attempt_id: str
    account_id: str
    model: str
    job_id: str
