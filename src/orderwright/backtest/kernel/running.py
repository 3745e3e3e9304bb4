"""The kernel, called: arrays in, an `Outcome` or a few figures out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.backtest.kernel import layout as at
from orderwright.backtest.kernel.figures import figures_of
from orderwright.backtest.kernel.layout import beginning
from orderwright.backtest.kernel.simulate import simulate
from orderwright.backtest.memory import floats
from orderwright.backtest.outcome import Fills, Floats, Ints, Outcome
from orderwright.backtest.rules import Rules
from orderwright.errors import InputError

Signals = NDArray[np.int8]

_ROOM = 1_024
_MOST_STEPS = Decimal(2**52)


class Scores(NamedTuple):
    """A few figures of a run. Balances in quote units, drawdown in percent (positive), ratios a year."""

    final_balance: float
    sharpe_ratio: float
    sortino_ratio: float
    max_drawdown: float
    total_trades: int
    winning_trades: int
    losing_trades: int
    ties: int


def run(bars: Bars, signals: Signals, rules: Rules) -> Outcome:
    """What trading these signals comes to. signals: int8[n], 1, -1 or 0 for each bar.

    Raises InputError for signals of another length, rules that do not go together, and balances that are too large for
    the instrument's step.
    """
    signals = _checked(bars, signals, rules)
    equity = floats(len(bars))
    state, _, rows, paid = _simulated(bars, signals, rules, equity, max(_ROOM, len(bars) // 16))
    count = int(state[at.FILLS])
    if count > len(rows):
        state, _, rows, paid = _simulated(bars, signals, rules, equity, count)
    fills = _fills(bars, rows[:count], paid[:count])
    return RunOutcome(bars, equity, fills, int(state[at.TIES]), int(state[at.ORDERS]))


class Scorer:
    """Scores of many runs over the same bars, by the same rules: nothing is kept between them but one array of floats.

    bars_per_year: what ratios are annualised by (`metrics.bars_per_year`). Not for several threads at once.
    """

    def __init__(self, bars: Bars, rules: Rules, bars_per_year: float) -> None:
        self._bars, self._rules, self._bars_per_year = bars, rules, bars_per_year
        self._beginning = beginning(rules, bars.candles.instrument)
        self._initial = float(rules.initial_balance)
        self._equity = np.empty(len(bars))
        self._rows, self._paid = np.empty((0, at.FILL_NUMBERS), np.int64), np.empty((0, at.FILL_AMOUNTS))
        self._fits = False

    def score(self, signals: Signals) -> Scores:
        """The figures of one run. signals and errors: as `run`."""
        if not self._fits or len(signals) != len(self._bars):
            _checked(self._bars, signals, self._rules)
            self._fits = True
        signals = np.ascontiguousarray(signals, dtype=np.int8)
        state, money = (array.copy() for array in self._beginning)
        bars = self._bars
        simulate(
            bars.open, bars.high, bars.low, bars.close, signals, state, money, self._rows, self._paid, self._equity
        )
        found = figures_of(self._equity, self._bars_per_year, self._initial)
        return Scores(
            found.final_balance,
            found.sharpe_ratio,
            found.sortino_ratio,
            found.max_drawdown,
            int(state[at.TRADES]),
            int(state[at.WON]),
            int(state[at.LOST]),
            int(state[at.TIES]),
        )


def score(bars: Bars, signals: Signals, rules: Rules, bars_per_year: float) -> Scores:
    """The figures of one run; of many over the same bars, ask a `Scorer`."""
    return Scorer(bars, rules, bars_per_year).score(signals)


def _simulated(
    bars: Bars, signals: Signals, rules: Rules, equity: Floats, room: int
) -> tuple[Ints, Floats, Ints, Floats]:
    state, money = beginning(rules, bars.candles.instrument)
    rows, paid = np.empty((room, at.FILL_NUMBERS), np.int64), np.empty((room, at.FILL_AMOUNTS))
    simulate(bars.open, bars.high, bars.low, bars.close, signals, state, money, rows, paid, equity)
    return state, money, rows, paid


def _checked(bars: Bars, signals: Signals, rules: Rules) -> Signals:
    if len(signals) != len(bars):
        message = f"{len(signals)} signals for {len(bars)} bars"
        raise InputError(message, field="signals", value=len(signals), nearest=len(bars))
    instrument = bars.candles.instrument
    smallest = Decimal(repr(float(bars.low[0]))) * instrument.step_size if len(bars) else instrument.step_size
    if rules.initial_balance / smallest >= _MOST_STEPS:
        message = f"the balance buys more than 2^52 steps of {instrument.step_size}: a coarser step is needed"
        raise InputError(message, field="initial_balance", value=rules.initial_balance)
    return np.ascontiguousarray(signals, dtype=np.int8)


def _fills(bars: Bars, rows: Ints, paid: Floats) -> Fills:
    numbers, amounts = np.ascontiguousarray(rows.T), np.ascontiguousarray(paid.T)
    bar = numbers[at.FILL_BAR]
    return Fills(
        bar=bar,
        time=_times(bars, bar, numbers[at.STAGE]),
        symbol=np.zeros(len(bar), np.int64),
        side=numbers[at.SIDE],
        price=numbers[at.PRICE],
        quantity=numbers[at.QUANTITY],
        fee=amounts[0],
        slippage=amounts[1],
        reason=numbers[at.REASON],
    )


def _times(bars: Bars, bar: Ints, stage: Ints) -> Ints:
    """When fills happened: at the open, a third or two thirds into the bar, or at its close."""
    opened, closed = spans(bars, bar)
    return opened + (closed - opened) * stage // 3


def spans(bars: Bars, bar: Ints) -> tuple[Ints, Ints]:
    """(open times, close times) of some bars."""
    candles = bars.candles
    look = getattr(candles, "times_at", None)  # candles that make their columns when asked need not make this one
    opened = candles.times[bar] if look is None else look(bar)
    follows = np.minimum(bar + 1, len(candles) - 1)
    after = candles.times[follows] if look is None else look(follows)
    ends = opened + candles.interval
    return opened, np.where(bar + 1 < len(candles), np.minimum(ends, after), ends)


def years(bars: Bars) -> float:
    """`metrics.bars_per_year` of the bars' closes, without making them all."""
    from orderwright.backtest.metrics import YEAR

    last = len(bars) - 1
    if last < 1:
        return float(YEAR / bars.candles.interval)
    first_close, last_close = spans(bars, np.array([0, last]))[1].tolist()
    return float(last * YEAR / (last_close - first_close))


