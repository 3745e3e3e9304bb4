"""What one trial is: a strategy with some parameters, run over some bars, and what it came to.

- A strategy of signals on one symbol goes through the kernel, where the kernel knows all the limits of its instrument.
  Where every objective is a field of the result (`FIELDS`), the kernel counts them as it goes, and no result is built
  at all.
- Anything else is run as the backtester runs it, on the order engine.
- A span that is measured out of sample is traded from its first bar on, flat at its start. Its signals, the ranges that
  `VolatilityRisk` measures, and what a strategy of orders looks back at, come from the bars before it too.
- Signals are asked again on shorter data, to see that they know no future: of the first trial that the kernel counts as
  it goes, and of every result, each symbol by itself.
"""

from __future__ import annotations

import math
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import orderwright
from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.checking import Signals, check_look_ahead, checked_signals, frame_of, warmed
from orderwright.backtest.kernel.layout import limit_beyond, refuse_limits
from orderwright.backtest.metrics import bars_per_year as years_of
from orderwright.backtest.optimisation.objectives import FIELDS, Objective, figure_of
from orderwright.backtest.optimisation.space import Parameters
from orderwright.backtest.optimisation.trials import FIGURES, Score, nothing
from orderwright.backtest.optimisation.windows import Market, Span, cut, tail
from orderwright.backtest.rules import Rules, VolatilityRisk
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError, OrderwrightError

if TYPE_CHECKING:
    import pandas as pd

    from orderwright.backtest.kernel import Scorer, Scores
    from orderwright.backtest.outcome import Outcome
    from orderwright.backtest.result import BacktestResult

Constraint = Callable[[Parameters], bool]
_NOT_THE_USERS = (str(Path(orderwright.__file__).parent), sysconfig.get_path("stdlib"))


class TrialFailed(OrderwrightError):
    """A trial raised; its own error is the cause. The message has the parameters, and the user's file and line."""

    def __init__(self, error: Exception, parameters: Parameters) -> None:
        said = str(error) if isinstance(error, OrderwrightError) else f"{type(error).__name__}: {error}"
        super().__init__(f"{said} (with {_named(parameters)}{_place(error)})")


def _named(parameters: Parameters) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())


def _place(error: BaseException) -> str:
    """Where it was raised in the user's code: the last line that is neither ours nor a library's."""
    while error.__cause__ is not None:
        error = error.__cause__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*_NOT_THE_USERS, "<frozen")) and "site-packages" not in frame.filename:
            return f"; {frame.filename}, line {frame.lineno}"
    return ""


def market_of(data: Any, symbol: str) -> Market:
    """Data as `Backtester.run` takes it: of one symbol, or a mapping of symbols to data. Raises InputError."""
    several = isinstance(data, Mapping) and data and all(map(_holds_bars, data.values()))
    given = dict(data) if several else {symbol: data}
    bars = [read_bars(one, name) for name, one in given.items()]
    frames = zip(bars, given.values(), strict=True)
    return Market(bars, {one.symbol: frame for one, frame in frames if hasattr(frame, "iloc")})


def _holds_bars(one: object) -> bool:
    """What a symbol's data may be, and a column of prices is not."""
    return isinstance(one, str | Path | Mapping | Bars) or hasattr(one, "columns") or hasattr(one, "instrument")


def has_signals(strategy: type[Strategy]) -> bool:
    """Whether a strategy says what it wants by signals; else it sends orders bar by bar."""
    own = (strategy.signals, strategy.generate_signals)
    return own != (Strategy.signals, Strategy.generate_signals)


