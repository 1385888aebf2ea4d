"""The accounts that an operator lists, outside of the record."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from reelmesh_orchestrator.model import card


@dataclasses.dataclass(frozen=True)
class WriteOff:
    """How long attempts of an account may be in doubt before they are given up, and whether they are made again."""

    after_seconds: float
    resubmit: bool = False


class AccountList(Protocol):
    """The list, which may change at any time."""

    def accounts(self) -> Sequence[card.Account]:
        """Return the accounts as they are listed now; a list that cannot be used stays as it was before."""
        ...

    def write_offs(self) -> Mapping[str, WriteOff]:
        """Return what was said of attempts in doubt, by account; of the others a person decides."""
        ...
