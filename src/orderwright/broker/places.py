"""What a broker stands on, from what its caller names: a log, the markets of simulated exchanges, an executor.

- A log is None (memory), a path, a URL (`sqlite:///orders.sqlite`, `sqlite://` for memory), or any `Journal`.
- A simulated exchange replays feeds: Candles, Quotes, Trades. Without any, each symbol gets a seeded random market of
  `RANDOM_CANDLES` candles of a minute. The market starts where every feed has shown its first price, since before that
  no order could be priced, and it is over where the last feed ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from orderwright.config.log_urls import path_of_url
from orderwright.core.model import MINUTE, SECOND, Instrument
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.market.instruments import FIRST_PRICES, default_instrument
from orderwright.market.symbols import parse_symbol

if TYPE_CHECKING:
    from orderwright.market.candles import Candles
    from orderwright.market.feeds import Quotes, Trades
    from orderwright.ports import Journal

    AnyFeed = Candles | Quotes | Trades

RANDOM_CANDLES = 43_200
RANDOM_SYMBOLS = ("BTC/USDT", "ETH/USDT")


def journal_of(log: Journal | str | Path | None) -> tuple[Journal, bool]:
    """(the journal, whether it was opened here and is to be closed here). Raises InputError for a log that is none."""
    if log is None:
        return MemoryJournal(), True
    if isinstance(log, str | Path):
        path = log_path(log)
        return (MemoryJournal() if path is None else open_log(path)), True
    if all(hasattr(log, name) for name in ("append", "latest", "open_state")):
        return log, False
    raise InputError(f"{log!r} is not a path, a URL or a Journal", field="log", value=log)


def log_path(log: str | Path) -> Path | None:
    """The file that a path or URL names; None for memory. Raises InputError for what cannot hold a log."""
    text = str(log)
    if isinstance(log, str) and "://" in log:
        path = path_of_url(log)
    elif not text or text == ":memory:":
        path = None
    else:
        path = Path(text)
    if path is not None and path.is_dir():
        raise InputError("is a folder: name a file in it", field="log", value=text, nearest=str(path / "orders.sqlite"))
    if path is not None and not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", field="log", value=text)
    return path


class Market(Struct, frozen=True):
    """The feeds of one simulated exchange under its name. Times in microseconds; step: one candle, or a second."""

    exchange: str
    feeds: tuple[AnyFeed, ...]
    start: int
    end: int
    step: int

    @property
    def instruments(self) -> list[Instrument]:
        return [feed.instrument for feed in self.feeds]


def market_of(exchange: str, feeds: Iterable[AnyFeed] | AnyFeed | None, symbols: Sequence[str], seed: int) -> Market:
    """The market of one exchange. Raises InputError for a feed that is none, or is empty."""
    if feeds is None:
        return _market(exchange, [random_feed(symbol, seed) for symbol in symbols])
    several: list[AnyFeed] = [feeds] if hasattr(feeds, "instrument") else list(feeds)  # type: ignore[list-item]
    if not several:
        raise InputError(
            "no feed: name Candles, Quotes or Trades, or None for a random market", field="feeds", value=[]
        )
    for feed in several:
        if not hasattr(feed, "instrument") or not hasattr(feed, "times"):
            raise InputError(f"{feed!r} is not Candles, Quotes or Trades", field="feeds", value=feed)
        if not len(feed):
            raise InputError(f"the feed of {feed.symbol} has no rows", field="feeds", value=feed.symbol)
    return _market(exchange, several)


def _market(exchange: str, feeds: Sequence[AnyFeed]) -> Market:
    here = tuple(replace(feed, instrument=structs.replace(feed.instrument, exchange=exchange)) for feed in feeds)
    shown = [getattr(feed, "close_times", feed.times) for feed in here]
    steps = [feed.interval for feed in here if hasattr(feed, "interval")]
    start, end = max(int(times[0]) for times in shown), max(int(times[-1]) for times in shown)
    return Market(exchange, here, start, end, min(steps, default=SECOND))


def random_feed(symbol: str, seed: int) -> Candles:
    """A month of made-up minutes. Each symbol has draws of its own: it is the same whatever others there are."""
    from orderwright.market.random_market import random_candles

    instrument = default_instrument(parse_symbol(symbol))
    own = int.from_bytes(hashlib.sha256(f"{seed}|{instrument.symbol}".encode()).digest()[:8], "big")
    price = FIRST_PRICES.get(instrument.base, Decimal(100))
    if price < 1:
        instrument = structs.replace(instrument, tick_size=Decimal("0.0001"))
    return random_candles(own, RANDOM_CANDLES, instrument, start_price=price, interval=MINUTE)


def markets_of(
    exchange: str,
    feeds: Iterable[AnyFeed] | AnyFeed | None,
    exchanges: Mapping[str, Iterable[AnyFeed] | AnyFeed | None] | None,
    symbols: Sequence[str],
    seed: int,
) -> list[Market]:
    """The markets of all simulated exchanges, the default one first. Raises InputError."""
    if exchanges is not None and feeds is not None:
        message = "feeds are those of the one exchange, exchanges those of several: name one of the two"
        raise InputError(message, field="feeds", value=", ".join(exchanges))
    if exchanges is None:
        return [market_of(_exchange_name(exchange), feeds, symbols, seed)]
    if not exchanges:
        raise InputError("no exchange: name one at least", field="exchanges", value={})
    markets = [market_of(_exchange_name(name), own, symbols, seed) for name, own in exchanges.items()]
    if max(market.start for market in markets) > min(market.end for market in markets):
        spans = ", ".join(market.exchange for market in markets)
        raise InputError(
            "their markets share no time: one is over before another begins", field="exchanges", value=spans
        )
    return markets


def _exchange_name(name: object) -> str:
    if not isinstance(name, str) or not name or not name.isprintable() or {"@", "/", " "} & set(name):
        raise InputError(f"{name!r} is not an exchange's name, such as binance", field="exchange", value=name)
    return name


def account_name(user: str, exchange: str) -> str:
    """The name of a user's own account on an exchange; an exchange's name has no "@", so no two can be alike."""
    return f"{user}@{exchange}" if user else exchange


__all__ = ["Market", "account_name", "journal_of", "log_path", "market_of", "markets_of", "random_feed"]
