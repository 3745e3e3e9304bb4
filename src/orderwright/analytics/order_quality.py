"""How well each order was executed: one row per order, as one Ibis expression over the mirror's tables.

- Only what stands counts: executions that were corrected or busted are left out.
- sign is +1 for a buy and -1 for a sell, so that every cost is positive when it is one. A mark-out and an improvement
  are positive when they are in our favour.
- Prices: *decision* is what whoever wanted the order saw, *arrival* the middle of the market when it was decided on
  here, *send* the middle when it left (an order that left at once: arrival), *end* the middle when it ended. A missing
  decision price is the arrival price.
- Values (`filled_quote`, fees in quote) are exact decimals. Money that needs a product is rounded to 8 places once per
  order and then summed exactly, so groups add up to totals. Ratios are doubles.
- Bps are rounded to 9 places, so that what was paid exactly at a price is 0 and not the noise of doubles.
- What cannot be known from what was recorded is null, never 0. docs/execution_quality.md has each figure's formula.
- A row depends on nothing after the order's last step or 5 minutes after its last fill, whichever is later: a mirror
  keeps these rows (`measuring`).

The tables are unbound: `sql(order_quality())` is text that any connection with the mirror's tables can run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.analytics.expressions import (
    FINAL,
    MONEY,
    UNFILLED,
    as_double,
    as_money,
    in_bps,
    markets,
    unbound,
)
from orderwright.analytics.order_benchmarks import twap, vwap
from orderwright.analytics.order_fills import executed, marked, standing

if TYPE_CHECKING:
    from ibis.expr.types import Column, Table

ENDING = ("order_ended", "order_withdrawn", "order_denied", "order_rejected", "request_dead", "order_filled")
RESOLVING = (
    *("order_accepted", "order_triggered", "order_filled", "order_replaced", "order_restated"),
    *("order_rejected", "order_ended", "request_dead"),
)


def order_quality(wanted: str | None = None, *, interval: bool = True, bars: bool = False) -> Table:
    """A row per order of the mirror; docs/execution_quality.md describes each column.

    wanted: the name of a table with the column `id`; only its orders. interval: with the TWAP and VWAP of each order's
    interval, which cost two more joins. bars: the connection also has a table bars(exchange, symbol, time, price,
    volume), a market's trades, or its candles at the time they were complete: for VWAP and mark-outs.
    """
    placed, steps, fills = (_only(unbound(name), wanted) for name in ("placed", "steps", "fills"))
    orders = _named(placed)
    traded = standing(fills, orders)
    facts = [_life(steps), _left_later(steps), _requests(steps), _unknown(steps), _ends(steps)]
    rows = _beside(orders, *facts, executed(traded), marked(traded, bars=bars))
    rows = rows.mutate(sent=rows.waited.ifelse(rows.sent_later, rows.created))
    return _figures(_interval(rows, bars=bars) if interval else rows)


def _beside(rows: Table, *facts: Table) -> Table:
    for fact in facts:
        rows = rows.left_join(fact, "id").drop("id_right")
    return rows


def _interval(rows: Table, *, bars: bool) -> Table:
    spans = rows.filter(rows.last_fill.notnull() & rows.sent.notnull())
    spans = spans.select("id", "market", begin="sent", until="last_fill")
    return _beside(rows, twap(spans), *([vwap(spans)] if bars else []))


def _only(table: Table, wanted: str | None) -> Table:
    import ibis

    return table if wanted is None else table.semi_join(ibis.table({"id": "int64"}, name=wanted), "id")


def _named(placed: Table) -> Table:
    """What an order was from the start."""
    known = markets()
    orders = placed.left_join(known, ["exchange", "symbol"])
    return orders.select(
        *("id", "book", "order_id", "account", "exchange", "user_id", "strategy", "episode", "symbol", "market"),
        *("base", "quote", "side", "order_type", "time_in_force", "source", "signal_id", "parent_id"),
        created=orders.time,
        placed_quantity=orders.quantity,
        waited=orders.wait_for.notnull(),
        sign=(orders.side == "buy").ifelse(1.0, -1.0),
        decision=as_double(orders.decision_price),
        arrival=as_double(orders.arrival_price),
        bid=as_double(orders.bid),
        ask=as_double(orders.ask),
    )


def _life(steps: Table) -> Table:
    """Where each order has come to. The first row of an order says nothing that `placed` does not."""
    later = steps.filter(steps.kind != "order_received")
    return later.group_by("id").agg(
        status=later.status.argmax(later.sequence),
        asked=later.quantity.argmax(later.sequence),
        filled_quantity=later.filled_quantity.argmax(later.sequence),
        filled_quote=later.filled_quote.argmax(later.sequence),
        acknowledged=later.time.min(where=later.kind == "order_accepted"),
        last_time=later.time.max(where=later.kind.isin(ENDING)),
    )


def _left_later(steps: Table) -> Table:
    """When an order that had to wait was sent, and the market then."""
    first = steps.filter((steps.kind == "request_submitted") & (steps.number == 0))
    return first.group_by("id").agg(sent_later=first.time.min(), send_mid=as_double(first.mid.argmin(first.sequence)))


def _requests(steps: Table) -> Table:
    asked = steps.filter((steps.kind == "request_submitted") & (steps.number > 0))
    return asked.group_by("id").agg(
        replaces=(asked.request == "replace").sum(), cancels=(asked.request == "cancel").sum()
    )


def _unknown(steps: Table) -> Table:
    """From the first word lost to the first step that tells the outcome; while none has, to the order's last step."""
    lost = steps.filter((steps.kind == "request_unknown") & (steps.number == 0))
    since = lost.group_by("id").agg(since=lost.time.min(), after=lost.sequence.min())
    later = steps.inner_join(since, "id")
    later = later.filter(later.sequence > later.after)
    told = later.kind.isin(RESOLVING) & ((later.kind != "request_dead") | (later.number == 0))
    spell = later.group_by("id").agg(told=later.time.min(where=told), last=later.time.max())
    spells = since.left_join(spell, "id")
    return spells.select("id", unknown=(spells.told.fill_null(spells.last).fill_null(spells.since) - spells.since))


