"""Names of instruments: many spellings, one symbol; two meanings, a refusal."""

import pytest

from orderwright.errors import InputError, UnknownName
from orderwright.market.symbols import parse_symbol, split_symbol

KNOWN = ["BTC/USDT", "ETH/USDT", "ETH/BTC", "BTC/USDT:USDT"]


@pytest.mark.parametrize(
    "text", ["BTCUSDT", "BTC/USDT", "BTC-USDT", "btc_usdt", "BINANCE:BTCUSDT", " Binance:BTC-USDT "]
)
@pytest.mark.parametrize("known", [None, KNOWN])
def test_one_instrument_has_many_spellings(text: str, known: list[str] | None) -> None:
    assert parse_symbol(text, known) == "BTC/USDT"


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("ETHBTC", "ETH/BTC"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("USDTUSD", "USDT/USD"),
        ("1000SHIBUSDT", "1000SHIB/USDT"),
        ("GOOG/USD", "GOOG/USD"),
        ("BTC/USDT:USDT", "BTC/USDT:USDT"),
    ],
)
def test_a_symbol_is_split_before_its_quote_asset(text: str, symbol: str) -> None:
    assert parse_symbol(text) == symbol


def test_a_contract_that_is_known_is_found_by_its_own_name() -> None:
    assert parse_symbol("btc/usdt:usdt", KNOWN) == "BTC/USDT:USDT"


def test_a_symbol_is_split_into_base_and_quote() -> None:
    assert [split_symbol(text) for text in ("BTCUSDT", "BTC/USDT:USDT")] == [("BTC", "USDT")] * 2


def test_an_unknown_symbol_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        parse_symbol("BTCUSD", KNOWN[:3])

    assert str(caught.value) == "symbol: unknown symbol 'BTCUSD' (nearest: BTC/USDT)"


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("BTCUSDT", ["BTC/USDT", "BTCU/SDT"], "'BTCUSDT' can mean BTC/USDT or BTCU/SDT: write it with its separator"),
        ("ATUSD", None, "'ATUSD' can mean A/TUSD or AT/USD: write it with its separator"),
        ("BTC", None, "'BTC' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"),
        ("BTCUSDT.P", None, "'BTCUSDT.P' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"),
        ("A/B/C", None, "'A/B/C' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"),
        ("", None, "'' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"),
    ],
)
def test_a_text_that_does_not_name_one_instrument_is_refused(text: str, known: list[str] | None, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_symbol(text, known)

    assert str(caught.value) == f"symbol: {expected}"


def test_a_separator_tells_two_known_symbols_apart() -> None:
    assert parse_symbol("BTC-USDT", ["BTC/USDT", "BTCU/SDT"]) == "BTC/USDT"
