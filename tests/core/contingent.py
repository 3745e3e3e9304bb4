"""A perfect exchange for orders that belong together, and tables of what becomes of them.

    Each fill of the entry brings the exits to what it has filled
    said              | entry              | stop       | target
    enter 2           | open 2             | pending 2  | pending 2
    entry fills 1 100 | partially_filled 2 | open 1 @98 | open 1 @104

Each order is shown as `status quantity @price`: what it asks for in all (what has filled included), and its limit or
stop price; `-` is one that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.groups import AGAIN, MARKET, STOP, TARGET, exit_id
from orderwright.core.model import Bracket, OrderStatus
from orderwright.core.numbers import text
from tests.builders import SYMBOL, Harness, a_harness, a_limit_buy, a_market_buy, an_execution, an_id

BOTH = Bracket(stop_loss_percent=Decimal(2), take_profit_percent=Decimal(4))
FULL = Bracket(stop_loss=Decimal(90), take_profit=Decimal(120), arm="full")
NAMES = {"entry": an_id(), "stop": exit_id(an_id(), STOP), "target": exit_id(an_id(), TARGET)}
NAMES |= {
    "stop 2": exit_id(NAMES["stop"], AGAIN),
    "market": exit_id(NAMES["stop"], MARKET),
    "a": an_id(1),
    "b": an_id(2),
}


class Exchange:
    """One that does at once what it is asked, and keeps what it was told to do."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.fills = 0

    def obey(self, actions: list[m.AnyAction]) -> None:
        """Carry out what was asked, and what the core asks for in turn."""
        while actions:
            for action in actions:
                self._answer(action)
            actions = self.harness.wait(0)[1]

    def _answer(self, action: m.AnyAction) -> None:
        harness = self.harness
        if not isinstance(action, m.SendAction):
            return
        about: dict[str, Any] = {"order_id": action.order_id, "time": harness.now}
        match action:
            case m.SendOrder():
                harness.run(m.AckReport(**about))
            case m.SendReplace():
                harness.run(m.ReplacedReport(**about, number=action.number))
            case m.SendCancel():
                filled = harness.order(action.order_id).filled
                harness.run(m.EndReport(**about, status=OrderStatus.CANCELLED, cumulative=filled))

    def fill(self, order_id: str, quantity: str, price: str, **words: Any) -> None:
        self.fills += 1
        execution = an_execution(quantity, price, f"e{self.fills}", **words)
        self.harness.run(m.FillReport(order_id=order_id, time=self.harness.now, execution=execution))
        self.obey(self.harness.wait(0)[1])


def entered(bracket: Bracket = BOTH, quantity: int = 2, **words: Any) -> Exchange:
    """An entry to buy 2 at market with exits, accepted."""
    harness = a_harness(**words)
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_buy(quantity, bracket=bracket))[1])
    exchange.obey(harness.wait(0)[1])
    return exchange


def shown(harness: Harness, name: str) -> str:
    order = harness.state.find(NAMES[name])
    if order is None:
        return "-"
    price = order.price if order.price is not None else order.stop_price
    at = f" @{text(price)}" if price is not None and name not in ("entry",) else ""
    return f"{order.status} {text(order.quantity)}{at}"


def play(table: list[str]) -> list[str]:
    """Run a table; it comes back with what came out."""
    title, head, *lines = table
    names = [cell.strip() for cell in head.split("|")]
    begin, *said = [[cell.strip() for cell in line.split("|")] for line in lines]
    exchange = _BEGIN[begin[0]]()
    rows = [begin, *said]
    for row in rows:
        if row is not begin:
            _say(exchange, row[0])
        row[1:] = [shown(exchange.harness, name) for name in names[1:]]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return [
        title,
        *(" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (names, *rows)),
    ]


def _say(exchange: Exchange, words: str) -> None:
    harness = exchange.harness
    name, verb, *rest = words.split()
    order_id = NAMES.get(name, "")
    match verb:
        case "fills":
            exchange.fill(order_id, *rest)
        case "bust":
            harness.run(m.BustReport(order_id=order_id, time=harness.now, execution_id=rest[0]))
        case "cancel":
            exchange.obey(harness.run(m.CancelOrder(order_id=order_id))[1])
        case "expires":
            harness.run(m.EndReport(order_id=order_id, time=harness.now, status=OrderStatus.EXPIRED))
        case "close":
            close = m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9))
            exchange.obey(harness.run(close)[1])
        case "moved":
            replace = m.ReplaceOrder(order_id=order_id, stop_price=Decimal(rest[0]))
            exchange.obey(harness.run(replace)[1])
        case _:
            raise AssertionError(words)
    exchange.obey(harness.wait(0)[1])


def a_pair() -> Exchange:
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_limit_buy(3, 98, 1, group="x"), a_limit_buy(3, 97, 2, group="x"))[1])
    return exchange


_BEGIN: dict[str, Callable[[], Exchange]] = {
    "enter 2": entered,
    "enter 2, armed in full": lambda: entered(FULL),
    "a and b, 3 each": a_pair,
}
