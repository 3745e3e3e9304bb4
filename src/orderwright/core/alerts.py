"""Alerts: each delivery is written down with its verdict, and only the first of several becomes signals.

An alert is a second delivery where its key was accepted before: for ever where the alert has an id of its own, within
a window where only its body tells (reading.md, "Alerts"). A signal that came another way with the same key counts as
the first delivery too. The signals of an accepted alert are decided right after it, one by one, by the driver, in the
same turn and so in the same commit.
"""

from __future__ import annotations

from orderwright.core import messages as m
from orderwright.core.evolve import alert_key, signal_key
from orderwright.core.placing import Decision
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.state import State


def receive_alert(state: State, command: m.ReceiveAlert, now: int) -> Decision:
    """The alert's row. A duplicate is answered with the first one's order."""
    alert = command.alert
    first = _first_of(state, command, now)
    if first is None and command.refused is not None:
        reason, detail = command.refused
        return [m.AlertReceived(time=now, alert=alert, verdict="refused", reason=reason, detail=detail)], []
    if first is None:
        key = alert_key(command.key) if command.key else ""
        return [m.AlertReceived(time=now, alert=alert, verdict="accepted", key=key, order_id=command.order_id)], []
    duplicate_of, order_id = first
    window = command.window_us
    detail = "this alert was received before"
    if window is not None:
        detail = f"the same text came within {window // 1_000_000} s: give each alert an alert_id"
    event = m.AlertReceived(
        time=now, alert=alert, verdict="duplicate", order_id=order_id, duplicate_of=duplicate_of, detail=detail
    )
    refusal = Refusal(Reason.DUPLICATE_SIGNAL, detail, "alert_id", alert.alert_id)
    return [event], [m.Reply(outcome="duplicate", order_id=order_id, refusal=refusal, text=duplicate_of)]


def _first_of(state: State, command: m.ReceiveAlert, now: int) -> tuple[str, str] | None:
    """(alert, order id) of the first delivery, as far as there are such; None where this is the first."""
    known = state.keys.get(alert_key(command.key)) if command.key else None
    if known is not None:
        time, alert, order_id = known.split("|")
        if command.window_us is None or now - int(time) < command.window_us:
            return alert, order_id if state.find(order_id) is not None else ""
    if not command.signals:
        return None
    earlier = state.keys.get(signal_key(command.signals[0][0].key))
    return None if earlier is None else ("", earlier)
