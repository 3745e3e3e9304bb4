"""Data on its way in: whatever holds prices becomes `Bars`, or is refused with its row.

1. The columns are found by name, as in files (market/files.py), and copied: what the caller does with his own arrays
   afterwards changes no result. Of more than 2^18 bars only times and closes are: a copy of the rest would cost as much
   as the run. Charts and buy-and-hold look at the rest when they are asked for. Nothing here writes to any of them.
2. One compiled pass checks them all and finds the tick (quick_checks.py).
3. Where that pass is not content, the slow checks of market/candles.py find the row and say what is wrong.

Ticks and steps are made of a column when it is first asked for (lazy_candles.py): a backtest of signals needs few.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.columns import Bars
from orderwright.backtest.gaps import gap_notes
from orderwright.backtest.lazy_candles import LazyCandles, Times
from orderwright.backtest.memory import copied
from orderwright.backtest.outcome import Floats
from orderwright.core.model import DAY, MINUTE, Instrument
from orderwright.core.numbers import ONE, text
from orderwright.errors import InputError
from orderwright.market.candles import PRICES, Candles, candles_from_floats, most_common_interval, tick_for
from orderwright.market.files import CANDLE_NAMES, find_columns
from orderwright.market.grid import Source
from orderwright.market.symbols import parse_symbol, split_symbol
from orderwright.market.tables import Table, floats, read_table
from orderwright.market.times import microseconds

PLACES = 8
_TOGETHER = 18
_WANTED = {name: names for name, names in CANDLE_NAMES.items() if name != "volume"}
_VOLUME = {"volume": CANDLE_NAMES["volume"]}
_LONGEST = 3_653 * DAY
_COPIED = 2**18
_NOTHING: tuple[str, ...] = ()
_UNITS = {"ns": (1, 1_000), "us": (1, 1), "ms": (1_000, 1), "s": (1_000_000, 1)}
_EPOCHS = ((10**17, "ns"), (10**14, "us"), (10**11, "ms"), (10**8, "s"))


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What was found. times: as they came; index: the pandas index, for series that go back."""

    times: Any
    prices: tuple[Floats, Floats, Floats, Floats]
    volume: Floats
    index: object
    source: Source


def _spacing(interval: object) -> int:
    """An interval in microseconds, checked."""
    try:
        number = whole_number(interval, "interval")
    except InputError as error:
        error.nearest = MINUTE if error.nearest == 1 else error.nearest
        error.message += "; an interval is in microseconds"
        raise
    if number > _LONGEST:
        raise InputError(
            "it is longer than ten years (microseconds)", field="interval", value=interval, nearest=_LONGEST
        )
    return number


def read(data: Any, symbol: str, instrument: Instrument | None, interval: int | None, source: str) -> Bars:
    """See `bars.read_bars`."""
    if isinstance(data, Bars):
        return data
    if isinstance(data, Candles):
        return from_candles(data)
    if instrument is not None and not isinstance(instrument, Instrument):
        raise InputError(f"{instrument!r} is not an Instrument", field="instrument", value=instrument)
    interval = None if interval is None else _spacing(interval)
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
    if not isinstance(symbol, str):
        raise InputError(f"{symbol!r} is not a symbol", field="symbol", value=symbol, nearest="BTC/USDT")
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
        columns = [_plain(column) for column in data.values()]
        names = [str(name) for name in data]
        return _from_table(Table(names, columns, Source(source)), base, None, None)
    message = f"{type(data).__name__} is not what bars come in: a DataFrame, arrays by name, Candles or a file's path"
    raise InputError(message, field="data", value=type(data).__name__, nearest="DataFrame")


