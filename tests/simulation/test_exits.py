"""Brackets and trails on candles: what happens within a bar, and whose money it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import Bracket, Trail
from orderwright.simulation.models import Models
from orderwright.simulation.models.path import open_high_low_close, open_low_high_close
from orderwright.simulation.models.volume import VolumeShare
from tests.simulation.book import Book
from tests.simulation.builders import (
    SYMBOL,
    Trader,
    an_instrument,
    candles_in,
    order_id,
    rows,
    some_candles,
)

UP, DOWN = Models(path=open_high_low_close), Models(path=open_low_high_close)
TRAIL = Bracket(trail=Trail(percent=Decimal(2)))


def bracket_in(words: str) -> Bracket:
    """ "stop 98 target 104", "stop 2% target 4%", "trail 2%", "trail 3"."""
    names, values = words.split()[::2], words.split()[1::2]
    found: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        number, percent = Decimal(value.rstrip("%")), value.endswith("%")
        if name == "trail":
            found["trail"] = Trail(percent=number) if percent else Trail(amount=number)
        else:
            found[{"stop": "stop_loss", "target": "take_profit"}[name] + ("_percent" if percent else "")] = number
    return Bracket(**found)


# A long of 1 that fills at the open of the first candle named. Exit: order type, price, minute (a candle is one).
LONGS = """
    bracket            | candles                                        | exit
    stop 98 target 104 | 100 105 99 104                                 | limit 104 1.67
    stop 98 target 104 | 100 101 97 100                                 | stop_loss 98 1.67
    stop 98 target 104 | 100 101 99 100, 95 105 94 104                  | stop_loss 95 2
    stop 98 target 104 | 100 101 99 100, 106 107 94 96                  | limit 106 2
    stop 98 target 104 | 100 105 97 100                                 | stop_loss 98 1.33
    stop 2% target 4%  | 50 52 49.5 52                                  | limit 52 1.67
    stop 2% target 4%  | 50 50.5 48.9 49                                | stop_loss 49 1.67
    trail 2%           | 100 110 99 101, 101 102 98.98 100              | stop_loss 98.98 2.67
    trail 2%           | 100 100 99 99, 99 100 98.5 99, 99 99 97 97     | stop_loss 98 3.67
    trail 3            | 100 105 100 105, 105 108 104 108, 104 104 99 99 | stop_loss 104 3
    stop 1% trail 2%   | 100 101 98.5 101                               | stop_loss 99 1.67