class RunOutcome(Outcome):
    """An outcome whose times and positions are made when they are first asked for."""

    __slots__ = ("_bars", "_made")
    _bars: Bars
    _made: dict[str, Any]

    def __new__(cls, *_args: Any, **fields: Any) -> Outcome:  # type: ignore[misc]  # Outcome too
        """A plain outcome where it is made of all fields: `dataclasses.replace`."""
        return Outcome(**fields) if "symbols" in fields else super().__new__(cls)

    def __init__(self, bars: Bars, equity: Floats, fills: Fills, ties: int, orders: int) -> None:
        told = {
            "symbols": (bars.symbol,),
            "equity": equity,
            "fills": fills,
            "ties": ties,
            "orders": orders,
            "log": None,
            "notes": (),
            "executed": None,
            "_bars": bars,
            "_made": {},
        }
        for name, value in told.items():
            object.__setattr__(self, name, value)

    @property
    def times(self) -> Ints:
        if "times" not in self._made:
            self._made["times"] = self._bars.candles.close_times
        made: Ints = self._made["times"]
        return made

    @property
    def position(self) -> Floats:
        if "position" not in self._made:
            self._made["position"] = positions(self._bars, self.fills)
        made: Floats = self._made["position"]
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        told = (self.symbols, self.times, self.equity, self.position, self.fills, self.ties, self.orders)
        return Outcome, told


def positions(bars: Bars, fills: Fills) -> Floats:
    """float64[n], quote units, signed: the value of what is held at each close."""
    steps = np.zeros(len(bars), np.int64)
    np.add.at(steps, fills.bar, fills.side * fills.quantity)
    return np.cumsum(steps) * float(bars.candles.instrument.step_size) * bars.close
