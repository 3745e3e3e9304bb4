"""What a backtest came to: the seed's fields at once, everything else when it is first asked for.

`total_return` and balances are in quote units; `total_return_pct`, `win_rate` and `max_drawdown` in percent (12.5 is
12.5 %, a drawdown is positive). `metrics` are as QuantStats has them, fractions (metrics.py). A trade is a round trip,
from nothing to nothing; one that is still open at the end is in `open_trades`, and in no count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import to_builtins

from orderwright.backtest.bars import Bars
from orderwright.backtest.kernel.figures import figures, round_trips
from orderwright.backtest.metrics import bars_per_year as years_of
from orderwright.backtest.metrics import cost_metrics, drawdowns_of, equity_metrics, finite, returns_of, trade_metrics
from orderwright.backtest.outcome import Fills, Outcome
from orderwright.backtest.quality import Execution, execution_of
from orderwright.backtest.rules import Rules
from orderwright.backtest.trades import RoundTrip, records, time_of
from orderwright.errors import InputError
from orderwright.market.times import iso

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types


class BacktestResult:
    """Every field of the seed's `BacktestResult`, and what it was made of.

    outcome: what the engine handed over; bars: of each symbol; rules, strategy, parameters, engine ("kernel" or
    "orders"), warm_up: what ran. bars_per_year: what figures are annualised by, from the spacing of the bars unless it
    is given (`metrics.bars_per_year`). deflated_sharpe (a probability) and trials are set where the run is the best of
    several (`optimize`).

    Raises InputError for bars a year that are not above 0.
    """

    deflated_sharpe: float | None = None
    trials: int | None = None

    def __init__(
        self,
        outcome: Outcome,
        bars: Sequence[Bars],
        rules: Rules,
        *,
        strategy: str,
        parameters: Mapping[str, object],
        engine: str,
        warm_up: int = 0,
        bars_per_year: float | None = None,
    ) -> None:
        if bars_per_year is not None and not 0 < bars_per_year < float("inf"):
            message = f"{bars_per_year} bars a year cannot be"
            raise InputError(message, field="bars_per_year", value=bars_per_year, nearest=252)
        self.outcome, self.bars, self.rules = outcome, tuple(bars), rules
        self.strategy, self.parameters, self.engine, self.warm_up = strategy, dict(parameters), engine, warm_up
        self.interval: int = self.bars[0].candles.interval if self.bars else 0
        self.bars_per_year = bars_per_year or years_of(outcome.times, self.interval)
        self.initial_balance = float(rules.initial_balance)
        found = figures(outcome, self.bars_per_year, self.initial_balance)
        self._trips = round_trips(outcome, self.bars)
        self.final_balance: float = found.final_balance
        self.total_return: float = self.final_balance - self.initial_balance
        self.total_return_pct: float = self.total_return / self.initial_balance * 100
        self.max_drawdown: float = found.max_drawdown
        self.sharpe_ratio: float = found.sharpe_ratio
        self.sortino_ratio: float = found.sortino_ratio
        self.total_trades: int = len(self._trips)
        self.winning_trades: int = self._trips.won
        self.losing_trades: int = self._trips.lost
        self.win_rate: float = 100 * self.winning_trades / self.total_trades if self.total_trades else 0.0

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.outcome.symbols

    @property
    def quote(self) -> str:
        """The asset in which everything is counted."""
        return self.bars[0].candles.instrument.quote if self.bars else "quote"

    @property
    def fills(self) -> Fills:
        """Every fill, as arrays, in ticks and steps."""
        return self.outcome.fills

    @property
    def orders(self) -> int:
        """How many orders left for the exchange, those of exits included; what was denied before is in `refused`."""
        return self.outcome.orders

    @cached_property
    def refused(self) -> list[tuple[dt.datetime, str]]:
        """(time, why) of each order that our checks or the exchange refused, the first thousand; of the kernel none."""
        several, found = len(self.symbols) > 1, self.outcome.executed
        if found is None:
            return []
        return [(time_of(one.time), f"{one.symbol}: {one.reason}" if several else one.reason) for one in found.refused]

    @cached_property
    def execution(self) -> Execution:
        """How well its orders were executed (quality.py)."""
        return execution_of(self.outcome, self.bars, self.rules)

    @property
    def ties(self) -> int:
        """How many sizes came so near a whole step that rounding decided (docs/backtest.md)."""
        return self.outcome.ties

    @property
    def log(self) -> Any:
        """The orders engine's journal; None of the kernel."""
        return self.outcome.log

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What to know of this run: gaps and rounded prices of the data, refused orders, ties, of how many trials it is
        the best."""
        found = [note for bars in self.bars for note in bars.notes] + list(self.outcome.notes)
        if self.refused:
            found.append(self._refusals())
        if self.ties:
            found.append(f"{counted(self.ties, 'size')} came within rounding of a whole step: engines may differ by it")
        if self.open_count:
            still = "trade is still open: it is" if self.open_count == 1 else "trades are still open: they are"
            found.append(f"{self.open_count:,} {still} in the balance at the last close, and in no count")
        if self.trials is not None:
            found.append(f"the best of {counted(self.trials, 'trial')}: the best of many looks good by luck alone")
        return tuple(dict.fromkeys(found))

    def _refusals(self) -> str:
        """3 orders were refused: 2 buying power, 1 collar; the first at such a time: why."""
        codes = self.execution.refusals
        count, (time, why) = sum(codes.values()), self.refused[0]
        at = iso(round(time.timestamp() * 1_000_000))
        if count == 1:
            return f"1 order was refused, at {at}: {why}"
        kinds = ", ".join(f"{many:,} {code.replace('_', ' ')}" for code, many in codes.items())
        return f"{count:,} orders were refused ({kinds}); the first at {at}: {why}"

    @property
    def open_count(self) -> int:
        """How many trades are still open at the end."""
        return self._trips.open

    @cached_property
    def trades(self) -> list[RoundTrip]:
        """The closed trades, in the order in which they closed."""
        return records(self._trips, self.symbols)

    @cached_property
    def open_trades(self) -> list[RoundTrip]:
        """What is still held at the end, as trades without an exit; their profit is at the last close."""
        return records(self._trips.still_open, self.symbols, closed=False)

    @cached_property
    def equity_curve(self) -> pd.DataFrame:
        """A row a bar, indexed as the data was (several symbols: by time, UTC).

        equity: quote units. position: the value of what is held, quote units, signed. drawdown: percent below the
        highest equity so far, positive as `max_drawdown` is. returns: of the bar, a fraction.
        """
        import pandas as pd

        equity = self.outcome.equity
        columns = {
            "equity": equity,
            "position": self.outcome.position,
            "drawdown": -100 * drawdowns_of(equity, self.initial_balance),
            "returns": returns_of(equity, self.initial_balance),
        }
        return pd.DataFrame(columns, index=self._index())

    def _index(self) -> pd.Index:
        import pandas as pd

        own = self.bars[0].index if len(self.bars) == 1 else None
        if own is not None and len(own) == len(self.outcome.times):  # type: ignore[arg-type]  # a pandas index
            return pd.Index(own)
        return pd.DatetimeIndex(self.outcome.times.astype("datetime64[us]"), tz="UTC", name="time")

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All figures by name (metrics.py, docs/backtest.md): fractions, a drawdown negative, NaN where undefined."""
        outcome, trips, years = self.outcome, self._trips, self.bars_per_year
        equity, fees, slippage = outcome.equity, float(self.fills.fee.sum()), float(self.fills.slippage.sum())
        return {
            **equity_metrics(equity, outcome.times, outcome.position, self.initial_balance, years),
            "buy_and_hold": self._buy_and_hold(),
            **trade_metrics(trips.profit, trips.returns, trips.bars.astype(float)),
            **cost_metrics(self._traded(), fees, slippage, equity, years),
        }

    def _buy_and_hold(self) -> float:
        """What buying at each symbol's first open and holding would have returned, the balance shared out equally."""
        gains = [bars.close[-1] / bars.open[0] for bars in self.bars if len(bars)]
        return float(np.mean(gains)) - 1 if gains else 0.0

    def _traded(self) -> float:
        """The value of all fills, quote."""
        fills, traded = self.fills, 0.0
        for at, bars in enumerate(self.bars):
            instrument, mine = bars.candles.instrument, fills.symbol == at
            value = fills.price[mine].astype(float) @ fills.quantity[mine].astype(float)
            traded += float(value) * float(instrument.tick_size) * float(instrument.step_size)
        return traded

    def places_of(self, symbol: str) -> int:
        """How many decimal places the prices of a symbol have."""
        bars = self.bars[self.symbols.index(symbol)]
        return max(0, -int(bars.candles.instrument.tick_size.normalize().as_tuple().exponent))

    def annualised(self, bars_per_year: float) -> BacktestResult:
        """The same run with other bars a year: 252 for daily stocks, say."""
        again = BacktestResult(
            self.outcome,
            self.bars,
            self.rules,
            strategy=self.strategy,
            parameters=self.parameters,
            engine=self.engine,
            warm_up=self.warm_up,
            bars_per_year=bars_per_year,
        )
        again.deflated_sharpe, again.trials = self.deflated_sharpe, self.trials
        return again

    def plot(self) -> go.Figure:
        """Candles with entries and exits, equity beside buy and hold, drawdown: a Plotly figure, for a notebook."""
        import plotly.graph_objects as go

        from orderwright.backtest.report.run_chart import figure

        return go.Figure(figure(self))

    def report(self, path: str | Path) -> Path:
        """Write the page: one HTML file that needs nothing else. Raises InputError where it cannot be written."""
        from orderwright.backtest.report import page

        page(self, path)
        return Path(path)

    def summary(self) -> str:
        """The figures that matter most, a line each."""
        from orderwright.backtest.report.words import summary

        return summary(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON has it: what is not defined is None. Times are ISO 8601, UTC."""
        fields = {name: getattr(self, name) for name in SCALARS}
        return {
            "strategy": self.strategy,
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            "symbols": list(self.symbols),
            "engine": self.engine,
            "warm_up": self.warm_up,
            "bars": len(self.outcome.times),
            "bars_per_year": _plain(self.bars_per_year),
            "rules": to_builtins(self.rules),
            **{name: _plain(value) for name, value in fields.items()},
            "orders": self.orders,
            "fills": len(self.fills),
            "execution": finite(self.execution.figures()),
            "refused": [{"time": time.isoformat(), "reason": why} for time, why in self.refused],
            "ties": self.ties,
            "open_trades": [_told(one) for one in self.open_trades],
            "trades": [_told(one) for one in self.trades],
            "metrics": finite(self.metrics),
            "deflated_sharpe": _plain(self.deflated_sharpe),
            "trials": self.trials,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        what = f"{self.strategy} on {', '.join(self.symbols)}: {self.total_return_pct:+.2f} %"
        risk = f"Sharpe {self.sharpe_ratio:.2f}, drawdown {self.max_drawdown:.2f} %"
        return f"<BacktestResult {what}, {counted(self.total_trades, 'trade')}, {risk}>"


SCALARS = (
    "initial_balance",
    "final_balance",
    "total_return",
    "total_return_pct",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "win_rate",
    "max_drawdown",
    "sharpe_ratio",
    "sortino_ratio",
)
"""The seed's fields that are one number."""


def counted(count: int, what: str) -> str:
    """1 trade, 2,000 trades."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _told(trade: RoundTrip) -> dict[str, Any]:
    return {name: _plain(value) for name, value in to_builtins(trade).items()}


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, int | str | bool | None) else str(value)
