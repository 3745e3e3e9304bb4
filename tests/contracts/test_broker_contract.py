"""What every Broker does, whether it has a log of its own or is over a running service: one suite for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orderwright import Broker, InputError, LogError, OrderStatus, Trade, UnknownName
from orderwright.core.model import DONE, Settings
from tests.face.builders import a_broker
from tests.service.running import Served, a_served

_USERS = count()
_TURNS = 500


class Here:
    """A broker, and a way to let its world go on. low: a price at which nothing buys."""

    def __init__(self, broker: Broker, go_on: Callable[[], None], low: int) -> None:
        self.broker, self._go_on, self.low = broker, go_on, low

    def until(self, happened: Callable[[], bool]) -> None:
        for _ in range(_TURNS):
            if happened():
                return
            self._go_on()
        raise AssertionError("it never happened")

    def a_buy(self, quantity: str = "0.01", **words: object) -> Trade:
        return Trade("BTC", "USDT", "buy", quantity, **words)  # type: ignore[arg-type]

    def resting(self, quantity: str = "0.01", **words: object) -> Trade:
        return self.a_buy(quantity, order_type="limit", price=self.low, **words)

    def settled(self, trade: Trade) -> Trade:
        """The trade once its order is at rest on the exchange, or has ended."""
        at_rest = DONE | {OrderStatus.OPEN}
        self.until(lambda: self.broker.check_trade(trade).status in at_rest)
        return trade


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_served(tmp_path_factory.mktemp("service") / "log.sqlite") as served:
        yield served


@pytest.fixture(params=["of its own", "over a service"])
def here(request: pytest.FixtureRequest) -> Iterator[Here]:
    if request.param == "of its own":
        with a_broker([100, *[100 + at % 7 for at in range(2_000)]]) as broker:
            yield Here(broker, lambda: None, 50)
        return
    served: Served = request.getfixturevalue("served")
    key = served.new_key(f"user{next(_USERS)}")
    with Broker(url=served.url, key=key) as broker:
        yield Here(broker, served.settle, 20_000)


def test_a_trade_comes_back_with_its_order_id_and_its_fills_come_once(here: Here) -> None:
    broker, trade = here.broker, here.a_buy()
    assert broker.submit(trade) is trade
    assert trade.is_order_id
    assert trade.account
    assert trade.exchange == "simulated"
    fills = []

    def filled() -> bool:
        fills.extend(broker.update())
        return bool(fills)

    here.until(filled)
    assert [(fill.order_id, fill.symbol, fill.side, fill.execution.quantity) for fill in fills] == [
        (trade.order_id, "BTC/USDT", "buy", Decimal("0.01"))
    ]
    assert broker.update() == []
    broker.check_trade(trade)
    assert (trade.status, trade.filled_quantity) == (OrderStatus.FILLED, Decimal("0.01"))
    assert (trade.average_price, trade.fills) == (fills[0].execution.price, (fills[0].execution,))


def test_a_trade_that_was_submitted_is_not_submitted_again(here: Here) -> None:
    broker = here.broker
    trade = broker.submit(here.resting())
    broker.submit(trade)
    broker.submit(broker.load()[0])
    assert [one.order_id for one in broker.load()] == [trade.order_id]


def test_a_key_that_was_used_finds_its_order_or_is_denied(here: Here) -> None:
    broker = here.broker
    first = broker.submit(here.resting(idempotency_key="mine"))
    assert broker.submit(here.resting(idempotency_key="mine")).order_id == first.order_id
    assert broker.find(here.resting(idempotency_key="mine")).order_id == first.order_id
    other = broker.submit(here.resting("0.02", idempotency_key="mine"))
    assert (other.status, other.code, other.order_id) == (OrderStatus.DENIED, "idempotency_conflict", "")
    assert len(broker.load()) == 1
    with pytest.raises(InputError, match="never executed"):
        broker.find(here.resting(idempotency_key="another"))


def test_a_refusal_is_a_denied_trade_that_says_why(here: Here) -> None:
    broker = here.broker
    trade = broker.submit(here.a_buy("100000"))
    assert trade.status is OrderStatus.DENIED
    assert trade.code == "buying_power"
    assert trade.reason.startswith("quantity 100000: needs ")
    assert "nearest that passes" in trade.reason
    assert [(one.reason, one.code) for one in broker.load(status="closed")] == [(trade.reason, trade.code)]


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [({"exchange": "simulatd"}, "exchange", "simulated"), ({"order_id": "1"}, "order_id", None)],
)
def test_what_can_be_no_order_here_raises_and_leaves_no_order(
    here: Here, words: dict[str, str], field: str, nearest: str | None
) -> None:
    with pytest.raises(InputError) as refused:
        here.broker.submit(here.a_buy(**words))
    assert (refused.value.field, refused.value.nearest, here.broker.load()) == (field, nearest, [])


def test_find_params_fill_in_and_scope(here: Here) -> None:
    broker = here.broker
    broker.find_params(strategy="trend", episode=7)
    filled_in = broker.submit(here.resting())
    own = broker.submit(here.resting(strategy="mean", metadata={"note": "5"}))
    assert [(one.strategy, one.episode, one.metadata) for one in (filled_in, own)] == [
        ("trend", "7", {}),
        ("mean", "7", {"note": "5"}),
    ]
    assert [one.order_id for one in broker.load()] == [filled_in.order_id]
    broker.find_params(symbol="BTCUSDT")
    assert {one.order_id for one in broker.load()} == {filled_in.order_id, own.order_id}
    with pytest.raises(InputError) as misspelt:
        broker.find_params(strategie="x")
    assert misspelt.value.nearest == "strategy"
    with pytest.raises(UnknownName):
        broker.find_params(exchange="simulatd")


def test_cancel_and_replace_and_their_refusals(here: Here) -> None:
    broker = here.broker
    trade = here.settled(broker.submit(here.resting()))
    broker.replace(trade, price=here.low + 1, quantity="0.02")
    here.until(lambda: broker.load()[0].price == here.low + 1)
    assert broker.load()[0].quantity == Decimal("0.02")
    broker.cancel(trade.order_id, cause="enough")
    here.until(lambda: broker.check_trade(trade).status is OrderStatus.CANCELLED)
    assert broker.cancel(trade).reason.endswith("the order is cancelled")
    with pytest.raises(InputError, match="no order 'f"):
        broker.cancel("f" * 30)
    with pytest.raises(InputError, match="no order 'f"):
        broker.check_trade(here.a_buy(order_id="f" * 30))


def test_load_by_status_limit_and_as_history(here: Here) -> None:
    broker = here.broker
    trades = [here.settled(broker.submit(here.resting())) for _ in range(3)]
    broker.cancel(trades[1])
    here.until(lambda: broker.check_trade(trades[1]).is_done)
    ids = [one.order_id for one in trades]
    assert [one.order_id for one in broker.load()] == ids
    assert [one.order_id for one in broker.load(status="open")] == [ids[0], ids[2]]
    assert [one.order_id for one in broker.load(status=["open", "cancelled"], limit=2)] == ids[1:]
    assert [one.order_id for one in broker.load(exact_status="cancelled")] == [ids[1]]
    assert [one.order_id for one in broker.load(order_id=ids[2])] == [ids[2]]
    history = broker.load(order_id=ids[1], latest_group=False)
    assert (history[0].event, history[0].status, history[-1].status) == (
        "order_received",
        OrderStatus.SUBMITTED,
        OrderStatus.CANCELLED,
    )
    assert [one.sequence for one in history] == sorted({one.sequence for one in history})  # type: ignore[type-var]
    with pytest.raises(InputError, match="did you mean OPEN"):
        broker.load(status="opne")


def test_a_trade_is_loaded_with_all_that_it_asked_for(here: Here) -> None:
    asked = here.resting(
        linger=[{"name": "old", "after_ms": 3_600_000}],
        bracket={"stop_loss": here.low - 10, "take_profit": here.low * 10},
        execute_at="after_ms:3600000",
        metadata={"chart": "5m"},
        decision_price=here.low,
        signal_id="s1",
    )
    submitted = here.broker.submit(asked)
    loaded = here.broker.load()[0]
    names = ("symbol", "side", "quantity", "price", "linger", "bracket", "metadata", "decision_price", "signal_id")
    assert [getattr(loaded, name) for name in names] == [getattr(submitted, name) for name in names]
    assert loaded.execute_at == (loaded.created_at or 0) // 1_000 * 1_000 + 3_600_000_000
    assert loaded.status is OrderStatus.PENDING


def test_as_of_and_windows(here: Here) -> None:
    broker = here.broker
    trade = here.settled(broker.submit(here.resting()))
    rested = trade.updated_at
    broker.update()
    broker.cancel(trade)
    here.until(lambda: broker.check_trade(trade).is_done)
    broker.time_settings(as_of=rested)
    assert [one.status for one in broker.load()] == [OrderStatus.OPEN]
    broker.time_settings(start="1h")
    assert [one.status for one in broker.load()] == [OrderStatus.CANCELLED]


def test_money_is_asked_for(here: Here) -> None:
    broker = here.broker
    trade = broker.submit(here.a_buy("0.01"))
    here.until(lambda: bool(broker.update()))
    broker.check_trade(trade)
    spent = trade.filled_quote or Decimal(0)
    fee = sum(trade.fees.values(), Decimal(0))
    assert {row.asset: row.total for row in broker.balances()} == {"BTC": Decimal("0.01"), "USDT": 10_000 - spent - fee}
    assert [(row.symbol, row.size, row.cost) for row in broker.positions()] == [("BTC/USDT", Decimal("0.01"), spent)]
    assert [row.size for row in broker.open_balances().positions] == [Decimal("0.01")]
    total = broker.total_balance()
    assert 9_000 < total.total < 11_000
    assert [row.symbol for row in broker.prices()] == ["BTC/USDT"]
    assert [row.asset for row in broker.balance_history("usdt")][-1:] == ["USDT"]
    assert {row.symbol for row in broker.exposure()} == {"BTC/USDT"}
    assert broker.profit("symbol")
    assert broker.equity_curve("1h")


def test_how_well_orders_were_executed(here: Here) -> None:
    broker = here.broker
    broker.submit(here.a_buy("0.01"))
    here.until(lambda: bool(broker.update()))
    assert broker.stats(None).totals.orders == 1
    assert list(broker.running.figures["symbol"]) == ["BTC/USDT"]
    assert len(broker.state.accounts) == 1


def test_an_account_that_is_open_is_named(here: Here) -> None:
    account = here.broker.submit(here.resting()).account
    assert here.broker.open_account(here.broker.load()[0].user_id) == account


def test_a_broker_that_was_closed_says_so(here: Here) -> None:
    here.broker.close()
    here.broker.close()
    for call in (lambda: here.broker.submit(here.a_buy()), here.broker.load, here.broker.update, here.broker.balances):
        with pytest.raises(LogError, match="the broker is closed"):
            call()


def test_a_path_is_not_needed_over_a_service(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        Broker(log=tmp_path / "log.sqlite", url="http://127.0.0.1:1")
    assert refused.value.field == "log"


def test_a_halted_book_takes_no_order_until_it_is_active_again(here: Here) -> None:
    broker = here.broker
    broker.halt("prices look wrong")
    trade = broker.submit(here.resting())
    assert (trade.status, trade.code) == (OrderStatus.DENIED, "halted")
    assert "prices look wrong" in trade.reason
    with pytest.raises(InputError, match="unknown"):
        broker.set_trading("hatled")
    broker.set_trading("active")
    assert broker.submit(here.resting()).status is not OrderStatus.DENIED


def test_an_order_that_waits_for_nobody_cannot_be_approved_or_denied_and_says_so(here: Here) -> None:
    broker = here.broker
    trade = here.settled(broker.submit(here.resting()))
    for decide in (broker.approve, broker.deny):
        assert "not waiting for approval" in decide(trade).reason
        assert trade.status is OrderStatus.OPEN


def test_an_unknown_symbol_is_a_denied_trade_with_the_reason(here: Here) -> None:
    trade = here.broker.submit(Trade("BTX", "USDT", "buy", "0.01"))
    assert (trade.status, trade.code) == (OrderStatus.DENIED, "unknown_symbol")
    assert "symbol" in trade.reason


def test_an_order_that_waits_is_approved_or_denied_by_somebody_for_a_reason() -> None:
    with a_broker(settings=Settings(approval="all", max_price_age_ms=120_000)) as broker:
        first, second = (broker.submit(Trade("BTC", "USDT", "buy", "1", order_type="limit", price=50)) for _ in "12")
        assert broker.approve(first, by="ann").status is not OrderStatus.PENDING
        assert broker.deny(second, "too large", by="ann").status is OrderStatus.DENIED
        assert second.reason == "denied by ann: too large"
        details = [row["detail"] for row in broker.journal.history("story", where={"client_order_id": first.order_id})]
        assert "approved by ann" in details


def test_over_a_service_it_is_the_key_that_approves_or_denies() -> None:
    with a_served(execution={"approval": "all"}) as served, Broker(url=served.url, key=served.new_key("ann")) as broker:
        words: dict[str, Any] = {"order_type": "limit", "price": 20_000}
        first, second = (broker.submit(Trade("BTC", "USDT", "buy", "0.01", **words)) for _ in "12")
        assert broker.approve(first).status is not OrderStatus.PENDING
        assert broker.deny(second, "too large").reason == "denied by ann: too large"
