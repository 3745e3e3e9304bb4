"""The fill rules of four well-known engines, 41 cases read from their tests: ours is held to each that it can express.

Orders, markets and expected values come from ../shared/cases/fill_cases.json. What is not run is listed in `NOT_RUN`
with the reason; docs/simulation.md has the whole table.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.messages import EndReport
from orderwright.core.model import Bracket, Trail
from orderwright.market.candles import Candles
from orderwright.simulation.models import Models
from orderwright.simulation.models.spread import SpreadBps
from tests.simulation.book import Book
from tests.simulation.builders import (
    MINUTE,
    START,
    Trader,
    an_instrument,
    flat,
    order_id,
    some_candles,
    some_quotes,
    some_trades,
)

Case = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
OHLC = ("open", "high", "low", "close")
FAR_BID, MUCH = 1.0, 1_000.0
WAITS = Models(beyond_size="wait")

CORE = "not the exchange's: proven in the core's own tests"
DEPTH = "one quote has one level: books with depth come with the exchanges"
NOT_RUN = {
    "limit_not_filled_by_quotes_only": "differs on purpose: in a feed of quotes a limit fills when one crosses it",
    "market_buy_sweeps_two_levels": DEPTH,
    "queue_position_blocks": "queue positions come with the exchanges: here we are first in the queue",
    "market_to_limit_remainder_rests": "market-to-limit is not an order type of ours",
    "oms_duplicate_fill_ignored": CORE,
    "oms_terminal_status_waits_for_fills": CORE,
    "oms_not_found_limit": CORE,
}


@pytest.fixture(scope="session")
def cases(shared: Path) -> dict[str, Case]:
    listed = json.loads((shared / "cases" / "fill_cases.json").read_text())["cases"]
    return {case["id"]: case for case in listed}


@pytest.fixture
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    """The case that the test is named after."""
    return cases[request.node.originalname.removeprefix("test_")]


def test_every_case_is_run_or_explained(cases: dict[str, Case]) -> None:
    run = {name.removeprefix("test_") for name in globals() if name.startswith("test_")} & cases.keys()

    assert run.isdisjoint(NOT_RUN)
    assert run | NOT_RUN.keys() == cases.keys()
    assert (len(run), len(NOT_RUN), len(cases)) == (34, 7, 41)


def test_the_page_of_assumptions_has_every_case(cases: dict[str, Case]) -> None:
    page = (ROOT / "docs" / "simulation.md").read_text()

    assert [name for name in cases if name not in page] == []


# Candles, from Lean and backtesting.py


def test_limit_buy_touched_in_bar(case: Case) -> None:
    trader = through_candles(case)

    assert outcome(trader) == filled(case["expected"]["after_event_2"])
    assert trader.minutes()[0] > 1, "the first candle does not reach it"


def test_limit_sell_touched_in_bar(case: Case) -> None:
    assert outcome(through_candles(case)) == filled(case["expected"]["after_event_2"])


def test_limit_buy_gap_through_fills_at_open(case: Case) -> None:
    assert outcome(through_candles(case)) == filled(case["expected"])


def test_limit_ignores_data_before_submit(case: Case) -> None:
    """The order arrives after the old candle; a copy of it that fills a gap is no candle here, so nothing happens."""
    candles = some_candles(*(candle_in(text) for text in case["input"]["events"][::2]), minutes=[0, 12])
    order = an_order_of(case)

    trader = Trader(candles).place(minute=11, **order).run(20)

    assert outcome(trader) == filled({**case["expected"]["fresh bar"], "qty": 100})
    assert trader.minutes()[0] > 12


def test_stop_market_buy_triggers_in_bar(case: Case) -> None:
    trader = through_candles(case)

    assert outcome(trader) == filled(case["expected"]["after_event_2"])
    assert trader.said() == ["accepted", "triggered", "filled"]


def test_stop_market_buy_gap_open(case: Case) -> None:
    assert outcome(through_candles(case)) == filled({**case["expected"], "qty": 100})


def test_stop_limit_sell_sequence(case: Case) -> None:
    prices = [float(text.removeprefix("price ")) for text in case["input"]["events"]]

    trader = Trader(some_candles(*flat(*prices))).place(**an_order_of(case)).run(10)

    assert trader.said() == ["accepted", "triggered", "filled"]
    assert outcome(trader) == filled(case["expected"]["101.66"])
    assert trader.minutes() == [2]


def test_market_resting_before_bar_fills_open(case: Case) -> None:
    trader = Trader(some_candles(*candles_of(case))).place(**an_order_of(case)).run(10)

    assert outcome(trader) == filled({**case["expected"], "qty": 100})


def test_market_placed_in_bar_fills_close(case: Case) -> None:
    trader = Trader(some_candles(*candles_of(case))).place(minute=0.5, **an_order_of(case)).run(10)

    assert outcome(trader) == filled({**case["expected"], "qty": 100})


def test_backtest_spread_commission(case: Case) -> None:
    """backtesting.py takes its whole spread of 1 % from each order: ours is the distance from bid to ask, 2 %."""
    models = Models(spread=SpreadBps(Decimal(200)))
    open_, spread = 1_000.0, 0.01

    trader = Trader(some_candles(*flat(open_)), models=models).place().run(10)

    assert case["expected"]["entry"] == "open*(1+spread)"
    assert trader.fills() == [(open_ * (1 + spread), 1)]


def test_backtest_stop_limit_price_is_stop(case: Case) -> None:
    """Each stop-limit fills at its stop price, though its limit would allow worse."""
    buy, sell = case["input"]["orders"]
    candles = some_candles((110, 115, 109, 114), (114, 115, 100, 101))

    trader = Trader(candles).place(1, **an_order_of({"input": {"order": {**buy, "type": "stop_limit"}}}))
    trader.place(2, minute=1, **an_order_of({"input": {"order": {**sell, "type": "stop_limit"}}})).run(10)

    assert [trader.fills(1)[0][0], trader.fills(2)[0][0]] == list(case["expected"].values())


def test_bar_low_triggers_sell_stop_at_trigger(case: Case) -> None:
    candles = some_candles(tuple(case["input"]["bar"].values()))

    assert pairs(Trader(candles).place(**an_order_of(case)).run(10)) == case["expected"]["fills"]


def test_bar_limits_at_high_and_low(case: Case) -> None:
    candles = some_candles(tuple(case["input"]["bar"].values()))
    trader = Trader(candles)
    for number, order in enumerate(case["input"]["orders"], 1):
        trader.place(number, **an_order_of({"input": {"order": order}}))

    trader.run(10)

    assert {"sell": pairs(trader, 1)[0], "buy": pairs(trader, 2)[0]} == case["expected"]["fills"]


# Quotes, from nautilus_trader


def test_market_fok_insufficient(case: Case) -> None:
    assert Trader(asks_of(case)).place(**an_order_of(case)).run(10).said() == ["accepted", "expired"]


def test_limit_ioc_not_marketable(case: Case) -> None:
    """What they call canceled, we call expired, as Binance does."""
    said = Trader(asks_of(case)).place(**an_order_of(case)).run(10).said()

    assert [word.replace("expired", "canceled") for word in said] == case["expected"]["events"]


def test_post_only_would_take(case: Case) -> None:
    trader = Trader(asks_of(case)).place(**an_order_of(case)).run(10)

    assert trader.said() == ["rejected"]
    assert trader.refusal() == ("-2010", "Order would immediately match and take.")


def test_stop_market_in_market_rejected(case: Case) -> None:
    trader = Trader(asks_of(case)).place(**an_order_of(case)).run(10)

    assert trader.said() == case["expected"]["events"]
    assert trader.refusal() == ("-2010", "Stop price would trigger immediately.")


def test_stop_limit_triggered_rests_then_fills(case: Case) -> None:
    quotes = some_quotes((0, FAR_BID, 1500, MUCH, 1), (1, FAR_BID, 1489, MUCH, 1))

    trader = Trader(quotes, models=Models(stops_in_market="trigger")).place(**an_order_of(case)).run(10)

    assert trader.said() == [word.removesuffix(" qty 1") for word in case["expected"]["events"]]
    assert trader.fills() == [(1489, 1)]


def test_post_only_stop_limit_rejected_on_trigger(case: Case) -> None:
    """The ask of the case is the last trade here: one symbol has one feed."""
    trades = some_trades((0, 1500, 2, 0), (1, 1505, 1, 0))

    trader = Trader(trades).place(**an_order_of(case)).run(10)

    assert trader.said() == ["accepted", "triggered", "rejected"]


def test_l1_market_slips_one_tick(case: Case) -> None:
    (bid, bid_size), (ask, ask_size) = case["input"]["quote"]["bid"], case["input"]["quote"]["ask"]
    quotes = some_quotes((0, bid, ask, bid_size, ask_size))

    assert pairs(Trader(quotes).place(**an_order_of(case)).run(10)) == case["expected"]["fills"]


def test_gtd_partial_then_expired(case: Case) -> None:
    trader = Trader(asks_of(case)).place(**an_order_of(case), expire_at=START + 5 * MINUTE).run(10)

    assert pairs(trader) == case["expected"]["fills"]
    assert trader.said() == ["accepted", "filled", "expired"]
    end = trader.about()[-1]
    assert isinstance(end, EndReport)
    assert (end.time, end.cumulative) == (START + 5 * MINUTE, Decimal("0.5"))


def test_amend_below_filled_rejected(case: Case) -> None:
    trader = Trader(asks_of(case)).place(**an_order_of(case))
    trader.replace(minute=1, quantity=str(case["input"]["amend"]["qty"])).run(10)

    assert pairs(trader) == case["expected"]["fills"]
    assert trader.said() == ["accepted", "filled", "rejected"]
    assert "below" in trader.refusal()[1]


def test_liquidity_shared_by_orders(case: Case) -> None:
    trader = Trader(asks_of(case), models=WAITS)
    for number, quantity in enumerate(case["input"]["orders_market_buy"], 1):
        trader.place(number, quantity=str(quantity))
    trader.run(10)

    assert [trader.fills(number)[0][1] for number in (1, 2, 3)] == case["expected"]["fills"]


def test_partial_fills_follow_book(case: Case) -> None:
    first, then = case["input"]["book_at_price"][0], float(case["input"]["book_at_price"][1].split()[-1])
    quotes = some_quotes((0, FAR_BID, 100, MUCH, first), (1, FAR_BID, 100, MUCH, then))

    trader = Trader(quotes).place(quantity="200", kind="limit", price="100").run(10)

    assert [quantity for _, quantity in trader.fills()] == case["expected"]["fills"]


def test_stop_fills_on_gap_quote(case: Case) -> None:
    (bid, ask), (next_bid, next_ask) = case["input"]["quote"], case["input"]["next_quote"]
    quotes = some_quotes((0, bid, ask, 1, 1), (1, next_bid, next_ask, 1, 1))

    trader = Trader(quotes).place(**an_order_of(case)).run(10)

    assert len(trader.fills()) == case["expected"]["fills"]
    assert trader.fills() == [(next_bid, 1)]


# Trades


def test_limit_ticks_intermediate_extreme(case: Case) -> None:
    prices = case["input"]["events"]["trade_ticks_same_instant"]
    trades = some_trades(*((1, price, 100, 0) for price in prices))

    assert outcome(Trader(trades).place(**an_order_of(case)).run(10)) == filled(case["expected"])


def test_maker_fills_when_trade_at_limit(case: Case) -> None:
    trades = some_trades((0, 211.4, 1, 1), (1, case["input"]["trade"]["price"], 1, -1))

    trader = Trader(trades).place(**an_order_of(case)).run(10)

    assert pairs(trader) == case["expected"]["fills"]
    assert trader.minutes() == [1], "the time of the trade"


def test_trade_size_caps_fill(case: Case) -> None:
    trade = case["input"]["trade"]
    trades = some_trades((1, trade["price"], trade["size"], -1))

    assert pairs(Trader(trades).place(**an_order_of(case)).run(10)) == case["expected"]["fills"]


# Orders that belong together: the core and the exchange


def test_trailing_stop_buy_abs(case: Case) -> None:
    stops, fills = trailed(case)

    assert stops == case["expected"]["stops_after_each"]
    assert fills == [("stop_loss", case["expected"]["fill"]["price"], 5.0)]


def test_trailing_stop_sell_abs(case: Case) -> None:
    stops, fills = trailed(case)

    assert stops == case["expected"]["stops_after_each"]
    assert fills == [("stop_loss", case["expected"]["fill"]["price"], 5.0)]


def test_backtest_sl_before_tp_same_bar(case: Case, shared: Path) -> None:
    """A long from the fourth bar; stop and target come at the close of the fifth, below which the sixth opens."""
    book = Book(google(shared, "2004-08-19", 7)).at(4).place().at(5)
    for number, kind, price in ((2, "stop_loss", "stop_price"), (3, "limit", "price")):
        level = str(case["input"]["sl" if kind == "stop_loss" else "tp"])
        book.place(number, "sell", kind=kind, group="exits", **{price: level})
    book.at(7)

    assert book.fills()[1:] == [("stop_loss", case["expected"]["exit_price"], 5.0)]
    assert book.engine.state.orders == {}


def test_backtest_stop_entry_and_tp_same_bar(case: Case, shared: Path) -> None:
    """The entry is met inside the bar; its target is at or beyond the bar's close, and fills there at its limit."""
    order = case["input"]["order"]
    bracket = Bracket(stop_loss=Decimal(order["sl"]), take_profit=Decimal(order["tp"]))
    book = Book(google(shared, "2004-08-19", 7, linear=True)).at(3)
    book.place(1, "sell", kind="stop_loss", stop_price=str(order["stop"]), bracket=bracket).at(7)
    (_, price, minute) = book.fills()[1]

    assert (int(minute - 0.01), price) == (case["expected"]["exit_bar"], case["expected"]["exit_price"])


