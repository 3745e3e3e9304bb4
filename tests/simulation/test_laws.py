"""What holds whatever the market does and whatever is sent: laws, over random markets and random orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.model import OrderSide
from orderwright.core.numbers import ZERO
from orderwright.market.candles import Candles
from orderwright.market.feeds import Quotes, Trades
from orderwright.market.random_market import random_candles
from orderwright.simulation.candle_market import CandleMarket
from orderwright.simulation.models import Models
from orderwright.simulation.models.fees import Fees
from orderwright.simulation.models.latency import LognormalLatency
from orderwright.simulation.models.path import nearer_first, open_high_low_close, worst_case
from orderwright.simulation.models.slippage import SlippageBps
from orderwright.simulation.models.spread import SpreadTicks
from orderwright.simulation.models.volume import VolumeShare
from orderwright.simulation.search import Lookout
from tests.simulation.builders import MINUTE, START, Trader, an_instrument, order_id, order_in

LENGTH = 40
COARSE = an_instrument(tick_size=Decimal("0.5"), step_size=Decimal("0.1"))
PRICES = st.integers(180, 220).map(lambda ticks: str(ticks * COARSE.tick_size))
FORCES = st.sampled_from(["gtc", "gtc", "gtc", "ioc", "fok", "gtd"])
KINDS = st.sampled_from(
    ["market", "limit", "limit", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit"]
)
DEPOSITS = {"USDT": "40000", "BTC": "300", "BNB": "0.05"}


@st.composite
def markets(draw: st.DrawFn) -> Candles | Quotes | Trades:
    """40 minutes around 100.0, moving a few ticks a minute; candles with gaps, quotes or trades."""
    seed = draw(st.integers(0, 10_000))
    candles = random_candles(
        seed, LENGTH, COARSE, start=START, start_price=Decimal(100), volatility=0.01, turnover=30_000
    )
    kind = draw(st.sampled_from(["candles", "quotes", "trades"]))
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 60, (2, LENGTH))
    if kind == "quotes":
        ask = candles.close + random.integers(0, 4, LENGTH)
        return Quotes(COARSE.symbol, COARSE, candles.times, candles.close, ask, sizes[0], sizes[1])
    if kind == "trades":
        aggressor = random.integers(-1, 2, LENGTH).astype(np.int8)
        return Trades(COARSE.symbol, COARSE, candles.times, candles.close, sizes[0], aggressor)
    kept = np.sort(random.choice(LENGTH, LENGTH - draw(st.integers(0, 8)), replace=False))
    columns = (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume)
    return Candles(COARSE.symbol, COARSE, MINUTE, *(column[kept] for column in columns))


MODELS = st.builds(
    Models,
    fees=st.sampled_from([None, Fees(maker=Decimal("0.001"), taker=Decimal("0.002"), taken_in="BNB")]),
    spread=st.sampled_from([Models().spread, SpreadTicks(2)]),
    slippage=st.sampled_from([Models().slippage, SlippageBps(Decimal(30))]),
    volume=st.sampled_from([Models().volume, VolumeShare(Decimal("0.05"))]),
    latency=st.sampled_from([Models().latency, LognormalLatency(5, 20_000_000)]),
    path=st.sampled_from([nearer_first, open_high_low_close, worst_case]),
    intrabar=st.booleans(),
    beyond_size=st.sampled_from(["slip", "wait"]),
    stops_in_market=st.sampled_from(["reject", "trigger"]),
)


@st.composite
def sessions(draw: st.DrawFn) -> list[tuple[float, str, dict[str, Any]]]:
    """What a trader does: (minute, verb, arguments), in order of time; half of it at a candle's boundary."""
    session: list[tuple[float, str, dict[str, Any]]] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        minute = draw(st.integers(0, LENGTH * 2)) / 2
        order: dict[str, Any] = {
            "number": number,
            "side": draw(st.sampled_from(["buy", "sell"])),
            "quantity": str(draw(st.integers(1, 300)) * COARSE.step_size),
            "kind": (kind := draw(KINDS)),
            "time_in_force": draw(FORCES) if kind in ("market", "limit") else "gtc",
        }
        if kind.endswith("limit"):
            order["price"] = draw(PRICES)
        if kind.startswith(("stop", "take")):
            order["stop_price"] = draw(PRICES)
        if order["time_in_force"] == "gtd":
            order["expire_at"] = START + round((minute + draw(st.integers(1, 20)) / 2) * MINUTE)
        session.append((minute, "place", order))
        if draw(st.booleans()):
            later = minute + draw(st.integers(0, 20)) / 2
            verb = draw(st.sampled_from(["cancel", "replace"]))
            changes = {"quantity": "5"} if kind == "market" or verb == "cancel" else {"quantity": "12.5"}
            session.append((later, verb, {"number": number, **(changes if verb == "replace" else {})}))
    return sorted(session, key=lambda step: step[0])


def play(feed: Candles | Quotes | Trades, models: Models, session: list[Any], pause: float | None = None) -> Trader:
    """Run a session to its end; `pause`: how often the trader looks, in minutes."""
    trader = Trader(feed, models=models, deposits=DEPOSITS)
    for minute, verb, arguments in session:
        getattr(trader, verb)(minute=minute, **arguments)
    looks = np.arange(session[-1][0], LENGTH + 30, pause) if pause else ()
    for minute in looks:
        trader.run(float(minute))
    return trader.run(LENGTH + 30)


