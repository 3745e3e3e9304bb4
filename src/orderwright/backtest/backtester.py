"""`Backtester`: the rules of a backtest, checked once, and `run`.

Two engines stand behind it. Signals of one symbol go through the kernel, in milliseconds; a strategy of orders, several
symbols at once, and whatever wants a log, a model or a fault, through the order engine itself. By the rules in rules.py
both give the same fills.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from msgspec import structs

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.checking import Signals, check_look_ahead, checked_signals, frame_of, has_signals, warmed
from orderwright.backtest.kernel.layout import limit_beyond, refuse_limits, refuse_mixed
from orderwright.backtest.rules import (
    PATHS,
    FillAt,
    FixedQuantity,
    PathName,
    PercentOfEquity,
    Rules,
    Sizing,
    TargetPosition,
    VolatilityRisk,
)
from orderwright.backtest.strategy import Strategy, check_strategy
from orderwright.backtest.unused import unused_notes
from orderwright.core.model import Settings
from orderwright.core.numbers import ONE, ZERO, parse_decimal, text
from orderwright.core.order_params import sent_by
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.outcome import Outcome
    from orderwright.backtest.result import BacktestResult
    from orderwright.core.model import Instrument
    from orderwright.ports import Journal
    from orderwright.simulation.faults import Faults
    from orderwright.simulation.models import Models

Number = Decimal | int | float | str
Data = Any
"""A DataFrame, arrays by name, Candles, Bars or a file's path; or a mapping of symbols to any of these."""

ENGINES = ("kernel", "orders")
HUNDRED = Decimal(100)
MOST_BARS = 1_000_000


