"""Builds what the orchestrator's decisions are tested on: cards, accounts, generations in the middle of their lives."""

import datetime
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from reelmesh_orchestrator.model import (
    advancing,
    attempt,
    card,
    draft,
    facts,
    generation,
    planning,
    request,
    routing,
    verbs,
)

NOW = datetime.datetime(2026, 11, 20, 12, 0, tzinfo=datetime.UTC)
POLICY = advancing.Policy()
WORKER = "worker-1"
GENERATION_ID = uuid.UUID(int=7)
# With it a generation fails whose video cannot be made; else it ends with words.
VIDEO_FLOOR = generation.Delivery.VIDEO


def model_card(
    name: str = "m-1",
    *,
    micros_per_second: int = 100_000,
    longest_seconds: float = 60.0,
    durations_seconds: tuple[float, ...] = (),
    sizes: tuple[tuple[int, int], ...] = (),
    first_frame: bool = True,
    reference_images: int = 4,
    retires_on: datetime.date | None = None,
    longest_prompt: int = 0,
    needs_picture: bool = False,
    last_frame: bool = True,
    negative_prompt: bool = True,
    references_with_frames: bool = True,
    last_frame_alone: bool = False,
) -> card.ModelCard:
    """Return a model that can nearly everything."""
    return card.ModelCard(
        model=name,
        shortest_seconds=1.0,
        longest_seconds=longest_seconds,
        durations_seconds=durations_seconds,
        sizes=sizes,
        largest_pixels=1920 * 1080,
        reference_images=reference_images,
        first_frame=first_frame,
        audio=True,
        prices=(card.Price(datetime.date(2026, 1, 1), micros_per_second, 0),),
        retires_on=retires_on,
        longest_render_seconds=300.0,
        seconds_per_second=1.0,
        longest_prompt=longest_prompt,
        needs_picture=needs_picture,
        last_frame=last_frame,
        negative_prompt=negative_prompt,
        references_with_frames=references_with_frames,
        last_frame_alone=last_frame_alone,
    )


def provider_card(
    provider: str, *models: card.ModelCard, free: bool = False, recovery: card.Recovery = card.Recovery.LISTING
) -> card.Card:
    """Return a provider with these models."""
    return card.Card(
        provider=provider,
        version="1",
        models=models or (model_card(),),
        recovery=recovery,
        free=free,
        creation_delay_seconds=1.0,
        listing_delay_seconds=1.0,
        cancellable=True,
        polls_per_second=0.0,
    )


def account(provider: str, *, slots: int = 10, enabled: bool = True) -> card.Account:
    """Return an account of ours at a provider, named like it."""
    return card.Account(id=provider, provider=provider, slots=slots, exclusive=True, enabled=enabled)


PAID = provider_card("paid")
OTHER = provider_card("other", model_card(micros_per_second=200_000))
FREE = provider_card("free", model_card(micros_per_second=0), free=True)


def offers(*cards: card.Card) -> tuple[routing.Offer, ...]:
    """Return what is on offer at one account for each card."""
    return routing.offers([account(one.provider) for one in cards], cards)


def admitted(
    *cards: card.Card,
    prompt: str = "a red kite over the dunes",
    duration_seconds: float = 8.0,
    now: datetime.datetime = NOW,
    generation_id: uuid.UUID = GENERATION_ID,
    **wishes: object,
) -> draft.Draft:
    """Return a generation that was just admitted, with its effects."""
    asked = request.Request(
        prompt=prompt,
        output=request.OutputWish(duration_seconds=duration_seconds),
        **wishes,  # type: ignore[arg-type]
    )
    sketch = planning.Sketch(
        prompt=prompt,
        output=request.completed(asked.output),
        references=len(asked.reference_asset_ids),
        pin=asked.pin,
        seed_is_users=asked.seed is not None,
        max_cost_micros=asked.max_cost_micros,
        first_frame_asset_id=asked.first_frame_asset_id,
        ends_on_frame=bool(asked.last_frame_asset_id),
        negative_prompt=bool(asked.negative_prompt),
    )
    shots = planning.plan(generation_id, sketch, offers(*(cards or (PAID, OTHER, FREE))), now.date())
    admission = verbs.Admission(generation_id=generation_id, tenant_id="tenant", request_id="", traceparent="", seed=1)
    return verbs.admit(asked, admission, shots, now, POLICY)