@given(markets(), MODELS, sessions())
def test_the_same_seed_and_calls_give_the_same_history(feed: Any, models: Models, session: list[Any]) -> None:
    assert play(feed, models, session).reports == play(feed, models, session).reports


@given(markets(), MODELS, sessions(), st.sampled_from([0.25, 1.0, 7.3]))
def test_how_often_one_looks_changes_nothing(feed: Any, models: Models, session: list[Any], pause: float) -> None:
    assert play(feed, models, session).reports == play(feed, models, session, pause).reports


@given(markets(), MODELS, sessions())
def test_searching_finds_what_walking_every_row_finds(feed: Any, models: Models, session: list[Any]) -> None:
    def every_row(_: Lookout, start: int, stop: int) -> int | None:
        return start if start < stop else None

    with patch.object(Lookout, "first", every_row):
        walked = play(feed, models, session).reports

    assert play(feed, models, session).reports == walked


@given(markets(), MODELS, sessions())
def test_balances_change_only_by_deposits_fills_and_fees(feed: Any, models: Models, session: list[Any]) -> None:
    trader = play(feed, models, session)
    expected = {asset: Decimal(amount) for asset, amount in DEPOSITS.items()}
    for _, report in trader.reports:
        if isinstance(report, m.FillReport):
            execution, sign = report.execution, 1 if bought(session, report.order_id) else -1
            expected["BTC"] += sign * execution.quantity
            expected["USDT"] -= sign * execution.quantity * execution.price
            expected[execution.fee_asset or "USDT"] -= execution.fee

    assert {asset: balance.total for (_, asset), balance in trader.exchange.balances.items()} == expected


@given(markets(), MODELS, sessions())
def test_what_is_locked_is_what_working_orders_reserved_and_nothing_is_overdrawn(
    feed: Any, models: Models, session: list[Any]
) -> None:
    trader = play(feed, models, session)
    reserved: dict[str, Decimal] = dict.fromkeys(DEPOSITS, ZERO)
    for order in trader.exchange._desk.working.values():
        reserved[order.reserved_asset] += order.reserved

    balances = {asset: balance for (_, asset), balance in trader.exchange.balances.items()}
    assert {asset: balance.locked for asset, balance in balances.items()} == reserved
    assert all(balance.locked >= 0 and balance.free >= 0 for balance in balances.values())


@given(markets(), MODELS, sessions())
def test_a_limit_never_fills_at_worse_and_no_order_fills_too_much(
    feed: Any, models: Models, session: list[Any]
) -> None:
    trader = play(feed, models, session)
    for _, verb, order in session:
        if verb == "place":
            executions = trader.executions(order["number"])
            most = max(Decimal(order["quantity"]), Decimal("12.5"))
            assert sum(execution.quantity for execution in executions) <= most
            if "price" in order:
                limit, buy = Decimal(order["price"]), order["side"] == "buy"
                assert all(e.price <= limit if buy else e.price >= limit for e in executions)


@given(markets(), MODELS, sessions())
def test_nothing_fills_before_it_may(feed: Any, models: Models, session: list[Any]) -> None:
    """Not before it has arrived and, unless `intrabar`, not before the candle it arrived in has closed."""
    trader = play(feed, models, session)
    for number in range(1, 9):
        accepted = [report.time for report in trader.about(number) if isinstance(report, m.AckReport)]
        times = [execution.time for execution in trader.executions(number)]
        if not accepted or not times:
            continue
        earliest = accepted[0]
        if isinstance(feed, Candles) and not models.intrabar:
            inside = (feed.times < accepted[0]) & (accepted[0] < feed.close_times)
            earliest = int(feed.close_times[inside][0]) if inside.any() else earliest
        assert min(times) >= earliest


def test_orders_far_from_the_market_cost_a_search_and_not_a_walk() -> None:
    candles = random_candles(1, 200_000, an_instrument(), start=START, volatility=0.0001)
    trader = Trader(candles)
    for number, order in enumerate(("sell 1 limit 900000", "buy 1 limit 1", "buy 1 stop_loss 900000"), 1):
        trader.place(number, **order_in(order))

    with patch.object(CandleMarket, "step", autospec=True, side_effect=CandleMarket.step) as steps:
        trader.run(200_000)

    assert steps.call_count <= 4, "the candle they met first, and no other"


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=400),
    st.integers(0, 30),
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=20),
)
def test_a_lookout_finds_the_first_row_that_touches(
    prices: list[int], below: int, above: int, questions: list[tuple[int, int]]
) -> None:
    column = np.array(prices, dtype=np.int64)
    lookout = Lookout([column], [column + 3])
    lookout.watch([below], [above])
    start = 0
    for step, stop in questions:
        start, stop = start + step % 7, min(stop, len(prices))
        touched = (row for row in range(start, stop) if prices[row] <= below or prices[row] + 3 >= above)
        assert lookout.first(start, stop) == next(touched, None)


def bought(session: list[Any], name: str) -> bool:
    sides = {order_id(order["number"]): order["side"] for _, verb, order in session if verb == "place"}
    return OrderSide(sides[name]) is OrderSide.BUY
