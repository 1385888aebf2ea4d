"""Issuing and revoking API keys; nothing is changed without a note of it."""

from collections.abc import Collection

from reelmesh_kit import chance, clock, errors

from reelmesh_gateway import ports
from reelmesh_gateway.model import keys


class Issuing:
    """What an operator does with the keys of a gateway."""

    def __init__(
        self, ring: ports.KeyRing, audit: ports.Audit, issuing_clock: clock.Clock, entropy: chance.Chance
    ) -> None:
        """Act on the keys of `ring`, and note it in `audit`."""
        self._ring = ring
        self._audit = audit
        self._clock = issuing_clock
        self._entropy = entropy

    def add(self, tenant_id: str, scopes: Collection[keys.Scope], name: str = "") -> keys.Issued:
        """Issue a key; its text cannot be had again.

        Raises:
            InvalidArgument: the tenant or the name is not usable, or there is no scope.
            StorageFull: there is no room for it.
        """
        issued = keys.issue(
            self._entropy.token(keys.ID_BYTES),
            self._entropy.token(keys.SECRET_BYTES),
            tenant_id=tenant_id,
            scopes=frozenset(scopes),
            created=self._clock.now(),
            name=name,
        )
        self._audit.note("add", issued.key)
        self._ring.add(issued.key)
        return issued

    def revoke(self, key_id: str) -> keys.Key:
        """Make a key stop working at once.

        Args:
            key_id: its id, or the whole text of the key.

        Raises:
            NotFound: there is no such key.
        """
        wanted = keys.id_of(key_id)
        found = self._ring.find(wanted)
        if found is None:
            raise errors.NotFound(f"there is no API key {wanted!r}")
        self._audit.note("revoke", found)
        self._ring.remove(wanted)
        return found

    def listed(self) -> list[keys.Key]:
        """Return every key, oldest first."""
        return self._ring.all()