"""


@pytest.mark.parametrize(("bracket", "candles", "exit_"), rows(LONGS))
def test_a_long_leaves_at_the_first_exit_on_the_path(bracket: str, candles: str, exit_: str) -> None:
    book = Book(some_candles((100, 100, 100, 100), *candles_in(candles))).place(bracket=bracket_in(bracket)).at(9)
    kind, price, minute = exit_.split()

    assert book.fills()[1:] == [(kind, float(price), float(minute))]
    assert book.engine.state.groups == {}
    assert {one.split()[1] for one in book.exits()} <= {"filled", "cancelled"}
    assert book.money("BTC") == ("0", "0", "0")
    assert book.money("USDT")[1:] == ("0", "0")
    assert book.alerts == []


@pytest.mark.parametrize(("models", "price"), [(UP, 104.0), (DOWN, 98.0)])
def test_of_two_exits_in_one_bar_the_one_that_the_path_meets_first_fills(models: Models, price: float) -> None:
    book = Book(some_candles((100, 100, 100, 100), (100, 105, 97, 100)), models=models)
    book.place(bracket=bracket_in("stop 98 target 104")).at(3)

    assert [fill[1] for fill in book.fills()] == [100, price]


@pytest.mark.parametrize(
    ("candle", "exit_"), [("100 103 96 101", "stop_loss 102 1.33"), ("100 101 95 97", "limit 96 1.67")]
)
def test_a_short_leaves_above_or_below(candle: str, exit_: str) -> None:
    future = an_instrument(linear=True)
    book = Book(some_candles((100, 100, 100, 100), *candles_in(candle), instrument=future), models=UP)
    book.place(side="sell", bracket=bracket_in("stop 2% target 4%")).at(3)
    kind, price, minute = exit_.split()

    assert book.fills()[1:] == [(kind, float(price), float(minute))]
    assert book.money("USDT")[1:] == ("0", "0")


def test_an_entry_that_fills_inside_a_bar_has_exits_that_see_its_close_alone() -> None:
    """Its stop was passed on the way to the low; nobody can say whether before it filled. The close is above."""
    book = Book(some_candles((100, 100, 100, 100), (100, 101, 95, 99), (99, 99, 97.5, 98)))
    book.place(kind="limit", price="99.5", bracket=bracket_in("stop 98 target 104")).at(9)

    assert book.fills() == [("limit", 99.5, 1.67), ("stop_loss", 98.0, 2.67)]


def test_a_close_that_is_decided_at_a_close_cancels_the_exits_then_and_fills_at_the_next_open() -> None:
    book = Book(some_candles((100, 100, 100, 100), (100, 101, 99, 101), (102, 120, 80, 100)))
    book.place(bracket=bracket_in("stop 98 target 104")).at(2)
    book.engine.session.deliver([m.ClosePosition(account="main", symbol=SYMBOL, order_id=order_id(9))], book.engine.now)
    book.at(5)

    assert book.fills() == [("market", 100.0, 1.0), ("market", 102.0, 2.0)]
    assert list(book.exits()) == ["limit cancelled", "stop_loss cancelled"]


def test_an_entry_that_fills_over_several_bars_is_followed_by_its_exits() -> None:
    """400 of a candle's 1000 can be had: the entry takes three bars, the target two more."""
    still = (100.0, 101.0, 99.0, 100.0)
    book = Book(
        some_candles(still, still, still, still, (103, 105, 103, 104), (104, 105, 103, 104), still),
        models=Models(volume=VolumeShare(Decimal("0.4"))),
    )
    book.place(quantity="1000", bracket=bracket_in("stop 98 target 104")).at(4)
    asked = {one.instruction.type.value: str(one.quantity) for one in book.engine.state.orders.values()}
    assert asked == {"stop_loss": "1000.000", "limit": "1000.000"}
    book.at(5).at(5)
    assert {one.instruction.type.value: float(one.quantity) for one in book.engine.state.orders.values()} == {
        "stop_loss": 600.0,
        "limit": 1000.0,
    }
    assert book.money("BTC") == ("600", "600", "600")


def test_a_stop_that_the_market_has_passed_already_is_replaced_by_a_market_order_and_told() -> None:
    """The entry filled at the close, below its own stop."""
    book = Book(some_candles((100, 100, 100, 100), (100, 100, 90, 90), (91, 92, 89, 90)))
    book.at(1.5).place(bracket=bracket_in("stop 98")).at(5)

    assert book.fills() == [("market", 90.0, 2.0), ("market", 91.0, 2.0)]
    assert "Stop price would trigger immediately." in book.alerts[0]


# The exchange's own part: orders of one group


def test_orders_of_one_group_lock_the_most_that_one_of_them_needs() -> None:
    trader = Trader(some_candles((100, 100, 100, 100), (100, 101, 99, 100)), deposits={"BTC": "2", "USDT": "1"})
    trader.place(1, 1, side="sell", quantity="2", kind="limit", price="104", group="x")
    trader.place(2, 1, side="sell", quantity="2", kind="stop_loss", stop_price="98", group="x").run(1)

    assert [trader.said(number) for number in (1, 2)] == [["accepted"], ["accepted"]]
    assert trader.balance("BTC") == (2, 2)
    trader.cancel(1, 1).run(1)
    assert trader.balance("BTC") == (2, 2)
    trader.cancel(2, 1).run(1)
    assert trader.balance("BTC") == (2, 0)


