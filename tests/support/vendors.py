"""Simulated vendors for tests: served on free ports, quick, with books in memory."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, Callable

from reelmesh_kit import chance, clock, ids
from reelmesh_simulators import ledger, orders, serving, vendor


class Tomorrow(clock.SystemClock):
    """A day later, and a bit."""

    def now(self) -> datetime.datetime:
        """Return the time 25 hours later."""
        return super().now() + datetime.timedelta(hours=25)


QUICK = orders.Pace(queue_seconds=0.05, render_seconds=0.1)


def make_vendor(
    time: clock.Clock | None = None, *, pace: orders.Pace = QUICK, book: ledger.Ledger | None = None
) -> vendor.Vendor:
    """Return a vendor who forgets everything at the end of the process, unless it is given a book."""
    return vendor.Vendor(
        book or ledger.Ledger(), time or clock.SystemClock(), chance.SeededChance(1), ids.SeededIds(1), pace
    )


@contextlib.asynccontextmanager
async def selling(
    dialect: Callable[[vendor.Vendor], serving.Dialect], *, pace: orders.Pace = QUICK
) -> AsyncGenerator[serving.Served]:
    """Serve a dialect while the context is open."""
    seller = make_vendor(pace=pace)
    async with serving.serve(dialect(seller), seller) as served:
        yield served
    seller.ledger.close()
