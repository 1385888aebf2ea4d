"""What users ask for: films of one to three shots, with pictures and without, cancelled, retried, watched."""

import asyncio
import contextlib
import datetime
import io
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image
from reelmesh_kit import chance
from reelmesh_orchestrator.model import advancing

from tests.chaos import callers, vendor

TINY = {"width": 160, "height": 90}
DEADLINE_SECONDS = 5
DEADLINE_PATIENCE_SECONDS = 20
# How much farther a deadline is than it is near.
NEAR_SECONDS = 2
# How often it is looked whether a late clip has come, a second apart: some never do.
LATE_LOOKS = 15
ENDED = ("COMPLETED", "REJECTED", "FAILED", "CANCELLED", "EXPIRED")
MAGIC = b"ftyp"

Job = Callable[[callers.Caller, str], Awaitable[None]]


def wish(prompt: str, seconds: float = 1.0, **fields: object) -> dict[str, Any]:
    """Return the body of a create."""
    return {"prompt": prompt, "output": {**TINY, "duration_seconds": seconds}, **fields}


async def film(user: callers.Caller, key: str, seconds: float = 1.0, **fields: object) -> None:
    """Have a film made, and look at it."""
    made = await user.create(key, wish(f"a film {key}", seconds, **fields))
    assert made is not None, f"{key} was refused"
    await _delivered(user, made["id"])


async def two_shots(user: callers.Caller, key: str) -> None:
    """Have a film made of two shots, the second of which begins where the first ends."""
    await film(user, key, 2 * vendor.LONGEST_SECONDS)


async def three_shots(user: callers.Caller, key: str) -> None:
    """Have a film made of three shots."""
    await film(user, key, 3 * vendor.LONGEST_SECONDS)


async def with_picture(user: callers.Caller, key: str) -> None:
    """Upload a picture, have a film made of it; upload another one and think better of it."""
    picture = await user.upload(_picture(40))
    other = await user.upload(_picture(80))
    if picture is not None:
        await film(user, key, reference_asset_ids=[picture["id"]])
    if other is not None:
        await user.remove(other["id"])


async def asked_again(user: callers.Caller, key: str) -> None:
    """Ask several times at once under one key, and for something else under it, which is refused."""
    body = wish(f"again {key}")
    made = [one for one in await asyncio.gather(*(user.create(key, body) for _ in range(3))) if one is not None]
    await user.refused(key, wish("something else"), 422)
    await _delivered(user, made[0]["id"])
    await user.create(key, body)


async def cancelled(user: callers.Caller, key: str) -> None:
    """Cancel a film in the middle."""
    made = await user.create(key, wish(f"cancelled {key}", 2 * vendor.LONGEST_SECONDS))
    assert made is not None
    await user.time.sleep(user.seeded.uniform(0, 2))
    await user.cancel(made["id"])
    await user.becomes(made["id"], *ENDED)


async def stubborn(user: callers.Caller, key: str) -> None:
    """Cancel a film whose vendor does not stop: it ends all the same, and the late clip is delivered after all.

    Where the record went back to before the cancel, the clip may have come before it was asked for again. Whether a
    cancel that was not forgotten was kept, the history judges.
    """
    made = await user.create(key, wish(f"stubborn {key} {vendor.STUBBORN}"))
    assert made is not None
    await user.time.sleep(user.seeded.uniform(1, 4))
    await user.cancel(made["id"])
    if (await user.becomes(made["id"], *ENDED))["state"] != "CANCELLED":
        return
    for _ in range(LATE_LOOKS):
        takes = (await user.get(made["id"])).get("takes", [])
        ready = [take["number"] for take in takes if take["whole"] and take["state"] == "READY"]
        if ready:
            await user.promote(made["id"], ready[0])
            return
        await user.time.sleep(1.0)


