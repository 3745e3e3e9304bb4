"""Instruments: what an exchange lists and what a user writes, and what is wrong with either."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.core.model import Instrument
from orderwright.errors import InputError
from orderwright.market.instruments import default_instrument, load_instruments

LINEAR = {
    "symbol": "BTCUSDT",
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}


def load(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Instrument]:
    monkeypatch.chdir(tmp_path)
    Path("my.json").write_text(text, encoding="utf-8")
    return load_instruments("my.json")


def test_the_spot_markets_of_a_recorded_listing_are_read_and_coin_margined_contracts_left_out(shared: Path) -> None:
    instruments = load_instruments(shared / "fixtures/markets/binance.json")

    assert list(instruments) == ["ETH/BTC", "LTC/BTC", "BNB/BTC", "NEO/BTC", "QTUM/ETH"]
    assert instruments["ETH/BTC"] == Instrument(
        symbol="ETH/BTC",
        base="ETH",
        quote="BTC",
        exchange="binance",
        tick_size=Decimal("0.00001"),
        step_size=Decimal("0.0001"),
        min_quantity=Decimal("0.0001"),
        max_quantity=Decimal(100_000),
        market_max_quantity=Decimal("1058.58762125"),
        min_notional=Decimal("0.0001"),
        max_notional=Decimal(9_000_000),
        price_min=Decimal("0.00001"),
        price_max=Decimal(922_327),
    )
    assert [symbol for symbol, instrument in instruments.items() if not instrument.trading] == ["QTUM/ETH"]


def test_without_filters_the_precision_of_the_assets_is_the_grid(shared: Path) -> None:
    path = shared / "fixtures/binance_payloads/test_data/spot/http_json/exchange_info_response.json"

    assert load_instruments(path) == {
        "ETH/BTC": Instrument(
            symbol="ETH/BTC",
            base="ETH",
            quote="BTC",
            exchange="binance",
            tick_size=Decimal("0.00000001"),
            step_size=Decimal("0.00000001"),
        )
    }


def test_a_perpetual_margined_in_its_quote_is_linear_and_a_dated_contract_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dated = LINEAR | {"symbol": "BTCUSDT_260327", "contractType": "CURRENT_QUARTER"}

    assert load(json.dumps({"symbols": [LINEAR, dated]}), tmp_path, monkeypatch) == {
        "BTC/USDT": Instrument(
            symbol="BTC/USDT",
            base="BTC",
            quote="USDT",
            exchange="binance",
            tick_size=Decimal("0.1"),
            step_size=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(1_000),
            market_max_quantity=Decimal(120),
            min_notional=Decimal(100),
            price_min=Decimal("556.8"),
            price_max=Decimal(4_529_764),
            linear=True,
        )
    }


def test_a_limit_of_zero_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zero = {"minPrice": "0", "maxPrice": "0.00000000", "tickSize": "0.00"}
    entry = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "quotePrecision": 2,
        "baseAssetPrecision": 3,
        "filters": [{"filterType": "PRICE_FILTER", **zero}],
    }

    assert load(json.dumps({"symbols": [entry]}), tmp_path, monkeypatch)["BTC/USDT"] == Instrument(
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        exchange="binance",
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.001"),
    )


def test_our_own_form_is_read_with_numbers_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{"BTCUSDT": {"tick_size": "0.010", "step_size": 0.00001, "min_notional": 5, "max_quantity": null}}'

    assert load(text, tmp_path, monkeypatch) == {
        "BTC/USDT": Instrument(
            symbol="BTC/USDT",
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.01"),
            step_size=Decimal("0.00001"),
            min_notional=Decimal(5),
        )
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"BTC/USDT": {"tick_sze": 1, "step_size": 1}}',
            ", BTC/USDT: tick_sze: unknown field 'tick_sze' (nearest: tick_size)",
        ),
        ('{"BTC/USDT": {"tick_size": "0.01"}}', ", BTC/USDT: Object missing required field `step_size`"),
        (
            '{"BTC/USDT": {"tick_size": true, "step_size": 1}}',
            ", BTC/USDT: Expected `decimal`, got `bool` - at `tick_size`",
        ),
        ('{"BTC/USDT": {"tick_size": "abc", "step_size": 1}}', ", BTC/USDT: Invalid decimal string - at `tick_size`"),
        ('{"BTC/USDT": {"tick_size": 0, "step_size": 1}}', ", BTC/USDT: tick_size: 0 is not a positive number"),
        (
            '{"BTC/USDT": {"tick_size": 1, "step_size": 1, "min_notional": -1}}',
            ", BTC/USDT: min_notional: -1 is negative",
        ),
        (
            '{"BTC/USDT": {"tick_size": "0.0000000001", "step_size": "0.000000001"}}',
            ", BTC/USDT: step_size: tick 0.0000000001 and step 0.000000001 have 19 decimal places together; "
            "at most 18 are exact",
        ),
        (
            '{"BTC": {"tick_size": 1, "step_size": 1}}',
            ": symbol: 'BTC' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT",
        ),
        (
            '{"BTC/USDT": 3}',
            ': expected {"BTC/USDT": {"tick_size": "0.01", "step_size": "0.00001"}} or Binance\'s exchangeInfo',
        ),
        ("3", ": an object was expected, with a symbol as each key"),
        ("{", ": not valid JSON: Input data was truncated"),
        ("{}", ": no instrument in it"),
        ('{"symbols": []}', ": no spot or USD-margined perpetual instrument in it"),
        ('{"symbols": ["X"]}', ": entry 1 of exchangeInfo is 'X', not an object"),
        ('{"symbols": [{"symbol": "X"}]}', ", X: no 'baseAsset' in this entry of exchangeInfo"),
        (
            '{"symbols": [{"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", '
            '"filters": [{"filterType": "PRICE_FILTER", "tickSize": "x"}]}]}',
            ", BTCUSDT: tickSize: 'x' is not a number",
        ),
    ],
)
def test_a_listing_that_cannot_be_used_is_refused_with_its_place(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as caught:
        load(text, tmp_path, monkeypatch)

    assert str(caught.value) == f"my.json{expected}"


def test_a_missing_listing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError) as caught:
        load_instruments("my.json")

    assert str(caught.value) == "my.json: cannot be read: No such file or directory"


def test_a_tick_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        default_instrument("BTC/USDT", Decimal(0))

    assert str(caught.value) == "BTC/USDT: tick_size: 0 is not a positive number"
