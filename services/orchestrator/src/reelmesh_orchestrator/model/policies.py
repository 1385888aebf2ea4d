"""Routing policies: which providers are asked first, for what, and by which measure the others follow."""

import dataclasses
import enum
from collections.abc import Sequence

from reelmesh_kit import errors


class Order(enum.StrEnum):
    """By what those are ordered that no chain names."""

    PRICE = "price"  # the cheapest first
    QUALITY = "quality"  # the best first, of those the cheapest
    SPEED = "speed"  # the fastest first, of those the cheapest


@dataclasses.dataclass(frozen=True)
class RoutingPolicy:
    """How candidates are ordered.

    Attributes:
        name, version: what it is called, and which edition of it this is; both are kept with each generation.
        chain: providers, or "provider/model", that are asked first, in this order.
        order: how the others follow.
        only_chain: nobody else is asked but those who cost nothing.
        least_quality: models that are known to be less good are not asked.
        categories: what it is for, where a request names no policy.
    """

    name: str
    version: int = 1
    chain: tuple[str, ...] = ()
    order: Order = Order.PRICE
    only_chain: bool = False
    least_quality: int = 0
    categories: tuple[str, ...] = ()

    @property
    def edition(self) -> str:
        """Name and version, as generations keep them."""
        return f"{self.name}@{self.version}"

    def place(self, provider: str, model: str) -> int | None:
        """Return where in the chain a model stands, 0 first; None where it is not named."""
        for place, named in enumerate(self.chain):
            if named in (provider, f"{provider}/{model}"):
                return place
        return None


@dataclasses.dataclass(frozen=True)
class Policies:
    """All policies; the first one is the default."""

    all: tuple[RoutingPolicy, ...]

    def of(self, name: str, category: str) -> RoutingPolicy:
        """Return the policy for a request: the one it names, else that of its category, else the default.

        Raises:
            errors.InvalidArgument: there is none of that name.
        """
        if name:
            found = next((one for one in self.all if one.name == name), None)
            if found is None:
                known = ", ".join(one.name for one in self.all)
                raise errors.InvalidArgument("policy", f"there is no policy {name!r}; there are {known}")
            return found
        return next((one for one in self.all if category and category in one.categories), self.all[0])


CHEAPEST = RoutingPolicy("cheapest")
# What there is without any file: the cheapest first.
PLAIN = Policies((CHEAPEST,))


def problems(told: Sequence[RoutingPolicy]) -> str:
    """Return what is wrong with a list of policies as a whole; empty when nothing is."""
    names = [one.name for one in told]
    categories = [category for one in told for category in one.categories]
    if not told:
        return "there is no policy"
    for twice in (names, categories):
        for each in twice:
            if twice.count(each) > 1:
                return f"{each!r} stands there more than once"
    return ""
