"""How orders fill in feeds of quotes and of trades."""

from __future__ import annotations

import pytest

from orderwright.simulation.models import Models
from orderwright.simulation.models.spread import SpreadTicks
from tests.simulation.builders import MINUTE, START, Trader, order_in, rows, some_quotes, some_trades

QUOTES = """
    what                                              | quotes (bid ask sizes)                | order                         | minute | fills
    a buy takes the ask at once                       | 99 100 5 5                            | buy 1 market                  | 0.5    | 100x1 @0.5
    a sell hits the bid                               | 99 100 5 5                            | sell 1 market                 | 0.5    | 99x1 @0.5
    before the first quote it waits for it            | 99 100 5 5                            | buy 1 market                  | -1     | 100x1 @0
    beyond the size it slips one tick                 | 99 100 5 2                            | buy 3 market                  | 0.5    | 100x2 @0.5, 100.01x1 @0.5
    so does a sell                                    | 99 100 2 5                            | sell 3 market                 | 0.5    | 99x2 @0.5, 98.99x1 @0.5
    a limit that crosses takes the quote's price      | 99 100 5 5                            | buy 1 limit 101               | 0.5    | 100x1 @0.5
    and rests with what the size does not give        | 99 100 5 2, 99 100 5 2                | buy 3 limit 100               | 0.5    | 100x2 @0.5, 100x1 @1
    a resting limit fills at the price that crosses   | 99 100 5 5, 97 98 5 5                 | buy 1 limit 98.5              | 0      | 98x1 @1
    an ask one tick above it does not                 | 99 100 5 5, 97 98 5 5                 | buy 1 limit 97.99             | 0      | -
    a stop to buy looks at the ask                    | 99 100 5 5, 99 102 5 5                | buy 1 stop_loss 101           | 0      | 102x1 @1
    a stop to sell looks at the bid                   | 99 100 5 5, 96 102 5 5                | sell 1 stop_loss 98           | 0      | 96x1 @1
    ioc takes what is there                           | 99 100 5 2, 99 100 5 5                | buy 3 limit 100 ioc           | 0.5    | 100x2 @0.5
    fok needs all of it                               | 99 100 5 2, 99 100 5 5                | buy 3 limit 100 fok           | 0.5    | -
    fok with all of it                                | 99 100 5 3                            | buy 3 market fok              | 0.5    | 100x3 @0.5
"""  # noqa: E501  # a table's row is one line

TRADES = """
    what                                                  | trades (price size aggressor)       | order                      | fills
    a seller's trade at the limit fills a buy             | 100 5 0, 99 5 -1                    | buy 1 limit 99             | 99x1 @1
    a trade through it fills at the limit                 | 100 5 0, 98 5 -1                    | buy 1 limit 99             | 99x1 @1
    a buyer's trade does not                              | 100 5 0, 99 5 1                     | buy 1 limit 99             | -
    an unknown aggressor does                             | 100 5 0, 99 5 0                     | buy 1 limit 99             | 99x1 @1
    a buyer's trade fills a sell                          | 100 5 0, 101 5 1                    | sell 1 limit 101           | 101x1 @1
    at most the trade's size fills                        | 100 5 0, 99 5 -1, 99 5 -1           | buy 7 limit 99             | 99x5 @1, 99x2 @2
    a market order takes the next trade, then the next    | 100 5 0, 101 5 1, 102 5 -1          | buy 7 market               | 101x5 @1, 102x2 @2
    a limit that crosses takes at the trade's price       | 100 5 0, 101 5 1                    | buy 1 limit 105            | 101x1 @1
    a stop takes from the trade that reaches it           | 100 5 0, 104 5 1                    | buy 1 stop_loss 103        | 104x1 @1
    a stop-limit then rests if it must                    | 100 5 0, 104 5 1, 102 5 -1          | buy 1 stop_loss_limit 103 103 | 103x1 @2
"""  # noqa: E501


@pytest.mark.parametrize(("what", "quotes", "order", "minute", "fills"), rows(QUOTES))
def test_an_order_meets_quotes(what: str, quotes: str, order: str, minute: str, fills: str) -> None:
    trader = Trader(some_quotes(*numbered(quotes))).place(minute=float(minute), **order_in(order)).run(10)

    assert trader.story() == fills, what


@pytest.mark.parametrize(("what", "trades", "order", "fills"), rows(TRADES))
def test_an_order_meets_trades(what: str, trades: str, order: str, fills: str) -> None:
    assert Trader(some_trades(*numbered(trades))).place(minute=0.5, **order_in(order)).run(10).story() == fills, what


def test_what_one_takes_of_a_quote_is_not_there_for_the_next() -> None:
    trader = Trader(some_quotes((0, 99, 100, 5, 5), (1, 99, 100, 5, 5)), models=Models(beyond_size="wait"))
    trader.place(1, minute=0.5, quantity="3").place(2, minute=0.6, quantity="3").run(5)

    assert (trader.story(1), trader.story(2)) == ("100x3 @0.5", "100x2 @0.6, 100x1 @1")


def test_what_one_takes_of_a_trade_is_not_there_for_the_next() -> None:
    trader = Trader(some_trades((0, 100, 5, 0), (1, 99, 5, -1), (2, 99, 5, -1)))
    trader.place(1, **order_in("buy 4 limit 99")).place(2, **order_in("buy 4 limit 99")).run(5)

    assert (trader.story(1), trader.story(2)) == ("99x4 @1", "99x1 @1, 99x3 @2")


def test_takers_of_trades_pay_the_spread() -> None:
    trades = some_trades((0, 100, 5, 0), (1, 100, 5, 0))

    assert Trader(trades, models=Models(spread=SpreadTicks(10))).place(minute=0.5).run(5).story() == "100.05x1 @1"


def test_a_post_only_order_makes_and_never_takes() -> None:
    quotes = some_quotes((0, 99, 100, 5, 5), (1, 97, 98, 5, 5))
    trader = Trader(quotes).place(minute=0.5, **order_in("buy 1 limit 99.5 post_only")).run(5)

    assert [(execution.liquidity, float(execution.price)) for execution in trader.executions()] == [("maker", 98)]


def test_rows_of_one_time_happen_in_their_order() -> None:
    trader = Trader(some_trades((0, 100, 5, 0), (1, 98, 1, -1), (1, 97, 1, -1)))

    assert trader.place(**order_in("buy 2 limit 99")).run(5).story() == "99x1 @1, 99x1 @1"


def test_a_quote_is_the_latest_row_that_has_happened() -> None:
    quotes = Trader(some_quotes((0, 99, 100, 5, 5), (1, 97, 98, 5, 5))).exchange
    trades = Trader(some_trades((0, 100, 5, 0), (1, 98, 5, 0))).exchange
    before, at, after = (START + round(minute * MINUTE) for minute in (-0.1, 1, 1.5))

    assert (quotes.quote("BTC/USDT", before), trades.quote("BTC/USDT", before)) == (None, None)
    for exchange, last in ((quotes, 97.5), (trades, 98)):
        for time in (at, after):
            quote = exchange.quote("BTC/USDT", time)
            assert quote is not None
            assert (float(quote.last), quote.time) == (last, at)


def numbered(text: str) -> list[tuple[float, ...]]:
    """Rows of numbers, each with its minute in front."""
    return [(minute, *(float(word) for word in row.split())) for minute, row in enumerate(text.split(","))]
