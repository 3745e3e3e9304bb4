"""Several simulated exchanges on one line of virtual time, behind one `Connector`.

What comes first happens first, whichever exchange it happens on: each is let go on by one moment at a time. At one time
moments.py says what comes first, and of two equal moments that of the exchange that was named first. So one seed gives
one history, and no exchange is ever ahead of what the others have told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderwright.core import messages as m
from orderwright.core.model import VenueTraits
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from orderwright.simulation.moments import Moment


class SeveralExchanges:
    """exchanges: by the name under which accounts and instruments know them."""

    def __init__(self, exchanges: Mapping[str, SimulatedExchange]) -> None:
        self.exchanges = dict(exchanges)

    @property
    def now(self) -> int:
        """The time that all of them have reached, microseconds."""
        return max(exchange.now for exchange in self.exchanges.values())

    @property
    def traits(self) -> VenueTraits:
        return TRAITS

    def send(self, action: m.VenueAction) -> None:
        """Put a request on its way to the exchange it names."""
        self.exchanges[action.exchange].send(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """Run all of them up to the earliest time at which one has reports; that time and those reports, or
        (limit, ())."""
        while (exchange := self._first(limit)) is not None:
            time, reports = exchange.happen(limit)
            if reports:
                self._wait_until(time)
                return time, reports
        self._wait_until(limit)
        return limit, ()

    def _first(self, limit: int) -> SimulatedExchange | None:
        """The exchange on which something happens next."""
        first: SimulatedExchange | None = None
        soonest: Moment | None = None
        for exchange in self.exchanges.values():
            moment = exchange.next_moment(limit)
            if moment is not None and (soonest is None or moment < soonest):
                first, soonest = exchange, moment
        return first

    def _wait_until(self, time: int) -> None:
        for exchange in self.exchanges.values():
            exchange.wait_until(time)
