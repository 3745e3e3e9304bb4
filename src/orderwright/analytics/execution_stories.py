"""Why orders ended without being filled, and the costliest orders with everything that happened to them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderwright.analytics.expressions import BPS, UNFILLED, as_double, sql
from orderwright.analytics.records import ReasonCount, Step, Story
from orderwright.core.numbers import canonical, divided, rounded, text

if TYPE_CHECKING:
    import duckdb
    from ibis.expr.types import Table

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


def reasons(connection: duckdb.DuckDBPyConnection, orders: Table) -> list[ReasonCount]:
    """Why orders ended unfilled, the commonest first."""
    ended = orders.filter(orders.status.isin(UNFILLED)).mutate(code=orders.error_code.fill_null(""))
    rows = ended.group_by("status", "code").agg(count=ended.count(), example=ended.reason.min().fill_null(""))
    found = connection.execute(sql(rows)).fetchall()
    counts = [ReasonCount(status=row[0], code=row[1], count=row[2], example=row[3]) for row in found]
    return sorted(counts, key=lambda one: (-one.count, one.status, one.code))


def stories(
    connection: duckdb.DuckDBPyConnection, orders: Table, rates: Mapping[str, Decimal | None], count: int
) -> list[Story]:
    """The `count` orders that cost the most in the report's currency, fees included. orders: those of `alike`. rates:
    what a unit of each quote asset is worth."""
    top = connection.execute(sql(_costliest(orders, rates, count))).fetchall() if count else []
    ids = [number for number, _, _ in top]
    placed, steps, fills = (_rows(connection, table, ids) for table in ("placed", "steps", "fills"))
    return [_story(placed[number][0], steps[number], fills[number], cost, float(rate)) for number, cost, rate in top]


def _costliest(orders: Table, rates: Mapping[str, Decimal | None], count: int) -> Table:
    import ibis

    known = [(orders.quote == quote, float(rate)) for quote, rate in rates.items() if rate is not None]
    rate = ibis.cases(*known) if known else ibis.null("float64")
    rows = orders.select("id", cost=as_double(orders.arrival_cost) * rate, rate=rate)
    return rows.filter(rows.cost > 0).order_by(ibis.desc("cost"), "id").limit(count)


def _rows(connection: duckdb.DuckDBPyConnection, table: str, ids: list[int]) -> dict[int, list[Row]]:
    """The rows about each order. One id at a time: the engine then reads only where it is, not the whole table."""
    found: dict[int, list[Row]] = {}
    for number in ids:
        answer = connection.execute(f"SELECT * FROM {table} WHERE id = ? ORDER BY book, sequence", [number])
        names = [column[0] for column in answer.description or []]
        found[number] = [dict(zip(names, values, strict=True)) for values in answer.fetchall()]
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
