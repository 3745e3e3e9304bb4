"""What an order's executions add up to: fees in quote, maker share, and mark-outs against the market that followed.

- Only executions that stand: neither corrected nor busted.
- A fee in the quote asset counts as it is; in the base asset at the fill's price; in any other at the newest logged
  price of that asset in the quote asset on that exchange. Where there is none the fee is left out and its asset named.
- A fill's mark-out is sign x (price then - fill price) / fill price in bps, weighted by quantity over an order's fills.
  The price then is the last one written down (or the last bar) at or before it that came after the fill and is at most
  the horizon, and at most 60 s, old. Without such a price there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.analytics.expressions import (
    BPS,
    MONEY,
    as_double,
    as_money,
    bars_table,
    latest_prices,
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
    """Per order: how many executions, when, what they cost in quote, how much of them as maker."""
    import ibis

    rows = traded.left_join(_fee_assets(), ["market", "fee_asset"])
    exact, charged = rows.rate == 1, rows.fee.notnull() & (rows.fee != 0)
    rate = rows.in_base.fill_null(False).ifelse(rows.price, rows.rate)
    converted = (as_double(rows.fee) * rate).sum(where=charged & ~exact.fill_null(False)).fill_null(0.0)
    quoted = rows.fee.sum(where=exact).fill_null(ibis.literal(0, MONEY))
    return rows.group_by("id").agg(
        fills=rows.count(),
        first_fill=rows.time.min(),
        last_fill=rows.time.max(),
        fees=quoted.cast(MONEY) + as_money(converted),
        fees_left_out=rows.fee_asset.min(where=charged & rate.isnull()),
        maker=rows.shares.sum(where=rows.maker).fill_null(0.0),
    )


def _fee_assets() -> Table:
    """What a unit of an asset is worth in the quote asset of each market: 1 for the quote asset itself; for the base
    asset it is the fill's price."""
    import ibis

    known, prices = markets(), latest_prices()
    quote = known.select("market", fee_asset="quote", rate=ibis.literal(1.0), in_base=ibis.literal(False))
    base = known.select("market", fee_asset="base", rate=ibis.null("float64"), in_base=ibis.literal(True))
    pairs = known.select("market", "exchange", "quote", own="base").inner_join(
        prices.select("exchange", "quote", "price", other="base"), ["exchange", "quote"]
    )
    pairs = pairs.filter((pairs.other != pairs.own) & (pairs.other != pairs.quote))
    rated = pairs.group_by("market", fee_asset=pairs.other).agg(rate=pairs.price.min())
    other = rated.mutate(in_base=ibis.literal(False))
    return ibis.union(quote, base, other)


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
        gain = BPS * found.sign * (found.mid - found.price) / found.price
        column = f"mark_out_{name}"
        part = found.group_by("id").agg(**{column: (gain * found.shares).sum() / found.shares.sum()})
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
