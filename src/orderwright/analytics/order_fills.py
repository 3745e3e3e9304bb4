"""What an order's executions add up to: fees in quote, maker share, and mark-outs against the market that followed.

- Only executions that stand: neither corrected nor busted.
- A fee in the quote asset counts as it is; in the base asset at the fill's price; in any other at the price of
  that asset in the quote asset that was last logged on that exchange when the fill came. Where there was none the fee
  is left out and its asset named.
- A fill's mark-out is sign x (price then - fill price) / fill price in bps, weighted by quantity over an order's fills.
  The price then is the last one written down (or the last bar) at or before it that came after the fill and is at most
  the horizon, and at most 60 s, old. Without such a price there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.analytics.expressions import (
    MONEY,
    as_double,
    as_money,
    bars_table,
    in_bps,
    logged_prices,
    markets,
)
from orderwright.analytics.records import MARK_OUTS

if TYPE_CHECKING:
    from ibis.expr.types import Table

MAX_AGE = 60_000_000


def standing(fills: Table, orders: Table) -> Table:
    """The executions that stand, each with its order's market and side."""
    void = fills.filter(fills.voids.notnull()).select("id", execution_id="voids").distinct()
    stands = fills.filter(fills.execution_id.notnull()).anti_join(void, ["id", "execution_id"])
    return stands.inner_join(orders.select("id", "market", "sign"), "id").select(
        *("id", "book", "sequence", "time", "market", "sign", "fee", "fee_asset"),
        shares=as_double(stands.quantity),
        price=as_double(stands.price),
        maker=stands.liquidity == "maker",
    )


def executed(traded: Table) -> Table:
    """Per order: how many executions, when, what they cost in quote, and what of them, in quote, was made as maker."""
    import ibis

    known = markets().select("market", "base", "quote")
    rows = traded.left_join(known, "market").drop("market_right")
    in_quote = (rows.fee_asset == rows.quote).fill_null(False)
    in_base = (rows.fee_asset == rows.base).fill_null(False) & ~in_quote
    charged = rows.fee.notnull() & (rows.fee != 0)
    rows = rows.mutate(in_quote=in_quote, in_base=in_base, in_other=charged & ~in_quote & ~in_base)
    nothing = ibis.literal(0, MONEY)
    quoted = rows.fee.sum(where=rows.in_quote).fill_null(nothing).cast(MONEY)
    based = (as_double(rows.fee) * rows.price).sum(where=rows.in_base).fill_null(0.0)
    sums = rows.group_by("id").agg(
        fills=rows.count(),
        first_fill=rows.time.min(),
        last_fill=rows.time.max(),
        quoted=quoted,
        based=based,
        maker=(rows.shares * rows.price).sum(where=rows.maker).fill_null(0.0),
    )
    other = _converted(rows.filter(rows.in_other))
    both = sums.left_join(other, "id")
    fees = both.quoted + as_money(both.based + both.worth.fill_null(0.0))
    return both.select("id", "fills", "first_fill", "last_fill", "maker", "fees_left_out", fees=fees)


def _converted(charges: Table) -> Table:
    """Per order: what its fees in assets that are neither base nor quote were worth in quote (worth), and an asset of
    them that had no price (fees_left_out; "" has no name)."""

    known, prices = markets(), logged_prices()
    asked = charges.select("id", "market", "sequence", "time", "fee", asset=charges.fee_asset.fill_null(""))
    here = known.select("market", "exchange", "quote")
    pairs = here.inner_join(known.select("exchange", "quote", asset="base", at="market"), ["exchange", "quote"])
    pairs = pairs.group_by("market", "asset").agg(at=pairs["at"].min())
    asked = asked.left_join(pairs, ["market", "asset"]).select("id", "sequence", "time", "fee", "asset", "at")
    moments = prices.group_by(at="market", logged="time").agg(mid=prices.mid.argmax(prices.sequence))
    found = asked.asof_join(moments, on=asked.time >= moments.logged, predicates="at")
    worth = (as_double(found.fee) * found.mid).sum().fill_null(0.0)
    return found.group_by("id").agg(worth=worth, fees_left_out=found.asset.min(where=found.mid.isnull()))


def marked(traded: Table, *, bars: bool = False) -> Table:
    """Per order: its fills' mark-outs in bps at each horizon of `MARK_OUTS`."""
    import ibis

    after = None
    prices = market_prices(bars=bars)
    for name, horizon in MARK_OUTS.items():
        asked = traded.select("id", "sign", "shares", "price", "market", "sequence", filled="time")
        asked = asked.mutate(at=asked.filled + horizon)
        found = asked.asof_join(prices, on=asked.at >= prices.time, predicates="market", rname="{name}_then")
        later = (found.time > found.filled) | (
            (found.time == found.filled) & (found.sequence_then > found.sequence)  # of one moment the log's order
        )
        found = found.filter(later & (found.at - found.time <= min(horizon, MAX_AGE)))
        gain = found.sign * (found.mid - found.price) / found.price
        column = f"mark_out_{name}"
        part = found.group_by("id").agg(**{column: in_bps((gain * found.shares).sum() / found.shares.sum())})
        after = part if after is None else after.outer_join(part, "id")
        if "id_right" in after.columns:
            after = after.mutate(id=ibis.coalesce(after.id, after.id_right)).drop("id_right")
    assert after is not None
    return after


def market_prices(*, bars: bool = False) -> Table:
    """What fills are marked against: (market, time, sequence, mid), of each moment the last that was written down; a
    bar has no sequence."""
    import ibis

    prices = logged_prices()
    if bars:
        traded = bars_table()
        rows = traded.inner_join(markets(), ["exchange", "symbol"])
        own = rows.select("market", sequence=ibis.literal(-1, "int64"), time=rows.time, mid=rows.price)
        prices = ibis.union(prices, own)
    return prices.group_by("market", "time").agg(mid=prices.mid.argmax(prices.sequence), sequence=prices.sequence.max())
