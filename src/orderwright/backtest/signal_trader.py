"""Signals, traded by real orders: the strategy of orders that stands in for a strategy of signals.

Each symbol is traded by itself (symbol_trader.py), all of them with one balance. On the orders engine the signals are
arrays, made before the run; on paper they are made bar by bar (`SignalsSoFar`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.backtest.checking import LookAheadError, Signals, SignalsFailed, checked_signals, head, warmed
from orderwright.backtest.context import Context
from orderwright.backtest.overheard import StrategyError
from orderwright.backtest.records import Bar, Fill, OrderHandle, Place
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.symbol_trader import Says, SymbolTrader
from orderwright.errors import InputError
from orderwright.market.times import iso


class SignalTrader(Strategy):
    """signals: 1, -1 or 0 for each bar of the one symbol, or of each symbol by its name; arrays are int8[n]. bars: of
    the one symbol or of all, which `VolatilityRisk` measures; needed for that sizing alone."""

    def __init__(
        self,
        signals: Says | NDArray[np.int8] | Mapping[str, Says | NDArray[np.int8]],
        rules: Rules,
        *,
        bars: Bars | Sequence[Bars] = (),
        name: str = "signals",
    ) -> None:
        super().__init__(name)
        self.rules = rules
        self._signals = signals
        self._bars = {one.symbol: one for one in ((bars,) if isinstance(bars, Bars) else bars)}
        self._traders: dict[str, SymbolTrader] = {}

    @property
    def ties(self) -> int:
        """How many sizes came within rounding of a whole step."""
        return sum(one.ties for one in self._traders.values())

    def see(self, bars: Bars) -> None:
        """The bars of a symbol have grown: they come one by one."""
        self._bars[bars.symbol] = bars
        if bars.symbol in self._traders:
            self._traders[bars.symbol].see(bars)

    def on_start(self, context: Context) -> None:
        signals, symbols = self._signals, context.symbols
        by_symbol = signals if isinstance(signals, Mapping) else dict.fromkeys(symbols[:1], signals)
        missing = [symbol for symbol in symbols if symbol not in by_symbol]
        if missing:
            raise InputError("there are no signals of it", field="signals", value=missing[0])
        self._traders = {
            symbol: SymbolTrader(context, symbol, _says(by_symbol[symbol]), self.rules, self._bars.get(symbol))
            for symbol in symbols
        }

    def on_bar(self, context: Context, bar: Bar) -> None:  # noqa: ARG002 - a hook
        self._traders[bar.symbol].on_bar(bar)

    def on_fill(self, context: Context, fill: Fill) -> None:  # noqa: ARG002 - a hook
        self._traders[fill.symbol].on_fill(fill)

    def on_order(self, context: Context, order: OrderHandle) -> None:  # noqa: ARG002 - a hook
        self._traders[order.symbol].on_order(order)


class SignalsSoFar:
    """What a strategy says at each bar, asked with the bars up to it.

    Raises what `checked_signals` does, but StrategyError with the bar for what the strategy raises; and LookAheadError
    where it says something else of a bar than it said then.
    """

    def __init__(self, strategy: Strategy, bars: Bars) -> None:
        self._strategy, self._bars = strategy, bars
        self._said: Signals = np.empty(0, dtype=np.int8)

    def __getitem__(self, index: int) -> int:
        self.hear(index)
        return int(self._said[index])

    def see(self, bars: Bars) -> None:
        """The bars have grown: they come one by one."""
        self._bars = bars

    def hear(self, index: int) -> None:
        """Ask the strategy about a bar, unless it was asked."""
        if index >= len(self._said):
            try:
                said = checked_signals(self._strategy, head(self._bars, index + 1))
            except SignalsFailed as failed:
                bar = Place(self._bars.symbol, index, int(self._bars.candles.close_times[index]))
                cause = failed.__cause__
                assert isinstance(cause, Exception)
                raise StrategyError(self._strategy.name, "generate_signals", bar, cause) from cause
            self._compare(said)
            self._said = said

    def _compare(self, said: Signals) -> None:
        differs = np.flatnonzero(said[: len(self._said)] != self._said)
        if len(differs):
            at, before, now = int(differs[0]), len(self._said) - 1, len(said) - 1
            time = iso(int(self._bars.candles.times[at]))
            message = (
                f"{self._strategy.name} looks ahead: its signal for bar {at} ({time}) was {int(self._said[at])} with"
                f" the bars up to {before}, and is {int(said[at])} with those up to {now}"
            )
            raise LookAheadError(message, bar=at, value=int(said[at]))


def trader_of(strategy: Strategy, bars: Sequence[Bars], rules: Rules, warm_up: int = 0) -> SignalTrader:
    """The strategy of orders that trades another one's signals; each symbol's are made of its own bars. Raises as
    `checked_signals` does, and does not look for look-ahead."""
    signals = {one.symbol: warmed(checked_signals(strategy, one), warm_up) for one in bars}
    return SignalTrader(signals, rules, bars=bars, name=strategy.name)


def _says(signals: Says | NDArray[np.int8]) -> Says:
    """An array as a view whose items are plain ints."""
    return np.ascontiguousarray(signals, dtype=np.int8).data if isinstance(signals, np.ndarray) else signals


__all__ = ["SignalTrader", "SignalsSoFar", "trader_of"]
