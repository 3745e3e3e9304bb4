"""Candles and trades from files, with columns found by name.

Names are compared without case, spaces and punctuation, so `Open`, `<OPEN>`, `open_time` and `Open time` are found.
`Adj Close` is not the close, `Volume USDT` is the volume only of a symbol whose base is USDT. Times are read by
`times.py` (no zone is UTC; epoch units by size), numbers as float64, which carries 15 digits exactly.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from orderwright.core.model import Instrument
from orderwright.core.numbers import text
from orderwright.errors import InputError, nearest_name
from orderwright.market.candles import Candles, candles_from_floats, tick_for
from orderwright.market.feeds import Trades, trades_from_floats
from orderwright.market.grid import infer_tick
from orderwright.market.instruments import DEFAULT_STEP, default_instrument
from orderwright.market.symbols import parse_symbol
from orderwright.market.tables import Column, Table, floats, read_table
from orderwright.market.times import iso, microseconds

TIME = ("opentime", "timestamp", "datetime", "date", "time", "unix", "ts", "t", "index", "indexlevel0", "unnamed0", "")
CANDLE_NAMES = {
    "time": TIME,
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "basevolume", "volumebase"),
}
TRADE_NAMES = {
    "time": TIME,
    "price": ("price", "p"),
    "size": ("size", "amount", "quantity", "qty", "q", "volume"),
}
SIDE = ("side", "aggressor", "takerside")
BUYER_IS_MAKER = ("isbuyermaker", "buyermaker", "m")
SIDES = {"buy": 1, "b": 1, "sell": -1, "s": -1}
MAKERS = {"true": -1, "false": 1}


def load_candles(
    path: str | Path, symbol: str, instrument: Instrument | None = None, *, interval: int | None = None
) -> Candles:
    """The candles of a CSV (also .gz, .zip), feather, Parquet or JSON file, checked (see `candles.py`).

    symbol: in any form (`parse_symbol`). instrument: without one, a default with the tick that the prices show
    (`tick_for`), step 0.00001. interval: microseconds; the most common difference of the times where it is not given.
    Raises InputError naming file, line or row, column and value for anything that cannot be trusted.
    """
    return _candles(read_table(Path(path)), symbol, instrument, interval=interval)


def load_trades(path: str | Path, symbol: str, instrument: Instrument | None = None) -> Trades:
    """The public trades of a file, checked. Columns: time, price, amount (or size, quantity, qty), maybe side.

    side is the aggressor's (buy, sell); Binance's isBuyerMaker is read too. Raises InputError as `load_candles` does.
    """
    return _trades(read_table(Path(path)), symbol, instrument)


def load_either(path: str | Path, symbol: str, *, step_size: Decimal) -> Candles | Trades:
    """Candles, where the file has a column of opens, else trades; sizes in steps of `step_size`."""
    table = read_table(Path(path))
    read = _candles if {_plain(name) for name in table.names} & set(CANDLE_NAMES["open"]) else _trades
    return read(table, symbol, None, step_size=step_size)


def write_candles_csv(candles: Candles, path: str | Path) -> None:
    """Candles as a CSV that `load_candles` reads back to the same ticks and steps: ISO times, exact decimals."""
    price, quantity = candles.instrument.price, candles.instrument.quantity
    lines = ["timestamp,open,high,low,close,volume"]
    columns = (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume)
    for time, *ohlc, volume in zip(*(column.tolist() for column in columns), strict=True):
        lines.append(",".join([iso(time), *(text(price(ticks)) for ticks in ohlc), text(quantity(volume))]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _candles(
    table: Table,
    symbol: str,
    instrument: Instrument | None,
    *,
    interval: int | None = None,
    step_size: Decimal = DEFAULT_STEP,
) -> Candles:
    symbol = parse_symbol(symbol, None if instrument is None else [instrument.symbol])
    found = find_columns(table, CANDLE_NAMES, base=symbol.partition("/")[0])
    source = table.source
    times = microseconds(found["time"], "time", source)
    opens, highs, lows, closes, volume = (
        floats(found[name], name, source) for name in ("open", "high", "low", "close", "volume")
    )
    prices = (opens, highs, lows, closes)
    if instrument is None:
        instrument = default_instrument(symbol, tick_for(prices, source), step_size)
    return candles_from_floats(instrument, times, prices, volume, interval=interval, source=source)


def _trades(table: Table, symbol: str, instrument: Instrument | None, *, step_size: Decimal = DEFAULT_STEP) -> Trades:
    symbol = parse_symbol(symbol, None if instrument is None else [instrument.symbol])
    found = find_columns(table, TRADE_NAMES, base=symbol.partition("/")[0])
    times = microseconds(found["time"], "time", table.source)
    price = floats(found["price"], "price", table.source)
    size = floats(found["size"], "size", table.source)
    if instrument is None:
        instrument = default_instrument(symbol, infer_tick(price, "price", table.source), step_size)
    return trades_from_floats(instrument, times, price, size, _aggressors(table), source=table.source)


def find_columns(table: Table, wanted: dict[str, tuple[str, ...]], *, base: str) -> dict[str, Column]:
    """The columns that play each wanted role. Raises InputError where one is missing (the nearest name is offered) or
    is there twice."""
    plain = [_plain(name) for name in table.names]
    found: dict[str, Column] = {}
    for role, names in wanted.items():
        candidates = (*names, f"volume{base.lower()}") if role == "volume" else names
        found[role] = table.columns[_position(table, plain, role, candidates)]
    return found


def _position(table: Table, plain: list[str], role: str, names: tuple[str, ...]) -> int:
    for name in names:
        places = [at for at, column in enumerate(plain) if column == name]
        if len(places) > 1:
            twice = " and ".join(repr(table.names[at]) for at in places)
            raise InputError(f"two columns can be it: {twice}", field=role, where=table.source.name)
        if places:
            return places[0]
    shown = ", ".join(name or "(unnamed)" for name in table.names)
    raise InputError(
        f"no such column; there are: {shown}",
        field=role,
        nearest=nearest_name(role, [name for name in table.names if _plain(name) not in _TAKEN]),
        where=table.source.name,
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _aggressors(table: Table) -> list[int] | None:
    """+1 where the buyer took, -1 where the seller did; None where the file does not say."""
    plain = [_plain(name) for name in table.names]
    for names, words in ((SIDE, SIDES), (BUYER_IS_MAKER, MAKERS)):
        for name in names:
            if name in plain:
                return _sides(table, plain.index(name), words)
    return None


def _sides(table: Table, position: int, words: dict[str, int]) -> list[int]:
    """One aggressor per row; an empty cell is 0, not known."""
    sides: list[int] = []
    for at, value in enumerate(table.columns[position]):
        side = 0 if value is None or value == "" else words.get(str(value).strip().lower())
        if side is None:
            message = f"{value!r} is not one of {', '.join(words)}"
            raise InputError(message, field=table.names[position], value=value, where=table.source.at(at))
        sides.append(side)
    return sides


_TAKEN = {name for names in (*CANDLE_NAMES.values(), *TRADE_NAMES.values()) for name in names}
