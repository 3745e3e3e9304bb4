"""The fills of a backtest on the order engine, as numbers: which bar, why, and what was paid beyond the market."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import REASONS, Fills, Floats
from orderwright.backtest.records import tag_of
from orderwright.backtest.replaying import Shown
from orderwright.core.exits import behind
from orderwright.core.model import Execution, Liquidity, Order, OrderSide, OrderType, Trail
from orderwright.core.numbers import EXACT, ROUNDED, ZERO
from orderwright.engine import Engine
from orderwright.simulation.exchange import SimulatedExchange

_REASON = {name: at for at, name in enumerate(REASONS)}
_ORDER = _REASON["order"]
_AMOUNTS = 5
_UNKNOWN = float("nan")


class BookedFills:
    """The fills, as they are booked: twelve numbers each, and no records.

    in_base: by symbol, and by a fill's number: the fee that was taken of what is held of the symbol, base units. Mostly
    the fill's own symbol; another one's where fees are paid in an asset that is traded too.
    """

    def __init__(self, bars: Sequence[Bars], exchange: SimulatedExchange, feed: Shown, engine: Engine) -> None:
        self._exchange, self._feed = exchange, feed
        self._find, self._show_again = engine.state.find, engine.session.looking.again
        self._symbols = {one.symbol: (at, one.candles) for at, one in enumerate(bars)}
        self._times = {one.symbol: one.candles.times.data for one in bars}
        self._numbers, self._amounts = array("q"), array("d")
        self.in_base: dict[str, dict[int, Decimal]] = {}
        self._bases = {one.candles.instrument.base: one.symbol for one in bars}

    def __call__(self, order: Order, execution: Execution) -> int:
        """The index of its bar."""
        said = order.instruction
        symbol, buy = said.symbol, said.side is OrderSide.BUY
        at, candles = self._symbols[symbol]
        instrument = candles.instrument
        ticks, steps = instrument.ticks(execution.price), instrument.steps(execution.quantity)
        bar = self._bar(symbol, execution.time)
        entry = self._find(said.parent_id) if said.trail is not None and said.parent_id else None
        reason = reason_of(order, entry, instrument.tick_size)
        self._numbers.extend((bar, execution.time, at, 1 if buy else -1, ticks, steps, reason))
        worse = self._worse(order, execution, ticks) if execution.liquidity is Liquidity.TAKER else 0
        slipped = (worse if buy else -worse) * steps * float(instrument.tick_size * instrument.step_size)
        fee, paid = execution.fee, execution.quantity * execution.price
        cash = -paid if buy else paid
        if execution.fee_asset == instrument.quote:
            cash -= fee
        elif fee:
            fee = self._aside(execution, symbol)
        high = float(cash)
        low = float(ROUNDED.subtract(cash, Decimal(high)))
        arrival = _UNKNOWN if order.arrival is None else float(order.arrival)
        self._amounts.extend((float(fee), slipped, high, low, arrival))
        return bar

    def _aside(self, execution: Execution, symbol: str) -> Decimal:
        """Put by a fee that is not taken in quote; what it is worth in quote, 0 where its asset has no price here."""
        taken_of = self._bases.get(execution.fee_asset)
        if taken_of is None:
            return ZERO
        self.in_base.setdefault(taken_of, {})[len(self._amounts) // _AMOUNTS] = execution.fee
        if taken_of == symbol:
            return execution.fee * execution.price
        market = self._feed.quote(taken_of, execution.time)
        return execution.fee * market.last if market is not None else ZERO

    def _worse(self, order: Order, execution: Execution, ticks: int) -> int:
        """How many ticks above the market's price it has filled."""
        market = self._exchange.taken_at(order.order_id, execution.execution_id)
        return 0 if market is None else ticks - market

    def _bar(self, symbol: str, time: int) -> int:
        """The bar in which it happened. At the very time at which one closes and the next opens, the exchange knows."""
        bar, stage = self._exchange.point(symbol)
        times = self._times[symbol]
        if stage == 0 and bar >= 0 and times[bar] == time:
            self._feed.opened[symbol] = time
            self._show_again()
            return bar
        found = bisect_right(times, time) - 1
        return bar if stage and bar == found - 1 and times[found] == time else found

    def fills(self) -> Fills:
        numbers = np.frombuffer(self._numbers, dtype=np.int64).reshape(-1, 7)
        bar, time, symbol, side, price, quantity, reason = (np.ascontiguousarray(column) for column in numbers.T)
        fee, slippage = np.ascontiguousarray(self._columns()[:, 0]), np.ascontiguousarray(self._columns()[:, 1])
        return Fills(bar, time, symbol, side, price, quantity, fee, slippage, reason)

    def cash(self) -> tuple[Floats, Floats]:
        """What each fill brought (or, below 0, took) in quote, fees in quote included: the sum of two float64[m], which
        is exact to some 31 digits."""
        return self._columns()[:, 2], self._columns()[:, 3]

    def arrivals(self) -> Floats:
        """float64[m]: the middle of the market at each fill's order's decision, quote units; NaN where unknown."""
        return np.ascontiguousarray(self._columns()[:, 4])

    def _columns(self) -> Floats:
        return np.frombuffer(self._amounts, dtype=np.float64).reshape(-1, _AMOUNTS)


def reason_of(order: Order, entry: Order | None, tick: Decimal) -> int:
    """Why an order filled, as a number of `REASONS`: its tag says, or its place in the bracket of its entry. A stop
    that is both is a trailing stop where it stands nearer to the market than the stop loss would."""
    said = order.instruction
    named = _REASON.get(tag_of(said))
    if named is not None:
        return named
    if said.trail is not None:
        loss = _stop_loss(entry, said.side, tick) if entry is not None else None
        return _REASON["trailing_stop" if loss is None or order.stop_price != loss else "stop_loss"]
    if not said.parent_id:
        return _ORDER
    return _REASON["stop_loss" if said.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT) else "take_profit"]


def _stop_loss(entry: Order, side: OrderSide, tick: Decimal) -> Decimal | None:
    """Where the stop loss of an entry's bracket stands without its trail."""
    bracket = entry.instruction.bracket
    if bracket is None or bracket.stop_loss_percent is None or not entry.filled:
        return bracket.stop_loss if bracket is not None else None
    with localcontext(EXACT):
        return behind(Trail(percent=bracket.stop_loss_percent), side, entry.filled_quote, entry.filled, tick)


__all__ = ["BookedFills", "reason_of"]
