"""The record keeps takes and still pictures: what was decided is read back, and what is deleted is let go."""

from typing import Any

import sqlalchemy as sa
from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import ids
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import facts, generation, step, takes, verbs
from reelmesh_orchestrator.usecases import steps

from tests.support import invariants, orchestrator, record

PAID = (orchestrator.PAID,)


async def done(kept: record.Kept, number: int, result: Any) -> None:
    """Do the latest step of a generation."""
    step_id = (await kept.look(number)).steps[-1].id
    await kept.decide(number, lambda going: verbs.begin_step(going, step_id, "media", "t", holder_lives=False))
    assert await kept.decide(number, lambda going: verbs.finish_step(going, step_id, "t", result))


async def late(kept: record.Kept) -> None:
    """Have a provider succeed with what was cancelled."""
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "accepted")
    await kept.decide(1, lambda going: verbs.cancel(going, orchestrator.POLICY))
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.SUCCEEDED, "clip", None, "")
    await record.attempts_of(kept).finish(attempt_id, ended)


async def test_a_take_is_read_back_as_it_was_decided(kept: record.Kept) -> None:
    await late(kept)
    await done(kept, 1, orchestrator.LADDER)
    before = await kept.look(1)
    (take,) = before.generation.takes
    assert (take.state, take.attempt_id) == (generation.TakeState.READY, before.attempts[0].id)
    assert take.result.files[0] == generation.File(**orchestrator.LADDER["files"][0])  # type: ignore[index]
    await kept.decide(1, lambda going: takes.promote(going, 1))
    after = await kept.look(1)
    assert (after.generation.delivery, after.generation.takes[0].promoted) == (generation.Delivery.VIDEO, True)
    assert after.generation.revision == before.generation.revision + 1
    assert await record.ledger_of(kept, before.attempts[0].id) == {"HOLD": 800_000, "SETTLE": 800_000}
    await kept.decide(1, lambda going: takes.promote(going, 1))
    assert await kept.look(1) == after
    assert await invariants.always(kept.database) == []


async def test_a_still_picture_is_read_back(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    attempt_id = await kept.advance_to(1, "accepted")
    ended = facts.Ended(f"job {attempt_id}", facts.Outcome.FAILED, "", 0, "it failed")
    await record.attempts_of(kept).finish(attempt_id, ended)
    found = await kept.look(1)
    assert found.generation.falling_back
    assert found.steps[-1].kind is step.StepKind.INFOGRAPHIC
    await done(kept, 1, orchestrator.DRAWN)
    found = await kept.look(1)
    assert found.generation.result.infographic == generation.File(**orchestrator.DRAWN["file"])  # type: ignore[arg-type]
    assert found.generation.delivery is generation.Delivery.INFOGRAPHIC
    assert await invariants.always(kept.database) == []


async def test_a_generation_of_an_older_release_has_neither(kept: record.Kept) -> None:
    await kept.admit(1, cards=PAID)
    old = {"files": [], "thumbnail_asset_id": "", "poster_asset_id": "", "findings": [], "text": ""}
    await kept.database.write(
        lambda transaction: transaction.execute(tables.GENERATIONS.update().values(result=old, takes=sa.text("'[]'")))
    )
    found = await kept.look(1)
    assert (found.generation.result.infographic, found.generation.takes) == (None, ())


async def test_what_is_deleted_is_let_go_with_all_that_it_had(kept: record.Kept) -> None:
    await late(kept)
    await done(kept, 1, orchestrator.LADDER)
    await kept.decide(1, verbs.delete)
    told = [task_pb2.AssetKeep.FromString(one.payload) for one in kept.outgoing if one.subject == ports.KEEP]
    asset_ids = [asset_id for one in told for asset_id in one.asset_ids]
    assert asset_ids == ["clip", "asset-720", "asset-thumbnail", "asset-poster"]
    (gone,) = [one for one in told if one.discarded_asset_ids]
    assert (sorted(gone.discarded_asset_ids), gone.tenant_id) == (sorted(asset_ids), "tenant")


async def test_the_step_of_a_take_is_handed_out_with_its_name(kept: record.Kept) -> None:
    await late(kept)
    step_id = (await kept.look(1)).steps[-1].id
    verbs_of_media = steps.Steps(kept.record, ids.RandomIds(), orchestrator.POLICY)
    aggregate, reason = await verbs_of_media.begin(step_id, "media")
    assert (reason, aggregate is not None) == ("", True)
    (sent,) = [one for one in kept.outgoing if one.subject == "task.media.ladder"]
    assert task_pb2.MediaTask.FromString(sent.payload).step_id == str(step_id)
