"""The first slips of somebody new: no super().__init__(), a class for an object, options that mean nothing here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from orderwright.backtest import Backtester, Strategy, trade
from orderwright.backtest.rules import FixedQuantity
from orderwright.backtest.strategies import DCAStrategy, GridStrategy, SimpleMovingAverageStrategy
from orderwright.broker import Broker
from orderwright.errors import InputError
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

CANDLES = random_candles(7, 120, default_instrument("BTC/USDT"), volatility=0.002)


class Hasty(Strategy):
    """Its __init__ does not call the base's."""

    def __init__(self, period: int = 3) -> None:
        self.period = period

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        return pd.Series(1, index=data.index)


class Hastier(Hasty):
    name = "in a hurry"


def test_a_strategy_without_super_init_has_its_class_for_a_name() -> None:
    result = Backtester().run(Hasty(), CANDLES, engine="orders")

    assert (result.strategy, dict(result.parameters)) == ("Hasty", {"period": 3})


def test_a_name_can_be_the_classs_own_or_be_given() -> None:
    class Calm(Strategy):
        name = "calm"

    class Calmer(Calm):
        pass

    names = [Hastier().name, Calm().name, Calm("other").name, Calmer().name, DCAStrategy(name="mine").name]

    assert names == ["in a hurry", "calm", "other", "Calmer", "mine"]


def test_a_class_in_place_of_an_object_is_refused_with_what_to_write() -> None:
    kind: Any = DCAStrategy
    said = r"strategy: DCAStrategy is a class; give an object of it \(nearest: DCAStrategy\(\)\)"
    with Broker(feeds=[CANDLES]) as broker, pytest.raises(InputError, match=said):
        trade(kind, broker, "BTC/USDT")
    with pytest.raises(InputError, match=said):
        Backtester().run(kind, CANDLES)
    nothing: Any = "sma"
    with pytest.raises(InputError, match="strategy: str is not a Strategy"):
        Backtester().run(nothing, CANDLES)


@pytest.mark.parametrize(
    ("strategy", "words", "notes"),
    [
        (GridStrategy(), {}, ()),
        (GridStrategy(), {"allow_short": True, "path": "worst"}, ()),
        (
            GridStrategy(),
            {"stop_loss": 0.02},
            ("stop_loss is for signals, and did nothing: GridStrategy sends its own orders",),
        ),
        (
            GridStrategy(),
            {"sizing": FixedQuantity(Decimal(1)), "stop_loss": 0.02, "limit_bars": 2},
            ("sizing, stop_loss and limit_bars are for signals, and did nothing: GridStrategy sends its own orders",),
        ),
        (
            SimpleMovingAverageStrategy(2, 5),
            {"limit_bars": 2},
            ("limit_bars did nothing: it is how long a limit entry waits, and limit_entry is not given",),
        ),
        (SimpleMovingAverageStrategy(2, 5), {"limit_bars": 2, "limit_entry": 0.001, "stop_loss": 0.1}, ()),
    ],
)
def test_rules_that_a_run_has_no_use_for_are_noted(
    strategy: Strategy, words: dict[str, Any], notes: tuple[str, ...]
) -> None:
    assert Backtester(**words).run(strategy, CANDLES).outcome.notes == notes
