"""Data on its way in: whatever holds prices becomes `Bars`, or is refused with its row.

1. The columns are found by name, as in files (market/files.py), and taken as they are: float64 is not copied.
2. One compiled pass checks them all and finds the tick (quick_checks.py).
3. Where that pass is not content, the slow checks of market/candles.py find the row and say what is wrong.

Ticks and steps are made of a column when it is first asked for (`LazyCandles`): a backtest of signals needs few.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from orderwright.backtest.columns import Bars
from orderwright.backtest.gaps import gap_notes
from orderwright.backtest.outcome import Floats, Ints
from orderwright.core.model import Instrument
from orderwright.core.numbers import ONE, text
from orderwright.errors import InputError
from orderwright.market.candles import PRICES, Candles, candles_from_floats, most_common_interval, tick_for
from orderwright.market.files import CANDLE_NAMES, find_columns
from orderwright.market.grid import Source, steps_from_floats
from orderwright.market.symbols import parse_symbol, split_symbol
from orderwright.market.tables import Table, floats, read_table
from orderwright.market.times import microseconds

PLACES = 8
_TOGETHER = 18
_WANTED = {name: names for name, names in CANDLE_NAMES.items() if name != "volume"}
_VOLUME = {"volume": CANDLE_NAMES["volume"]}
_NOTHING: tuple[str, ...] = ()
_UNITS = {"ns": (1, 1_000), "us": (1, 1), "ms": (1_000, 1), "s": (1_000_000, 1)}
_EPOCHS = ((10**17, "ns"), (10**14, "us"), (10**11, "ms"), (10**8, "s"))


class Times(NamedTuple):
    """Open times as they came: microseconds = ticks x times // over. ticks: int64[n]."""

    ticks: Ints
    times: int = 1
    over: int = 1

    def at(self, rows: Any) -> Ints:
        """Some of them, in microseconds."""
        ticks: Ints = self.ticks[rows]
        if self.times != 1:
            return ticks * self.times
        return ticks // self.over if self.over != 1 else ticks


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What was found. times: as they came; index: the pandas index, for series that go back."""

    times: Any
    prices: tuple[Floats, Floats, Floats, Floats]
    volume: Floats
    index: object
    source: Source


class LazyCandles(Candles):
    """Candles whose columns are made of floats, which have been checked, when they are first asked for."""

    __slots__ = ("_floats", "_made", "_times")
    _floats: dict[str, Floats]
    _made: dict[str, Ints]
    _times: Times

    def __new__(cls, *_args: Any, **fields: Any) -> Candles:  # type: ignore[misc]  # Candles too
        """Plain candles where they are made of all fields: `dataclasses.replace`, which a Broker asks for."""
        return Candles(**fields) if "open" in fields else super().__new__(cls)

    def __init__(self, instrument: Instrument, interval: int, times: Times, columns: dict[str, Floats]) -> None:
        told = {"symbol": instrument.symbol, "instrument": instrument, "interval": interval}
        for name, value in {**told, "_times": times, "_floats": columns, "_made": {}}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self._times.ticks)

    def __getitem__(self, rows: slice) -> Candles:
        times = self._times._replace(ticks=np.ascontiguousarray(self._times.ticks[rows]))
        columns = {name: np.ascontiguousarray(column[rows]) for name, column in self._floats.items()}
        return LazyCandles(self.instrument, self.interval, times, columns)

    def times_at(self, rows: Any) -> Ints:
        """Open times of some rows, without making them all."""
        return self._times.at(rows)

    def _column(self, name: str) -> Ints:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Ints:
        if name == "times":
            return self._times.at(slice(None))
        if name == "volume":
            return steps_from_floats(self._floats[name], self.instrument.step_size, name)
        from orderwright.backtest.quick_checks import to_ticks

        ticks = np.empty(len(self), dtype=np.int64)
        to_ticks(self._floats[name], float(self.instrument.tick_size), ticks)
        return ticks

    times = property(lambda self: self._column("times"))
    open = property(lambda self: self._column("open"))
    high = property(lambda self: self._column("high"))
    low = property(lambda self: self._column("low"))
    close = property(lambda self: self._column("close"))
    volume = property(lambda self: self._column("volume"))

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.times, self.open, self.high, self.low, self.close, self.volume)
        return Candles, (self.symbol, self.instrument, self.interval, *columns)


def read(data: Any, symbol: str, instrument: Instrument | None, interval: int | None, source: str) -> Bars:
    """See `bars.read_bars`."""
    if isinstance(data, Bars):
        return data
    if isinstance(data, Candles):
        return from_candles(data)
    name = symbol_of(symbol, instrument)
    return _admitted(_columns(data, name, source), name, instrument, interval)


def from_candles(candles: Candles) -> Bars:
    """The bars of candles that were checked before."""
    instrument = candles.instrument
    if not len(candles):
        raise InputError("there are no bars", field="data", value=0)
    tick, step = float(instrument.tick_size), float(instrument.step_size)
    opens, high, low, close = (getattr(candles, column) * tick for column in PRICES)
    volume = np.multiply(candles.volume, step, dtype=np.float64)
    return Bars(candles, opens, high, low, close, volume, notes=gap_notes(candles))


def symbol_of(symbol: str, instrument: Instrument | None = None) -> str:
    """The one form of a symbol. A name that is no pair, such as GOOG, is traded in USD."""
    if instrument is not None:
        return parse_symbol(symbol, [instrument.symbol])
    try:
        return parse_symbol(symbol)
    except InputError:
        plain = symbol.strip().upper()
        if not plain.isalnum():
            raise
        return f"{plain}/USD"


# Finding the columns


def _columns(data: Any, symbol: str, source: str) -> _Columns:
    base = symbol.partition("/")[0]
    if isinstance(data, str | Path):
        return _from_table(read_table(Path(data)), base, None, None)
    if _is_frame(data):
        return _from_frame(data, base, Source(source))
    if isinstance(data, Mapping):
        columns = [column if isinstance(column, np.ndarray) else _plain(column) for column in data.values()]
        names = [str(name) for name in data]
        return _from_table(Table(names, columns, Source(source)), base, None, None)
    message = f"{type(data).__name__} is not what bars come in: a DataFrame, arrays by name, Candles or a file's path"
    raise InputError(message, field="data", value=type(data).__name__, nearest="DataFrame")


def _is_frame(data: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _plain(column: Any) -> Any:
    """A list, a Series or anything that NumPy reads, as an array; text stays a list."""
    array = np.asarray(column)
    return array if array.dtype.kind in "iufM" else list(column)


def _from_frame(frame: Any, base: str, source: Source) -> _Columns:
    labels = frame.columns.get_level_values(0) if frame.columns.nlevels > 1 else frame.columns
    names = [str(label) for label in labels]
    columns = [_plain(frame.iloc[:, place].to_numpy()) for place in range(len(names))]
    index = frame.index
    numbered = index.dtype.kind in "iu" and (not len(index) or abs(index[0]) < _EPOCHS[-1][0])  # rows, not times
    times = None if numbered else _plain(index.to_numpy())
    table = Table(names, columns, source)
    return _from_table(table, base, times, None if numbered else index)


def _from_table(table: Table, base: str, times: Any, index: object) -> _Columns:
    wanted = {name: names for name, names in _WANTED.items() if name != "time" or times is None}
    found = find_columns(table, wanted, base=base)
    source = table.source
    opens, high, low, close = (_floats(found[name], name, source) for name in PRICES)
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the columns differ in length: {shown}", field="data", where=source.name or None)
    when = found["time"] if times is None else times
    return _Columns(when, (opens, high, low, close), _volume(table, base, len(close)), index, source)


def _volume(table: Table, base: str, length: int) -> Floats:
    """The volume, or zeros where there is none that could be it."""
    try:
        found = find_columns(table, _VOLUME, base=base)["volume"]
    except InputError as error:
        if "two columns" in error.message:
            raise
        return np.zeros(length)
    return _floats(found, "volume", table.source)


def _floats(column: Any, name: str, source: Source) -> Floats:
    """float64[n], one after the other in memory. float32 is widened through its shortest text."""
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        return np.require(column, requirements=["C", "W"])  # a reader of files may lend it read-only
    numbers = floats(column, name, source)
    if numbers.dtype == np.float32:
        numbers = np.array([float(str(number)) for number in numbers])
    return np.require(numbers, np.float64, ["C", "W"])


# Checking them


def _admitted(found: _Columns, symbol: str, instrument: Instrument | None, interval: int | None) -> Bars:
    from orderwright.backtest.quick_checks import BAD, OFF_GRID, admit

    if len(found.prices[0]) < 2:
        count = len(found.prices[0])
        message = f"{count} bars are too few" if count != 1 else "one bar is too few"
        raise InputError(message, field="data", value=count, nearest=2, where=found.source.name or None)
    times = _times(found.times, found.source)
    times = times._replace(ticks=np.require(times.ticks, np.int64, ["C", "W"]))  # pandas may lend them read-only
    tick = 0.0 if instrument is None else float(instrument.tick_size)
    state, places, irregular = admit(times.ticks, *found.prices, found.volume, tick, _most_volume(instrument))
    if state == BAD:
        return _slowly(found, times, symbol, instrument, interval)
    prices, notes = found.prices, _NOTHING
    if state == OFF_GRID:
        prices, places, notes = _rounded(found.prices)
    if instrument is None:
        instrument = instrument_for(symbol, places, float(prices[3][0]), found.volume)
    spacing = interval if interval is not None else _interval(times, irregular, found.source)
    columns = dict(zip((*PRICES, "volume"), (*prices, found.volume), strict=True))
    candles = LazyCandles(instrument, spacing, times, columns)
    gaps = gap_notes(candles) if irregular or interval is not None else ()
    return Bars(candles, *prices, found.volume, index=found.index, notes=(*notes, *gaps))


def _slowly(found: _Columns, times: Times, symbol: str, instrument: Instrument | None, interval: int | None) -> Bars:
    """What the quick pass found fault with, looked at again: raises InputError for the first fault."""
    source, notes, prices = found.source, _NOTHING, found.prices
    if instrument is None:
        _refuse_unreal(prices, source)
        try:
            places = -int(tick_for(prices, source).as_tuple().exponent)
        except InputError:  # more than 8 decimal places
            prices, places, notes = _rounded(prices)
        instrument = instrument_for(symbol, places, float(prices[3][0]), found.volume)
    candles = candles_from_floats(
        instrument, times.at(slice(None)), prices, found.volume, interval=interval, source=source
    )
    gaps = gap_notes(candles)
    return Bars(candles, *prices, found.volume, index=found.index, notes=(*notes, *gaps))


def _refuse_unreal(prices: tuple[Floats, ...], source: Source) -> None:
    """Raises InputError for a price that is missing, infinite or not positive, before anything is made of it."""
    for name, column in zip(PRICES, prices, strict=True):
        for bad, what in (
            (np.isnan(column), "the number is missing (NaN)"),
            (np.isinf(column), "the number is infinite"),
            (column <= 0, "is not a positive price"),
            (column > 1e15, "is more than prices are"),
        ):
            if bad.any():
                at = int(bad.argmax())
                said = what if what.startswith("the") else f"{column[at]:g} {what}"
                raise InputError(said, field=name, value=float(column[at]), where=source.at(at))


def _most_volume(instrument: Instrument | None) -> float:
    return 2.0**62 * (1.0 if instrument is None else float(instrument.step_size))


def _times(values: Any, source: Source) -> Times:
    """Times as int64 of some unit, without a copy where they are that already."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        unit = np.datetime_data(values.dtype)
        if unit[1] == 1 and unit[0] in _UNITS and not np.isnat(values[0]):
            return Times(np.ascontiguousarray(values).view(np.int64), *_UNITS[unit[0]])
    elif isinstance(values, np.ndarray) and values.dtype == np.int64:
        units = {next((unit for least, unit in _EPOCHS if abs(end) >= least), "") for end in (values[0], values[-1])}
        if len(units) == 1 and "" not in units:
            return Times(np.ascontiguousarray(values), *_UNITS[units.pop()])
    return Times(np.ascontiguousarray(microseconds(values, "time", source)))


