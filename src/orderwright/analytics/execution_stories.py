"""Why orders ended without being filled, and the costliest orders with everything that happened to them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from orderwright.analytics.execution_arrays import STATUS, Quality
from orderwright.analytics.execution_facts import STATUSES, Facts, Floats
from orderwright.analytics.expressions import BPS, UNFILLED, sql, unbound
from orderwright.analytics.records import ReasonCount, Step, Story
from orderwright.core.numbers import canonical, divided, rounded, text

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
MOST_STEPS = 100

_WORDS = {
    "order_received": "received",
    "order_denied": "denied by our own checks",
    "order_withdrawn": "ended here before it was sent",
    "order_delayed": "has to wait",
    "request_pending": "the exchange is working on request {number}",
    "request_refused": "request {number} was refused",
    "request_unknown": "no answer to request {number}: its outcome is unknown",
    "request_asked": "asked the exchange about request {number}",
    "request_not_found": "the exchange does not know request {number}",
    "request_dead": "request {number} never reached the exchange",
    "order_accepted": "accepted by the exchange",
    "order_rejected": "rejected by the exchange",
    "order_triggered": "its stop price was reached",
    "fill_corrected": "a fill was corrected",
    "fill_busted": "a fill was taken back by the exchange",
    "order_replaced": "replaced: {quantity} at {price}",
    "order_restated": "changed by the exchange: {quantity} at {price}",
    "order_ended": "ended by the exchange",
    "gap_seen": "the exchange says that more has filled than its trades show",
    "trades_asked": "fetched its trades again",
}
_REQUESTS = {"new": "sent to the exchange", "replace": "asked for a replace", "cancel": "asked for a cancel"}


def reasons(connection: duckdb.DuckDBPyConnection, facts: Facts, figures: Quality) -> list[ReasonCount]:
    """Why orders ended unfilled, the commonest first."""
    import pyarrow as pa

    codes = [STATUS[status] for status in UNFILLED]
    rows = np.flatnonzero(np.isin(figures.status, codes))
    if not len(rows):
        return []
    words = pa.array(STATUSES).take(pa.array(figures.status[rows].astype(np.int64) - 1))
    connection.register("ended_unfilled", pa.table({"id": facts.orders["id"][rows], "ended": words}))
    try:
        found = connection.execute(sql(_reasons())).fetchall()
    finally:
        connection.unregister("ended_unfilled")
    counts = [ReasonCount(status=row[0], code=row[1], count=row[2], example=row[3]) for row in found]
    return sorted(counts, key=lambda one: (-one.count, one.status, one.code))


def _reasons() -> Any:
    import ibis

    ended = ibis.table({"id": "int64", "ended": "string"}, name="ended_unfilled")
    steps = unbound("steps")
    steps = steps.filter(steps.status.isin(UNFILLED))
    last = steps.group_by("id").agg(
        code=steps.error_code.argmax(steps.sequence), reason=steps.reason.argmax(steps.sequence)
    )
    rows = ended.left_join(last, "id")
    rows = rows.select("ended", code=rows.code.fill_null(""), reason=rows.reason)
    return rows.group_by("ended", "code").agg(count=rows.count(), example=rows.reason.min().fill_null(""))


def stories(
    connection: duckdb.DuckDBPyConnection, facts: Facts, figures: Quality, rates: Floats, count: int
) -> list[Story]:
    """The `count` orders that cost the most in the report's currency, fees included. rates: float64[n], what a unit of
    each order's quote asset is worth."""
    exact = figures.fee_exact
    fees = figures.fees + np.bincount(exact["at"], weights=exact["fee"].doubles(), minlength=len(facts))
    costs = np.nan_to_num((figures.paid + fees) * rates, nan=-np.inf)
    count = min(count, int((costs > 0).sum()))
    if not count:
        return []
    top = np.argpartition(costs, len(costs) - count)[len(costs) - count :]
    top = top[np.lexsort((facts.orders["id"][top], -costs[top]))]
    ids = [int(number) for number in facts.orders["id"][top]]
    placed, steps = _rows(connection, "placed", ids), _rows(connection, "steps", ids)
    fills = _rows(connection, "fills", ids)
    return [
        _story(placed[number][0], steps.get(number, []), fills.get(number, []), float(costs[at]), float(rates[at]))
        for number, at in zip(ids, top, strict=True)
    ]


def _rows(connection: duckdb.DuckDBPyConnection, table: str, ids: list[int]) -> dict[int, list[Row]]:
    rows = unbound(table)
    answer = connection.execute(sql(rows.filter(rows.id.isin(ids)).order_by("book", "sequence")))
    names = [column[0] for column in answer.description or []]
    found: dict[int, list[Row]] = {}
    for values in answer.fetchall():
        row = dict(zip(names, values, strict=True))
        found.setdefault(row["id"], []).append(row)
    return found


def _story(placed: Row, steps: list[Row], fills: list[Row], cost: float, rate: float) -> Story:
    last = steps[-1] if steps else {}
    filled, value = last.get("filled_quantity") or Decimal(0), last.get("filled_quote") or Decimal(0)
    arrival = placed["arrival_price"]
    worth = float(arrival) * float(filled) * rate if arrival else 0.0
    told = {(fill["book"], fill["sequence"]): fill for fill in fills}
    lines = [Step(time=row["time"], text=line_of(row, told.get((row["book"], row["sequence"])))) for row in steps]
    if len(lines) > MOST_STEPS:
        rest = Step(time=lines[-1].time, text=f"... {len(lines) - MOST_STEPS} more")
        lines = [*lines[:MOST_STEPS], rest]
    return Story(
        order_id=placed["order_id"],
        number=placed["id"],
        time=placed["time"],
        exchange=placed["exchange"] or "",
        symbol=placed["symbol"],
        side=placed["side"],
        order_type=placed["order_type"],
        status=last.get("status", "submitted"),
        quantity=canonical(last.get("quantity") or placed["quantity"]),
        filled_quantity=canonical(filled),
        average_price=canonical(rounded(divided(value, filled), 8)) if filled else None,
        arrival_price=None if arrival is None else canonical(arrival),
        cost=canonical(rounded(Decimal(repr(cost)), 8)),
        cost_bps=cost * BPS / worth if worth else None,
        strategy=placed["strategy"] or "",
        steps=lines,
    )


def line_of(step: Row, fill: Row | None) -> str:
    """A step of an order as a line to read."""
    kind = step["kind"]
    if kind == "order_filled" and fill is not None:
        price, quantity = text(fill["price"]), text(fill["quantity"])
        fee = f", fee {text(fill['fee'])} {fill['fee_asset']}" if fill["fee"] else ""
        said = f"filled {quantity} at {price} as {fill['liquidity']}{fee}"
    elif kind == "request_submitted":
        said = _REQUESTS.get(step["request"] or "", "asked")
    else:
        shown = {name: text(step[name]) if step[name] is not None else "the market" for name in ("quantity", "price")}
        said = _WORDS.get(kind, kind.replace("_", " ")).format(number=step["number"], **shown)
    if step["rule"]:
        said += f" (rule {step['rule']})"
    if step["reason"] and step["status"] in UNFILLED:
        said += f": {step['reason']}"
    market = f", market at {text(step['mid'])}" if step["mid"] is not None else ""
    return f"{said}{market}"
