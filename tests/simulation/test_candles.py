"""How orders fill in candles, as tables that a trader can read.

Candle n opens at minute n, so "@0.3333" is the first extreme of candle 0 and "@1" its close or the next one's open.
Unless it says otherwise the nearer extreme comes first.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orderwright.simulation.models import Models
from orderwright.simulation.models.path import (
    PathModel,
    nearer_first,
    open_high_low_close,
    open_low_high_close,
    worst_case,
)
from orderwright.simulation.models.slippage import SlippageBps, SquareRootImpact
from orderwright.simulation.models.spread import SpreadBps, SpreadTicks
from orderwright.simulation.models.volume import VolumeShare
from tests.simulation.builders import (
    MINUTE,
    START,
    Trader,
    an_instrument,
    candles_in,
    flat,
    order_in,
    rows,
    some_candles,
)

PLAIN = """
    what                                            | candles                            | order                           | minute | fills
    a market order before the open fills there      | 100 103 99 102                     | buy 1 market                    | 0      | 100x1 @0
    inside a candle it fills at the close           | 100 103 99 102                     | buy 1 market                    | 0.5    | 102x1 @1
    at the close time it fills at the next open     | 100 103 99 102, 104 104 104 104    | buy 1 market                    | 1      | 104x1 @1
    a limit that is touched fills at its price      | 100 103 99 102                     | buy 1 limit 99.5                | 0      | 99.5x1 @0.3333
    a touch of the exact price is enough            | 100 103 99 102                     | buy 1 limit 99                  | 0      | 99x1 @0.3333
    one tick away it rests                          | 100 103 99 102                     | buy 1 limit 98.99               | 0      | -
    a limit to sell is touched from below           | 100 103 99 102                     | sell 1 limit 102.5              | 0      | 102.5x1 @0.6667
    gapped in its favour it fills at the open       | 100 100 100 100, 95 96 94 95       | buy 1 limit 98                  | 0      | 95x1 @1
    so does a limit to sell                         | 100 100 100 100, 105 106 104 105   | sell 1 limit 102                | 0      | 105x1 @1
    a limit that crosses takes at the open          | 100 100 100 100, 101 103 99 102    | buy 1 limit 105                 | 1      | 101x1 @1
    a stop triggers and fills at its price          | 100 103 99 102                     | buy 1 stop_loss 101             | 0      | 101x1 @0.6667
    gapped through it fills at the open, worse      | 100 100 100 100, 105 106 104 105   | buy 1 stop_loss 102             | 0      | 105x1 @1
    so does a stop to sell                          | 100 100 100 100, 95 96 94 95       | sell 1 stop_loss 98             | 0      | 95x1 @1
    a take-profit triggers the other way            | 100 103 99 102                     | sell 1 take_profit 102.5        | 0      | 102.5x1 @0.6667
    a take-profit to buy waits below                | 100 103 99 102                     | buy 1 take_profit 99.2          | 0      | 99.2x1 @0.3333
    a stop-limit within its limit fills at its stop | 100 103 99 102                     | buy 1 stop_loss_limit 101 102   | 0      | 101x1 @0.6667
    gapped beyond its limit it rests                | 100 100 100 100, 105 106 104 105   | buy 1 stop_loss_limit 102 103   | 0      | -
    and fills when the price comes back             | 100 100 100 100, 105 106 102 105   | buy 1 stop_loss_limit 102 103   | 0      | 103x1 @1.6667
    one way can trigger it and then fill its limit  | 100 103 99 102                     | sell 1 take_profit_limit 101 102| 0      | 102x1 @0.6667
    inside a candle its extremes are not seen       | 100 103 99 102                     | buy 1 limit 99.5                | 0.5    | -
    nor do they trigger                             | 100 103 99 102                     | buy 1 stop_loss 102.5           | 0.5    | -
    a close beyond a resting limit fills it there   | 100 103 95 96                      | buy 1 limit 97                  | 0.5    | 97x1 @1
    a close beyond a stop triggers it, at the close | 100 103 95 96                      | sell 1 stop_loss 97             | 0.5    | 96x1 @1
    a limit that crosses inside takes the close     | 100 103 99 102                     | buy 1 limit 105                 | 0.5    | 102x1 @1
    and only if the close still crosses             | 100 103 99 102                     | buy 1 limit 101                 | 0.5    | -
"""  # noqa: E501  # a table's row is one line

INTRABAR = """
    what                                       | candles         | order                | minute | fills
    it takes the next point of the path        | 100 103 99 102  | buy 1 market         | 0.1    | 99x1 @0.3333
    at the time of a point it has missed it    | 102 103 99 100  | buy 1 limit 99.5     | 0.6667 | -
    it sees an extreme that is still to come   | 100 103 99 102  | buy 1 stop_loss 102  | 0.5    | 103x1 @0.6667
    from then on every price between           | 100 103 99 101  | sell 1 limit 102     | 0.1    | 102x1 @0.6667
