"""Candles and trades from files: every form that is read, and what is said about every one that cannot be."""

import gzip
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from orderwright.core.model import Instrument
from orderwright.errors import InputError
from orderwright.market.candles import Candles
from orderwright.market.files import load_candles, load_trades, write_candles_csv
from orderwright.market.instruments import default_instrument

MINUTE = 60_000_000
MIDNIGHT = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
HEADER = "timestamp,open,high,low,close,volume"
ROWS = [
    "2024-01-01 00:00:00,100,101.5,99,101,1.5",
    "2024-01-01 00:01:00,101,102,100,100.5,2",
    "2024-01-01 00:02:00,100.5,101,100,100.25,2.5",
]
Write = Callable[..., str]


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def the_candles(instrument: Instrument | None = None) -> Candles:
    """What ROWS say."""
    instrument = instrument or default_instrument("BTC/USDT", Decimal("0.01"))
    times = ints(MIDNIGHT, MIDNIGHT + MINUTE, MIDNIGHT + 2 * MINUTE)
    prices = (ints(10000, 10100, 10050), ints(10150, 10200, 10100), ints(9900, 10000, 10000), ints(10100, 10050, 10025))
    return Candles("BTC/USDT", instrument, MINUTE, times, *prices, ints(150_000, 200_000, 250_000))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file in an empty working folder and gives its name, so that messages are the same everywhere."""
    monkeypatch.chdir(tmp_path)

    def write(*lines: str, name: str = "btc.csv") -> str:
        Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    return write


def message(path: str, instrument: Instrument | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_candles(path, "BTC/USDT", instrument)
    return str(caught.value)


# --- the real files ---


@pytest.mark.parametrize(
    ("file", "symbol", "rows", "first", "last", "tick", "interval", "gaps"),
    [
        ("binance-spot-BTCUSDT-1m.feather", "BTC/USDT", 43_209, "2024-07-26 14:15", "2024-08-25 14:23", "0.01", 60, 0),
        ("binance-spot-ETHUSDT-1m.feather", "ETH/USDT", 43_208, "2024-07-26 14:16", "2024-08-25 14:23", "0.01", 60, 0),
        (
            "binance-usdm-ADAUSDT-1m.feather",
            "ADA/USDT",
            43_199,
            "2025-05-09 18:18",
            "2025-06-08 18:16",
            "0.0001",
            60,
            0,
        ),
        ("bybit-linear-ADAUSDT-1m.csv", "ADA/USDT", 43_200, "2025-05-30 16:40", "2025-06-29 16:39", "0.0001", 60, 0),
        ("kraken-spot-BTCUSDT-1m.feather", "BTC/USDT", 5_388, "2023-11-17", "2023-11-22 08:41", "0.1", 60, 1_367),
        ("nasdaq-GOOG-1d.csv", "GOOG/USD", 2_148, "2004-08-19", "2013-03-01", "0.01", 86_400, 463),
    ],
)
def test_a_real_file_loads_whole(
    shared: Path, file: str, symbol: str, rows: int, first: str, last: str, tick: str, interval: int, gaps: int
) -> None:
    candles = load_candles(shared / "data" / "candles" / file, symbol)

    ends = [pd.Timestamp(moment, tz="UTC").value // 1_000 for moment in (first, last)]
    assert (len(candles), candles.times[[0, -1]].tolist()) == (rows, ends)
    assert (candles.symbol, candles.instrument.tick_size, candles.interval) == (symbol, Decimal(tick), interval * 10**6)
    assert len(candles.gaps()) == gaps


@pytest.mark.parametrize("file", ["binance-spot-BTCUSDT-1m.feather", "binance-usdm-ADAUSDT-1m.feather"])
def test_every_price_of_a_real_file_comes_back_exactly(shared: Path, file: str) -> None:
    path = shared / "data" / "candles" / file
    candles = load_candles(path, "X/USDT")
    frame = pd.read_feather(path)

    for name in ("open", "high", "low", "close"):
        given = [Decimal(repr(price)) for price in frame[name].tolist()]
        assert [candles.instrument.price(ticks) for ticks in getattr(candles, name)] == given


def test_a_finer_tick_than_the_prices_need_is_accepted(shared: Path) -> None:
    instrument = default_instrument("BTC/USDT", Decimal("0.00000001"))

    candles = load_candles(shared / "data/candles/binance-spot-BTCUSDT-1m.feather", "BTCUSDT", instrument)

    assert candles.instrument.price(candles.open[0]) == Decimal("67745.75")


def test_days_without_trading_are_reported_as_gaps(shared: Path) -> None:
    candles = load_candles(shared / "data/candles/nasdaq-GOOG-1d.csv", "GOOG/USD")

    friday = pd.Timestamp("2004-08-20", tz="UTC").value // 1_000
    assert candles.gaps()[0] == (friday, 2)


def test_binance_klines_load_from_the_answer_itself(shared: Path) -> None:
    path = shared / "fixtures/binance_payloads/test_data/spot/http_json/klines_response.json"

    candles = load_candles(path, "ETHBTC", interval=7 * 1440 * MINUTE)

    price = candles.instrument.price
    assert [price(column[0]) for column in (candles.open, candles.high, candles.low, candles.close)] == [
        Decimal(text) for text in ("0.0163479", "0.8", "0.015758", "0.015771")
    ]


# --- forms ---


def test_a_csv_is_read(write: Write) -> None:
    assert load_candles(write(HEADER, *ROWS), "BTC/USDT") == the_candles()


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        ",Open,High,Low,Close,Volume",
        "open_time,o,h,l,c,v",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        "Unix,Open,High,Low,Close,Volume BTC",
    ],
)
def test_columns_are_found_by_their_usual_names(write: Write, header: str) -> None:
    assert load_candles(write(header, *ROWS), "BTC/USDT") == the_candles()


def test_the_adjusted_close_and_the_quote_volume_are_not_taken(write: Write) -> None:
    rows = [f"{row},7,8" for row in ROWS]

    assert load_candles(write("Date,Open,High,Low,Close,Volume,Adj Close,Volume USDT", *rows), "BTC/USDT") == (
        the_candles()
    )


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_may_have_another_delimiter(write: Write, delimiter: str) -> None:
    lines = [line.replace(",", delimiter) for line in (HEADER, *ROWS)]

    assert load_candles(write(*lines), "BTC/USDT") == the_candles()


def test_a_csv_from_windows_with_a_byte_order_mark_is_read(write: Write) -> None:
    Path(write()).write_bytes(b"\xef\xbb\xbf" + "\r\n".join([HEADER, *ROWS]).encode())

    assert load_candles("btc.csv", "BTC/USDT") == the_candles()


def test_a_kline_dump_without_a_header_is_read(write: Write) -> None:
    lines = [f"{(MIDNIGHT + at * MINUTE) // 1000},{row.partition(',')[2]},0,0,0" for at, row in enumerate(ROWS)]

    assert load_candles(write(*lines), "BTC/USDT") == the_candles()


def test_a_column_that_turns_to_decimals_late_in_a_large_file_is_read(write: Write) -> None:
    rows = [f"{1_700_000_000 + 60 * at},100,101,99,{100 if at < 60_000 else 100.5},1" for at in range(70_000)]

    candles = load_candles(write(HEADER, *rows), "BTC/USDT")

    assert candles.instrument.price(candles.close[-1]) == Decimal("100.5")


def test_packed_csvs_are_read(write: Write) -> None:
    body = "\n".join([HEADER, *ROWS]).encode()
    Path("btc.csv.gz").write_bytes(gzip.compress(body))
    with zipfile.ZipFile("btc.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m.csv", body)

    assert load_candles("btc.csv.gz", "BTC/USDT") == load_candles("btc.zip", "BTC/USDT") == the_candles()


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_files_are_read_in_any_unit_and_zone(write: Write, zone: str | None, unit: str) -> None:
    frame = pd.read_csv(write(HEADER, *ROWS), parse_dates=["timestamp"])
    times = frame["timestamp"].dt.tz_localize("UTC")
    times = times.dt.tz_localize(None) if zone is None else times.dt.tz_convert(zone)
    frame["timestamp"] = times.dt.as_unit(unit)
    frame.to_feather("btc.feather")
    frame.set_index("timestamp").to_parquet("btc.parquet")

    assert load_candles("btc.feather", "BTC/USDT") == load_candles("btc.parquet", "BTC/USDT") == the_candles()


def test_single_precision_prices_are_read_where_they_still_tell_the_tick(write: Write) -> None:
    frame = pd.read_csv(write(HEADER, *ROWS)).astype(dict.fromkeys(("open", "high", "low", "close"), "float32"))
    frame.to_feather("btc.feather")

    assert load_candles("btc.feather", "BTC/USDT") == the_candles()


@pytest.mark.parametrize(
    "shape",
    [
        lambda rows: rows,
        lambda rows: [[*row, 0, "0"] for row in rows],
        lambda rows: [[row[0], *map(str, row[1:])] for row in rows],
        lambda rows: [dict(zip("tohlcv", row, strict=True)) for row in rows],
        lambda rows: dict(zip("tohlcv", (list(column) for column in zip(*rows, strict=True)), strict=True)),
        lambda rows: {
            name: {str(at): row[place] for at, row in enumerate(rows)} for place, name in enumerate("tohlcv")
        },
    ],
    ids=["freqtrade", "klines", "klines of text", "objects", "columns", "pandas columns"],
)
def test_json_is_read_in_its_usual_shapes(write: Write, shape: Callable[[list[list[float]]], object]) -> None:
    rows = [
        [(MIDNIGHT + at * MINUTE) // 1000, *(float(cell) for cell in row.split(",")[1:])] for at, row in enumerate(ROWS)
    ]

    assert load_candles(write(json.dumps(shape(rows)), name="btc.json"), "BTC/USDT") == the_candles()


def test_candles_written_as_csv_are_read_back_the_same(write: Write) -> None:
    write()
    write_candles_csv(the_candles(), "out.csv")

    assert Path("out.csv").read_text(encoding="utf-8").splitlines()[:2] == [
        "timestamp,open,high,low,close,volume",
        "2024-01-01T00:00:00Z,100,101.5,99,101,1.5",
    ]
    assert load_candles("out.csv", "BTCUSDT") == the_candles()


def test_whole_numbers_alone_give_a_tick_of_a_hundredth(write: Write) -> None:
    path = write(HEADER, "2024-01-01,100,101,99,100,1", "2024-01-02,100,101,99,100,1")

    assert load_candles(path, "BTC/USDT").instrument.tick_size == Decimal("0.01")


def test_the_instrument_and_the_symbol_must_agree(write: Write) -> None:
    with pytest.raises(InputError) as caught:
        load_candles(write(HEADER, *ROWS), "ETHUSDT", default_instrument("BTC/USDT"))

    assert str(caught.value) == "symbol: unknown symbol 'ETHUSDT' (nearest: BTC/USDT)"


# --- what cannot be trusted ---


@pytest.mark.parametrize(
    ("line", "old", "new", "expected"),
    [
        (3, "102", "", "btc.csv, line 3: high: the number is missing (NaN)"),
        (3, "102", "NaN", "btc.csv, line 3: high: the number is missing (NaN)"),
        (3, "102", "inf", "btc.csv, line 3: high: the number is infinite"),
        (3, "102", "abc", "btc.csv, line 3: high: 'abc' is not a number"),
        (3, "102", "100.75", "btc.csv, line 3: high: 100.75 is below the open 101 (nearest: 101)"),
        (3, ",100,", ",100.75,", "btc.csv, line 3: low: 100.75 is above the close 100.5 (nearest: 100.5)"),
        (3, ",100,", ",0,", "btc.csv, line 3: low: 0 is not a positive price"),
        (2, ",99,", ",-99,", "btc.csv, line 2: low: -99 is not a positive price"),
        (4, "2.5", "-2.5", "btc.csv, line 4: volume: -2.5 is negative"),
        (4, "100.25", "100.2551", "btc.csv, line 4: close: 100.2551 is not on the tick 0.01 (nearest: 100.26)"),
        (3, "00:01", "00:00", "btc.csv, line 3: time: 2024-01-01T00:00:00Z is there twice"),
        (
            4,
            "00:02",
            "00:00",
            "btc.csv, line 4: time: 2024-01-01T00:00:00Z is before 2024-01-01T00:01:00Z in the row above",
        ),
        (3, "2024-01-01 00:01:00", "", "btc.csv, line 3: time: the time is missing"),
        (
            3,
            "2024-01-01 00:01:00",
            "01/02/2024",
            "btc.csv, line 3: time: '01/02/2024' is not a time (ISO 8601 or epoch)",
        ),
        (3, "102", "102,5", "btc.csv, line 3: the row has 7 columns, the first one has 6"),
    ],
)
def test_a_bad_value_is_named_with_its_line_column_and_value(
    write: Write, line: int, old: str, new: str, expected: str
) -> None:
    lines = [HEADER, *ROWS]
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)

    assert message(write(*lines), default_instrument("BTC/USDT")) == expected


def test_empty_lines_count_as_an_editor_counts_them(write: Write) -> None:
    path = write("", HEADER, "", ROWS[0], "", "", ROWS[1].replace("102", "x"))

    assert message(path) == "btc.csv, line 7: high: 'x' is not a number"


def test_a_row_of_a_feather_file_is_named_by_its_number(write: Write) -> None:
    frame = pd.read_csv(write(HEADER, *ROWS))
    frame.loc[1, "close"] = np.nan
    frame.to_feather("btc.feather")

    assert message("btc.feather") == "btc.feather, row 2: close: the number is missing (NaN)"


def test_a_file_that_is_newest_first_is_told_so(write: Write) -> None:
    assert message(write(HEADER, *reversed(ROWS))) == (
        "btc.csv, line 3: time: 2024-01-01T00:01:00Z is before 2024-01-01T00:02:00Z in the row above; "
        "the file is newest first: reverse it"
    )


def test_a_misspelt_column_is_named_with_its_nearest(write: Write) -> None:
    assert message(write(HEADER.replace("high", "hgh"), *ROWS)) == (
        "btc.csv: high: no such column; there are: timestamp, open, hgh, low, close, volume (nearest: hgh)"
    )


def test_a_missing_column_is_named_with_those_that_are_there(write: Write) -> None:
    lines = [line.rpartition(",")[0] for line in (HEADER, *ROWS)]

    assert message(write(*lines)) == "btc.csv: volume: no such column; there are: timestamp, open, high, low, close"


def test_two_columns_of_one_name_are_refused(write: Write) -> None:
    assert message(write(HEADER.replace("volume", "Close"), *ROWS)) == (
        "btc.csv: close: two columns can be it: 'close' and 'Close'"
    )


def test_prices_without_a_decimal_grid_need_an_instrument(write: Write) -> None:
    path = write(HEADER, ROWS[0].replace("101.5", "101.5000000001"))

    assert message(path) == (
        "btc.csv, line 2: high: 101.5000000001 has more than 8 decimal places: round the prices or give an instrument "
        "(nearest: 101.5)"
    )


def test_one_candle_does_not_tell_its_interval(write: Write) -> None:
    path = write(HEADER, ROWS[0])

    assert message(path) == "btc.csv: interval: one candle does not tell its interval: give it"
    assert load_candles(path, "BTC/USDT", interval=MINUTE).interval == MINUTE


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("btc.csv", b"", "btc.csv: the file is empty"),
        ("btc.csv", b"\n \n", "btc.csv: the file is empty"),
        ("btc.csv", HEADER.encode(), "btc.csv: the file has no rows"),
        ("btc.csv", HEADER.encode() + b"\n", "btc.csv: the file has no rows"),
        ("btc.csv.gz", b"hello", "btc.csv.gz: cannot be read: Not a gzipped file (b'he')"),
        ("btc.zip", b"hello", "btc.zip: cannot be read: File is not a zip file"),
        ("btc.json", b"[1", "btc.json: not valid JSON: Input data was truncated"),
        ("btc.json", b"[1]", "btc.json: expected a list of rows or an object of columns"),
        ("btc.json", b"3", "btc.json: expected a list of rows or an object of columns"),
        ("btc.json", b'{"open": 3}', "btc.json: expected a list of rows or an object of columns"),
        ("btc.json", b"[]", "btc.json: the file has no rows"),
        ("btc.json", b'{"a": [1], "b": [1, 2]}', "btc.json: the columns differ in length: a 1, b 2"),
        (
            "btc.json",
            b"[[1, 2, 3]]",
            "btc.json, row 1: 3 values; expected 6, beginning time, open, high, low, close, volume",
        ),
        (
            "btc.xls",
            b"x",
            "btc.xls: .xls is not a file type read here: "
            ".csv, .txt, .tsv, .json, .feather, .arrow, .parquet, .pq, .csv.gz, .zip",
        ),
        (
            "btc",
            b"x",
            "btc: a name without an ending is not a file type read here: "
            ".csv, .txt, .tsv, .json, .feather, .arrow, .parquet, .pq, .csv.gz, .zip",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    write: Write, name: str, body: bytes, expected: str
) -> None:
    write()
    Path(name).write_bytes(body)

    assert message(name) == expected


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_a_damaged_arrow_file_is_refused(write: Write, kind: str) -> None:
    shown = {"feather": "btc.feather: not a feather file: ", "parquet": "btc.parquet: not a Parquet file: "}[kind]

    assert message(write("hello", name=f"btc.{kind}")).startswith(shown)


def test_a_missing_file_and_a_folder_are_told_apart(write: Write) -> None:
    write()
    Path("folder.csv").mkdir()

    assert message("nothing.csv") == "nothing.csv: cannot be read: No such file or directory"
    assert message("folder.csv") == "folder.csv: cannot be read: Is a directory"


def test_an_archive_of_two_files_is_refused(write: Write) -> None:
    write()
    with zipfile.ZipFile("btc.zip", "w") as archive:
        archive.writestr("a.csv", "1")
        archive.writestr("b.csv", "1")

    assert message("btc.zip") == "btc.zip: the archive holds 2 files; one was expected"


# --- trades ---


def test_real_trades_load_whole(shared: Path) -> None:
    trades = load_trades(shared / "data/trades/kraken-spot-BTCUSDT-trades.feather", "BTCUSDT")

    assert (len(trades), trades.times[[0, -1]].tolist()) == (26_921, [1_700_179_206_662_000, 1_700_642_500_044_000])
    assert [int((trades.aggressor == side).sum()) for side in (1, 0, -1)] == [13_009, 0, 13_912]


def test_binance_trades_say_the_aggressor_by_the_maker(write: Write) -> None:
    rows = [
        {"id": 1, "price": "100.5", "qty": "0.25", "time": 1_700_000_000_000, "isBuyerMaker": True},
        {"id": 2, "price": "100.5", "qty": "0.5", "time": 1_700_000_000_000, "isBuyerMaker": False},
    ]
    instrument = msgspec.structs.replace(default_instrument("BTC/USDT"), step_size=Decimal("0.25"))

    trades = load_trades(write(json.dumps(rows), name="trades.json"), "BTC/USDT", instrument)

    assert (trades.price.tolist(), trades.size.tolist(), trades.aggressor.tolist()) == ([10050, 10050], [1, 2], [-1, 1])


def test_a_side_that_is_no_side_is_refused(write: Write) -> None:
    path = write("time,price,amount,side", "1700000000,100,1,buy", "1700000000,100,1,bye", name="trades.csv")

    with pytest.raises(InputError) as caught:
        load_trades(path, "BTC/USDT")

    assert str(caught.value) == "trades.csv, line 3: side: 'bye' is not one of buy, b, sell, s"