def test_backtest_entry_hit_sl_same_day(case: Case, shared: Path) -> None:
    bracket = Bracket(stop_loss=Decimal(case["input"]["order"]["sl"]))
    book = Book(google(shared, "2012-10-17", 2)).place(bracket=bracket).at(2)

    assert book.fills() == [("market", 755.54, 1.0), ("stop_loss", case["expected"]["exit_price"], 1.67)]


@pytest.mark.parametrize("on_close", [True, False])
def test_backtest_trade_on_close(case: Case, on_close: bool) -> None:
    """Decided a microsecond before a close, an order is filled at it; decided at the close, at the next open. The exits
    of a trade are cancelled before it is closed."""
    closes = case["input"]["closes"]
    candles = some_candles(*((close - 10, close, close - 10, close) for close in closes))
    early = MINUTE if on_close else 0
    book = Book(candles, deposits={"USDT": Decimal(1_000)}).at(START + 2 * MINUTE - bool(early))
    for number, stop_loss in ((1, 90), (2, 80)):
        book.place(number, bracket=Bracket(stop_loss=Decimal(stop_loss)))
    book.at(START + 3 * MINUTE - bool(early)).cancel_children(1).place(3, "sell").at(5)
    expected = case["expected"][f"trade_on_close={on_close}"]

    assert [book.fills(number)[0][1] for number in (1, 2)] == expected["entry"]
    assert [book.fills(3)[0][1], book.fills(2)[1][1]] == expected["exit"]


