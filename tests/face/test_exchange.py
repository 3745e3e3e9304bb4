"""The step function: sized, executed, updated; one seed and the same trades give one history."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderwright import Exchange, InputError, LogError, OrderStatus, StepResult, Trade
from orderwright.core.model import Balance, Settings
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import UniformLatency
from orderwright.simulation.models.slippage import SlippageBps
from orderwright.simulation.models.volume import VolumeShare
from tests.face.builders import SHOWN, a_broker, a_buy, a_limit, some_market
from tests.simulation.builders import MINUTE

BUY, SELL = Trade("BTC", "USDT", "buy"), Trade("BTC", "USDT", "sell")


def an_exchange(*prices: float, **options: Any) -> Exchange:
    words: dict[str, Any] = {
        "feeds": [some_market(prices or (100, 100, 101, 102, 103))],
        "maker_fee": 0,
        "taker_fee": 0,
    }
    return Exchange(**(words | options))


def test_a_step_shows_what_may_be_known_at_its_end() -> None:
    result = an_exchange().step(a_buy("2"))
    assert result.trade is not None
    fill = result.fills[0]
    assert result == StepResult(
        time=SHOWN + MINUTE,
        trade=result.trade,
        fills=(fill,),
        balances={"USDT": Balance(Decimal(9_800), Decimal(0)), "BTC": Balance(Decimal(2), Decimal(0))},
        equity=Decimal(10_000),
    )
    assert (fill.order_id, fill.execution.price, result.trade.status) == (
        result.trade.order_id,
        Decimal(100),
        OrderStatus.OPEN,
    )


def test_equity_follows_the_market_and_the_last_step_is_done() -> None:
    exchange = an_exchange()
    results = [exchange.step(a_buy("10"))]
    while not results[-1].done:
        results.append(exchange.step())
    assert [(result.equity, result.time) for result in results] == [
        (Decimal(10_000), SHOWN + 1 * MINUTE),
        (Decimal(10_010), SHOWN + 2 * MINUTE),
        (Decimal(10_020), SHOWN + 3 * MINUTE),
        (Decimal(10_030), SHOWN + 4 * MINUTE),
    ]
    assert exchange.step(None).time == results[-1].time


def test_the_same_trade_can_be_given_again_and_stays_as_it_was() -> None:
    exchange = an_exchange()
    trade = a_buy("1")
    first, second = exchange.step(trade), exchange.step(trade)
    assert (trade.order_id, trade.status) == ("", None)
    assert first.trade != second.trade
    assert second.balances["BTC"].total == 2


@pytest.mark.parametrize(
    ("trade", "size", "taker_fee", "quantity"),
    [
        (BUY, None, 0, "100"),
        (BUY, "0.5", 0, "50"),
        (BUY, 1, "0.001", "99.900"),
        (a_limit(99, None), 1, 0, "101.010"),
        (a_buy("3"), "0.5", 0, "3"),
        (SELL, 1, 0, "0"),
    ],
)
def test_a_trade_without_a_quantity_gets_its_share_in_whole_steps(
    trade: Trade, size: Any, taker_fee: Any, quantity: str
) -> None:
    exchange = an_exchange(taker_fee=taker_fee)
    exchange.update()
    assert exchange.size_order(trade, size).quantity == Decimal(quantity)


def test_everything_that_is_free_can_be_bought_and_sold_again() -> None:
    exchange = an_exchange(taker_fee="0.001", size="0.9")
    bought = exchange.step(BUY)
    sold = exchange.step(SELL, size=1)
    assert bought.balances["BTC"].total == Decimal("89.910")
    assert sold.balances["BTC"].total == 0
    assert exchange.step(SELL).trade.status is OrderStatus.DENIED  # type: ignore[union-attr]  # it was submitted


def test_everything_that_is_free_leaves_room_for_the_collar() -> None:
    exchange = an_exchange(taker_fee="0.001", settings=Settings(max_slippage_bps=Decimal(50)))
    bought = exchange.step(BUY, size=1)

    assert bought.trade is not None
    assert (bought.trade.status, bought.trade.quantity) == (OrderStatus.OPEN, Decimal("99.403"))  # at most 100.5 each
    assert exchange.step().balances["BTC"].total == Decimal("99.403")


def test_a_quote_amount_is_left_alone() -> None:
    result = an_exchange().step(Trade("BTC", "USDT", "buy", quote_quantity=250))
    assert result.balances["BTC"].total == Decimal("2.500")


@pytest.mark.parametrize(("size", "nearest"), [(0, None), (1.5, 1), ("all", None), (-1, None)])
def test_a_size_that_is_no_share_is_refused(size: Any, nearest: object) -> None:
    with pytest.raises(InputError) as refused:
        an_exchange(size=size)
    assert (refused.value.field, refused.value.nearest) == ("size", nearest)


def test_an_unknown_symbol_is_denied_and_an_unknown_exchange_raises() -> None:
    exchange = an_exchange()
    denied = exchange.step(Trade("DOGE", "USDT", "buy")).trade
    assert denied is not None
    assert denied.code == "unknown_symbol"
    with pytest.raises(InputError, match="unknown exchange 'bybit'"):
        exchange.step(a_buy(exchange="bybit"))


def test_an_episode_starts_where_the_market_starts_with_a_new_account() -> None:
    exchange = an_exchange(log=MemoryJournal(), episode=1)
    exchange.step(BUY)
    begun = exchange.reset()
    assert (exchange.episode, begun.time, begun.equity, begun.trade) == ("2", SHOWN, Decimal(10_000), None)
    exchange.step(a_buy("1"))
    assert [trade.episode for trade in exchange.broker.load()] == ["2"]
    assert exchange.broker.total_balance().total == 10_000
    exchange.reset("evaluation")
    assert isinstance(exchange.broker.journal, MemoryJournal)
    assert exchange.broker.journal.books() == ["agent/1", "agent/2", "agent/evaluation"]


def test_no_two_owners_share_a_book() -> None:
    owners = [("a", 1), ("a/1", ""), ("a/1", 2), ("a", "1/2"), ("a%2F1", ""), ("a", "")]
    books = [an_exchange(user=user, episode=episode).broker.book for user, episode in owners]
    assert books == ["a/1", "a%2F1", "a%2F1/2", "a/1/2", "a%252F1", "a"]


def test_an_episode_is_played_once(tmp_path: Path) -> None:
    exchange = an_exchange(log=tmp_path / "log.sqlite", episode=1)
    exchange.step(BUY)
    exchange.reset(2)
    for episode in (1, 2):
        with pytest.raises(InputError, match="time does not go back") as refused:
            exchange.reset(episode)
        assert (refused.value.field, refused.value.nearest) == ("episode", "3")
    assert exchange.reset().time == SHOWN
    exchange.broker.close()


def test_an_episode_goes_on_where_its_process_stopped(tmp_path: Path) -> None:
    exchange = an_exchange(log=tmp_path / "log.sqlite", episode=1)
    exchange.step(a_buy("1"))
    exchange.step(a_buy("1"))
    exchange.broker.close()
    again = an_exchange(log=tmp_path / "log.sqlite", episode=1)
    assert again.step(None).balances["BTC"].total == 2
    again.broker.close()


def test_the_default_log_remembers_only_the_episode_that_is_played() -> None:
    exchange = an_exchange(keep=3)
    for _ in range(4):
        for _ in range(3):
            exchange.step(a_buy("0.1"))
        exchange.reset()
    journal = exchange.broker.journal
    assert isinstance(journal, MemoryJournal)
    assert journal.books() == ["agent/4"]
    assert exchange.broker.load() == []
    with pytest.raises(LogError, match="forgets no book"):
        MemoryJournal().forget("agent/4")


def test_a_broker_that_is_given_is_the_one_that_is_stepped() -> None:
    broker = a_broker()
    exchange = Exchange("alice", broker=broker)
    exchange.step(a_buy("1"))
    assert broker is exchange.broker
    assert [(trade.user_id, trade.status) for trade in broker.load()] == [("alice", OrderStatus.FILLED)]
    with pytest.raises(InputError, match="belongs to the broker") as refused:
        Exchange(broker=broker, log="log.sqlite")
    assert refused.value.field == "log"


def play(log: MemoryJournal | Path, seed: int) -> list[StepResult]:
    """A hundred steps of an agent that does all kinds of things, on a market with latency and a volume limit."""
    draw = random.Random(seed)
    models = Models(
        latency=UniformLatency(least_us=20_000, most_us=80_000, seed=seed),
        slippage=SlippageBps(Decimal(2)),
        volume=VolumeShare(Decimal("0.0001")),
    )
    exchange = Exchange(seed=seed, log=log, models=models, episode=1)
    results = []
    for at in range(100):
        side = draw.choice(["buy", "sell"])
        price = draw.choice([None, draw.randrange(49_000, 51_000)])
        trade = Trade(
            draw.choice(["BTC", "ETH"]), "USDT", side, order_type="market" if price is None else "limit", price=price
        )
        results.append(exchange.step(draw.choice([trade, None]), size=Decimal(draw.randrange(1, 9)) / 10))
        working = exchange.broker.load(status="open") if at % 10 == 9 else []
        for order in working:
            exchange.broker.cancel(order)
        if at == 60:
            results.append(exchange.reset())
    exchange.broker.close()  # a log that was given as a journal stays open
    return results


def test_one_seed_gives_one_history_byte_for_byte(tmp_path: Path) -> None:
    def written(log: MemoryJournal) -> list[bytes]:
        return [msgspec.json.encode(event) for book in log.books() for _, event in log.events(book)]

    logs = [MemoryJournal() for _ in range(3)]
    first, second, other = (play(log, seed) for log, seed in zip(logs, (5, 5, 6), strict=True))
    assert first == second != other
    assert written(logs[0]) == written(logs[1]) != written(logs[2])
    assert len(written(logs[0])) > 200

    on_disk = play(tmp_path / "log.sqlite", 5)
    assert on_disk == first
    journal = open_log(tmp_path / "log.sqlite", read_only=True)
    assert [msgspec.json.encode(event) for book in journal.books() for _, event in journal.events(book)] == written(
        logs[0]
    )
    journal.close()


def test_what_is_asked_of_the_broker_changes_nothing_about_the_agent() -> None:
    exchange = an_exchange(episode=1)
    exchange.broker.find_params(user_id="somebody", exchange="simulated")
    result = exchange.step(a_buy("1"))
    assert result.trade is not None
    assert (result.trade.user_id, result.trade.episode, result.balances["BTC"].total) == ("agent", "1", Decimal(1))
