"""Whether a lost job was found, was never created, or must be looked for longer."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reelmesh_provider import model, testing
from reelmesh_provider.model import finding
from reelmesh_provider.testing import scripted

WAIT = 10.0
TASK = testing.make_task(1)
OURS = TASK.attempt_id


def search(**changes: object) -> model.Search:
    values: dict = {"wait_seconds": WAIT, "revision": 7, **changes}
    return finding.begun(model.FindOrder(task=TASK, **values), scripted.scripted_card(), now=100.0)


def listing(*matches: model.Match, jobs: tuple[str, ...] = (), **changes: object) -> model.Listing:
    seen = frozenset((*jobs, *(match.job_id for match in matches)))
    values: dict = {"complete": True, "trusted_when_empty": True, **changes}
    return model.Listing(job_ids=seen, matches=matches, **values)


def match(job_id: str, fit: model.Fit = model.Fit.DISCRIMINATED, attempt_id: str = OURS) -> model.Match:
    return model.Match(attempt_id, job_id, fit)


def decide(
    sought: model.Search, shown: model.Listing, *, started: float = 200.0, known: tuple[str, ...] = (), taken=()
) -> tuple[model.Decision, model.Search]:
    return finding.judge(sought, shown, started=started, known_job_ids=known, taken=taken)


def test_the_only_match_is_adopted() -> None:
    decision, _ = decide(search(), listing(match("job-1")))
    assert decision == model.Adopt((match("job-1"),))


def test_a_match_is_adopted_before_the_wait_is_over_and_from_an_incomplete_list() -> None:
    decision, _ = decide(search(), listing(match("job-1"), complete=False, trusted_when_empty=False), started=100.5)
    assert isinstance(decision, model.Adopt)


@pytest.mark.parametrize(("matches", "rivals", "adopted"), [(1, 1, True), (2, 1, False), (2, 2, True), (3, 2, False)])
def test_it_is_adopted_when_matches_are_no_more_than_the_attempts_they_fit(matches, rivals, adopted) -> None:
    decision, _ = decide(search(rivals=rivals), listing(*(match(f"job-{n}") for n in range(matches))))
    assert isinstance(decision, model.Adopt) is adopted


def test_one_job_at_most_is_adopted_when_only_the_seed_tells() -> None:
    decision, _ = decide(search(rivals=2), listing(match("job-1"), match("job-2")))
    assert decision == model.Adopt((match("job-1"),))


def test_jobs_of_other_attempts_do_not_count() -> None:
    sought = search(claimed_job_ids=frozenset({"job-1"}))
    decision, _ = decide(sought, listing(match("job-1"), match("job-2")))
    assert decision == model.Adopt((match("job-2"),))


def test_jobs_that_this_reading_gave_away_do_not_count() -> None:
    decision, _ = decide(search(rivals=2), listing(match("job-1"), match("job-2")), taken=("job-1",))
    assert decision == model.Adopt((match("job-2"),))


def test_without_a_discriminator_nothing_is_adopted_at_a_shared_account() -> None:
    decision, after = decide(search(), listing(match("job-1", model.Fit.PLAUSIBLE)))
    assert isinstance(decision, model.LookOn)
    assert after.clean_lists == 0


def test_without_a_discriminator_it_is_adopted_where_everything_is_ours() -> None:
    decision, _ = decide(search(exclusive=True), listing(match("job-1", model.Fit.PLAUSIBLE)))
    assert isinstance(decision, model.Adopt)


def test_a_stronger_fit_wins_over_any_number_of_weaker_ones() -> None:
    weak = [match(f"job-{n}", model.Fit.PLAUSIBLE) for n in range(5)]
    decision, _ = decide(search(), listing(*weak, match("job-9", model.Fit.OWN_ID)))
    assert decision == model.Adopt((match("job-9", model.Fit.OWN_ID),))


def test_two_jobs_with_our_own_id_are_both_told() -> None:
    twins = (match("job-1", model.Fit.OWN_ID), match("job-2", model.Fit.OWN_ID))
    decision, _ = decide(search(), listing(*twins))
    assert decision == model.Adopt(twins)


def test_matches_of_another_attempt_are_not_ours() -> None:
    decision, _ = decide(search(), listing(match("job-1", attempt_id="another")))
    assert not isinstance(decision, model.Adopt)


def test_it_was_never_created_when_two_late_complete_lists_show_nothing() -> None:
    first, after = decide(search(), listing(), started=110.1)
    second, _ = decide(after, listing(), started=111.0)
    assert isinstance(first, model.LookOn)
    assert isinstance(second, model.Conclude)
    assert second.revision == 7


def test_a_list_that_started_when_the_wait_was_just_over_is_too_early() -> None:
    _, after = decide(search(), listing(), started=110.0)
    assert after.clean_lists == 0


def test_an_incomplete_list_concludes_nothing() -> None:
    _, after = decide(search(), listing(complete=False))
    assert after.clean_lists == 0


def test_a_list_without_any_job_known_to_be_ours_may_be_the_wrong_one() -> None:
    _, after = decide(search(), listing(jobs=("theirs",), trusted_when_empty=False), known=("ours",))
    assert after.clean_lists == 0


@pytest.mark.parametrize("claimed", [True, False])
def test_a_known_job_of_ours_in_it_shows_that_it_is_the_right_list(claimed: bool) -> None:
    sought = search(claimed_job_ids=frozenset({"ours"}) if claimed else frozenset())
    shown = listing(jobs=("ours", "theirs"), trusted_when_empty=False)
    _, after = decide(sought, shown, known=() if claimed else ("ours",))
    assert after.clean_lists == 1


def test_a_match_between_two_clean_lists_starts_the_count_again() -> None:
    _, after = decide(search(), listing())
    _, after = decide(after, listing(match("job-1"), match("job-2")))
    assert after.clean_lists == 0


def test_what_was_seen_under_another_revision_counts_no_more() -> None:
    _, after = decide(search(), listing())
    renewed = finding.renewed(after, dataclasses.replace(after.order, revision=8))
    assert renewed.clean_lists == 0
    assert renewed.first_seen == after.first_seen


def test_a_repeated_order_changes_nothing() -> None:
    _, after = decide(search(), listing())
    assert finding.renewed(after, after.order) == after


def test_a_standing_conclusion_is_not_drawn_again_but_a_late_twin_is_adopted() -> None:
    concluded = finding.concluded(search(), accepted=True, now=150.0)
    decision, _ = decide(concluded, listing())
    assert isinstance(decision, model.LookOn)
    decision, _ = decide(concluded, listing(match("job-1")))
    assert isinstance(decision, model.Adopt)


def test_a_conclusion_that_was_not_accepted_is_looked_for_anew() -> None:
    _, after = decide(search(), listing())
    assert finding.concluded(after, accepted=False, now=150.0).clean_lists == 0


@pytest.mark.parametrize("recovery", [model.Recovery.OUTPUT, model.Recovery.WEBHOOK])
def test_where_only_the_output_tells_the_longest_render_is_waited_for(recovery: model.Recovery) -> None:
    card = dataclasses.replace(scripted.scripted_card(), recovery=recovery, output_grace_seconds=7.0)
    waiting = finding.wait_seconds(search().order, card)
    assert waiting == card.longest_render_seconds + 7.0


@given(
    matches=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(model.Fit)), max_size=6, unique_by=lambda m: m[0]),
    claimed=st.sets(st.integers(0, 5)),
    rivals=st.integers(1, 3),
    exclusive=st.booleans(),
    complete=st.booleans(),
    started=st.floats(100, 130),
)
def test_nothing_claimed_and_nothing_ambiguous_is_ever_adopted_nor_concluded_early(
    matches, claimed, rivals, exclusive, complete, started
) -> None:
    claimed_ids = frozenset(f"job-{n}" for n in claimed)
    sought = search(rivals=rivals, exclusive=exclusive, claimed_job_ids=claimed_ids)
    shown = listing(*(match(f"job-{n}", fit) for n, fit in matches), complete=complete)
    decision, after = decide(sought, shown, started=started)
    free = [(f"job-{n}", fit) for n, fit in matches if f"job-{n}" not in claimed_ids]
    assert not isinstance(decision, model.Conclude)
    if isinstance(decision, model.Adopt):
        best = max(fit for _, fit in free)
        equal = [job_id for job_id, fit in free if fit is best]
        assert {m.job_id for m in decision.matches} <= set(equal)
        assert best is model.Fit.OWN_ID or len(equal) <= rivals
        assert best is not model.Fit.PLAUSIBLE or exclusive
    if after.clean_lists:
        assert complete
        assert not free
        assert started > 100.0 + WAIT
