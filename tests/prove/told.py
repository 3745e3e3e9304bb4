"""What clients of a service were told, and what they know to have sent: it is compared with the log.

Each order has a mark of its own in its metadata, so that the log says which request it came of: an order that was
acknowledged and is not there is lost, and two orders of one mark are doubled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from orderwright.journal.maintenance import verify
from orderwright.journal.sqlite import open_log

MARK = "mark"


class Failed(AssertionError):
    """A proof does not hold."""


class Acknowledged(Struct, frozen=True):
    """An order as the service has answered it. body: what was sent."""

    order_id: str
    number: int
    filled: str
    body: dict[str, Any]


class Told(Struct):
    """orders: by mark. sent: bodies that were sent and not answered, by mark. alerts: the order of each, by alert id;
    alerts_sent: those that were not answered. cancelled: orders whose cancel was answered. wrong: answers that nobody
    may get."""

    orders: dict[str, Acknowledged] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)
    alerts_sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    busy: int = 0

    def acknowledge(self, mark: str, view: dict[str, Any]) -> None:
        """An order came back. Raises Failed where it is another than before."""
        found = Acknowledged(view["client_order_id"], view["id"], view["filled_quantity"], self.sent.pop(mark, {}))
        before = self.orders.get(mark)
        if before is not None and (before.order_id, before.number) != (found.order_id, found.number):
            raise Failed(f"{mark} was order {before.order_id} and is {found.order_id} now")
        self.orders[mark] = found if before is None else before

    @property
    def count(self) -> int:
        """Orders that were acknowledged, those of alerts included."""
        return len(self.orders) + len(self.alerts)


class Compared(Struct, frozen=True):
    """A log beside what clients were told. beyond: orders that nobody was told of (their answers were on the way)."""

    acknowledged: int
    in_log: int
    beyond: int
    lost: int = 0
    doubled: int = 0


def compared(log: Path, told: Told) -> Compared:
    """Raises Failed, naming the first orders that are lost, doubled, changed or were never asked for."""
    journal = open_log(log, read_only=True)
    try:
        orders, alerts = journal.latest("orders"), journal.latest("alerts")
    finally:
        journal.close()
    by_id = {row["client_order_id"]: row for row in orders}
    marks = [mark for row in orders if (mark := mark_of(row))]
    keys = [row["idempotency_key"] for row in orders if row["idempotency_key"]]
    signals = [row["source_signal_id"] for row in orders if row["source_signal_id"]]
    for what, found in (("mark", marks), ("idempotency key", keys), ("signal", signals), ("order", list(by_id))):
        doubled = len(found) - len(set(found))
        require(not doubled, f"{doubled} times two orders have one {what}")
    require(len(by_id) == len(orders), "two orders have one id")
    lost = [mark for mark, one in told.orders.items() if not _is_there(one, by_id.get(one.order_id), mark)]
    require(not lost, f"{len(lost)} acknowledged orders are lost or changed: {lost[:3]}")
    unasked = set(marks) - told.orders.keys() - told.sent.keys()
    require(not unasked, f"{len(unasked)} orders were never asked for: {sorted(unasked)[:3]}")
    _compare_alerts(told, alerts, by_id)
    still = [one for one in told.cancelled if by_id[one]["status"] in ("submitted", "open", "partially_filled")]
    require(not still, f"{len(still)} orders work on though their cancel was acknowledged: {still[:3]}")
    return Compared(told.count, len(orders), len(orders) - told.count)


def _is_there(said: Acknowledged, row: dict[str, Any] | None, mark: str) -> bool:
    if row is None or row["id"] != said.number or mark_of(row) != mark:
        return False
    return all(str(row[name]) == str(said.body[name]) for name in ("side", "quantity", "price") if name in said.body)


def _compare_alerts(told: Told, alerts: list[dict[str, Any]], orders: dict[str, Any]) -> None:
    accepted = [row for row in alerts if row["verdict"] == "accepted"]
    by_alert = {row["alert_id"]: row["order_id"] for row in accepted}
    require(len(by_alert) == len(accepted), "an alert was accepted twice")
    lost = [name for name, order in told.alerts.items() if by_alert.get(name) != order or order not in orders]
    require(not lost, f"{len(lost)} acknowledged alerts are lost or have another order: {lost[:3]}")
    unasked = by_alert.keys() - told.alerts.keys() - told.alerts_sent.keys()
    require(not unasked, f"alerts that nobody sent: {sorted(unasked)[:3]}")


def mark_of(row: dict[str, Any]) -> str:
    """The mark of an order's row, "" for none."""
    metadata = row["metadata"]
    if not metadata:
        return ""
    found = json.loads(metadata) if isinstance(metadata, str) else metadata
    return str(found.get(MARK, ""))


def verified(log: Path) -> int:
    """Rows of a log of which each follows from the one before, and whose read models are those of a replay. Raises
    Failed."""
    report = verify(log)
    require(report.ok, f"the log does not verify: {report.problems[:3]}")
    return report.rows


def require(holds: bool, otherwise: str) -> None:
    """Raises Failed."""
    if not holds:
        raise Failed(otherwise)


__all__ = ["MARK", "Compared", "Failed", "Told", "compared", "mark_of", "require", "verified"]
