"""Results for tests: a market, fills written down by hand, and the equity that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import REASONS, Fills, Outcome
from orderwright.backtest.result import BacktestResult
from orderwright.backtest.rules import Rules
from orderwright.core.model import Instrument
from orderwright.market.candles import Candles
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

MINUTE = 60_000_000
DAY = 1_440 * MINUTE
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
COMMISSION = 0.001
Fill = tuple[int, int, float, float, str]
"""bar, side, price, quantity, reason."""


def an_instrument(symbol: str = "BTC/USDT") -> Instrument:
    return default_instrument(symbol)


def bars_of(candles: Candles, **more: Any) -> Bars:
    tick, step = float(candles.instrument.tick_size), float(candles.instrument.step_size)
    names = ("open", "high", "low", "close")
    open_, high, low, close = (np.multiply(getattr(candles, name), tick, dtype=np.float64) for name in names)
    return Bars(candles, open_, high, low, close, candles.volume.astype(np.float64) * step, **more)


def a_market(n: int = 200, symbol: str = "BTC/USDT", interval: int = DAY, seed: int = 7, **more: Any) -> Bars:
    """Bars of a seeded random market from 50,000."""
    made = random_candles(seed, n, an_instrument(symbol), interval=interval, volatility=0.02)
    return bars_of(made, **more)


def a_flat_market(closes: Sequence[float], symbol: str = "BTC/USDT", interval: int = DAY, **more: Any) -> Bars:
    """Bars that open, stay and close at these prices."""
    instrument = an_instrument(symbol)
    ticks = np.array([instrument.ticks(Decimal(str(one))) for one in closes], dtype=np.int64)
    times = START + interval * np.arange(len(ticks), dtype=np.int64)
    volume = np.full(len(ticks), 10**6, dtype=np.int64)
    candles = Candles(symbol, instrument, interval, times, ticks, ticks, ticks, ticks, volume)
    return bars_of(candles, **more)


def an_outcome(
    bars: Sequence[Bars],
    fills: Sequence[Sequence[Fill]],
    initial: float = 10_000.0,
    slippage: float = 0.25,
    **more: Any,
) -> Outcome:
    """What the fills of each symbol come to; each pays a commission of 0.1 % and 0.25 of slippage."""
    rows = sorted(
        (int(one.candles.times[bar]), bar, at, side, price, quantity, REASONS.index(reason))
        for at, (one, mine) in enumerate(zip(bars, fills, strict=True))
        for bar, side, price, quantity, reason in mine
    )
    times = np.unique(np.concatenate([one.candles.close_times for one in bars]))
    cash, held = np.full(len(times), initial), np.zeros(len(times))
    for at, one in enumerate(bars):
        steps = np.zeros(len(times))
        for time, _, symbol, side, price, quantity, _ in rows:
            if symbol == at:
                since = times > time
                steps[since] += side * quantity
                cash[since] -= side * price * quantity + price * quantity * COMMISSION
        seen = np.searchsorted(one.candles.close_times, times, side="right") - 1
        held += steps * np.where(seen >= 0, one.close[seen], 0.0)
    found = Fills(
        bar=np.array([row[1] for row in rows], dtype=np.int64),
        time=np.array([row[0] for row in rows], dtype=np.int64),
        symbol=np.array([row[2] for row in rows], dtype=np.int64),
        side=np.array([row[3] for row in rows], dtype=np.int64),
        price=np.array([round(row[4] * 100) for row in rows], dtype=np.int64),
        quantity=np.array([round(row[5] * 100_000) for row in rows], dtype=np.int64),
        fee=np.array([row[4] * row[5] * COMMISSION for row in rows], dtype=np.float64),
        slippage=np.full(len(rows), slippage),
        reason=np.array([row[6] for row in rows], dtype=np.int64),
    )
    symbols = tuple(one.symbol for one in bars)
    return Outcome(symbols, times, cash + held, held, found, orders=len(rows), **more)


def a_result(
    bars: Bars | Sequence[Bars],
    fills: Sequence[Any] = (),
    *,
    rules: Rules | None = None,
    outcome: dict[str, Any] | None = None,
    **more: Any,
) -> BacktestResult:
    """A result of one symbol and its fills, or of several and the fills of each."""
    several = [bars] if isinstance(bars, Bars) else list(bars)
    each = [fills] if isinstance(bars, Bars) else list(fills)
    rules = rules or Rules(commission=Decimal("0.001"), slippage=Decimal("0.0005"))
    words: dict[str, Any] = {"strategy": "Cross", "parameters": {"fast": 2, "slow": 5}, "engine": "kernel"}
    made = an_outcome(several, each, float(rules.initial_balance), **(outcome or {}))
    return BacktestResult(made, several, rules, **(words | more))


def bought_and_sold(market: Bars, every: int = 20, quantity: float = 0.1) -> list[Fill]:
    """A fill at the open of every so many bars, buying and selling in turn; the last purchase is left open."""
    fills: list[Fill] = []
    for at in range(every, len(market), every):
        side = 1 if len(fills) % 2 == 0 else -1
        fills.append((at, side, float(market.open[at]), quantity, "entry" if side > 0 else "signal"))
    return fills
