"""What happens to orders, as lines of the log: written once it is durable.

INFO has one line when an order is refused, rejected or its outcome is unknown, one when it has ended, one for each
signal and each control; DEBUG has every row.
"""

from __future__ import annotations

import logging
from typing import Any

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DONE, Order
from orderwright.core.numbers import text
from orderwright.core.reasons import Reason
from orderwright.service.observing.structured import structlog

_QUIET = frozenset({m.PriceSeen})
_ROUTINE = frozenset({m.InstrumentDefined, m.DayStarted})
_CONTROLS = frozenset(
    {m.AccountOpened, m.Configured, m.CashMoved, m.TradingStateSet, m.ReportParked}
    | _ROUTINE
    | {m.UserAdded, m.KeyIssued, m.KeyRevoked}
)
_WARNING = frozenset({m.OrderDenied, m.OrderRejected, m.RequestUnknown, m.RequestRefused, m.GapSeen, m.ReportParked})
_DULL = frozenset(
    {"time", "order_id", "instruction", "account", "instrument", "settings", "signal", "alert", "key", "user"}
)


class Telling:
    """A `Watcher`. level: of the log; with DEBUG there is a line for each row, not for what matters alone."""

    def __init__(self, level: str = "INFO") -> None:
        self._log = structlog.get_logger()
        self._everything = level.upper() == "DEBUG"
        names = logging.getLevelNamesMapping()
        self._told = {one for one in ("debug", "info", "warning") if names[one.upper()] >= names[level.upper()]}
        self._waiting: list[tuple[str, str, dict[str, Any]]] = []
        self._lines: list[tuple[str, str, dict[str, Any]]] = []

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        kind = type(event)
        if kind in _QUIET:
            return
        order = changes.order
        refused = getattr(event, "verdict", "") in ("refused", "denied")
        level = "warning" if kind in _WARNING or refused else "info"
        if kind in _ROUTINE or (order is not None and kind not in _WARNING and order.status not in DONE):
            level = "debug"
        if level not in self._told:
            return
        said: dict[str, Any] = {"book": book, "sequence": sequence}
        if isinstance(event, m.OrderEvent):
            said["order"] = event.order_id
        if order is not None:
            said |= _of_order(order)
        if isinstance(event, m.AlertReceived):
            said |= {"verdict": event.verdict, "order": event.order_id, "reason": event.reason, "detail": event.detail}
        if isinstance(event, m.SignalReceived):
            said |= {
                "signal": event.signal.signal_id,
                "symbol": event.signal.symbol,
                "action": event.signal.action.value,
                "verdict": event.verdict,
                "order": event.order_id,
            }
        if kind in _WARNING or kind in _CONTROLS or self._everything:
            said |= {name: value for name, value in _said(event).items() if name not in said}
        self._waiting.append((level, m.kind_of(event), {name: value for name, value in said.items() if value != ""}))

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # the port's
        self._lines, self._waiting = self._waiting, []

    def acted(self) -> None:
        lines, self._lines = self._lines, []
        for level, kind, said in lines:
            getattr(self._log, level)(kind, **said)


def _of_order(order: Order) -> dict[str, Any]:
    instruction = order.instruction
    said: dict[str, Any] = {
        "status": order.status.value,
        "symbol": instruction.symbol,
        "side": instruction.side.value,
        "quantity": text(order.quantity),
        "filled": text(order.filled),
    }
    for name in ("signal_id", "strategy", "user"):
        if getattr(instruction, name):
            said[name.removesuffix("_id")] = getattr(instruction, name)
    return said


def _said(event: m.AnyEvent) -> dict[str, Any]:
    """The plain fields of an event; what is a record of its own is in the log itself."""
    return {
        field.name: value.name.lower() if isinstance(value, Reason) else str(value)
        for field in structs.fields(event)
        if field.name not in _DULL and (value := getattr(event, field.name)) not in (None, "", field.default)
    }


__all__ = ["Telling"]