def _ends(steps: Table) -> Table:
    """Why an order ended that did not fill, and the market then."""
    ended = steps.filter(steps.status.isin(UNFILLED))
    ending = ended.kind.isin(("order_ended", "order_withdrawn"))
    return ended.group_by("id").agg(
        end_mid=as_double(ended.mid.argmax(ended.sequence, where=ending)),
        error_code=ended.error_code.argmax(ended.sequence),
        reason=ended.reason.argmax(ended.sequence),
    )


def _figures(rows: Table) -> Table:
    """The columns of a row, from the facts joined beside one another."""
    import ibis

    rows = _settled(rows)
    kept = ("mark_out_", "twap", "vwap")
    return rows.select(
        *("id", "book", "order_id", "account", "exchange", "user_id", "strategy", "episode", "symbol", "market"),
        *("base", "quote", "side", "order_type", "time_in_force", "source", "signal_id", "parent_id"),
        *("status", "error_code", "reason", "created", "sent", "acknowledged", "first_fill", "last_fill", "ended"),
        *("quantity", "filled_quantity", "filled_quote", "fees", "fees_left_out"),
        **_prices(rows),
        **_costs(rows),
        **_times(rows),
        **{name: rows[name] for name in rows.columns if name.startswith(kept)},
        **{f"{name}_bps": _against(rows, rows[name]) for name in ("twap", "vwap") if name in rows.columns},
        maker_share=rows.maker / rows.value,
        fills=rows.fills.fill_null(0),
        fill_ratio=rows.filled / rows.size,
        replaces=rows.replaces.fill_null(0),
        retries=ibis.greatest(rows.cancels.fill_null(0) - 1, 0),
    )


