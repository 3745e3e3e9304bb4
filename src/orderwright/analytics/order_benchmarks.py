"""An order's interval prices: what the market did between sending and the last fill.

- TWAP: the time-weighted mean of the logged mid prices (each holds until the next) from sending to the last fill; null
  where no price was known when it was sent, or the one known was older than 60 s.
- VWAP: sum(price x volume) / sum(volume) of the bars after sending, up to the last fill; null without bars, or where
  none of them lies in the interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.analytics.expressions import bars_table, logged_prices, markets
from orderwright.analytics.order_fills import MAX_AGE

if TYPE_CHECKING:
    from ibis.expr.types import Table


def twap(spans: Table) -> Table:
    """(id, twap) of orders' intervals (id, market, begin, until)."""
    prices = _areas(logged_prices())
    begun = _at(spans.mutate(at=spans.begin), prices)
    begun = begun.filter(begun.begin - begun.time <= MAX_AGE)
    begun = begun.select("id", "market", "begin", "until", area_before=begun.area, mid_before=begun.mid)
    done = _at(begun.mutate(at=begun.until), prices)
    mean = (done.area - done.area_before) / ((done.until - done.begin) / 1e6) + done.first
    return done.select("id", twap=(done.until > done.begin).ifelse(mean, done.mid_before))


def _areas(prices: Table) -> Table:
    """Each price with the area under the prices before it, in seconds, counted from the market's first price so that
    the doubles stay small. Of several prices at one time the last counts."""
    import ibis

    newest = prices.group_by("market", "time").agg(mid=prices.mid.argmax(prices.sequence))
    in_time = ibis.window(group_by=newest.market, order_by=newest.time)
    steps = newest.mutate(
        first=newest.mid.first().over(in_time), gone=(newest.time.lead().over(in_time) - newest.time) / 1e6
    )
    steps = steps.mutate(part=((steps.mid - steps.first) * steps.gone).fill_null(0.0))
    before = ibis.cumulative_window(group_by=steps.market, order_by=steps.time)
    total = steps.part.sum().over(before)
    return steps.select("market", "time", "mid", "first", before=total - steps.part)


def _at(spans: Table, prices: Table) -> Table:
    """The area up to a time of each span, its last price included."""
    found = spans.asof_join(prices, on=spans.at >= prices.time, predicates="market")
    known = found.filter(found.time.notnull())
    gone = (known["at"] - known.time) / 1e6
    return known.mutate(area=known.before + (known.mid - known["first"]) * gone)


def vwap(spans: Table) -> Table:
    """(id, vwap) of orders' intervals (id, market, begin, until), from the bars."""
    traded = bars_table()
    rows = traded.inner_join(markets(), ["exchange", "symbol"])
    bars = rows.select("market", "volume", bar_time=rows.time, value=rows.price * rows.volume)
    inside = spans.inner_join(
        bars, [spans.market == bars.market, bars.bar_time > spans.begin, bars.bar_time <= spans.until]
    )
    sums = inside.group_by("id").agg(value=inside.value.sum(), volume=inside.volume.sum())
    return sums.filter(sums.volume > 0).select("id", vwap=sums.value / sums.volume)
