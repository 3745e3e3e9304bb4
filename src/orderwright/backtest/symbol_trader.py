"""One symbol's signals, traded by real orders: what rules.py says, to the letter, on the order engine.

The kernel does the same arithmetic over arrays. What of the rules lies elsewhere: trailing stops follow in the core
(`core.trailing`), exits are a `Bracket`, sizes are those of sizes.py, slippage and paths are the exchange's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.outcome import Ints
from orderwright.backtest.records import Bar, Fill, OrderHandle
from orderwright.backtest.rules import PercentOfEquity, Rules, TargetPosition, VolatilityRisk
from orderwright.backtest.sizes import at_most, entry_steps, fixed_steps, mean_range, share_of, sizing_kind, unit_cost
from orderwright.core.collar import collar_of
from orderwright.core.model import Bracket, OrderSide, Trail
from orderwright.errors import InputError
from orderwright.simulation.models.slippage import SlippageBps

HUNDRED = Decimal(100)
LONG, SHORT = 1, -1


class Says(Protocol):
    """1, -1 or 0 for each bar: an int8 array, or what finds it out when it is asked."""

    def __getitem__(self, index: int, /) -> int: ...


class SymbolTrader:
    """context: whose orders it sends. says: the symbol's signals. bars: those that `VolatilityRisk` measures; needed
    for that sizing alone. ties: how many sizes came within rounding of a whole step.

    What orders cost is the account's word, so that on paper they are sized by what they will pay there.
    """

    def __init__(self, context: Context, symbol: str, says: Says, rules: Rules, bars: Bars | None) -> None:
        trading = context.trading
        self.context, self.rules, self.ties = context, rules, 0
        self._trading, self._symbol, self._says = trading, symbol, says
        self._instrument = trading.instruments[symbol]
        self._tick, self._step = float(self._instrument.tick_size), float(self._instrument.step_size)
        self._slippage = SlippageBps(trading.account.slippage_bps)
        self._commission = float(trading.account.taker_fee)
        self._symbols = len(context.symbols)
        self._kind, self._share = sizing_kind(rules.sizing), share_of(rules.sizing)
        if isinstance(rules.sizing, PercentOfEquity | TargetPosition):
            self._share /= self._symbols
        self._fixed = fixed_steps(rules.sizing, self._instrument.step_size)
        self._targets = isinstance(rules.sizing, TargetPosition)
        self._bracket = bracket_of(rules)
        self._ranges = _ranges_for(rules, bars)
        self._entry: OrderHandle | None = None
        self._closing: OrderHandle | None = None
        self._side, self._sent_at = 0, 0
        self._then: int | None = None
        """What is wanted once a cancel or a close is known."""
        self._take_over()

    def see(self, bars: Bars) -> None:
        """The bars have grown: they come one by one."""
        self._ranges = _ranges_for(self.rules, bars)

    def _take_over(self) -> None:
        """On paper, after a restart: the last bar, the entry that waits, and the close that an entry is to follow."""
        seen = self.context.history(symbol=self._symbol)
        self._index, self._close = len(seen.time) - 1, float(seen.close[-1]) if len(seen.time) else 0.0
        for order in self.context.orders(self._symbol):
            sent_at = int(np.searchsorted(seen.time, order.record.created_at, side="right")) - 1
            if order.tag == "entry":
                self._entry, self._side, self._sent_at = order, LONG if order.side is OrderSide.BUY else SHORT, sent_at
            elif order.tag == "signal":
                self._closing, self._then = order, self._wanted(sent_at)

    def _wanted(self, index: int) -> int:
        """The signal of a bar; flat is what a short becomes where shorts are off."""
        signal = self._says[index]
        return signal if signal > 0 or self.rules.allow_short else 0

    # Decisions

    def on_bar(self, bar: Bar) -> None:
        self._index, self._close = bar.index, bar.close
        if self._entry is not None and self.rules.limit_entry is not None:
            self._age()
        if self._says[bar.index]:
            self._want(self._wanted(bar.index))

    def _age(self) -> None:
        """A limit entry that has waited for long enough is cancelled."""
        if self._entry is not None and self._index >= self._sent_at + self.rules.limit_bars:
            self._entry.cancel()
            self._then, self._side = None, 0

    def _want(self, wanted: int) -> None:
        held = self._held()
        if self._entry is not None and self._side and self._side != wanted:
            self._entry.cancel()
            self._side = 0
        if self._closing is not None:  # once that is known; the newest signal counts
            self._then = wanted
        elif held and (held > 0) != (wanted > 0):
            self._close_then(wanted)
        elif held and self._targets:
            self._bring(wanted)
        elif not held and not self._side:
            if self._entry is None:
                self._enter(wanted)
            else:  # once its cancel is known
                self._then = wanted

    def on_fill(self, fill: Fill) -> None:
        order = fill.order
        if not order.done and order.record.leaves:  # one that is filled may still wait for the answer to its cancel
            return
        if self._entry is not None and order.order_id == self._entry.order_id:
            self._entry, self._side = None, 0
            self._want_then()  # it was faster than its cancel
        elif self._is_closing(order):
            self._go_on()

    def on_order(self, order: OrderHandle) -> None:
        if self._entry is not None and order.order_id == self._entry.order_id:
            self._entry, self._side = None, 0
            self._want_then()
        elif self._is_closing(order):  # an exit was faster: it found nothing left to close
            self._go_on()

    def _held(self) -> float:
        """What is held; less than a step, which no order can sell, counts as nothing."""
        held = self.context.positions[self._symbol]
        return held if abs(held) > self._step * 0.999 else 0.0

    def _close_then(self, wanted: int) -> None:
        self._then = wanted
        self._closing = self.context.close(self._symbol, tag="signal")
        if self._closing is None or self._closing.done:
            self._closing = None
            self._go_on()

    def _is_closing(self, order: OrderHandle) -> bool:
        """Whether it is the order that closes, which is over."""
        if self._closing is None or order.order_id != self._closing.order_id:
            return False
        self._closing = None
        return True

    def _want_then(self) -> None:
        """What had to wait for an entry's end."""
        wanted, self._then = self._then, None
        if wanted is not None:
            self._want(wanted)

    def _go_on(self) -> None:
        """What had to wait for a close goes out."""
        wanted, self._then = self._then, None
        if wanted and not self._held():
            self._enter(wanted)

    # Orders

    def _enter(self, wanted: int) -> None:
        if not wanted:
            return
        limit = self._limit(round(self._close / self._tick), wanted)
        unit = self._unit(limit if limit is not None else self._paid(wanted))
        steps = self._sized(unit)
        if steps < 1:
            return
        self._side, self._sent_at = wanted, self._index
        order = self.context.order(
            OrderSide.BUY if wanted > 0 else OrderSide.SELL,
            self._instrument.quantity(steps),
            price=None if limit is None else self._instrument.price(limit),
            bracket=self._bracket,
            tag="entry",
            symbol=self._symbol,
        )
        if order.done:
            self._side = 0
        else:
            self._entry = order

    def _sized(self, unit: float) -> int:
        """The steps of an entry. Where other symbols hold some of the balance, it is equity that is shared, and no more
        than is free is taken."""
        if self._symbols == 1:
            balance = self._trading.state.balances[self._trading.account.account, self._instrument.quote].total
            return self._counted(self._wish(float(balance), unit))
        steps = self._counted(self._wish(float(self._trading.equity()), unit))
        return self._counted(at_most(steps, float(self._trading.cash()), unit))

    def _wish(self, balance: float, unit: float) -> tuple[int, bool]:
        atr = self._atr(self._index)
        return entry_steps(self._kind, self._share, self._fixed, atr, self._step, balance, unit)

    def _counted(self, sized: tuple[int, bool]) -> int:
        steps, tie = sized
        self.ties += tie
        return steps

    def _unit(self, price: int) -> float:
        return unit_cost(price, self._tick, self._step, self._commission)

    def _paid(self, wanted: int) -> int:
        """What a market order is expected to pay, in ticks, and may pay at most where there is a collar."""
        market, instrument = self._trading.market(self._symbol), self._instrument
        if wanted <= 0:
            return instrument.ticks(market.last)
        price = self._slippage.slipped(instrument.ticks(market.ask or market.last), True, 0, 0)
        collar = collar_of(self._trading.state.settings, OrderSide.BUY, market, instrument.tick_size)
        return price if collar is None else max(price, instrument.ticks(collar))

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

    def _bring(self, wanted: int) -> None:
        """Bring a position that is on the wanted side to its target, by one market order for the difference."""
        trading, instrument = self._trading, self._instrument
        held = abs(int(trading.position(self._symbol).size / instrument.step_size))
        unit = self._unit(self._paid(wanted))
        missing = self._counted(self._wish(float(trading.equity()), unit)) - held
        if missing > 0:
            missing = self._counted(at_most(missing, float(trading.cash()), unit))
        if missing:
            side = OrderSide.BUY if missing * wanted > 0 else OrderSide.SELL
            self.context.order(side, instrument.quantity(abs(missing)), tag="rebalance", symbol=self._symbol)


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


def _ranges_for(rules: Rules, bars: Bars | None) -> Ints | None:
    """int64[n + 1]: the sum of the true ranges before each bar, in ticks, for the sizing that measures them."""
    if not isinstance(rules.sizing, VolatilityRisk):
        return None
    if bars is None:
        raise InputError("VolatilityRisk measures the bars: give them", field="bars")
    candles = bars.candles
    before = np.empty_like(candles.close)
    before[1:] = candles.close[:-1]
    before[:1] = candles.close[:1].clip(candles.low[:1], candles.high[:1])
    ranges = np.maximum(candles.high, before) - np.minimum(candles.low, before)
    return np.concatenate(([0], np.cumsum(ranges)))


__all__ = ["Says", "SymbolTrader", "bracket_of"]
