"""The accounts that an operator lists, outside of the record."""

from collections.abc import Sequence
from typing import Protocol

from reelmesh_orchestrator.model import card


class AccountList(Protocol):
    """The list, which may change at any time."""

    def accounts(self) -> Sequence[card.Account]:
        """Return the accounts as they are listed now; a list that cannot be used stays as it was before."""
        ...