# Reading a case


def trailed(case: Case) -> tuple[list[float], list[tuple[str, float, float]]]:
    """Where a trailing stop stands after each price, and what has filled."""
    said, prices = case["input"]["order"], case["input"]["prices"]
    linear = said["side"] == "buy"
    candles = some_candles(*flat(prices[0], *prices), instrument=an_instrument(linear=linear))
    book = Book(candles, deposits={"USDT": Decimal(100_000)} if linear else {"BTC": Decimal(100)})
    trail = Trail(amount=Decimal(said["trail"]))
    book.place(1, said["side"], str(said["qty"]), "stop_loss", stop_price=str(said["initial_stop"]), trail=trail)
    stops = []
    for minute in range(2, len(prices) + 2):
        order = book.at(minute).at(minute).engine.order(order_id(1))
        assert order is not None
        assert order.stop_price is not None
        stops.append(float(order.stop_price))
    return stops, book.fills()


def google(shared: Path, first: str, days: int, *, linear: bool = False) -> Candles:
    """Daily candles of GOOG from a day on; a day is a minute here."""
    lines = (shared / "data" / "candles" / "nasdaq-GOOG-1d.csv").read_text().splitlines()
    began = next(number for number, line in enumerate(lines) if line.startswith(first))
    rows = [[float(cell) for cell in line.split(",")[1:5]] for line in lines[began : began + days]]
    return some_candles(*rows, instrument=an_instrument(linear=linear))


