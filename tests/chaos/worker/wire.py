"""Translation between the mesh's words and the vendor's; pure."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from reelmesh_provider import model

from tests.chaos import vendor

Listed = Sequence[Mapping[str, Any]]


def card() -> model.ProviderCard:
    """State what the vendor sells: short clips, paid, found again by our own id."""
    sold = model.ModelCard(
        model=vendor.MODEL,
        shortest_seconds=1,
        longest_seconds=vendor.LONGEST_SECONDS,
        largest_pixels=1920 * 1080,
        reference_images=4,
        first_frame=True,
        audio=True,
        seed=True,
        prices=(model.Price(datetime.date(2026, 1, 1), micros_per_second=vendor.MICROS_PER_SECOND),),
        longest_render_seconds=60,
        seconds_per_second=0.2,
    )
    return model.ProviderCard(
        provider=vendor.PROVIDER,
        version="1",
        models=(sold,),
        recovery=model.Recovery.EXACT,
        creation_delay_seconds=0.5,
        listing_delay_seconds=0.5,
        cancellable=True,
        gone=model.GoneRule(times=3, over_seconds=5),
        pace=model.Pace(first_seconds=0.3, longest_seconds=1.0, growth=1.3),
    )


def order(task: model.Task) -> dict[str, object]:
    """Write the order of a task."""
    return {
        "tag": task.attempt_id,
        "shot_id": task.shot_id,
        "account": task.account_id,
        "seconds": task.duration_seconds,
        "prompt": task.prompt,
        "pictures": len(task.references) + (task.first_frame is not None),
    }


def submitted(status: int, body: Mapping[str, Any]) -> model.Submitted:
    """Read the answer to an order; what is not the vendor's own word is unknown."""
    if status == 200:
        return model.Accepted(str(body["id"]))
    if status == 429:
        return model.Declined(model.Verdict.BUSY, "busy", float(body["retry_after_seconds"]))
    if status == 422:
        return model.Declined(model.Verdict.REFUSED_FOR_GOOD, str(body["error"]))
    return model.Declined(model.Verdict.UNKNOWN, f"HTTP {status}")


def observed(job_id: str, listed: Listed) -> model.Observation:
    """Say what the list says about a job."""
    shown = next((one for one in listed if one["id"] == job_id), None)
    if shown is None:
        return model.Observation(job_id, model.Missing("not in the list"))
    match shown["state"]:
        case "succeeded":
            return model.Observation(job_id, model.Succeeded(cost_micros=shown["cost_micros"]))
        case "cancelled":
            return model.Observation(job_id, model.Negative(model.Outcome.CANCELLED, "stopped", cost_micros=0))
        case _:
            return model.Observation(job_id, model.Pending(50))


def listing(account_id: str, tasks: Sequence[model.Task], listed: Listed) -> model.Listing:
    """Say which jobs of an account belong to which tasks: our own id travels."""
    ours = [one for one in listed if one["account"] == account_id]
    return model.Listing(
        job_ids=frozenset(str(one["id"]) for one in ours),
        matches=tuple(
            model.Match(task.attempt_id, str(one["id"]), model.Fit.OWN_ID)
            for task in tasks
            for one in ours
            if one["tag"] == task.attempt_id
        ),
        complete=True,
        trusted_when_empty=True,
        observations=tuple(observed(str(one["id"]), listed) for one in ours),
    )


def census(account_id: str, listed: Listed) -> model.Census:
    """Tell every job of an account, with our own id, which travels."""
    ours = [one for one in listed if one["account"] == account_id]
    jobs = tuple(model.ListedJob(str(one["id"]), str(one["tag"]), model=vendor.MODEL) for one in ours)
    return model.Census(jobs, complete=True)
