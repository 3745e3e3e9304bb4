"""One name for each instrument: BTCUSDT, BTC/USDT, BTC-USDT, btc_usdt and BINANCE:BTCUSDT are all BTC/USDT.

With a list of known symbols the text must fit exactly one of them. Without one, a separator decides; a text without a
separator is split before a well-known quote asset, and refused where two splits make sense (ATUSD is A/TUSD or AT/USD).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from orderwright.errors import InputError, UnknownName

QUOTES = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "DAI", "USD", "EUR", "GBP", "TRY", "BRL", "JPY", "AUD", "BTC",
    "ETH", "BNB",
)  # fmt: skip
BASES = frozenset({
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "BCH", "DOT", "TRX", "AVAX", "LINK", "UNI", "ATOM", "XLM",
    "ETC", "FIL", "NEAR", "USDT", "USDC", "EUR",
})  # fmt: skip
_VENUE = re.compile(r"^[A-Z0-9]+:(?=[A-Z0-9])")
_SEPARATORS = re.compile(r"[/_-]")
_PAIR = re.compile(r"[A-Z0-9.]+[/_-][A-Z0-9.]+(:[A-Z0-9-]+)?")


def parse_symbol(text: str, known: Iterable[str] | None = None) -> str:
    """The symbol ("BTC/USDT") that a text names.

    Raises UnknownName (an InputError) where it names none of `known`; InputError where it can mean two of them or
    where, without `known`, it cannot be split.
    """
    name = text.strip().upper()
    return _split(text, name) if known is None else _find(text, name, list(known))


def split_symbol(symbol: str) -> tuple[str, str]:
    """(base, quote) of a symbol: ("BTC", "USDT") for BTC/USDT and for BTC/USDT:USDT."""
    base, _, quote = parse_symbol(symbol).partition("/")
    return base, quote.partition(":")[0]


def _find(given: str, name: str, known: list[str]) -> str:
    if name in known:
        return name
    for key in (name, _VENUE.sub("", name)):
        compact = _SEPARATORS.sub("", key)
        fits = [symbol for symbol in known if _SEPARATORS.sub("", symbol.upper()) == compact]
        exact = [symbol for symbol in fits if _SEPARATORS.sub("/", symbol.upper()) == _SEPARATORS.sub("/", key)]
        if len(fits) == 1 or len(exact) == 1:
            return exact[0] if exact else fits[0]
        if fits:
            raise _ambiguous(given, fits)
    raise UnknownName("symbol", given, known, field="symbol")


def _split(given: str, name: str) -> str:
    name = name if _PAIR.fullmatch(name) else _VENUE.sub("", name)
    if _PAIR.fullmatch(name):
        return _SEPARATORS.sub("/", name, count=1)
    splits = [(name.removesuffix(quote), quote) for quote in QUOTES if name.endswith(quote) and name != quote]
    likely = [split for split in splits if split[0] in BASES] or splits
    if not likely or not name.isalnum():
        message = f"{given!r} does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"
        raise InputError(message, field="symbol", value=given)
    if len(likely) > 1:
        raise _ambiguous(given, ["/".join(split) for split in likely])
    return "/".join(likely[0])


def _ambiguous(given: str, meanings: list[str]) -> InputError:
    choices = " or ".join(sorted(meanings))
    return InputError(f"{given!r} can mean {choices}: write it with its separator", field="symbol", value=given)