"""


@pytest.mark.parametrize(("what", "candles", "order", "minute", "fills"), rows(PLAIN))
def test_an_order_meets_a_candle(what: str, candles: str, order: str, minute: str, fills: str) -> None:
    trader = Trader(some_candles(*candles_in(candles))).place(minute=float(minute), **order_in(order)).run(10)

    assert trader.story() == fills, what


@pytest.mark.parametrize(("what", "candles", "order", "minute", "fills"), rows(INTRABAR))
def test_intrabar_an_order_sees_the_points_after_its_arrival(
    what: str, candles: str, order: str, minute: str, fills: str
) -> None:
    trader = Trader(some_candles(*candles_in(candles)), models=Models(intrabar=True))

    assert trader.place(minute=float(minute), **order_in(order)).run(10).story() == fills, what


@pytest.mark.parametrize(
    ("path", "candle", "first"),
    [
        (nearer_first, "100 103 99 102", "buy"),
        (nearer_first, "100 101 97 98", "sell"),
        (open_high_low_close, "100 103 99 102", "sell"),
        (open_low_high_close, "100 101 97 98", "buy"),
    ],
)
def test_the_path_decides_which_of_two_limits_fills_first(path: PathModel, candle: str, first: str) -> None:
    _, high, low, _ = candles_in(candle)[0]
    trader = Trader(some_candles(*candles_in(candle)), models=Models(path=path))
    trader.place(1, side="buy", kind="limit", price=str(low))
    trader.place(2, side="sell", kind="limit", price=str(high)).run(10)

    minutes = {"buy": trader.minutes(1), "sell": trader.minutes(2)}
    assert minutes[first] == [0.3333]
    assert sorted(minutes.values()) == [[0.3333], [0.6667]]


@pytest.mark.parametrize(("side", "stop"), [("sell", "97"), ("buy", "103")])
def test_in_the_worst_case_a_stop_comes_before_the_profit(side: str, stop: str) -> None:
    candle = (100, 103, 97, 100)
    other = {"97": "103", "103": "97"}[stop]
    trader = Trader(some_candles(candle), models=Models(path=worst_case))
    trader.place(1, side=side, kind="stop_loss", stop_price=stop)
    trader.place(2, side=side, kind="limit", price=other).run(10)

    assert (trader.minutes(1), trader.minutes(2)) == ([0.3333], [0.6667])


def test_where_candles_are_missing_nothing_happens() -> None:
    trader = Trader(some_candles(*flat(100, 105), minutes=[0, 5])).place(minute=1).run(4.9)
    assert trader.story() == "-"

    assert trader.run(10).story() == "105x1 @5"


def test_markets_of_several_symbols_share_one_time() -> None:
    other = an_instrument(symbol="ETH/USDT", base="ETH")
    trader = Trader(
        some_candles(*flat(100, 101, 102)), some_candles(*flat(10, 11, 12), instrument=other, minutes=[0, 1, 5])
    )
    trader.exchange.deposit("main", "ETH", Decimal(5))
    trader.place(1, minute=1, **order_in("sell 1 limit 102")).place(2, minute=1, symbol="ETH/USDT", side="sell")
    trader.place(3, minute=2, symbol="ETH/USDT", side="sell").run(9)

    assert [trader.story(number) for number in (1, 2, 3)] == ["102x1 @2", "11x1 @1", "12x1 @5"]
    assert [time for time, _ in trader.reports] == sorted(time for time, _ in trader.reports)


# Sharing a candle's volume


def test_what_exceeds_the_share_of_a_candle_waits_for_the_next() -> None:
    models = Models(volume=VolumeShare(Decimal("0.1")))
    candles = some_candles(*((price, price, price, price, 1000) for price in (100, 101, 102)))

    trader = Trader(candles, models=models).place(quantity="250").run(10)

    assert trader.story() == "100x100 @0, 101x100 @1, 102x50 @2"


def test_orders_share_a_candle_in_time_priority() -> None:
    models = Models(volume=VolumeShare(Decimal("0.1")))
    candles = some_candles(*((price, price, price, price, 1000) for price in (100, 100, 99)))
    trader = Trader(candles, models=models)
    trader.place(1, quantity="60", kind="limit", price="99").place(2, quantity="60", kind="limit", price="99").run(10)

    assert (trader.story(1), trader.story(2)) == ("99x60 @2", "99x40 @2")


def test_a_better_price_comes_before_an_earlier_order() -> None:
    models = Models(volume=VolumeShare(Decimal("0.1")))
    candles = some_candles((100, 100, 100, 100), (98, 98, 98, 98, 1000))
    trader = Trader(candles, models=models)
    trader.place(1, quantity="60", kind="limit", price="99").place(2, quantity="60", kind="limit", price="99.5").run(10)

    assert (trader.story(1), trader.story(2)) == ("98x40 @1", "98x60 @1")


@pytest.mark.parametrize(
    ("force", "said"), [("ioc", ["accepted", "filled", "expired"]), ("fok", ["accepted", "expired"])]
)
@pytest.mark.parametrize("order", ["buy 250 market", "buy 250 limit 101"])
def test_immediate_orders_do_not_wait(order: str, force: str, said: list[str]) -> None:
    models = Models(volume=VolumeShare(Decimal("0.1")))
    trader = Trader(some_candles(*flat(100, 100, 100)), models=models).place(minute=1, **order_in(f"{order} {force}"))

    assert trader.run(10).said() == said


def test_an_immediate_limit_that_does_not_cross_expires_at_the_first_price_it_sees() -> None:
    trader = Trader(some_candles(*flat(100, 100))).place(**order_in("buy 1 limit 99 ioc")).run(10)

    assert trader.said() == ["accepted", "expired"]
    assert trader.about()[-1].time == START


# Spread and slippage


@pytest.mark.parametrize(
    ("models", "buys", "sells"),
    [
        (Models(spread=SpreadTicks(10)), "100.05x1 @0", "99.95x1 @0"),
        (Models(spread=SpreadTicks(9)), "100.05x1 @0", "99.95x1 @0"),
        (Models(spread=SpreadBps(Decimal(20))), "100.1x1 @0", "99.9x1 @0"),
        (Models(slippage=SlippageBps(Decimal(5))), "100.05x1 @0", "99.95x1 @0"),
        (Models(slippage=SlippageBps(Decimal("0.3"))), "100.01x1 @0", "99.99x1 @0"),
        (Models(spread=SpreadTicks(2), slippage=SlippageBps(Decimal(1))), "100.03x1 @0", "99.98x1 @0"),
        (Models(slippage=SquareRootImpact(0.01)), "100.04x1 @0", "99.96x1 @0"),
    ],
)
def test_a_taker_pays_spread_and_slippage_rounded_against_it(models: Models, buys: str, sells: str) -> None:
    trader = Trader(some_candles(*flat(100)), models=models).place(1).place(2, side="sell").run(10)

    assert (trader.story(1), trader.story(2)) == (buys, sells)


def test_what_rests_pays_neither() -> None:
    models = Models(spread=SpreadTicks(10), slippage=SlippageBps(Decimal(50)))
    trader = Trader(some_candles((100, 103, 99, 102)), models=models).place(**order_in("buy 1 limit 99.5")).run(10)

    assert trader.story() == "99.5x1 @0.3333"


def test_a_triggered_stop_slips_from_its_stop_price() -> None:
    models = Models(slippage=SlippageBps(Decimal(100)))
    trader = Trader(some_candles((100, 103, 99, 102)), models=models).place(**order_in("buy 1 stop_loss 101")).run(10)

    assert trader.story() == "102.01x1 @0.6667"


def test_slippage_does_not_pass_a_limit() -> None:
    models = Models(slippage=SlippageBps(Decimal(100)))
    trader = Trader(some_candles(*flat(100, 100)), models=models).place(minute=1, **order_in("buy 1 limit 100.5"))

    assert trader.run(10).story() == "100.5x1 @1"


# What may be known


def test_a_quote_never_shows_what_lies_ahead() -> None:
    exchange = Trader(some_candles((100, 103, 99, 102), (104, 105, 90, 91))).exchange
    seen = {
        minute: quote and (float(quote.last), (quote.time - START) / MINUTE)
        for minute in (-1, 0, 0.5, 1, 1.01, 1.99, 2, 9)
        for quote in [exchange.quote("BTC/USDT", START + round(minute * MINUTE))]
    }

    assert seen == {
        -1: None,
        0: None,
        0.5: (100, 0),
        1: (102, 1),
        1.01: (104, 1),
        1.99: (104, 1),
        2: (91, 2),
        9: (91, 2),
    }


def test_a_quote_has_the_spread() -> None:
    exchange = Trader(some_candles(*flat(100)), models=Models(spread=SpreadTicks(4))).exchange
    quote = exchange.quote("BTC/USDT", START + MINUTE)

    assert quote is not None
    assert (quote.bid, quote.last, quote.ask) == (Decimal("99.98"), Decimal(100), Decimal("100.02"))
