"""What a log amounts to: orders by final status, refusals, fills, fees, profit, equity, slippage and time to fill.

Everything is read from the log's read models, so a report of an old log and the table at the end of a run are one
thing.

- Slippage of an order, in basis points of its arrival price (the middle of the market when it was decided):
  side x (average fill price - arrival) / arrival x 10,000, with side +1 for a buy and -1 for a sell, so that positive
  is a cost (Perold 1988, the execution part of implementation shortfall). The mean is weighted by what was traded, in
  quote.
- Time to fill: from the order's creation to its last fill, orders that filled whole, the median.
- Equity, in the book's currency: balances and unrealised profit of futures at the newest logged prices.
"""

from __future__ import annotations

import decimal
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Struct, field

from orderwright.core import risk
from orderwright.core.model import Quote
from orderwright.core.numbers import EXACT, ROUNDED, ZERO
from orderwright.core.portfolio import unrealised
from orderwright.core.recovery import restore
from orderwright.core.state import State
from orderwright.ports import Journal, Row

FOREVER_MS = 10**15
BPS = Decimal(10_000)


class Refused(Struct, frozen=True):
    """One reason for which orders or signals did not go out, and how often it came."""

    code: str
    example: str
    count: int


class Summary(Struct, kw_only=True):
    """A book's account of itself. Money by asset; times in microseconds; profit and value in the symbols' quote
    assets."""

    book: str
    rows: int
    first_time: int | None = None
    last_time: int | None = None
    signals: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    fills: int = 0
    traded: dict[str, Decimal] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    realised: dict[str, Decimal] = field(default_factory=dict)
    unrealised: dict[str, Decimal] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    currency: str = "USD"
    equity: Decimal = ZERO
    unpriced: tuple[str, ...] = ()
    slippage_bps: Decimal | None = None
    slippage_median_bps: Decimal | None = None
    time_to_fill_ms: Decimal | None = None


def summarise(journal: Journal, book: str) -> Summary:
    """The summary of one book of a log, as of its last committed row."""
    kept = journal.open_state(book)
    with decimal.localcontext(EXACT):
        state = restore(book, kept)
        summary = Summary(book=book, rows=kept.sequence, last_time=kept.time or None, currency=state.settings.currency)
        _value(summary, state, journal.latest("prices", where={"book": book}))
        _signals(summary, journal.latest("signals", where={"book": book}))
        _orders(summary, journal.latest("orders", where={"book": book}))
        _fills(summary, journal.latest("fills", where={"book": book}), state)
    return summary


def _value(summary: Summary, state: State, prices: Iterable[Row]) -> None:
    """Equity and unrealised profit, at the newest price of each symbol however old it is."""
    state.settings = msgspec.structs.replace(state.settings, max_price_age_ms=FOREVER_MS)
    for row in prices:
        quote = Quote(row["last"], row["quote_time"], row["bid"], row["ask"])
        state.market[row["exchange"], row["symbol"]] = quote
    summary.equity, summary.unpriced = risk.equity(state, state.now)
    for (_, asset), balance in sorted(state.balances.items()):
        summary.balances[asset] = summary.balances.get(asset, ZERO) + balance.total
    for (account, symbol), position in state.positions.items():
        instrument = state.instruments[state.accounts[account].exchange, symbol]
        quote_asset = instrument.quote
        summary.realised[quote_asset] = summary.realised.get(quote_asset, ZERO) + position.realised
        market = state.market.get((instrument.exchange, symbol))
        if market is not None:
            profit = unrealised(position, market.last)
            summary.unrealised[quote_asset] = summary.unrealised.get(quote_asset, ZERO) + profit


def _signals(summary: Summary, rows: Iterable[Row]) -> None:
    verdicts: Counter[str] = Counter()
    refused: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        verdicts[row["verdict"]] += 1
        if row["verdict"] == "refused":
            refused[row["reason"]].append(row["detail"])
    summary.signals = dict(sorted(verdicts.items()))
    summary.refused += [Refused(code, texts[0], len(texts)) for code, texts in sorted(refused.items())]


def _orders(summary: Summary, rows: Iterable[Row]) -> None:
    """Count orders by status, refusals by reason, slippage and time to fill."""
    statuses: Counter[str] = Counter()
    refused: dict[str, list[str]] = defaultdict(list)
    slips: list[tuple[Decimal, Decimal]] = []
    waits: list[int] = []
    for row in rows:
        statuses[row["status"]] += 1
        summary.first_time = min(filter(None, (summary.first_time, row["created_at"])), default=None)
        if row["status"] in ("denied", "rejected"):
            by_venue = row["status"] == "rejected"
            code = f"rejected by {row['exchange']}: {row['error_code']}" if by_venue else row["error_code"]
            refused[code].append(row["risk_check_reason"] or "")
        slip = slippage_bps(row)
        if slip is not None:
            slips.append((slip, row["filled_quote"]))
        if row["status"] == "filled":
            waits.append(row["filled_at"] - row["created_at"])
    summary.orders = dict(sorted(statuses.items()))
    summary.refused += [Refused(code, texts[0], len(texts)) for code, texts in sorted(refused.items())]
    if slips:
        traded = sum((quote for _, quote in slips), ZERO)
        mean = ROUNDED.divide(sum((slip * quote for slip, quote in slips), ZERO), traded)
        summary.slippage_bps = ROUNDED.quantize(mean, Decimal("0.0001"))
        median = ROUNDED.create_decimal(statistics.median_low(slip for slip, _ in slips))
        summary.slippage_median_bps = ROUNDED.quantize(median, Decimal("0.0001"))
    if waits:
        summary.time_to_fill_ms = Decimal(statistics.median_low(waits)) * Decimal("0.001")


def slippage_bps(order: Row) -> Decimal | None:
    """One order's slippage against its arrival price in basis points, to 8 places; None where nothing has filled."""
    arrival, filled = order["arrival_price"], order["filled_quantity"]
    if not arrival or not filled:
        return None
    paid = order["filled_quote"] - arrival * filled
    cost = paid if order["side"] == "buy" else -paid
    return ROUNDED.quantize(ROUNDED.divide(cost * BPS, arrival * filled), Decimal("0.00000001"))


def _fills(summary: Summary, rows: Iterable[Row], state: State) -> None:
    for row in rows:
        if not row["standing"]:
            continue
        summary.fills += 1
        quote = state.instruments[row["exchange"], row["symbol"]].quote
        summary.traded[quote] = summary.traded.get(quote, ZERO) + row["quantity"] * row["price"]
        if row["fee"]:
            summary.fees[row["fee_asset"]] = summary.fees.get(row["fee_asset"], ZERO) + row["fee"]
