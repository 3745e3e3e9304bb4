"""A log with some of everything that a mirror holds, and how the tests look into a mirror."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import DAY, Action, Settings, Signal, Source
from orderwright.mirror.schema import TABLES
from orderwright.ports import Journal, Mirror
from tests.builders import MINUTE, SYMBOL, a_limit_buy, a_limit_sell, a_quote, an_execution, an_id
from tests.journal.desk import Desk

TRICKY = 'a "quoted", comma\'d\nname'


def some_of_everything(journal: Journal, book: str = "main") -> Desk:
    """Orders filled, cancelled, denied, waiting and withdrawn, a corrected and a busted trade, a replace, a signal,
    cash, prices, days, settings; some of it in words that no CSV likes."""
    desk = Desk(journal, book).trade(1)
    desk.run(m.Configure(settings=Settings(parity=("USD", "USDT"))))
    desk.run(m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote(time=desk.now)))
    desk.pass_time(MINUTE).buy(2).accept(2).fill(2, execution_id="wrong").fill(2, execution_id="never")
    corrected = an_execution(1, 101, "right", fee=Decimal("0.2"), fee_asset="USDT", time=desk.now)
    desk.run(
        m.CorrectReport(order_id=an_id(2), time=desk.now, corrects="wrong", execution=corrected),
        m.BustReport(order_id=an_id(2), time=desk.now, execution_id="never"),
    )
    desk.pass_time(DAY).run(m.TimePassed())
    desk.run(m.SubmitOrder(instruction=a_limit_buy(2, 100, 3, user=TRICKY, strategy="trend", metadata={"a": "b"})))
    desk.accept(3).run(m.ReplaceOrder(order_id=an_id(3), price=Decimal(99)))
    desk.run(m.ReplacedReport(order_id=an_id(3), time=desk.now, number=1, price=Decimal(99)))
    desk.fill(3, execution_id='e"3').run(m.CancelOrder(order_id=an_id(3), cause="it lingers")).end(3)
    desk.buy(4, quantity=1_000_000)
    desk.run(m.SubmitOrder(instruction=a_limit_sell(1, 105, 5, execute_at=desk.now + MINUTE)))
    desk.run(m.CancelOrder(order_id=an_id(5)))
    said = m.RejectReport(order_id=an_id(6), time=desk.now, code="-1", message="no,\nno")
    desk.buy(6).run(said)
    dust = Decimal("-0.000000000000000001")
    desk.run(m.MoveCash(account="main", asset="USDT", amount=dust, kind="adjustment", reference=TRICKY))
    signal = Signal(
        signal_id="s1",
        symbol=SYMBOL,
        action=Action.SELL,
        account="main",
        source=Source.TRADINGVIEW,
        quantity=Decimal(1),
        strategy="trend",
        time=desk.now - 5,
    )
    desk.run(m.ReceiveSignal(signal=signal, order_id=an_id(7))).accept(7).fill(7, price=107)
    return desk.buy(8).accept(8).commit()


def contents(mirror: Mirror) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in order."""
    with mirror.reading() as connection:
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in TABLES}


def ask(mirror: Mirror, sql: str) -> list[tuple[Any, ...]]:
    with mirror.reading() as connection:
        return connection.execute(sql).fetchall()


def asked(mirror: Mirror, sql: str) -> list[dict[str, Any]]:
    with mirror.reading() as connection:
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