async def expiring(user: callers.Caller, key: str) -> None:
    """Ask for a film by a deadline that passes; by which clock, the mesh says."""
    first = await user.create(f"{key}-clock", wish(f"what time is it {key}"))
    assert first is not None
    now = datetime.datetime.fromisoformat(first["create_time"].replace("Z", "+00:00"))
    deadline = (now + datetime.timedelta(seconds=DEADLINE_SECONDS)).isoformat()
    # Before this one's deadline a still picture is drawn; it is not waited for.
    later = (now + datetime.timedelta(seconds=advancing.Policy.floor_lead_seconds + NEAR_SECONDS)).isoformat()
    near = await user.create(f"{key}-near", wish(f"nearly {key} {vendor.STALL}", deadline_time=later))
    body = wish(f"expiring {key} {vendor.STALL}", deadline_time=deadline, fallback_floor="VIDEO")
    made = await user.create(key, body)
    if made is not None:
        # Its clock may have jumped back meanwhile.
        with contextlib.suppress(TimeoutError):
            await user.time.wait_for(user.becomes(made["id"], *ENDED), DEADLINE_PATIENCE_SECONDS)
        await user.cancel(made["id"])
        await user.becomes(made["id"], *ENDED)
    if near is not None:
        await user.cancel(near["id"])
        await user.becomes(near["id"], *ENDED)
    await user.becomes(first["id"], *ENDED)


async def refused_once(user: callers.Caller, key: str) -> None:
    """Ask for a film that the vendor refuses for good, and retry it."""
    made = await user.create(key, wish(f"refused {key} {vendor.REFUSE_ONCE}", fallback_floor="VIDEO"))
    assert made is not None
    found = await user.becomes(made["id"], *ENDED)
    while found["state"] == "FAILED":
        await user.retry(made["id"])
        found = await user.becomes(made["id"], *ENDED)
    await _delivered(user, made["id"])


async def corrupt_once(user: callers.Caller, key: str) -> None:
    """Ask for a film whose first clip is no video."""
    made = await user.create(key, wish(f"corrupt {key} {vendor.CORRUPT_ONCE}"))
    assert made is not None
    await user.becomes(made["id"], *ENDED)


async def watched(user: callers.Caller, key: str) -> None:
    """Follow a film event by event."""
    made = await user.create(key, wish(f"watched {key}", 2 * vendor.LONGEST_SECONDS))
    assert made is not None
    user.history.followed(made["id"], await user.follow(made["id"]))
    await _delivered(user, made["id"])


async def discarded(user: callers.Caller, key: str) -> None:
    """Have nothing made in the end, and delete what was asked for."""
    await user.discard(key, wish(f"discarded {key}"))


#: How often each is asked for, of a hundred.
KINDS: tuple[tuple[int, Job], ...] = (
    (24, film),
    (12, two_shots),
    (8, three_shots),
    (12, with_picture),
    (8, asked_again),
    (8, cancelled),
    (4, stubborn),
    (4, expiring),
    (6, refused_once),
    (3, corrupt_once),
    (7, watched),
    (4, discarded),
)


def drawn(seeded: chance.Chance) -> Job:
    """Draw what is asked for next."""
    luck = seeded.uniform(0, sum(weight for weight, _ in KINDS))
    for weight, job in KINDS:
        luck -= weight
        if luck < 0:
            return job
    return film


async def _delivered(user: callers.Caller, generation_id: str) -> None:
    """Wait for the end, and look at what came."""
    found = await user.becomes(generation_id, *ENDED)
    if (found["state"], found.get("delivery")) != ("COMPLETED", "VIDEO"):
        how = f"{found['state']} {found.get('delivery')}: {found.get('failure')}"
        user.history.wrong.append(f"generation {generation_id} ended {how}")
        return
    for rendition in found.get("renditions", []):
        content = await user.download(rendition["asset_id"])
        if content[4:8] != MAGIC or len(content) != int(rendition["size_bytes"]):
            user.history.wrong.append(f"rendition {rendition['asset_id']} of {generation_id} is no whole video")


def _picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 180), (shade, 90, 160)).save(buffer, "PNG")
    return buffer.getvalue()