def test_without_a_group_the_second_has_no_coins_left() -> None:
    trader = Trader(some_candles((100, 100, 100, 100), (100, 101, 99, 100)), deposits={"BTC": "2", "USDT": "1"})
    trader.place(1, 1, side="sell", quantity="2", kind="limit", price="104")
    trader.place(2, 1, side="sell", quantity="2", kind="stop_loss", stop_price="98").run(1)

    assert trader.said(2) == ["rejected"]


@pytest.mark.parametrize(
    ("replaces", "sold"),
    [
        ([{"stop_price": "98.5"}], "-"),
        ([{"quantity": "3"}], "98x1 @2.6667"),
        ([{"quantity": "3"}, {"stop_price": "98.5"}, {"quantity": "2.5"}], "98.5x1 @2.6667"),
    ],
)
def test_a_replace_that_comes_when_the_group_has_filled_makes_room_for_what_it_adds_alone(
    replaces: list[dict[str, Any]], sold: str
) -> None:
    """Who sent it had not heard of the fill: the coins of the first are not there to be sold again."""
    candles = some_candles((100, 100, 100, 100), (100, 105, 99, 100), (100, 100, 97, 100))
    trader = Trader(candles, deposits={"BTC": "9", "USDT": "1"}, models=UP)
    trader.place(1, 1, side="sell", quantity="2", kind="limit", price="104", group="x")
    trader.place(2, 1, side="sell", quantity="2", kind="stop_loss", stop_price="98", group="x").run(2)
    for request, values in enumerate(replaces, start=1):
        trader.replace(2, 2, request, **values)
    trader.run(5)

    assert (trader.story(1), trader.story(2)) == ("104x2 @1.3333", sold)


def test_replaces_of_two_orders_for_the_same_more_make_room_for_it_once() -> None:
    candles = some_candles((100, 100, 100, 100), (100, 101, 99, 100), (100, 105, 97, 100))
    trader = Trader(candles, deposits={"BTC": "9", "USDT": "1"}, models=UP)
    trader.place(1, 1, side="sell", quantity="1", kind="limit", price="104", group="x")
    trader.place(2, 1, side="sell", quantity="1", kind="stop_loss", stop_price="98", group="x")
    trader.replace(1, 1, quantity="3").replace(2, 1, quantity="3").run(5)

    assert (trader.story(1), trader.story(2)) == ("104x3 @2.3333", "-")


def test_orders_of_one_group_never_fill_more_than_one_of_them_asked_for() -> None:
    """Nobody cancels the other, and both are reached: the coins are sold once."""
    candles = some_candles((100, 100, 100, 100), (100, 105, 97, 100), (100, 105, 97, 100))
    trader = Trader(candles, deposits={"BTC": "2", "USDT": "1"}, models=UP)
    trader.place(1, 1, side="sell", quantity="2", kind="limit", price="104", group="x")
    trader.place(2, 1, side="sell", quantity="2", kind="stop_loss", stop_price="98", group="x").run(5)

    assert (trader.story(1), trader.story(2)) == ("104x2 @1.3333", "-")
    assert trader.balance("BTC") == (0, 0)


def test_a_refused_replace_makes_no_room() -> None:
    candles = some_candles((100, 100, 100, 100), (100, 105, 97, 100))
    trader = Trader(candles, deposits={"BTC": "2", "USDT": "1"}, models=UP)
    trader.place(1, 1, side="sell", quantity="2", kind="limit", price="104", group="x")
    trader.place(2, 1, side="sell", quantity="2", kind="stop_loss", stop_price="98", group="x")
    trader.replace(1, 1, quantity="3").run(5)

    assert trader.said(1) == ["accepted", "rejected", "filled"]
    assert trader.balance("BTC") == (0, 0)
