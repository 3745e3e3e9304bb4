"""What the page and the words read of a result. `BacktestResult` is one; it is the other one that imports this."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Fills, Outcome
from orderwright.backtest.quality import Execution
from orderwright.backtest.rules import Rules
from orderwright.backtest.trades import RoundTrip


class Run(Protocol):
    """A backtest that has been run (result.py says what each is)."""

    strategy: str
    parameters: dict[str, object]
    engine: str
    warm_up: int
    outcome: Outcome
    rules: Rules
    interval: int
    bars_per_year: float
    initial_balance: float
    final_balance: float
    total_return: float
    total_trades: int
    winning_trades: int
    win_rate: float
    sharpe_ratio: float
    sortino_ratio: float
    deflated_sharpe: float | None
    trials: int | None

    @property
    def bars(self) -> Sequence[Bars]: ...

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def quote(self) -> str: ...

    @property
    def fills(self) -> Fills: ...

    @property
    def orders(self) -> int: ...

    @property
    def open_count(self) -> int: ...

    @property
    def trades(self) -> Sequence[RoundTrip]: ...

    @property
    def open_trades(self) -> Sequence[RoundTrip]: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...

    @property
    def execution(self) -> Execution: ...

    @property
    def refused(self) -> Sequence[tuple[dt.datetime, str]]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    def places_of(self, symbol: str) -> int: ...
