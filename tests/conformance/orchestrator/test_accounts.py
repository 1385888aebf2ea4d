"""Accounts that an operator lists: taken into the record, changed with the list, switched off when they are gone."""

import pathlib
from collections.abc import Sequence

import pytest
from reelmesh_kit import clock, process
from reelmesh_orchestrator.adapters import account_file
from reelmesh_orchestrator.model import card
from reelmesh_orchestrator.usecases import accounts

from tests.support import chassis, orchestrator, record

FIRST = card.Account("first", "paid", 3, exclusive=True, polls_per_second=2.0, listed=True)
SECOND = card.Account("second", "paid", 1, exclusive=False, listed=True)
MADE = card.Account("free", "free", 2, exclusive=True)


class Listed:
    def __init__(self, *listed: card.Account) -> None:
        self.listed: Sequence[card.Account] = listed

    def accounts(self) -> Sequence[card.Account]:
        return self.listed


async def of(kept: record.Kept) -> Sequence[card.Account]:
    return await kept.read(lambda store: store.accounts())


async def test_the_record_has_what_is_listed_and_follows_the_list(kept: record.Kept) -> None:
    await kept.write(lambda store: store.put_account(MADE))
    listed = Listed(FIRST, SECOND)
    verbs = accounts.Accounts(kept.record, listed, clock.ManualClock())
    await verbs.once()
    assert await of(kept) == [FIRST, MADE, SECOND]
    more = card.Account("first", "paid", 9, exclusive=True, listed=True)
    listed.listed = (more,)
    await verbs.once()
    off = card.Account("second", "paid", 1, exclusive=False, enabled=False, listed=True)
    assert await of(kept) == [more, MADE, off]
    listed.listed = (more, SECOND)
    await verbs.once()
    assert await of(kept) == [more, MADE, SECOND]


async def test_what_is_as_it_was_is_not_written(kept: record.Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await accounts.Accounts(kept.record, Listed(FIRST), clock.ManualClock()).once()
    monkeypatch.delattr(type(kept.record), "write")
    await accounts.Accounts(kept.record, Listed(FIRST), clock.ManualClock()).once()


async def test_a_rate_of_its_own_outranks_the_card(kept: record.Kept) -> None:
    await kept.write(lambda store: store.put_card(orchestrator.PAID))
    await accounts.Accounts(kept.record, Listed(FIRST, SECOND), clock.ManualClock()).once()
    pool = record.pools_of(kept)
    orders = await pool.renew(_renewal())
    assert dict(orders.rates) == {"first": 2.0, "second": orchestrator.PAID.polls_per_second}


def _renewal() -> accounts.pools.Renewal:
    return accounts.pools.Renewal("w", "provider", "paid", "w", frozenset(), frozenset(), 0)


def test_a_file_that_cannot_be_used_keeps_the_service_from_starting(tmp_path: pathlib.Path) -> None:
    own = chassis.make_chassis("orchestrator")
    with pytest.raises(process.CannotStart, match="REELMESH_ACCOUNTS_FILE"):
        account_file.AccountFile(tmp_path / "none.yaml", own.logger)
    own.telemetry.shutdown()


def test_a_file_that_breaks_later_leaves_the_accounts(tmp_path: pathlib.Path) -> None:
    own = chassis.make_chassis("orchestrator")
    path = tmp_path / "accounts.yaml"
    path.write_text("accounts: [{id: first, provider: paid, slots: 3, exclusive: true, polls_per_second: 2}]")
    listed = account_file.AccountFile(path, own.logger)
    assert listed.accounts() == (FIRST,)
    path.write_text("accounts: [")
    assert listed.accounts() == (FIRST,)
    path.write_text("accounts: []")
    assert listed.accounts() == ()
    own.telemetry.shutdown()