class Story:
    """A generation as it lives on: each call is one transaction, time stands still unless told."""

    def __init__(self, begun: draft.Draft) -> None:
        """Begin with what was just admitted."""
        self.now = begun.now
        self.aggregate = begun.aggregate
        self.effects = list(begun.effects)

    def decided(self, decision: Callable[[draft.Draft], object]) -> object:
        """Run a decision and what follows from it, as the use cases do."""
        going = draft.Draft(self.aggregate, self.now)
        result = decision(going)
        advancing.advance(going, POLICY)
        self.aggregate = going.aggregate
        self.effects += going.effects
        return result

    def passed(self, seconds: float) -> None:
        """Let time pass."""
        self.now += datetime.timedelta(seconds=seconds)

    def latest(self) -> attempt.Attempt:
        """Return the attempt that was planned last."""
        return self.aggregate.attempts[-1]

    def state_of(self, ordinal: int) -> attempt.AttemptState:
        """Return the state of the attempt with this place among all."""
        return self.aggregate.attempts[ordinal].state

    def dispatched(self) -> attempt.Attempt:
        """Dispatch the latest attempt."""
        attempt_id = self.latest().id
        self.decided(lambda going: facts.dispatch(going, attempt_id))
        return self.latest()

    def submitting(self, nonce: str = "n") -> attempt.Attempt:
        """Dispatch and begin the latest attempt."""
        one = self.dispatched()
        leave = self.decided(lambda going: facts.begin(going, one.id, WORKER, nonce))
        assert leave == facts.Leave(go=True)
        return self.latest()

    def accepted(self, job_id: str = "job-1", nonce: str = "n") -> attempt.Attempt:
        """Dispatch, begin and record the latest attempt."""
        one = self.submitting(nonce)
        self.recorded(one.id, job_id)
        return self.aggregate.attempt(one.id)

    def recorded(
        self,
        attempt_id: uuid.UUID,
        job_id: str = "job-1",
        evidence: facts.Evidence = facts.Evidence.RECORD,
        claimed: facts.Job | None = None,
    ) -> None:
        """Record a job for an attempt."""
        job = facts.Job("account", job_id, attempt_id, evidence)
        self.decided(lambda going: facts.record(going, attempt_id, job, WORKER, claimed))

    def declined(self, verdict: facts.Verdict, nonce: str = "n", retry_after_seconds: float = 0.0) -> None:
        """Decline the latest attempt."""
        attempt_id = self.latest().id
        self.decided(
            lambda going: facts.decline(going, attempt_id, nonce, verdict, f"it said {verdict}", retry_after_seconds)
        )

    def finished(
        self, attempt_id: uuid.UUID, outcome: facts.Outcome, job_id: str = "job-1", cost_micros: int | None = None
    ) -> None:
        """Finish the job of an attempt."""
        clip = f"clip-{attempt_id}" if outcome is facts.Outcome.SUCCEEDED else ""
        message = "" if clip else f"it ended as {outcome}"
        ended = facts.Ended(job_id, outcome, clip, cost_micros, message)
        self.decided(lambda going: facts.finish(going, attempt_id, ended))

    def step_done(self, result: Mapping[str, object], token: str = "t") -> None:  # noqa: S107 - a token of a step, no secret
        """Begin and finish the latest step."""
        step_id = self.aggregate.steps[-1].id
        self.decided(lambda going: verbs.begin_step(going, step_id, WORKER, token, holder_lives=False))
        assert self.decided(lambda going: verbs.finish_step(going, step_id, token, result))

    def happened(self, type_: str) -> list[draft.Happened]:
        """Return the events of a type so far."""
        return [one for one in self.effects if isinstance(one, draft.Happened) and one.type == type_]


LADDER: Mapping[str, object] = {
    "files": [
        {
            "asset_id": "asset-720",
            "name": "720p",
            "width": 1280,
            "height": 720,
            "duration_seconds": 8.0,
            "size_bytes": 1000,
        }
    ],
    "thumbnail_asset_id": "asset-thumbnail",
    "poster_asset_id": "asset-poster",
    "findings": [],
}


# What media says of a still picture that it drew.
DRAWN: Mapping[str, object] = {
    "file": {
        "asset_id": "asset-still",
        "name": "infographic",
        "width": 1280,
        "height": 720,
        "duration_seconds": 0.0,
        "size_bytes": 500,
    }
}


def ledger_balances(effects: Sequence[draft.Effect], aggregate: draft.Aggregate) -> bool:
    """Tell whether holds equal settlements plus releases plus what is held, for each attempt."""
    for one in aggregate.attempts:
        sums = dict.fromkeys(draft.EntryKind, 0)
        for entry in effects:
            if isinstance(entry, draft.Entry) and entry.attempt_id == one.id:
                sums[entry.kind] += entry.amount_micros
        held = sums[draft.EntryKind.HOLD] - sums[draft.EntryKind.SETTLE] - sums[draft.EntryKind.RELEASE]
        if held != one.held_micros or sums[draft.EntryKind.SETTLE] != one.spent_micros:
            return False
    return True


def logger() -> logging.Logger:
    """Return a logger that is heard by nobody but pytest."""
    return logging.getLogger("tests.orchestrator")
