"""Several simulated exchanges in one book: one line of time, whichever exchange something happens on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from orderwright import Broker, InputError, OrderStatus, Trade
from orderwright.core import messages as m
from orderwright.market.candles import Candles
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.several import SeveralExchanges
from tests.face.builders import SHOWN, a_limit, some_market
from tests.simulation.builders import MINUTE, SECOND, some_quotes

FALLING = (100, 100, 95, 90, 85, 80)


def two(log: object = None, **options: object) -> Broker:
    feeds = {"binance": [some_market(FALLING)], "bybit": [some_market((100, 100, 100, 95, 90, 85))]}
    return Broker(log=log, exchanges=feeds, maker_fee=0, taker_fee=0, **options)  # type: ignore[arg-type]


def run(broker: Broker) -> None:
    while not broker.done:
        broker.update()


def test_what_happens_first_anywhere_is_booked_first() -> None:
    broker = two()
    for exchange in ("bybit", "binance"):
        for price in (90, 85):
            broker.submit(a_limit(price, exchange=exchange, user_id="alice"))
    run(broker)
    filled = broker.load(latest_group=False, exact_status="filled")
    assert [(trade.exchange, trade.price, trade.updated_at) for trade in filled] == [
        ("binance", Decimal(90), SHOWN + 2 * MINUTE),
        ("binance", Decimal(85), SHOWN + 3 * MINUTE),
        ("bybit", Decimal(90), SHOWN + 3 * MINUTE),
        ("bybit", Decimal(85), SHOWN + 4 * MINUTE),
    ]


def test_accounts_and_balances_are_each_exchanges_own() -> None:
    broker = two()
    broker.find_params(user_id="alice")
    bought = broker.submit(Trade("BTC", "USDT", "buy", 1, exchange="bybit"))
    broker.update()
    assert (bought.account, broker.submit(a_limit(50)).account) == ("alice@bybit", "alice@binance")
    assert [(row.exchange, row.asset, row.total) for row in broker.balances()] == [
        ("binance", "USDT", Decimal(10_000)),
        ("bybit", "BTC", Decimal(1)),
        ("bybit", "USDT", Decimal(9_900)),
    ]
    with pytest.raises(InputError) as refused:
        broker.submit(Trade("BTC", "USDT", "buy", 1, account="alice@bybit", exchange="binance"))
    assert (refused.value.field, refused.value.nearest) == ("exchange", "bybit")


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    def history(path: Path, *, stop: bool) -> list[tuple[str, OrderStatus | None, int | None]]:
        broker = two(path)
        for exchange in ("bybit", "binance"):
            broker.submit(a_limit(90, exchange=exchange))
        broker.update()
        if stop:
            broker.close()
            broker = two(path)
        run(broker)
        found = [(trade.exchange, trade.status, trade.filled_at) for trade in broker.load()]
        broker.close()
        return found

    straight = history(tmp_path / "one.sqlite", stop=False)
    assert straight == [
        ("bybit", OrderStatus.FILLED, SHOWN + 3 * MINUTE),
        ("binance", OrderStatus.FILLED, SHOWN + 2 * MINUTE),
    ]
    assert history(tmp_path / "two.sqlite", stop=True) == straight


def test_no_exchange_is_ahead_of_what_another_has_told() -> None:
    """One falls by 0.1 a second, the other by 5 a minute: whoever is asked, the reports come in order of time."""
    quotes = some_quotes(*((1 + at / 60, 99 - at / 10, 100 - at / 10, 5, 5) for at in range(240)))
    exchanges = {
        "minutes": SimulatedExchange([some_market(FALLING)]),
        "seconds": SimulatedExchange([quotes]),
    }
    several = SeveralExchanges(exchanges)
    several.poll(SHOWN)
    for name, exchange in exchanges.items():
        exchange.deposit("main", "USDT", Decimal(1_000_000))
        for number, price in enumerate((95, 92, 90, 86)):
            order_id = f"{number:029x}{'a' if name == 'minutes' else 'b'}"
            said = a_limit(price, order_id=order_id, account="main").instruction()
            several.send(
                m.SendOrder(
                    order_id=order_id,
                    account="main",
                    exchange=name,
                    symbol="BTC/USDT",
                    number=0,
                    sign_at=SHOWN,
                    lifetime_ms=5_000,
                    instruction=said,
                    quantity=Decimal(1),
                )
            )
    told: list[tuple[int, str]] = []
    while (polled := several.poll(SHOWN + 4 * MINUTE))[1]:
        told += [(polled[0], report.order_id[-1]) for report in polled[1] if isinstance(report, m.FillReport)]
        assert [exchange.now <= polled[0] for exchange in exchanges.values()] == [True, True]
    assert [((time - SHOWN) // SECOND, name) for time, name in told] == [
        (50, "b"),
        (60, "a"),
        (80, "b"),
        (100, "b"),
        (120, "a"),
        (120, "a"),
        (140, "b"),
        (180, "a"),
    ]


def test_markets_that_share_no_time_are_refused() -> None:
    later = some_market(FALLING)
    moved = Candles(
        later.symbol,
        later.instrument,
        later.interval,
        later.times + 60 * MINUTE,
        later.open,
        later.high,
        later.low,
        later.close,
        later.volume,
    )
    with pytest.raises(InputError, match="share no time"):
        Broker(exchanges={"binance": [later], "bybit": [moved]})


def test_a_log_with_open_orders_elsewhere_is_not_opened_without_that_exchange(tmp_path: Path) -> None:
    with two(tmp_path / "log.sqlite") as broker:
        filled = broker.submit(Trade("BTC", "USDT", "buy", 1, exchange="bybit"))
        broker.update()
        resting = broker.submit(a_limit(50, exchange="bybit"))
    alone = {"feeds": [some_market(FALLING)], "exchange": "binance", "log": tmp_path / "log.sqlite"}
    with pytest.raises(InputError, match="open orders on bybit") as refused:
        Broker(**alone)  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.nearest) == ("exchanges", "bybit")

    with two(tmp_path / "log.sqlite") as broker:
        broker.cancel(resting)
    with Broker(**alone) as broker:  # type: ignore[arg-type]
        assert [trade.order_id for trade in broker.load(exchange="bybit", status="closed")] == [filled.order_id]
        assert broker.check_trade(filled).status is OrderStatus.FILLED