def _is_frame(data: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _plain(column: Any) -> Any:
    """A list, a Series or anything that NumPy reads, as an array; text and mixed columns as lists; what is no column
    as it is."""
    if isinstance(column, np.ma.MaskedArray):
        return column
    try:
        array = np.asarray(column)
    except ValueError:  # ragged
        return list(column)
    if array.dtype.kind in "iufM":
        return array
    if array.ndim != 1:
        return column
    return array.tolist() if array.dtype.kind == "c" else list(map(_time_or_text, column))


def _time_or_text(value: Any) -> Any:
    """A value of a column that is no array: dates as times; what is missing as None."""
    if isinstance(value, datetime):
        return value if value == value else None  # NaT is a datetime, and no other
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else value


def _one_column(column: Any, name: str, source: Source) -> Any:
    """Raises InputError for what was found under a name and is not one column of values."""
    if isinstance(column, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(column)
        if missing.ndim == 1 and missing.any():
            raise InputError("the number is missing (masked)", field=name, where=source.at(int(missing.argmax())))
        column = column.data
    if isinstance(column, list) or (isinstance(column, np.ndarray) and column.ndim == 1):
        return column
    value = repr(column)[:40]
    if isinstance(column, np.ndarray):
        value = f"an array of {'x'.join(map(str, column.shape))}" if column.ndim else str(column)
    raise InputError(f"{value} is not a column: one value for each bar", field=name, value=value)


def _from_frame(frame: Any, base: str, source: Source) -> _Columns:
    names = _labels(frame, base)
    columns = [_plain(frame.iloc[:, place].to_numpy()) for place in range(len(names))]
    index = frame.index
    numbered = index.dtype.kind in "iu" and (not len(index) or abs(index[0]) < _EPOCHS[-1][0])  # rows, not times
    opened = index.to_timestamp() if hasattr(index, "to_timestamp") else index  # a period opens when it begins
    times = None if numbered else _plain(opened.to_numpy())
    return _from_table(Table(names, columns, source), base, times, index)


def _labels(frame: Any, base: str) -> list[str]:
    """The names of the columns; of several levels that one on which the prices stand, whichever it is."""
    levels = range(frame.columns.nlevels)
    named = [[str(label) for label in frame.columns.get_level_values(level)] for level in levels]
    for names in named:
        try:
            find_columns(Table(names, [[]] * len(names), Source()), {"close": CANDLE_NAMES["close"]}, base=base)
        except InputError as error:
            if "two columns" not in error.message:
                continue
        return names
    return named[0]


def _from_table(table: Table, base: str, times: Any, index: object) -> _Columns:
    wanted = {name: names for name, names in _WANTED.items() if name != "time" or times is None}
    found = find_columns(table, wanted, base=base)
    source = table.source
    found = {name: _one_column(column, name, source) for name, column in found.items()}
    opens, high, low, close = (_floats(found[name], name, source) for name in PRICES)
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the columns differ in length: {shown}", field="data", where=source.name or None)
    when = _own(found["time"]) if times is None else times
    return _Columns(when, (opens, high, low, close), _volume(table, base, len(close)), index, source)


def _own(times: Any) -> Any:
    """A column of times that its owner can write to no more."""
    if isinstance(times, np.ndarray) and times.dtype.kind in "iM" and times.dtype.itemsize == 8:
        return copied(np.ascontiguousarray(times).view(np.float64)).view(times.dtype)
    return times


def _volume(table: Table, base: str, length: int) -> Floats:
    """The volume, or zeros where there is none that could be it."""
    try:
        found = find_columns(table, _VOLUME, base=base)["volume"]
    except InputError as error:
        if "two columns" in error.message:
            raise
        return np.zeros(length)
    return _floats(_one_column(found, "volume", table.source), "volume", table.source)


def _floats(column: Any, name: str, source: Source) -> Floats:
    """float64[n] of our own, one after the other in memory. float32 is widened through its shortest text."""
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        if len(column) <= _COPIED or name == "close":
            return copied(column)
        return np.require(column, requirements=["C", "A"])
    numbers = floats(column, name, source)
    if numbers.dtype == np.float32:
        numbers = np.array([float(str(number)) for number in numbers])
    return np.ascontiguousarray(numbers, np.float64)


# Checking them


def _admitted(found: _Columns, symbol: str, instrument: Instrument | None, interval: int | None) -> Bars:
    from orderwright.backtest.quick_checks import BAD, OFF_GRID, admit

    if len(found.prices[0]) < 2:
        count = len(found.prices[0])
        message = f"{count} bars are too few" if count != 1 else "one bar is too few"
        raise InputError(message, field="data", value=count, nearest=2, where=found.source.name or None)
    times = _times(found.times, found.source)
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
    _times_known(found.times, source)
    _refuse_unreal(prices, found.volume, _most_volume(instrument), source)
    if instrument is None:
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


def _times_known(times: Any, source: Source) -> None:
    """Raises InputError for the first datetime that is missing: as a number it would be one long ago."""
    if isinstance(times, np.ndarray) and times.dtype.kind == "M":
        microseconds(times, "time", source)


def _refuse_unreal(prices: tuple[Floats, ...], volume: Floats, most_volume: float, source: Source) -> None:
    """Raises InputError for a price that is missing, infinite or not positive, and for a volume that is none, before
    anything is made of them."""
    for name, column in zip(PRICES, prices, strict=True):
        _refuse_numbers(column, name, (column <= 0, "is not a positive price"), (column > 1e15, "prices"), source)
    _refuse_numbers(volume, "volume", (volume < 0, "is negative"), (volume > most_volume, "volumes"), source)


def _refuse_numbers(column: Floats, name: str, low: tuple[Any, str], high: tuple[Any, str], source: Source) -> None:
    for bad, what in (
        (np.isnan(column), "the number is missing (NaN)"),
        (np.isinf(column), "the number is infinite"),
        low,
        (high[0], f"is more than {high[1]} are"),
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
        if values.dtype.isnative and unit[1] == 1 and unit[0] in _UNITS and not np.isnat(values[0]):
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
