"""Random markets and random rules, small enough to look at, wild enough to meet every rule."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from orderwright.backtest.admitting import from_candles
from orderwright.backtest.bars import Bars
from orderwright.backtest.rules import (
    PATHS,
    FixedQuantity,
    PercentOfEquity,
    Rules,
    Sizing,
    TargetPosition,
    VolatilityRisk,
)
from orderwright.core.model import Instrument
from orderwright.market.candles import Candles

MINUTE = 60_000_000
START = 1_700_000_040_000_000
INSTRUMENT = Instrument(
    symbol="BTC/USDT", base="BTC", quote="USDT", tick_size=Decimal("0.01"), step_size=Decimal("0.00001")
)


def bars_of(rows: list[tuple[int, int, int, int]], opens: list[int] | None = None) -> Bars:
    """Bars from (open, high, low, close) in ticks of 0.01; opens: minutes from the start, else one after the other."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    times = START + MINUTE * np.array(range(len(rows)) if opens is None else opens, dtype=np.int64)
    opened, high, low, close = (np.ascontiguousarray(column) for column in columns)
    volume = np.zeros(len(rows), dtype=np.int64)
    return from_candles(Candles("BTC/USDT", INSTRUMENT, MINUTE, times, opened, high, low, close, volume))


@st.composite
def markets(draw: st.DrawFn) -> Bars:
    """Bars whose opens jump now and then, with gaps in time, flat bars, and extremes that are opens or closes."""
    rows: list[tuple[int, int, int, int]] = []
    opens, minute = [], 0
    close = draw(st.sampled_from((40, 5_000, 100_000)))
    reach = max(2, close // draw(st.sampled_from((30, 100, 400))))
    for _ in range(draw(st.integers(3, 40))):
        jump = draw(st.sampled_from((0, 0, 0, 1, -1, reach, -reach, 3 * reach, -3 * reach)))
        points = [max(1, close + jump)]
        points += [max(1, points[0] + draw(st.integers(-reach, reach))) for _ in range(3)]
        close = points[-1]
        rows.append((points[0], max(points), min(points), close))
        minute += draw(st.sampled_from((1, 1, 1, 1, 1, 4)))
        opens.append(minute)
    return bars_of(rows, opens)


def _fractions(*texts: str) -> st.SearchStrategy[Decimal | None]:
    return st.sampled_from((None, *map(Decimal, texts)))


SIZINGS: st.SearchStrategy[Sizing] = st.one_of(
    st.sampled_from((PercentOfEquity(), PercentOfEquity(Decimal("33.3")))),
    st.sampled_from((FixedQuantity(Decimal("0.5")), FixedQuantity(Decimal("17.12345")))),
    st.builds(VolatilityRisk, st.sampled_from((Decimal("0.5"), Decimal(2))), st.integers(1, 5)),
    st.sampled_from((TargetPosition(), TargetPosition(Decimal(40)))),
)


@st.composite
def some_rules(draw: st.DrawFn) -> Rules:
    """Rules of every kind that go together."""
    sizing = draw(SIZINGS)
    plain = isinstance(sizing, TargetPosition)
    exits = {
        "stop_loss": _fractions("0.005", "0.02"),
        "take_profit": _fractions("0.005", "0.03"),
        "trailing_stop": _fractions("0.004", "0.02"),
        "limit_entry": _fractions("0.001", "0.01"),
    }
    return Rules(
        initial_balance=draw(st.sampled_from((Decimal(10_000), Decimal("1234.56")))),
        commission=draw(st.sampled_from((Decimal(0), Decimal("0.001"), Decimal("0.0075")))),
        slippage=draw(st.sampled_from((Decimal(0), Decimal("0.0005"), Decimal("0.01")))),
        allow_short=draw(st.booleans()),
        fill_at=draw(st.sampled_from(("next_open", "this_close"))),
        sizing=sizing,
        limit_bars=draw(st.integers(1, 3)),
        path=draw(st.sampled_from(PATHS)),
        **{name: None if plain else draw(choice) for name, choice in exits.items()},
    )


def some_signals(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.sampled_from((0, 0, 1, 1, -1)), min_size=count, max_size=count)
