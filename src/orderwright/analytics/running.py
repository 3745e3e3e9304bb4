"""The same figures while they happen: kept online, order by order, in memory that does not grow with the log.

- A `Running` value is a count, a mean and a sum of squares (Welford 1962; two are merged as Chan, Golub and LeVeque
  1979), the smallest and largest value, and a KLL sketch (Karnin, Lang and Liberty 2016) that answers any quantile
  within 1.7 % of rank, with 99 % confidence.
- An order is held while it lives and counted once, when it has ended. What happens to it after that (a late fill, a
  bust) is not seen here; the report over the mirror has it.
- Events are numbered within their book: one that was taken before changes nothing.
- `Broker.running` keeps those of its book; another reader of a log calls `catch_up` when it likes.
- Names are bounded: from the 1,000th of a kind on they count as "(other)".
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Container
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

from orderwright.analytics.records import Estimate, Quantiles
from orderwright.analytics.statistics import mean
from orderwright.core import messages as m
from orderwright.core.lifecycle import apply, received
from orderwright.core.model import DONE, Order, OrderSide, OrderStatus
from orderwright.core.numbers import EXACT, ROUNDED, ZERO
from orderwright.errors import InputError
from orderwright.ports import Journal

Kind = Literal["all", "exchange", "symbol", "strategy", "order_type"]
KINDS: tuple[Kind, ...] = ("all", "exchange", "symbol", "strategy", "order_type")
MOST_NAMES = 1_000
OTHER = "(other)"
SKETCH = 200  # the sketch's k: 1.65 % of rank, some 5 kB
BPS = Decimal(10_000)


class Running:
    """Count, mean, variance, extremes and quantiles of values that come one by one."""

    __slots__ = ("_sketch", "_squares", "count", "high", "low", "mean")

    def __init__(self) -> None:
        from datasketches import kll_doubles_sketch

        self.count, self.mean, self._squares = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self._sketch: Any = kll_doubles_sketch(SKETCH)

    def add(self, value: float) -> None:
        """Take in one finite value."""
        if not math.isfinite(value):
            raise InputError(f"{value} is not a finite number", field="value", value=value)
        self.count += 1
        gap = value - self.mean
        self.mean += gap / self.count
        self._squares += gap * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)
        self._sketch.update(value)

    def merge(self, other: Running) -> None:
        """Take in everything that another one has taken in. The other stays as it is."""
        if not other.count:
            return
        count, gap = self.count + other.count, other.mean - self.mean
        self._squares += other._squares + gap * gap * self.count * other.count / count
        self.mean += gap * other.count / count
        self.count = count
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self._sketch.merge(other._sketch)

    @property
    def variance(self) -> float:
        """The sample variance; 0 of fewer than two values."""
        return self._squares / (self.count - 1) if self.count > 1 else 0.0

    def quantile(self, share: float) -> float | None:
        """The value below which about `share` (0 to 1) of the values lie; None before the first."""
        return float(self._sketch.get_quantile(share)) if self.count else None

    def estimate(self) -> Estimate:
        """The mean with its 95 % confidence interval."""
        return mean(self.count, self.mean, self.variance)

    def quantiles(self) -> Quantiles:
        p05, p25, p50, p75, p95 = (self.quantile(share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
        return Quantiles(p05=p05, p25=p25, p50=p50, p75=p75, p95=p95)

    @property
    def size(self) -> int:
        """Bytes that the sketch would take when written down."""
        return len(self._sketch.serialize())


class RunningFigures(Struct, kw_only=True):
    """A group's figures so far. Times in milliseconds, slippage in bps against arrival; fees by asset."""

    orders: int = 0
    filled: int = 0
    rejected: int = 0
    cancelled: int = 0
    slippage: Running = field(default_factory=Running)
    fill_time: Running = field(default_factory=Running)
    ack_time: Running = field(default_factory=Running)
    fees: dict[str, Decimal] = field(default_factory=dict)

    def merge(self, other: RunningFigures) -> None:
        """Take in another group's figures."""
        self.orders, self.filled = self.orders + other.orders, self.filled + other.filled
        self.rejected, self.cancelled = self.rejected + other.rejected, self.cancelled + other.cancelled
        self.slippage.merge(other.slippage)
        self.fill_time.merge(other.fill_time)
        self.ack_time.merge(other.ack_time)
        for asset, fee in other.fees.items():
            self.fees[asset] = EXACT.add(self.fees.get(asset, ZERO), fee)


