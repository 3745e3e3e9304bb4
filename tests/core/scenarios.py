"""Scenarios as tables that a trader can read: what is said, and how the order then stands.

    A fill overtakes its acknowledgement
    said      | status           | filled | events         | actions
    submit 10 | submitted        | 0      | order_received | send
    fill a 4  | partially_filled | 4      | order_filled   |
    ack       | partially_filled | 4      | order_accepted |

A table begins with its title and the names of its columns. `play` runs it through the core and writes it down again as
it came out; the test asserts that the two are the same text. The column "why" is for the reader.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.fix import fix_status
from orderwright.core.model import SECOND, Order, OrderStatus, TimeInForce
from orderwright.core.numbers import text
from orderwright.core.state import Exposure
from tests.builders import SYMBOL, Harness, a_harness, a_limit_buy, an_execution, an_id

ID = an_id()


def tables(written: str) -> list[list[str]]:
    """The tables of a text, each a list of lines, title first."""
    blocks = "\n".join(line.strip() for line in written.strip().splitlines()).split("\n\n")
    return [block.splitlines() for block in blocks]


def play(table: list[str], harness: Harness | None = None) -> list[str]:
    """Run a table; returns it with what came out in place of what was expected."""
    harness = harness if harness is not None else a_harness()
    title, *lines = table
    names, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for row in rows:
        events, actions = say(harness, row[0])
        for index, name in enumerate(names[1:], 1):
            if name != "why":
                row[index] = _COLUMNS[name](harness, events, actions)
    return [title, *(_line(cells, widths) for cells in (names, *rows))]


def _line(cells: list[str], widths: list[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def say(harness: Harness, words: str) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
    """Carry out one line: `wait 5s`, or a command or report in words."""
    verb, *rest = words.split()
    if verb == "wait":
        return harness.wait(seconds(rest[0]))
    return harness.run(_SAID[verb](harness, *rest))


def seconds(word: str) -> int:
    """`5s`, `0.5s` or `-3s` in microseconds."""
    return int(Decimal(word.removesuffix("s")) * SECOND)


def _decimal(word: str | None) -> Decimal | None:
    return None if word in (None, "-") else Decimal(str(word))


def _submit(harness: Harness, quantity: str, until: str = "") -> m.Input:
    """until: good till that many seconds from now."""
    if not until:
        return m.SubmitOrder(instruction=a_limit_buy(quantity))
    expire_at = harness.now + seconds(until)
    return m.SubmitOrder(instruction=a_limit_buy(quantity, time_in_force=TimeInForce.GTD, expire_at=expire_at))


def _replace(harness: Harness, quantity: str, price: str | None = None) -> m.Input:
    return m.ReplaceOrder(order_id=ID, quantity=_decimal(quantity), price=_decimal(price))


def _refuse(harness: Harness, number: str, final: str = "") -> m.Input:
    status = OrderStatus(final) if final else None
    return m.RejectReport(order_id=ID, time=harness.now, number=int(number), final_status=status)


def _fill(harness: Harness, execution_id: str, quantity: str, price: str = "100") -> m.Input:
    return m.FillReport(order_id=ID, time=harness.now, execution=an_execution(quantity, price, execution_id))


def _correct(harness: Harness, corrects: str, execution_id: str, quantity: str, price: str = "100") -> m.Input:
    execution = an_execution(quantity, price, execution_id)
    return m.CorrectReport(order_id=ID, time=harness.now, corrects=corrects, execution=execution)


def _replaced(harness: Harness, number: str, quantity: str | None = None) -> m.Input:
    return m.ReplacedReport(order_id=ID, time=harness.now, number=int(number), quantity=_decimal(quantity))


def _end(harness: Harness, status: str, cumulative: str | None = None) -> m.Input:
    return m.EndReport(
        order_id=ID,
        time=harness.now,
        status=OrderStatus(status),
        cumulative=_decimal(cumulative),
    )


def _status(harness: Harness, status: str, cumulative: str = "0", quantity: str | None = None) -> m.Input:
    return m.StatusReport(
        order_id=ID,
        time=harness.now,
        status=OrderStatus(status),
        cumulative=Decimal(cumulative),
        quantity=_decimal(quantity),
    )


def _not_found(harness: Harness, asked: str = "0s") -> m.Input:
    """asked: when the question was asked, before now."""
    return m.NotFoundReport(order_id=ID, time=harness.now, asked_at=harness.now + seconds(asked))


_SAID: dict[str, Callable[..., m.Input]] = {
    "submit": _submit,
    "cancel": lambda harness: m.CancelOrder(order_id=ID),
    "replace": _replace,
    "approve": lambda harness: m.ApproveOrder(order_id=ID),
    "deny": lambda harness: m.DenyOrder(order_id=ID, by="ann"),
    "close": lambda harness: m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9)),
    "resolve": lambda harness, number: m.ResolveUnknown(order_id=ID, number=int(number), by="ann"),
    "ack": lambda harness, name="": m.AckReport(order_id=ID, time=harness.now, exchange_order_id=name),
    "reject": lambda harness: m.RejectReport(order_id=ID, time=harness.now, code="why", message="because"),
    "refuse": _refuse,
    "pending": lambda harness, number: m.PendingReport(order_id=ID, time=harness.now, number=int(number)),
    "fill": _fill,
    "correct": _correct,
    "bust": lambda harness, name: m.BustReport(order_id=ID, time=harness.now, execution_id=name),
    "replaced": _replaced,
    "restate": lambda harness, size: m.RestateReport(order_id=ID, time=harness.now, quantity=Decimal(size)),
    "trigger": lambda harness: m.TriggerReport(order_id=ID, time=harness.now),
    "end": _end,
    "status": _status,
    "silence": lambda harness, number: m.UnreachableReport(order_id=ID, time=harness.now, number=int(number)),
    "unsent": lambda harness, number: m.NotSentReport(order_id=ID, time=harness.now, number=int(number)),
    "unknown": _not_found,
}


def of_order(show: Callable[[Order], Any]) -> Callable[[Harness, Any, Any], str]:
    return lambda harness, events, actions: str(show(harness.order()))


def shown(action: m.AnyAction) -> str:
    """An action in a word or two."""
    match action:
        case m.SendOrder():
            return "send"
        case m.SendReplace():
            return "send replace"
        case m.SendCancel():
            return "send cancel"
        case m.AskOrder():
            return "ask"
        case m.FetchTrades():
            return "fetch"
        case m.RaiseAlert():
            return "alert"
        case m.Reply(refusal=None, outcome=outcome):
            return outcome
        case m.Reply(refusal=refusal):
            assert refusal is not None
            return refusal.code
    raise AssertionError(action)


def counted(words: list[str]) -> str:
    """Words in a row; the same word over and over is counted: `19 × request_asked`."""
    groups = [(word, len(list(group))) for word, group in itertools.groupby(words)]
    return ", ".join(word if number == 1 else f"{number} × {word}" for word, number in groups)


_COLUMNS: dict[str, Callable[[Harness, list[m.AnyEvent], list[m.AnyAction]], str]] = {
    "status": of_order(lambda order: order.status),
    "filled": of_order(lambda order: text(order.filled)),
    "leaves": of_order(lambda order: text(order.leaves)),
    "quantity": of_order(lambda order: text(order.quantity)),
    "exposed": of_order(lambda order: text(order.exposed)),
    "reserved": of_order(lambda order: text(order.reserved)),
    "code": of_order(lambda order: order.code),
    "FIX": of_order(fix_status),
    "requests": of_order(lambda order: " ".join(request.state for request in order.requests)),
    "working": lambda harness, events, actions: str(harness.state.exposures.get(("main", SYMBOL), Exposure()).orders),
    "locked": lambda harness, events, actions: text(harness.state.balances["main", "USDT"].locked),
    "events": lambda harness, events, actions: counted([m.kind_of(event) for event in events]),
    "actions": lambda harness, events, actions: counted([shown(action) for action in actions]),
}
