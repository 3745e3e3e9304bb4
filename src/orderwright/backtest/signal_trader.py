"""Signals, traded by real orders: the strategy that keeps rules.py to the letter on the order engine.

The kernel does the same arithmetic over arrays. What of the rules lies elsewhere: trailing stops follow in the core
(`core.trailing`), exits are a `Bracket`, sizes are those of sizes.py, slippage and paths are the exchange's.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.outcome import Ints
from orderwright.backtest.records import Bar, Fill, OrderHandle
from orderwright.backtest.rules import Rules, TargetPosition, VolatilityRisk
from orderwright.backtest.sizes import at_most, entry_steps, fixed_steps, mean_range, share_of, sizing_kind, unit_cost
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import Bracket, Instrument, OrderSide, Trail
from orderwright.errors import InputError
from orderwright.simulation.models.slippage import SlippageBps

HUNDRED, BPS = Decimal(100), Decimal(10_000)
LONG, SHORT = 1, -1


class SignalTrader(Strategy):
    """signals: int8[n], one for each bar of the one symbol: 1, -1 or 0. bars: those that `VolatilityRisk` measures;
    needed for that sizing alone. ties: how many sizes came within rounding of a whole step."""

    def __init__(
        self, signals: NDArray[np.int8], rules: Rules, *, bars: Bars | None = None, name: str = "signals"
    ) -> None:
        super().__init__(name)
        self.rules, self.ties = rules, 0
        self._signals = np.ascontiguousarray(signals, dtype=np.int8).data
        self._kind, self._share = sizing_kind(rules.sizing), share_of(rules.sizing)
        self._targets = isinstance(rules.sizing, TargetPosition)
        self._bracket = bracket_of(rules)
        self._slippage = SlippageBps(rules.slippage * BPS)
        self._commission = float(rules.commission)
        self._ranges: Ints | None = None
        if isinstance(rules.sizing, VolatilityRisk):
            if bars is None:
                raise InputError("VolatilityRisk measures the bars: give them", field="bars")
            self._ranges = _true_ranges(bars)
        self._entry: OrderHandle | None = None
        self._side, self._sent_at = 0, 0
        self._then = 0

    def on_start(self, context: Context) -> None:
        trading = context.trading
        (self._symbol,) = context.symbols
        self._instrument: Instrument = trading.instruments[self._symbol]
        self._tick, self._step = float(self._instrument.tick_size), float(self._instrument.step_size)
        self._fixed = fixed_steps(self.rules.sizing, self._instrument.step_size)
        self._take_over(context)

    def _take_over(self, context: Context) -> None:
        """On paper, after a restart: the entry that waits, and the close that an entry is to follow."""
        for order in context.orders(self._symbol):
            sent_at = int(np.searchsorted(context.history().time, order.record.created_at, side="right")) - 1
            if order.tag == "entry":
                self._entry, self._side, self._sent_at = order, LONG if order.side is OrderSide.BUY else SHORT, sent_at
            elif order.tag == "signal":
                signal = self._signals[sent_at]
                self._then = signal if signal > 0 or self.rules.allow_short else 0

    # Decisions

    def on_bar(self, context: Context, bar: Bar) -> None:
        if self._entry is not None and self.rules.limit_entry is not None:
            self._age(bar)
        signal = self._signals[bar.index]
        if signal:
            self._want(context, signal if signal > 0 or self.rules.allow_short else 0)

    def _age(self, bar: Bar) -> None:
        """A limit entry that has waited for long enough is cancelled."""
        if self._entry is not None and bar.index >= self._sent_at + self.rules.limit_bars:
            self._entry.cancel()
            self._then, self._side = 0, 0

    def _want(self, context: Context, wanted: int) -> None:
        held = context.positions[self._symbol]
        if self._entry is not None and self._side and self._side != wanted:
            self._entry.cancel()
            self._side = 0
        if held and (held > 0) != (wanted > 0):
            self._then = wanted
            context.close(tag="signal")
        elif held and self._targets:
            self._bring(context, wanted)
        elif not held and not self._side:
            if self._entry is None:
                self._enter(context, wanted)
            else:  # once its cancel is known
                self._then = wanted

    def on_fill(self, context: Context, fill: Fill) -> None:
        order = fill.order
        if not order.done:
            return
        if self._entry is not None and order.order_id == self._entry.order_id:
            self._entry, self._side = None, 0
        elif fill.tag == "signal":
            self._go_on(context)

    def on_order(self, context: Context, order: OrderHandle) -> None:
        if self._entry is not None and order.order_id == self._entry.order_id:
            self._entry, self._side = None, 0
            self._go_on(context)

    def _go_on(self, context: Context) -> None:
        """What had to wait for a close, or for a cancel, goes out."""
        wanted, self._then = self._then, 0
        if wanted and not context.positions[self._symbol]:
            self._enter(context, wanted)

    # Orders

    def _enter(self, context: Context, wanted: int) -> None:
        if not wanted:
            return
        trading, instrument, bar = context.trading, self._instrument, context.bar
        assert bar is not None
        limit = self._limit(round(bar.close / self._tick), wanted)
        paid = limit if limit is not None else self._paid(context, wanted)
        balance = trading.state.balances[trading.account.account, instrument.quote].total
        unit = unit_cost(paid, self._tick, self._step, self._commission)
        atr = self._atr(bar.index)
        steps, tie = entry_steps(self._kind, self._share, self._fixed, atr, self._step, float(balance), unit)
        self.ties += tie
        if steps < 1:
            return
        self._side, self._sent_at = wanted, bar.index
        order = context.order(
            OrderSide.BUY if wanted > 0 else OrderSide.SELL,
            instrument.quantity(steps),
            price=None if limit is None else instrument.price(limit),
            bracket=self._bracket,
            tag="entry",
            symbol=self._symbol,
        )
        if order.done:
            self._side = 0
        else:
            self._entry = order

    def _paid(self, context: Context, wanted: int) -> int:
        """What a market order is expected to pay, in ticks."""
        ticks = self._instrument.ticks(context.trading.market(self._symbol).last)
        return self._slippage.slipped(ticks, True, 0, 0) if wanted > 0 else ticks

    def _limit(self, close: int, wanted: int) -> int | None:
        """An entry's limit, in ticks, rounded away from the close."""
        if self.rules.limit_entry is None:
            return None
        top, bottom = self.rules.limit_entry.as_integer_ratio()
        away = -(-close * top // bottom)
        return max(close - away, 1) if wanted > 0 else close + away

    def _atr(self, index: int) -> float:
        """The average true range at a bar, quote units; below 0 where there are too few bars."""
        sizing = self.rules.sizing
        if self._ranges is None or not isinstance(sizing, VolatilityRisk) or index + 1 < sizing.window:
            return -1.0
        ranges = int(self._ranges[index + 1] - self._ranges[index + 1 - sizing.window])
        return mean_range(ranges, sizing.window, self._tick)

    def _bring(self, context: Context, wanted: int) -> None:
        """Bring a position that is on the wanted side to its target, by one market order for the difference."""
        trading, instrument = context.trading, self._instrument
        held = abs(int(trading.position(self._symbol).size / instrument.step_size))
        unit = unit_cost(self._paid(context, wanted), self._tick, self._step, self._commission)
        equity = float(trading.equity())
        steps, tie = entry_steps(self._kind, self._share, 0, -1.0, self._step, equity, unit)
        self.ties += tie
        missing = steps - held
        if missing > 0:
            free = trading.state.balances[trading.account.account, instrument.quote].free
            if instrument.linear:
                free -= trading.position(self._symbol).cost
            missing, tie = at_most(missing, float(free), unit)
            self.ties += tie
        if missing:
            side = OrderSide.BUY if missing * wanted > 0 else OrderSide.SELL
            context.order(side, instrument.quantity(abs(missing)), tag="rebalance", symbol=self._symbol)


def bracket_of(rules: Rules) -> Bracket | None:
    """The exits of an entry; None where there are none."""
    if rules.stop_loss is None and rules.take_profit is None and rules.trailing_stop is None:
        return None
    trail = None if rules.trailing_stop is None else Trail(percent=rules.trailing_stop * HUNDRED)
    return Bracket(
        stop_loss_percent=None if rules.stop_loss is None else rules.stop_loss * HUNDRED,
        take_profit_percent=None if rules.take_profit is None else rules.take_profit * HUNDRED,
        trail=trail,
    )


def _true_ranges(bars: Bars) -> Ints:
    """int64[n + 1]: the sum of the true ranges before each bar, in ticks."""
    candles = bars.candles
    before = np.empty_like(candles.close)
    before[1:] = candles.close[:-1]
    before[:1] = candles.close[:1].clip(candles.low[:1], candles.high[:1])
    ranges = np.maximum(candles.high, before) - np.minimum(candles.low, before)
    return np.concatenate(([0], np.cumsum(ranges)))


__all__ = ["SignalTrader", "bracket_of"]
