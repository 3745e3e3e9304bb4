"""Signals, before anything is traded on them: whether they are signals, and whether they knew the future.

- One for each bar, 1 (long), -1 (short, or flat) or 0 (hold); a Series has the index of the data.
- What a strategy says for a bar may depend on that bar and those before it. So it is asked again with the data cut off
  at some bars, most of them where its signals change, as a peek does that says something: everything up to there must
  be as it was. A strategy that peeks is named with the bar and both values. (One that rolls dice is found out too; give
  it a seed.) The cuts are a sample (`cuts_for`): who peeks at a few bars of many may pass.
- `causal = True` on a class says that its own tests have looked: it is not asked again.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError, OrderwrightError
from orderwright.market.times import iso

if TYPE_CHECKING:
    import pandas as pd

Signals = NDArray[np.int8]

COLUMNS = ("open", "high", "low", "close", "volume")
_FEWEST, _MOST, _WORK = 8, 64, 2**19


class LookAheadError(InputError):
    """A strategy's signals depend on bars that had not happened. bar: the index of the first such signal."""

    def __init__(self, message: str, *, bar: int, value: int) -> None:
        self.bar = bar
        super().__init__(message, field="signals", value=value)


class SignalsFailed(OrderwrightError):
    """A strategy raised in generate_signals; its own error is the cause. strategy: its name."""

    def __init__(self, strategy: str, error: Exception) -> None:
        self.strategy = strategy
        super().__init__(f"{strategy} in generate_signals: {type(error).__name__}: {error}")


def has_signals(strategy: Strategy) -> bool:
    """Whether it says what it wants by signals."""
    kind = type(strategy)
    return kind.signals is not Strategy.signals or kind.generate_signals is not Strategy.generate_signals


def checked_signals(strategy: Strategy, bars: Bars, frame: pd.DataFrame | None = None) -> Signals:
    """What a strategy says of these bars, int8[n]. frame: what `generate_signals` is shown (None: made of the bars).

    Raises InputError for what are no signals, naming row and value; SignalsFailed for what the strategy raises (its own
    InputErrors stay what they are).
    """
    try:
        if type(strategy).signals is not Strategy.signals:
            said, index = strategy.signals(bars), None
        else:
            shown = frame_of(bars) if frame is None else frame.copy()
            said, index = strategy.generate_signals(shown), shown.index
    except InputError:
        raise
    except Exception as error:
        raise SignalsFailed(strategy.name, error) from error
    return _signals(said, index, bars, strategy.name)


def frame_of(bars: Bars, data: Any = None) -> pd.DataFrame:
    """The bars as a DataFrame: open, high, low, close, volume, with the index that they came with, else their open
    times (UTC). data: the DataFrame that they were made of; what else it has is kept."""
    import pandas as pd

    index = bars.index
    if index is None:
        index = pd.DatetimeIndex(bars.candles.times.astype("datetime64[us]"), tz="UTC", name="time")
    frame = pd.DataFrame({name: getattr(bars, name) for name in COLUMNS}, index=index)
    if isinstance(data, pd.DataFrame) and data.columns.nlevels == 1:
        for place, label in enumerate(data.columns):
            if label in frame.columns[len(COLUMNS) :]:
                raise InputError("two columns of the data have this name", field=str(label), value=str(label))
            if str(label).lower() not in COLUMNS:
                frame[label] = data.iloc[:, place].to_numpy()
    return frame


def _signals(said: Any, index: Any, bars: Bars, name: str) -> Signals:
    pandas_index = getattr(said, "index", None)
    try:
        values = np.asarray(said)
    except ValueError:
        message = f"{name} gave lists of several lengths for signals"
        raise InputError(message, field="signals", value=type(said).__name__, nearest=len(bars)) from None
    if values.ndim != 1 or len(values) != len(bars):
        shape = len(values) if values.ndim == 1 else "x".join(map(str, values.shape)) or "no array of"
        message = f"{name} gave {shape} signals for {len(bars)} bars"
        raise InputError(message, field="signals", value=shape, nearest=len(bars))
    if index is not None and pandas_index is not None and not callable(pandas_index) and not pandas_index.equals(index):
        at = next((at for at, (one, other) in enumerate(zip(pandas_index, index, strict=True)) if one != other), 0)
        message = f"{name}'s signals have another index: row {at + 1} is {pandas_index[at]!r} there, {index[at]!r} here"
        raise InputError(message, field="signals", value=str(pandas_index[at]), nearest=str(index[at]))
    if values.dtype == np.int8:
        if not len(values) or (values.min() >= -1 and values.max() <= 1):
            return np.ascontiguousarray(values)
    elif values.dtype.kind not in "iufb":
        values = values.astype(object)  # NumPy would drop half of a complex number, with a warning
        values = _numbers(values, bars, name)
    bad = ~np.isin(values, (-1, 0, 1))
    if bad.any():
        _refuse(values[int(bad.argmax())], int(bad.argmax()), bars, name)
    return np.ascontiguousarray(values.astype(np.int8))


