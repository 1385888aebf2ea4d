"""What operators see of accounts, and what they switch off and on. Who said so, and why, stands in the history."""

from collections.abc import Sequence

from reelmesh_kit import errors

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import health

LARGEST_PAGE = 1000
DEFAULT_PAGE = 100
# Things that may be switched off at once.
MOST_SWITCHES = 1000


class Switching:
    """The verbs of operators about accounts."""

    def __init__(self, record: ports.Record) -> None:
        """Take the record."""
        self._record = record

    async def accounts(self) -> Sequence[ports.SeenAccount]:
        """Return all accounts, by id."""

        def work(store: ports.Store) -> Sequence[ports.SeenAccount]:
            models = {stated.provider: stated.models for stated in store.cards()}
            loads, seen = store.loads(), store.health()
            return [
                ports.SeenAccount(one, models.get(one.provider, ()), loads.get(one.id, ports.Load()), seen)
                for one in store.accounts()
            ]

        return await self._record.read(work)

    async def switches(self) -> Sequence[health.Switch]:
        """Return what is switched off, the oldest first."""
        return (await self._record.read(lambda store: store.health())).switches

    async def off(self, target: health.Target, who: str, reason: str) -> health.Switch:
        """Switch something off: nothing new is submitted there from the commit on.

        Raises:
            errors.InvalidArgument: it names nothing, or something that there is not; the reason is missing or too long.
            errors.QueueFull: too much is switched off already.
        """
        _check(target, reason)

        def work(store: ports.Store) -> health.Switch:
            _check_names(store, target)
            found = _find(store, target)
            if found is not None:
                return found
            if len(store.health().switches) >= MOST_SWITCHES:
                raise errors.InvalidArgument("target", f"{MOST_SWITCHES} switches are off already; switch some on")
            fresh = health.Switch(target, who, reason, store.now)
            if not store.put_switch(fresh):
                return _find(store, target) or fresh
            store.tell_health(ports.HealthEventType.SWITCHED_OFF, target, who, reason)
            return fresh

        with crash_points.SWITCH_OFF:
            return await self._record.write(work)

    async def on(self, target: health.Target, who: str, reason: str) -> Sequence[health.Switch]:
        """Switch something on; return what still keeps all or a part of it off.

        Raises:
            errors.InvalidArgument: it names nothing; the reason is missing or too long.
        """
        _check(target, reason)

        def work(store: ports.Store) -> Sequence[health.Switch]:
            if store.remove_switch(target):
                store.tell_health(ports.HealthEventType.SWITCHED_ON, target, who, reason)
            return [one for one in store.health().switches if one.target.meets(target)]

        with crash_points.SWITCH_ON:
            return await self._record.write(work)

    async def history(
        self, before_position: int | None, page_size: int
    ) -> tuple[Sequence[ports.HealthEvent], int | None]:
        """Return a page of what happened to breakers and switches, newest first, and where the next one begins.

        Raises:
            errors.InvalidArgument: the page size is negative.
        """
        if page_size < 0:
            raise errors.InvalidArgument("page_size", f"must be 0 (meaning {DEFAULT_PAGE}) to {LARGEST_PAGE}")
        size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = await self._record.read(lambda store: store.health_events(before_position, size + 1))
        return found[:size], found[size - 1].position if len(found) > size else None


def _find(store: ports.Store, target: health.Target) -> health.Switch | None:
    return next((one for one in store.health().switches if one.target == target), None)


def _check(target: health.Target, reason: str) -> None:
    if not str(target):
        raise errors.InvalidArgument("target", "must name a provider, an account or a model")
    if not 0 < len(reason) <= health.LONGEST_REASON_CHARACTERS or not reason.isprintable() or not reason.strip():
        raise errors.InvalidArgument(
            "reason", f"must say why, in 1 to {health.LONGEST_REASON_CHARACTERS} printable characters"
        )


def _check_names(store: ports.Store, target: health.Target) -> None:
    """Refuse what would switch nothing off: who mistypes a name in a hurry is told so."""
    accounts, cards = store.accounts(), store.cards()
    of_accounts = [one for one in accounts if not target.provider or one.provider == target.provider]
    of_cards = [one for one in cards if not target.provider or one.provider == target.provider]
    _check_name("target.provider", target.provider, [one.provider for one in (*accounts, *cards)])
    _check_name("target.account_id", target.account_id, [one.id for one in of_accounts])
    if target.account_id:
        providers = {one.provider for one in of_accounts if one.id == target.account_id}
        of_cards = [one for one in of_cards if one.provider in providers]
    _check_name("target.model", target.model, [model.model for one in of_cards for model in one.models])


def _check_name(field: str, name: str, known: Sequence[str]) -> None:
    if name and name not in known:
        listed = ", ".join(sorted(set(known))) or "none"
        raise errors.InvalidArgument(field, f"there is no {name!r}; there are: {listed}")
