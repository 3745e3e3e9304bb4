"""What the core is shown of the market, and when: the quotes that have changed, and a look after each fill.

`Session` (virtual time) and the live books (a clock) both show it through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

from orderwright.core import messages as m
from orderwright.core.model import MARK_OUTS, Quote
from orderwright.ports import Feed

MOST_MARKS = 1_000
"""Beyond that the market is being looked at anyhow."""


class Looking:
    """markets: the feeds, by the exchange's name. marks: whether the market is looked at, at the mark-outs, after each
    fill, so that the log can say what it did after it."""

    def __init__(self, markets: Mapping[str, Feed], *, marks: bool = True) -> None:
        self.markets, self.marks = dict(markets), marks
        self._seen: dict[tuple[str, str], int] = {}
        self._shown = -1
        self._at: list[int] = []

    def changed(self, time: int) -> list[m.Input]:
        """The quotes that have changed since they were last shown."""
        if time == self._shown:
            return []
        self._shown, seen = time, self._seen
        changed: list[m.Input] = []
        for exchange, symbol, quote in self.all(time):
            if seen.get((exchange, symbol)) != quote.time:
                seen[exchange, symbol] = quote.time
                changed.append(m.QuoteSeen(exchange=exchange, symbol=symbol, quote=quote))
        return changed

    def all(self, time: int) -> Iterator[tuple[str, str, Quote]]:
        """(exchange, symbol, quote) of every market that has one."""
        for exchange, market in self.markets.items():
            for symbol in market.symbols():
                quote = market.quote(symbol, time)
                if quote is not None:
                    yield exchange, symbol, quote

    def again(self) -> None:
        """Show the market anew the next time: instruments have come that it was not known for."""
        self._seen.clear()
        self._shown = -1

    def note(self, inputs: Iterable[m.Input], time: int) -> None:
        """Note when to look after a fill; what was noted for now has been looked at."""
        marks = self._at
        while marks and marks[0] <= time:
            heappop(marks)
        if self.marks and len(marks) < MOST_MARKS and any(type(one) is m.FillReport for one in inputs):
            for after in MARK_OUTS.values():
                heappush(marks, time + after)

    @property
    def next_mark(self) -> int | None:
        """When the next look after a fill is due, microseconds."""
        return self._at[0] if self._at else None