class _Held(Struct):
    """An order that lives. arrival: the market when it was decided on; sent: microseconds."""

    order: Order
    exchange: str
    arrival: Decimal | None
    sent: int | None


class RunningExecution:
    """Execution figures by exchange, symbol, strategy and order type, kept as events come."""

    def __init__(self) -> None:
        self.figures: dict[Kind, dict[str, RunningFigures]] = {kind: {} for kind in KINDS}
        self._reached: dict[str, int] = {}
        self._live: dict[tuple[str, str], _Held] = {}

    @property
    def held(self) -> int:
        """How many orders live now."""
        return len(self._live)

    def reached(self, book: str) -> int:
        """The sequence of the newest event taken of a book; 0 before the first."""
        return self._reached.get(book, 0)

    def catch_up(self, journal: Journal, book: str) -> int:
        """Take what a book's journal has gained since; returns how many events that were."""
        count = 0
        for sequence, event in journal.events(book, self.reached(book)):
            self.take(book, sequence, event)
            count += 1
        return count

    def drop_lost(self, book: str, live: Container[str]) -> None:
        """Let go of a book's orders that live no more: a log that keeps less than everything had dropped their end
        before it was taken. They are not counted."""
        for key in [key for key in self._live if key[0] == book and key[1] not in live]:
            del self._live[key]

    def take(self, book: str, sequence: int, event: m.AnyEvent) -> None:
        """Take the event `sequence` of a book; one that was taken before changes nothing."""
        if sequence <= self.reached(book):
            return
        self._reached[book] = sequence
        if not isinstance(event, m.OrderEvent):
            return
        key = (book, event.order_id)
        with decimal.localcontext(EXACT):
            if isinstance(event, m.OrderReceived):
                sent = None if event.sign_at is None else event.time
                self._live[key] = _Held(received(event), event.exchange, event.arrival, sent)
                return
            held = self._live.get(key)
            if held is None:  # it had ended, or began before we did
                return
            if isinstance(event, m.RequestSubmitted) and event.number == 0:
                held.sent = event.time
            apply(held.order, event)
            if held.order.status in DONE:
                del self._live[key]
                self._count(held)

    def _count(self, held: _Held) -> None:
        order, instruction = held.order, held.order.instruction
        names: dict[Kind, str] = {
            "all": "all",
            "exchange": held.exchange,
            "symbol": instruction.symbol,
            "strategy": instruction.strategy,
            "order_type": instruction.type.value,
        }
        for kind, name in names.items():
            groups = self.figures[kind]
            known = name if name in groups or len(groups) < MOST_NAMES - 1 else OTHER
            _add(groups.setdefault(known, RunningFigures()), order, held)


def _add(figures: RunningFigures, order: Order, held: _Held) -> None:
    status = order.status
    figures.orders += 1
    figures.filled += status is OrderStatus.FILLED
    figures.rejected += status in (OrderStatus.REJECTED, OrderStatus.DENIED)
    figures.cancelled += status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
    if order.accepted_at is not None and held.sent is not None:
        figures.ack_time.add((order.accepted_at - held.sent) / 1_000)
    if not order.filled:
        return
    if order.last_fill_at is not None:
        figures.fill_time.add((order.last_fill_at - order.created_at) / 1_000)
    if held.arrival:
        figures.slippage.add(_slippage_bps(order, held.arrival))
    for execution in order.executions.values():
        if execution is not None and execution.fee:
            fees = figures.fees
            fees[execution.fee_asset] = EXACT.add(fees.get(execution.fee_asset, ZERO), execution.fee)


def _slippage_bps(order: Order, arrival: Decimal) -> float:
    paid = order.filled_quote - arrival * order.filled
    cost = paid if order.instruction.side is OrderSide.BUY else -paid
    return float(ROUNDED.divide(cost * BPS, arrival * order.filled))