def _numbers(values: Any, bars: Bars, name: str) -> Any:
    """Objects (mixed columns, pandas' own types) as float64."""
    numbers = np.empty(len(values))
    for at, value in enumerate(values):
        try:
            numbers[at] = float(value)
        except (TypeError, ValueError):
            _refuse(value, at, bars, name)
    return numbers


def _refuse(value: Any, at: int, bars: Bars, name: str) -> None:
    number = float(value) if isinstance(value, np.number) else value
    shown = f"{number:g}" if isinstance(number, float) else repr(value)
    known = isinstance(number, float) and number == number  # not NaN
    message = (
        f"{name} gave {'NaN' if shown == 'nan' else shown} for bar {at} ({_when(bars, at)}): a signal is 1, -1 or 0"
    )
    near = int(np.sign(number)) if known and isinstance(number, float) else 0
    raise InputError(message, field="signals", value=number, nearest=near, where=f"row {at + 1}")


def _when(bars: Bars, at: int) -> str:
    return iso(int(bars.candles[at : at + 1].times[0]))


def warmed(signals: Signals, warm_up: int) -> Signals:
    """Signals without those of the bars that are looked at only."""
    if warm_up and signals[:warm_up].any():
        signals = signals.copy()
        signals[:warm_up] = 0
    return signals


def check_look_ahead(
    strategy: Strategy,
    bars: Bars,
    signals: Signals,
    samples: int | None = None,
    seed: int = 0,
    frame: pd.DataFrame | None = None,
) -> None:
    """Ask a strategy again on data cut off at some bars. signals: what it said of all of them. samples: how many cuts
    (None: `cuts_for` so many bars). seed: of the choice.

    Raises LookAheadError (an InputError) for the first signal that is another one then. Where the strategy cannot say
    anything of so few bars (it raises), that cut tells nothing.
    """
    samples = cuts_for(len(bars)) if samples is None else samples
    for last in _cuts(signals, samples, seed, strategy.warm_up):
        part = head(bars, last + 1)
        try:
            again = checked_signals(strategy, part, None if frame is None else frame.iloc[: last + 1])
        except OrderwrightError:
            continue
        differs = np.flatnonzero(again != signals[: last + 1])
        if len(differs):
            at = int(differs[0])
            message = (
                f"{strategy.name} looks ahead: its signal for bar {at} ({_when(bars, at)}) is {int(signals[at])} with"
                f" all {len(bars)} bars, but {int(again[at])} with those up to bar {last}"
            )
            raise LookAheadError(message, bar=at, value=int(signals[at]))


def head(bars: Bars, count: int) -> Bars:
    """The first bars."""
    index = None if bars.index is None else bars.index[:count]  # type: ignore[index]  # a pandas index
    opens, high, low, close, volume = (getattr(bars, name)[:count] for name in COLUMNS)
    return Bars(bars.candles[:count], opens, high, low, close, volume, index, bars.notes)


def cuts_for(bars: int) -> int:
    """How many cuts so many bars get: what they cost is cuts x bars, and no clock decides. 64 of up to 8,192 bars, 8 of
    65,536 and more."""
    return max(_FEWEST, min(_MOST, _WORK // max(bars, 1)))


def _cuts(signals: Signals, samples: int, seed: int, warm_up: int) -> list[int]:
    """The last bars of the cuts. A peek shows where the signal that it made is the last one: so a quarter of them are
    at bars that say something else than both their neighbours, a quarter at other bars where the signal changes, some
    just before, the rest anywhere."""
    first, last = min(warm_up + 1, len(signals) - 2), len(signals) - 2
    if last < 1:
        return []
    rng = random.Random(seed)
    changed = np.flatnonzero(np.diff(signals)) + 1
    alone = changed[:-1][np.diff(changed) == 1]
    picked: set[int] = set()
    for bars, before in ((alone, 0), (changed, 0), (changed, 1)):
        several = bars[(bars >= first + before) & (bars <= last)]
        count = min(samples // (8 if before else 4), len(several))
        picked.update(int(several[at]) - before for at in rng.sample(range(len(several)), count))
    while len(picked) < min(samples, last - first + 1):
        picked.add(rng.randint(first, last))
    return sorted(picked)


__all__ = [
    "LookAheadError",
    "SignalsFailed",
    "check_look_ahead",
    "checked_signals",
    "cuts_for",
    "frame_of",
    "has_signals",
    "head",
    "warmed",
]