def _interval(times: Times, irregular: int, source: Source) -> int:
    """The most common distance of two bars, microseconds."""
    if not irregular:
        first, second = times.at(slice(0, 2)).tolist()
        return int(second - first)
    return most_common_interval(times.at(slice(None)), source)


def _rounded(
    prices: tuple[Floats, ...],
) -> tuple[tuple[Floats, Floats, Floats, Floats], int, tuple[str, ...]]:
    """(prices on a fine decimal grid, its places, a note): 1e-8 of the price or 1e-8, whichever is finer."""
    lowest, highest = float(prices[2].min()), float(prices[1].max())
    places = PLACES - min(int(np.floor(np.log10(lowest))), 0)
    places = min(places, 13 - int(np.ceil(np.log10(highest))), _TOGETHER)
    grid = 10.0**places
    rounded = tuple(np.maximum(np.rint(column * grid), 1.0) / grid for column in prices)
    if all(map(np.array_equal, rounded, prices)):
        return rounded, places, ()  # type: ignore[return-value]  # four of them
    note = f"prices have more than {PLACES} decimal places: rounded to {text(ONE.scaleb(-places))}"
    return rounded, places, (note,)  # type: ignore[return-value]


def instrument_for(symbol: str, places: int, price: float, volume: Floats) -> Instrument:
    """An instrument for data that came without one. Its tick has so many places (at least 2); its step is 1e-8, and
    coarser where prices are low, volumes large or ticks fine: the sums of the kernel and of the core stay exact."""
    base, quote = split_symbol(symbol)
    places = max(places, 2)
    most = float(volume.max()) if len(volume) else 0.0
    step = min(PLACES, 7 + int(np.floor(np.log10(price))), _TOGETHER - places)
    step = max(min(step, 18 - int(np.ceil(np.log10(max(most, 1.0))))), 0)
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        tick_size=ONE.scaleb(-places),
        step_size=ONE.scaleb(-step),
        min_quantity=ONE.scaleb(-step),
    )


__all__ = ["LazyCandles", "from_candles", "instrument_for", "read", "symbol_of"]
