"""Candidates that asked to be left alone: who is waited for, and who is not."""

import datetime

from reelmesh_orchestrator.model import advancing, facts

from tests.support import orchestrator
from tests.support.orchestrator import OTHER, PAID, Story, admitted

HOURS = 3 * 3600.0


def test_who_is_to_be_left_alone_for_hours_is_not_waited_for_while_another_can_make_it() -> None:
    story = Story(admitted(PAID, OTHER))
    story.submitting()
    busy = story.latest()
    story.declined(facts.Verdict.BUSY, retry_after_seconds=HOURS)
    planned = story.latest()
    assert planned.provider != busy.provider
    assert planned.not_before == orchestrator.NOW
    told = story.happened("attempt_planned")[-1].message
    assert f"not to {busy.provider}/{busy.model}, which is to be left alone until" in told


def test_a_pause_counts_from_when_it_was_asked_for() -> None:
    story = Story(admitted(PAID, OTHER))
    story.submitting()
    first = story.latest().provider
    story.declined(facts.Verdict.BUSY, retry_after_seconds=HOURS)
    for _ in range(advancing.Policy().submit_tries):
        story.passed(max(0.0, (story.latest().not_before - story.now).total_seconds()))
        story.submitting()
        story.declined(facts.Verdict.REFUSED)
    assert story.latest().provider == first
    assert story.latest().not_before == orchestrator.NOW + datetime.timedelta(seconds=HOURS)


def test_who_is_to_be_left_alone_for_hours_is_waited_for_where_nobody_else_is_left() -> None:
    story = Story(admitted(PAID))
    story.submitting()
    story.declined(facts.Verdict.BUSY, retry_after_seconds=HOURS)
    assert story.latest().not_before == orchestrator.NOW + datetime.timedelta(seconds=HOURS)


def test_who_is_to_be_left_alone_beyond_the_deadline_is_not_tried_again() -> None:
    story = Story(admitted(PAID, deadline_time=orchestrator.NOW + datetime.timedelta(seconds=100)))
    story.submitting()
    story.declined(facts.Verdict.BUSY, retry_after_seconds=HOURS)
    assert len(story.aggregate.attempts) == 1
    assert story.happened("falling_back")