KINDS = {"stop": "stop_loss", "stop_limit": "stop_loss_limit"}


def an_order_of(case: Case) -> dict[str, Any]:
    """The case's order in our words."""
    said = case["input"]["order"]
    order: dict[str, Any] = {
        "kind": KINDS.get(said.get("type", "market"), said.get("type", "market")),
        "side": said.get("side", "buy"),
        "quantity": str(said.get("qty", 1)),
        "time_in_force": said.get("tif", "gtc").lower(),
    }
    for name, ours in (("limit", "price"), ("stop", "stop_price")):
        if name in said:
            order[ours] = str(said[name])
    return order | ({"post_only": True} if said.get("post_only") else {})


def candles_of(case: Case) -> list[tuple[float, ...]]:
    return [tuple(event[name] for name in OHLC) for event in case["input"]["events"]]


def candle_in(text: str) -> tuple[float, ...]:
    """The candle inside a sentence: "fresh bar 09:32 {'open': 291, ...}"."""
    values = json.loads(text[text.index("{") :].replace("'", '"'))
    return tuple(values[name] for name in OHLC)


def asks_of(case: Case) -> Any:
    """A quote with the case's one level of asks."""
    ((price, size),) = case["input"]["asks"]
    return some_quotes((0, FAR_BID, price, MUCH, size))


def through_candles(case: Case) -> Trader:
    return Trader(some_candles(*candles_of(case))).place(**an_order_of(case)).run(10)


def outcome(trader: Trader) -> tuple[str, list[tuple[float, float]]]:
    return trader.said()[-1], trader.fills()


def filled(expected: Case) -> tuple[str, list[tuple[float, float]]]:
    return expected.get("status", "filled"), [(expected["price"], expected["qty"])]


def pairs(trader: Trader, number: int = 1) -> list[list[float]]:
    return [list(fill) for fill in trader.fills(number)]
