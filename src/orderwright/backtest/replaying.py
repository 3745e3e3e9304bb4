"""The world of a backtest on the order engine: the exchange that replays the bars, and what the core is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from orderwright.backtest.bars import Bars
from orderwright.backtest.rules import Rules
from orderwright.core.model import DAY, Instrument, Quote, Settings
from orderwright.errors import InputError
from orderwright.market.candles import Candles
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.faults import Faults, FaultyExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.path import nearer_first, open_high_low_close, open_low_high_close, worst_case
from orderwright.simulation.models.slippage import NoSlippage, SlippageBps

EXCHANGE = "simulated"
BPS = Decimal(10_000)
KEEP_AT_EXCHANGE = 1_000
"""How many orders that have ended the exchange of a backtest remembers: what is asked about comes soon after."""
FOREVER_MS = 10**14
DAY_MS = DAY // 1_000
PATHS = {
    "nearest": nearer_first,
    "worst": worst_case,
    "high_first": open_high_low_close,
    "low_first": open_low_high_close,
}


class Shown:
    """What the core is shown of the exchange. Two moments have more to show than their time alone tells: just before a
    close that is traded on, it is shown as if it were known; and right after an open has filled something, that open is
    known, though the close before has the same time."""

    def __init__(self, exchange: SimulatedExchange, *, early: bool = False) -> None:
        self._exchange, self._early = exchange, early
        self.opened: dict[str, int] = {}

    def symbols(self) -> Any:
        return self._exchange.symbols()

    def quote(self, symbol: str, time: int) -> Quote | None:
        opened = self.opened.get(symbol) == time
        if opened or self._early:
            ahead = self._exchange.quote(symbol, time + 1)
            if ahead is not None and ahead.time == (time if opened else time + 1):
                return ahead
        return self._exchange.quote(symbol, time)


def check_bars(bars: Sequence[Bars]) -> None:
    """Raises InputError for bars that cannot be run together."""
    if not bars:
        raise InputError("no bars", field="bars", value=0)
    symbols = [one.symbol for one in bars]
    for one in bars:
        if not len(one):
            raise InputError("it has no bars", field="bars", value=one.symbol)
        if symbols.count(one.symbol) > 1:
            raise InputError("it is there twice", field="bars", value=one.symbol)
        quote, first = one.candles.instrument.quote, bars[0].candles.instrument.quote
        if quote != first:
            message = f"{one.symbol} is traded in {quote}, {symbols[0]} in {first}: one balance pays for both"
            raise InputError(message, field="bars", value=one.symbol)


def instruments_of(bars: Sequence[Bars], rules: Rules) -> list[Instrument]:
    """Where shorts are allowed, contracts: margined 1 to 1 in quote."""
    return [
        structs.replace(
            one.candles.instrument, exchange=EXCHANGE, linear=rules.allow_short or one.candles.instrument.linear
        )
        for one in bars
    ]


def exchange_of(
    bars: Sequence[Bars], rules: Rules, models: Models | None, faults: Faults | None, seed: int
) -> SimulatedExchange:
    """The exchange that replays the bars. The rules' slippage holds where the models name none."""
    feeds = [
        Candles(one.symbol, instrument, one.candles.interval, *(getattr(one.candles, name) for name in _ARRAYS))
        for one, instrument in zip(bars, instruments_of(bars, rules), strict=True)
    ]
    given = models or Models(stops_in_market="trigger")
    path = PATHS[rules.path] if given.path is nearer_first else given.path
    early = 1 if rules.fill_at == "this_close" else 0
    slippage = given.slippage
    if isinstance(slippage, NoSlippage) and rules.slippage:
        slippage = SlippageBps(rules.slippage * BPS)
    models = structs.replace(given, slippage=slippage, path=path, close_known_us=early)
    if faults is not None:
        return FaultyExchange(feeds, models, faults=faults, seed=seed, keep=KEEP_AT_EXCHANGE)
    return SimulatedExchange(feeds, models, keep=KEEP_AT_EXCHANGE)


_ARRAYS = ("times", "open", "high", "low", "close", "volume")


def settings_of(given: Settings | None, quote: str, bars: Sequence[Bars]) -> Settings:
    """What was given; and where nothing was, what a backtest wants: a price counts until the next one comes, and prices
    are logged once a day."""
    plain = Settings()
    wanted = Settings(
        currency=quote,
        parity=plain.parity if quote in plain.parity else (quote, *plain.parity),
        max_price_age_ms=FOREVER_MS,
        bar_ms=max(min(one.candles.interval for one in bars) // 1_000, 1),
        price_every_ms=DAY_MS,
        execution_price_every_ms=DAY_MS,
    )
    if given is None:
        return wanted
    names = [name for name in Settings.__struct_fields__ if getattr(given, name) != getattr(plain, name)]
    return structs.replace(wanted, **{name: getattr(given, name) for name in names})


__all__ = ["EXCHANGE", "Shown", "check_bars", "exchange_of", "instruments_of", "settings_of"]