class Measure:
    """strategy: the class. rules: to trade by. market: the bars. objectives: what a trial's values are. engine: kernel,
    orders, or None: the one that fits. constraint: says of parameters whether they are to be tried. bars_per_year: what
    ratios are annualised by; None: as the bars are spaced.

    Called with parameters it gives their scores: the job of a worker. It can be pickled where strategy, constraint and
    objectives can.
    """

    def __init__(
        self,
        strategy: type[Strategy],
        rules: Rules,
        market: Market,
        objectives: Sequence[Objective],
        *,
        engine: str | None = None,
        constraint: Constraint | None = None,
        bars_per_year: float | None = None,
    ) -> None:
        self.strategy, self.rules, self.market, self.objectives = strategy, rules, market, tuple(objectives)
        self.engine, self.constraint = engine, constraint
        self.signals, several = has_signals(strategy), len(market.bars) > 1
        if engine == "kernel" and (several or not self.signals):
            why = "several symbols" if several else "orders, not signals"
            message = f"the kernel runs signals of one symbol, and this is {why}"
            raise InputError(message, field="engine", value=engine, nearest="orders")
        limited = bool(limit_beyond(market.bars[0].candles.instrument))
        if engine == "kernel" and limited:
            refuse_limits(market.bars[0].candles.instrument)
        self.kernel = self.signals and not several and not limited and engine != "orders"
        self.quick = self.kernel and all(one.figure in FIELDS for one in objectives)
        self._bars_per_year = bars_per_year
        self._scorer: Scorer | None = None
        self._frames: dict[str, pd.DataFrame] = {}
        self._looked = False

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_scorer": None, "_frames": {}}

    def over(self, span: Span) -> Measure:
        """The same over a part of the bars, as if there were no others."""
        part = self.market.cut(span)
        return Measure(
            self.strategy,
            self.rules,
            part,
            self.objectives,
            engine=self.engine,
            constraint=self.constraint,
            bars_per_year=self._bars_per_year,
        )

    @property
    def bars_per_year(self) -> float:
        """What ratios are annualised by."""
        return self._bars_per_year or years_of(self.market.times, self.market.bars[0].candles.interval)

    @property
    def rules_text(self) -> str:
        """The rules and the engine, to tell studies apart."""
        return f"{msgspec.json.encode(self.rules).decode()} on {'kernel' if self.kernel else 'orders'}"

    # --- trials ---

    def __call__(self, several: list[Parameters]) -> list[Score]:
        return [self.score(parameters) for parameters in several]

    def score(self, parameters: Parameters) -> Score:
        """The score of one trial.

        Raises TrialFailed for what a strategy or an objective raises, other than to refuse its parameters, and
        InputError for what is not to be done; both say with which parameters.
        """
        count = len(self.objectives)
        made = self._made(parameters)
        if isinstance(made, str):
            return nothing("refused", count, made)
        try:
            values, figures = self._quickly(made) if self.quick else self._fully(made, parameters)
        except InputError as error:
            error.message = f"{error.message} (with {_named(parameters)})"
            raise
        except Exception as error:
            raise TrialFailed(error, parameters) from error
        return Score("undefined" if any(map(math.isnan, values)) else "done", values, figures)

    def _made(self, parameters: Parameters) -> Strategy | str:
        """The strategy, or why it is not to be tried."""
        if self.constraint is not None and not self.constraint(parameters):
            return "the constraint says no"
        try:
            made = self.strategy(**parameters)
        except (InputError, ValueError) as error:
            return str(error)
        if made.warm_up >= len(self.market):
            return f"it needs {made.warm_up:,} bars before it begins, and there are {len(self.market):,}"
        return made

    def _quickly(self, made: Strategy) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self._scorer is None:
            from orderwright.backtest.kernel import Scorer

            self._scorer = Scorer(self.market.bars[0], self.rules, self.bars_per_year)
        found = self._scorer.score(self._signals(made, self.market, self.market.bars[0], look=not self._looked))
        self._looked = True
        fields = self._fields(found)
        values = tuple(fields[one.figure or one.name] for one in self.objectives)
        return values, tuple(fields[name] for name in FIGURES)

    def _fields(self, found: Scores) -> dict[str, float]:
        initial, trades = float(self.rules.initial_balance), found.total_trades
        gained = found.final_balance - initial
        return {
            "final_balance": found.final_balance,
            "total_return": gained,
            "total_return_pct": gained / initial * 100,
            "total_trades": float(trades),
            "winning_trades": float(found.winning_trades),
            "losing_trades": float(found.losing_trades),
            "win_rate": 100 * found.winning_trades / trades if trades else 0.0,
            "max_drawdown": found.max_drawdown,
            "sharpe_ratio": found.sharpe_ratio,
            "sortino_ratio": found.sortino_ratio,
        }

    def _fully(self, made: Strategy, parameters: Parameters) -> tuple[tuple[float, ...], tuple[float, ...]]:
        result = self._result(made, parameters, Span(0, len(self.market)))
        return tuple(one.of(result) for one in self.objectives), tuple(
            float(figure_of(result, name)) for name in FIGURES
        )

    def _signals(self, made: Strategy, market: Market, bars: Bars, *, look: bool) -> Signals:
        """int8[n] of one symbol, checked, and nothing before the strategy's warm-up. look: whether it knows no
        future."""
        frame = self._frame(market, bars) if self.strategy.signals is Strategy.signals else None
        found = checked_signals(made, bars, frame)
        if look and not getattr(made, "causal", False):
            check_look_ahead(made, bars, found, frame=frame)
        return warmed(found, made.warm_up)

    def _frame(self, market: Market, bars: Bars) -> pd.DataFrame:
        """What `generate_signals` is shown; made once where it is of all the bars."""
        kept = self._frames if market is self.market else {}
        if bars.symbol not in kept:
            kept[bars.symbol] = frame_of(bars, market.data.get(bars.symbol))
        return kept[bars.symbol]

    # --- results ---

    def result(self, parameters: Parameters, span: Span | None = None) -> BacktestResult:
        """What the parameters come to over a span of the bars: all of them, unless given."""
        return self._result(self.strategy(**parameters), parameters, span or Span(0, len(self.market)))

    def _result(self, made: Strategy, parameters: Parameters, span: Span) -> BacktestResult:
        from orderwright.backtest.backtester import parameters_of
        from orderwright.backtest.result import BacktestResult

        market = self.market.cut(span)
        outcome = self._traded(made, span, market) if self.signals else self._ordered(made, span, market)
        engine = "kernel" if self.kernel else "orders"
        return BacktestResult(
            outcome,
            market.bars,
            self.rules,
            strategy=made.name,
            parameters=parameters_of(made) or parameters,
            engine=engine,
            warm_up=0 if span.start else made.warm_up,
            bars_per_year=self._bars_per_year,
        )

    def _traded(self, made: Strategy, span: Span, market: Market) -> Outcome:
        """Signals, traded inside the span; the bars before it that sizes look back at have none."""
        seen = self.market.cut(Span(0, span.stop)) if span.stop < len(self.market) else self.market
        back = self.rules.sizing.window if isinstance(self.rules.sizing, VolatilityRisk) else 0
        shown, signals, before = [], {}, []
        for whole, part in zip(seen.bars, market.bars, strict=True):
            start = len(whole) - len(part)
            before.append(min(start, back))
            shown.append(cut(whole, start - before[-1], len(whole)) if before[-1] else part)
            signals[whole.symbol] = warmed(self._looked_at(made, seen, whole)[start - before[-1] :], before[-1])
        outcome = self._run(made, shown, signals)
        return tail(outcome, before, int(market.times[0])) if any(before) else outcome

    def _looked_at(self, made: Strategy, seen: Market, bars: Bars) -> Signals:
        try:
            return self._signals(made, seen, bars, look=True)
        except InputError as error:
            if len(seen.bars) > 1:
                error.at(bars.symbol)
            raise

    def _run(self, made: Strategy, bars: Sequence[Bars], signals: Mapping[str, Signals]) -> Outcome:
        if self.kernel:
            from orderwright.backtest import kernel

            return kernel.run(bars[0], signals[bars[0].symbol], self.rules)
        from orderwright.backtest import orders
        from orderwright.backtest.signal_trader import SignalTrader

        trader = SignalTrader(signals, self.rules, bars=bars, name=made.name)
        return orders.run(trader, bars, self.rules, warm_up=0)

    def _ordered(self, made: Strategy, span: Span, market: Market) -> Outcome:
        """Orders, sent inside the span. The strategy may look at all that was before; with several symbols, whose bars
        may be of different lengths, at its warm-up of each."""
        from orderwright.backtest import orders

        if not span.start:
            return orders.run(made, market.bars, self.rules)
        seen = self.market.cut(Span(0, span.stop)).bars
        before = [len(whole) - len(part) for whole, part in zip(seen, market.bars, strict=True)]
        back = max(made.warm_up, span.start) if len(seen) == 1 else made.warm_up
        shown = [cut(whole, max(0, at - back), len(whole)) for whole, at in zip(seen, before, strict=True)]
        outcome = orders.run(made, shown, self.rules, warm_up=back)
        return tail(outcome, [min(at, back) for at in before], int(market.times[0]))