class Backtester:
    """Trades strategies over history by one set of rules.

    initial_balance: quote units. commission, slippage: fractions of each fill (0.001 is 0.1 %). allow_short: -1 opens a
    short; the instrument is then a linear contract. sizing: PercentOfEquity (100: all of it), FixedQuantity,
    TargetPosition or VolatilityRisk. stop_loss, take_profit, trailing_stop, limit_entry: fractions of a price; None is
    off. limit_bars: how long a limit entry waits. fill_at: "next_open" or "this_close". path: "nearest", "worst",
    "high_first" or "low_first". What each means is at the head of backtest/rules.py. order_params: how orders are sent,
    by name (max_slippage_bps and the rest, docs/order_params.md), by the orders engine; None: market orders have no
    collar, and there is no rate.

    Raises InputError for what cannot be meant, with the nearest that can.
    """

    def __init__(
        self,
        initial_balance: Number = 10_000,
        commission: Number = "0.001",
        slippage: Number = "0.0005",
        *,
        allow_short: bool = False,
        sizing: Sizing | None = None,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        trailing_stop: Number | None = None,
        limit_entry: Number | None = None,
        limit_bars: int = 1,
        fill_at: FillAt = "next_open",
        path: PathName = "nearest",
        order_params: Mapping[str, Any] | None = None,
    ) -> None:
        balance = parse_decimal(initial_balance, "initial_balance")
        if balance <= 0:
            message = f"{text(balance)} is not a balance to begin with"
            raise InputError(message, field="initial_balance", value=initial_balance, nearest=10_000)
        rules = Rules(
            initial_balance=balance,
            commission=_cost(commission, "commission"),
            slippage=_cost(slippage, "slippage"),
            allow_short=bool(allow_short),
            fill_at=_one_of(fill_at, get_args(FillAt), "fill_at"),
            sizing=_sizing(PercentOfEquity() if sizing is None else sizing),
            stop_loss=_distance(stop_loss, "stop_loss"),
            take_profit=_distance(take_profit, "take_profit", most=ONE if allow_short else Decimal(9)),
            trailing_stop=_distance(trailing_stop, "trailing_stop"),
            limit_entry=_distance(limit_entry, "limit_entry"),
            limit_bars=_bars(limit_bars, "limit_bars"),
            path=_one_of(path, PATHS, "path"),
        )
        refuse_mixed(rules)
        self.rules = rules
        self.order_params = dict(order_params) if order_params is not None else None
        if order_params is not None:
            sent_by(Settings(), order_params)

    def run(
        self,
        strategy: Strategy,
        data: Data,
        symbol: str = "BTC/USDT",
        *,
        engine: str | None = None,
        instrument: Instrument | None = None,
        interval: int | None = None,
        warm_up: int | None = None,
        check_look_ahead: bool = True,
        bars_per_year: float | None = None,
        settings: Settings | None = None,
        models: Models | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        keep: int | None = None,
        log: Journal | str | Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> BacktestResult:
        """Run a strategy over history.

        data: a DataFrame, arrays by name, Candles, a file's path (`bars.read_bars`), or a mapping of symbols to any of
        these. symbol, instrument, interval: of data that is one symbol's. engine: "kernel" or "orders"; None takes the
        kernel for signals on one symbol, unless its instrument has limits beyond tick and step (a least value, say).
        Several symbols share one balance. warm_up: how many bars are looked at only (None: the strategy's own).
        check_look_ahead: ask a strategy of signals again on shorter data, to see that it knows no future.
        bars_per_year: what figures are annualised by (None: from the spacing). settings, models, faults, seed, keep,
        log: of the orders engine (orders.run). progress: called now and then with (bars done, bars in all).

        Raises InputError for what cannot be run, before anything is; LookAheadError, one of them, for a strategy that
        peeks; StrategyError and SignalsFailed for what the strategy raises.
        """
        from orderwright.backtest.result import BacktestResult

        check_strategy(strategy)
        several = _several(data)
        bars_per_year = _years(bars_per_year)
        keep = None if keep is None else whole_number(keep, "keep", least=0)
        markets = dict(data) if several else {symbol: data}
        for_orders: dict[str, Any] = {
            "settings": settings,
            "models": models,
            "faults": faults,
            "keep": keep,
            "log": log,
        }
        if self.order_params is not None:
            for_orders = {"order_params": sent_by(settings or Settings(), self.order_params)} | for_orders
        asked = [name for name, value in for_orders.items() if value is not None]
        chosen = self._engine(engine, strategy, len(markets), asked)
        for_orders["settings"] = for_orders.pop("order_params", settings)
        bars = [
            read_bars(one, name, instrument=None if several else instrument, interval=interval)
            for name, one in markets.items()
        ]
        if chosen == "kernel" and limit_beyond(bars[0].candles.instrument):
            if engine == "kernel":
                refuse_limits(bars[0].candles.instrument)
            chosen = "orders"
        first = strategy.warm_up if warm_up is None else whole_number(warm_up, "warm_up", least=0)
        signals = None
        if has_signals(strategy):
            signals = {}
            for one, given in zip(bars, markets.values(), strict=True):
                try:
                    signals[one.symbol] = self._signals(strategy, one, first, given, check_look_ahead=check_look_ahead)
                except InputError as error:
                    if several:
                        error.at(one.symbol)
                    raise
        if chosen == "kernel" and signals:
            from orderwright.backtest.kernel.running import years

            outcome = self._by_kernel(bars[0], signals[bars[0].symbol], progress)
            bars_per_year = years(bars[0]) if bars_per_year is None else bars_per_year
        else:
            outcome = self._by_orders(strategy, bars, signals, first, {**for_orders, "seed": seed}, progress)
        if notes := unused_notes(self.rules, strategy.name, signals=signals is not None):
            outcome = replace(outcome, notes=(*outcome.notes, *notes))
        return BacktestResult(
            outcome,
            bars,
            self.rules,
            strategy=strategy.name,
            parameters=parameters_of(strategy),
            engine=chosen,
            warm_up=first,
            bars_per_year=bars_per_year,
        )

    def _engine(self, engine: str | None, strategy: Strategy, symbols: int, asked: list[str]) -> str:
        """Which engine runs it. Raises InputError where the kernel is asked for and cannot."""
        signals = has_signals(strategy)
        if engine is None:
            return "kernel" if signals and symbols == 1 and not asked else "orders"
        _one_of(engine, ENGINES, "engine")
        if engine == "kernel":
            why = ""
            if not signals:
                why = f"{strategy.name} has no generate_signals; on_bar sends orders"
            elif symbols != 1:
                why = f"{symbols} symbols share one balance"
            elif asked:
                why = f"{asked[0]} is of the orders engine"
            if why:
                raise InputError(f"the kernel cannot run it: {why}", field="engine", value=engine, nearest="orders")
        return engine

    def _signals(self, strategy: Strategy, bars: Bars, warm_up: int, data: Data, *, check_look_ahead: bool) -> Signals:
        """What the strategy says, checked; nothing for the bars that are looked at only."""
        plain = type(strategy).signals is Strategy.signals
        frame = frame_of(bars, data) if plain else None
        signals = checked_signals(strategy, bars, frame)
        if check_look_ahead and not getattr(strategy, "causal", False):
            _look_ahead(strategy, bars, signals, frame=frame)
        return warmed(signals, warm_up)

    def _by_kernel(self, bars: Bars, signals: Signals, progress: Callable[[int, int], None] | None) -> Outcome:
        from orderwright.backtest.kernel.running import run

        outcome = run(bars, signals, self.rules)
        if progress is not None:
            progress(len(bars), len(bars))
        return outcome

    def _by_orders(
        self,
        strategy: Strategy,
        bars: list[Bars],
        signals: dict[str, Signals] | None,
        warm_up: int,
        for_orders: Mapping[str, Any],
        progress: Callable[[int, int], None] | None,
    ) -> Outcome:
        """signals: by symbol, without those of the warm-up; None: the strategy sends orders itself."""
        from orderwright.backtest import orders
        from orderwright.backtest.signal_trader import SignalTrader

        if signals is not None:
            rules = orders.sized_by(self.rules, for_orders["settings"])
            strategy, warm_up = SignalTrader(signals, rules, bars=bars, name=strategy.name), 0
        return orders.run(strategy, bars, self.rules, warm_up=warm_up, progress=progress, **for_orders)

    def __repr__(self) -> str:
        told = {name: value for name, value in structs.asdict(self.rules).items() if value is not None}
        return f"Backtester({', '.join(f'{name}={value}' for name, value in told.items())})"


_look_ahead = check_look_ahead


def parameters_of(strategy: Strategy) -> dict[str, object]:
    """The arguments that a strategy was made with, as far as it kept them under their names."""
    names = [name for name in inspect.signature(type(strategy).__init__).parameters if name not in ("self", "name")]
    return {name: getattr(strategy, name) for name in names if hasattr(strategy, name)}


def _several(data: Data) -> bool:
    """Whether it is a mapping of symbols to data, rather than of names to arrays."""
    if not isinstance(data, Mapping):
        return False
    if not data:
        raise InputError("there is no symbol in it", field="data", value="{}")
    return all(
        isinstance(one, str | Path | Mapping | Bars) or hasattr(one, "columns") or hasattr(one, "instrument")
        for one in data.values()
    )


# The arguments


def _cost(value: Number, field: str) -> Decimal:
    """A commission or slippage: a fraction from 0 up to, and not, 1."""
    number = parse_decimal(value, field)
    if number < 0:
        raise InputError(f"{text(number)} is below 0", field=field, value=value, nearest=0)
    if number >= 1:
        message = f"{text(number)} would be {text(number * HUNDRED)} % of every fill; a fraction is meant"
        raise InputError(message, field=field, value=value, nearest=text(number / HUNDRED))
    return number


def _bars(value: int, field: str) -> int:
    """A number of bars, no more than there can be a use for."""
    number = whole_number(value, field)
    if number > MOST_BARS:
        raise InputError(f"it is more than {MOST_BARS:,} bars", field=field, value=value, nearest=MOST_BARS)
    return number


def _years(bars_per_year: object) -> float | None:
    """What figures are annualised by: a number above 0, or None."""
    if bars_per_year is None:
        return None
    known = isinstance(bars_per_year, Real) and not isinstance(bars_per_year, bool)
    if not known or not 0 < float(bars_per_year) < math.inf:  # type: ignore[arg-type]  # a number, where it is known
        message = (
            f"{bars_per_year!r} is not a number of bars: 365 for days of a market that never rests, 252 for stocks"
        )
        raise InputError(message, field="bars_per_year", value=bars_per_year, nearest=365)
    return float(bars_per_year)  # type: ignore[arg-type]


def _distance(value: Number | None, field: str, most: Decimal = ONE) -> Decimal | None:
    """A distance from a price: a fraction above 0 and below `most`."""
    if value is None:
        return None
    number = parse_decimal(value, field)
    if number <= 0:
        message = f"{text(number)} is no distance; None leaves it out"
        raise InputError(message, field=field, value=value, nearest=text(-number) if number else None)
    if number >= most:
        message = f"{text(number)} would be {text(number * HUNDRED)} % of the price; a fraction is meant"
        raise InputError(message, field=field, value=value, nearest=text(number / HUNDRED))
    return number


def _sizing(sizing: object) -> Sizing:
    match sizing:
        case FixedQuantity():
            quantity = parse_decimal(sizing.quantity, "sizing.quantity")
            if quantity <= 0:
                raise InputError(f"{text(quantity)} is no quantity", field="sizing.quantity", value=sizing.quantity)
            return FixedQuantity(quantity)
        case PercentOfEquity() | TargetPosition() | VolatilityRisk():
            percent = parse_decimal(sizing.percent, "sizing.percent")
            if not ZERO < percent <= HUNDRED:
                near = text(HUNDRED if percent > 0 else ONE)
                message = f"{text(percent)} is not a percentage above 0 and up to 100"
                raise InputError(message, field="sizing.percent", value=sizing.percent, nearest=near)
            if isinstance(sizing, VolatilityRisk):
                return VolatilityRisk(percent, _bars(sizing.window, "sizing.window"))
            return structs.replace(sizing, percent=percent)
        case _:
            message = f"{sizing!r} is not a sizing: PercentOfEquity, FixedQuantity, TargetPosition or VolatilityRisk"
            raise InputError(message, field="sizing", value=sizing, nearest="PercentOfEquity(100)")


def _one_of(value: Any, known: tuple[str, ...], field: str) -> Any:
    if value not in known:
        raise UnknownName(field, str(value), known, field=field)
    return value


__all__ = ["Backtester", "parameters_of"]
