"""The scheduler of virtual time: one driver, its venue (one exchange, or several in step: several.py), and inputs that
come at given times.

What happens at one moment happens in this order: the venue's reports, then what the core itself is waiting for (the
day's start, a wait that is over, an overdue request), then new inputs in the order given. Before each of them the
core is shown the market as it may be seen at that moment. Nothing else advances the clock, so one seed gives one
history.

A venue with nothing to report and a core with nothing to wait for are passed over in one step: a replay costs
what happens in it, not how long it is.

A real venue runs through the same loop: its time is the clock's, and `advance` to now takes in what has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orderwright.core import messages as m
from orderwright.driver import Driver
from orderwright.ports import Connector, Feed
from orderwright.simulation.looking import Looking


class Session:
    """Runs a driver and a venue together in virtual time.

    market: what the core is shown, the feed of `exchange`, or the feeds of several by name. watch: microseconds between
    looks at the market even where nothing happens (for rules that follow the price, such as the daily loss
    limit); None looks only when something happens, and at the mark-outs of each fill, so that the log can say what the
    market did after it (marks). told: called after each turn, so that who listens can act before anything else happens.
    """

    def __init__(
        self,
        driver: Driver,
        venue: Connector,
        market: Feed | Mapping[str, Feed],
        *,
        exchange: str = "simulated",
        watch: int | None = None,
        marks: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.driver, self.venue = driver, venue
        self.looking = Looking(market if isinstance(market, Mapping) else {exchange: market}, marks=marks)
        self.watch, self.progress = watch, progress
        self.told: Callable[[], None] | None = None
        self.now = driver.state.now

    def run(self, inputs: Iterable[tuple[int, m.Input]], until: int) -> None:
        """Deliver each input at its time (microseconds, not going back) and go on to `until`."""
        for time, said in inputs:
            self.advance(max(time, self.now))
            self.deliver([said], max(time, self.now))
        self.close(until)

    def close(self, until: int) -> None:
        """Go on to the end, and log the last prices."""
        self.advance(until)
        self.deliver(self._closing_prices(until), until)
        self.driver.flush()

    def advance(self, until: int) -> None:
        """Let the venue and the core do all they have to do up to and including a time."""
        while True:
            wanted, due = self._wanted(until)
            time, reports = self.venue.poll(wanted)
            if reports:
                self.deliver(reports, time)
            elif wanted < until or due:
                self.deliver((), wanted)
            else:
                return

    def deliver(self, inputs: Iterable[m.Input], time: int) -> None:
        """One turn of the driver, the market shown first."""
        if time > self.now:
            self.now = time
        said = [*self.looking.changed(time), *inputs]
        self.driver.turn(said, time)
        self.looking.note(said, time)
        if self.progress is not None:
            self.progress(self.now)
        if self.told is not None:
            self.told()

    def _wanted(self, until: int) -> tuple[int, bool]:
        """The next moment somebody waits for, at most `until`; and whether it is the core's own, or a mark-out's."""
        now, due = self.now, False
        if self.watch is not None:
            until = min(until, (now // self.watch + 1) * self.watch)
        deadline = self.driver.next_deadline()
        if deadline is not None and deadline <= until:
            until, due = max(deadline, now), True
        mark = self.looking.next_mark
        if mark is not None and mark <= until:
            until, due = max(mark, now), True
        return until, due

    def show(self, time: int) -> None:
        """Let the core see the market as it is at a time, and do what it then wants to do."""
        self.now = max(self.now, time)
        quotes = self.looking.changed(time)
        if quotes:
            self.driver.turn(quotes, time)

    def _closing_prices(self, time: int) -> list[m.Input]:
        """The last prices, for the log: what is held at the end can be valued by them."""
        return [
            m.QuoteSeen(exchange=exchange, symbol=symbol, quote=quote, log=True)
            for exchange, symbol, quote in self.looking.all(time)
        ]