def _settled(rows: Table) -> Table:
    """Facts with what stands in for a missing one, and the doubles that ratios are made of."""
    import ibis

    zero = ibis.literal(0, MONEY)
    rows = rows.mutate(status=rows.status.fill_null(rows.waited.ifelse("pending", "submitted")))
    unfilled = rows.status.isin(UNFILLED)
    rows = rows.mutate(
        quantity=rows.asked.fill_null(rows.placed_quantity),
        filled_quantity=rows.filled_quantity.fill_null(zero),
        filled_quote=rows.filled_quote.fill_null(zero),
        fees=rows.fees.fill_null(zero),
        decision=rows.decision.fill_null(rows.arrival),
        send=rows.waited.ifelse(rows.send_mid, rows.arrival),
        end=unfilled.ifelse(rows.end_mid, ibis.null("float64")),
        ended=rows.status.isin(FINAL).ifelse(rows.last_time, ibis.null("int64")),
        error_code=unfilled.ifelse(rows.error_code, ibis.null("string")),
        reason=unfilled.ifelse(rows.reason, ibis.null("string")),
    )
    doubles = {"size": rows.quantity, "filled": rows.filled_quantity, "value": rows.filled_quote}
    rows = rows.mutate(**{name: as_double(exact) for name, exact in doubles.items()})
    return rows.mutate(average=_where(rows.filled > 0, rows.value / rows.filled))


def _where(condition: Column, value: Column) -> Column:
    """The value where the condition holds, else null."""
    import ibis

    return condition.ifelse(value, ibis.null(value.type()))


def _prices(rows: Table) -> dict[str, Column]:
    touch = (rows.sign > 0).ifelse(rows.ask, rows.bid)
    return {
        "decision_price": rows.decision,
        "arrival_price": rows.arrival,
        "send_price": rows.send,
        "end_price": rows.end,
        "average_price": rows.average,
        "slippage_bps": _against(rows, rows.arrival),
        "send_slippage_bps": _against(rows, rows.send),
        "decision_slippage_bps": _against(rows, rows.decision),
        "effective_spread_bps": in_bps(2 * (rows.average - rows.arrival).abs() / rows.arrival),
        "improvement_bps": in_bps(rows.sign * (touch - rows.average) / touch),
    }


def _against(rows: Table, benchmark: Column) -> Column:
    """What was paid above a benchmark price, in bps of it."""
    return in_bps(rows.sign * (rows.average - benchmark) / benchmark)


def _costs(rows: Table) -> dict[str, Column]:
    """What was paid above arrival, and the shortfall's parts (`shortfall.py` has the formulas), in quote."""
    bought = rows.filled > 0  # where nothing was, delay and impact are 0 whatever the prices were
    delay = as_money(bought.ifelse(rows.sign * (rows.send - rows.decision) * rows.filled, 0.0))
    impact = as_money(bought.ifelse(rows.sign * (rows.value - rows.send * rows.filled), 0.0))
    missed = rows.sign * (rows.end - rows.decision) * (rows.size - rows.filled)
    opportunity = _where(rows.status.isin(FINAL), as_money((rows.filled >= rows.size).ifelse(0.0, missed)))
    return {
        "arrival_value": as_money(_where(bought, rows.arrival * rows.filled)),
        "arrival_cost": as_money(_where(bought, rows.sign * (rows.value - rows.arrival * rows.filled))) + rows.fees,
        "paper": as_money(rows.decision * rows.size),
        "delay": delay,
        "impact": impact,
        "opportunity": opportunity,
        "shortfall": delay + impact + rows.fees + opportunity,
    }


def _times(rows: Table) -> dict[str, Column]:
    return {
        "ack_ms": (rows.acknowledged - rows.sent) / 1_000,
        "first_fill_ms": (rows.first_fill - rows.created) / 1_000,
        "last_fill_ms": (rows.last_fill - rows.created) / 1_000,
        "unknown_ms": rows.unknown.fill_null(0) / 1_000,
    }
