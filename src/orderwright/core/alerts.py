"""Alerts: each delivery is written down with what has become of it, and only the first of several becomes signals.

An alert is a second delivery where its key was taken before: for ever where the alert has an id of its own, within a
window where only its body tells (reading.md, "Alerts"). A signal that came another way with the same key counts as the
first delivery too. The signals of an alert that is taken are decided one by one, by the driver, and then the alert's
own row is, all in the same turn and so in the same commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from orderwright.core import messages as m
from orderwright.core.evolve import alert_key, signal_key
from orderwright.core.model import SECOND, Action, OrderSide
from orderwright.core.numbers import ZERO, text
from orderwright.core.placing import Decision, held_of
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.state import State


class Became(Struct, frozen=True, kw_only=True):
    """What became of one signal of an alert. order_id: of the order that it became, or that does already what it wants.
    reason, detail: why there is no order, or a denied one. notes: what was made of its words."""

    account: str
    verdict: str
    order_id: str = ""
    reason: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()


def receive_alert(state: State, command: m.ReceiveAlert, now: int) -> Decision:
    """The alert's row; `accepted` of one that is taken stands for what `conclude` finds out. A duplicate is answered
    with the first one's order."""
    alert = command.alert
    first = _first_of(state, command, now)
    if first is None and command.refused is not None:
        reason, detail = command.refused
        return [m.AlertReceived(time=now, alert=alert, verdict="refused", reason=reason, detail=detail)], []
    if first is None:
        key = alert_key(command.key) if command.key else ""
        return [m.AlertReceived(time=now, alert=alert, verdict="accepted", key=key)], []
    duplicate_of, order_id = first
    window = command.window_us
    seconds = None if window is None else window // SECOND
    if alert.replay_of:
        detail = "it was played again under this Idempotency-Key before"
        if seconds is not None:
            detail = f"it was played again within {seconds} s: to play it once more, send an Idempotency-Key"
    elif seconds is not None:
        detail = f"the same text came within {seconds} s: give each alert an alert_id"
    else:
        detail = "this alert was received before"
    event = m.AlertReceived(
        time=now, alert=alert, verdict="duplicate", order_id=order_id, duplicate_of=duplicate_of, detail=detail
    )
    refusal = Refusal(Reason.DUPLICATE_SIGNAL, detail, "alert_id", alert.alert_id)
    return [event], [m.Reply(outcome="duplicate", order_id=order_id, refusal=refusal, text=duplicate_of, alert=event)]


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
    if earlier is None or (earlier and state.find(earlier) is None):  # a log cut before its order: it is made now
        return None
    return "", earlier


def became_of(
    state: State,
    said: m.ReceiveSignal,
    meant: OrderSide | None,
    events: Sequence[m.AnyEvent],
    actions: Sequence[m.AnyAction],
) -> Became:
    """What became of a signal that was decided to these events and actions. state: before them."""
    signal, verdict, order, denied = said.signal, None, None, None
    for event in events:
        if isinstance(event, m.SignalReceived):
            verdict = event
        elif isinstance(event, m.OrderReceived) and event.order_id == said.order_id:
            order = event
        elif isinstance(event, m.OrderDenied) and event.order_id == said.order_id:
            denied = event
    reply = next((action for action in actions if isinstance(action, m.Reply)), None)
    notes = []
    if verdict is not None and verdict.stake is not None and verdict.stake.note:
        notes.append(verdict.stake.note)
    if order is not None and signal.action is Action.TARGET and meant not in (None, order.instruction.side):
        notes.append(_turned(state, said, meant, order))
    if denied is not None:
        rule = denied.rule or denied.reason.name.lower()
        why = f"{denied.field}: {rule}" if denied.field else rule
        return Became(
            account=signal.account,
            verdict="denied",
            order_id=said.order_id,
            reason=denied.reason.name.lower(),
            detail=why,
            notes=tuple(notes),
        )
    if order is not None or (verdict is not None and verdict.verdict == "accepted" and len(events) > 1):
        order_id = said.order_id if order is not None else ""
        return Became(account=signal.account, verdict="accepted", order_id=order_id, notes=tuple(notes))
    if reply is not None and reply.refusal is not None:
        reason, detail = reply.refusal.reason.name.lower(), str(reply.refusal)
    else:
        reason, detail = "", verdict.detail if verdict is not None else ""
    there = (reply.order_id if reply is not None else "") or (verdict.order_id if verdict is not None else "")
    return Became(account=signal.account, verdict="nothing", order_id=there, reason=reason, detail=detail)


def _turned(state: State, said: m.ReceiveSignal, meant: OrderSide | None, order: m.OrderReceived) -> str:
    """A target whose order is not on the side that the alert names."""
    signal, side = said.signal, order.instruction.side.value
    held, target = text(held_of(state, signal.account, signal.symbol)), text(signal.target_quantity or ZERO)
    return (
        f"{meant} became a {side}: the target of {target} is for the whole position of account {signal.account}, "
        f"whoever traded it, and that was {held}"
    )


def conclude(taken: m.AlertReceived, found: Sequence[Became]) -> Decision:
    """The row of an alert that was taken, and the answer to it."""
    verdicts = [one.verdict for one in found]
    verdict = next((word for word in ("accepted", "denied") if word in verdicts), "nothing")
    several = len(found) > 1
    details = [f"{one.account}: {one.detail}" if several else one.detail for one in found if one.detail]
    notes = [f"{one.account}: {note}" if several else note for one in found for note in one.notes]
    order_id = next((one.order_id for one in found if one.verdict == verdict and one.order_id), "")
    event = structs.replace(
        taken,
        alert=structs.replace(taken.alert, notes=(*taken.alert.notes, *notes)),
        verdict=verdict,
        order_id=order_id,
        reason="" if verdict == "accepted" else next((one.reason for one in found if one.verdict == verdict), ""),
        detail="; ".join(details),
    )
    reply = m.Reply(
        outcome="nothing" if verdict == "nothing" else "taken", order_id=order_id, text=event.detail, alert=event
    )
    return [event], [reply]


__all__ = ["Became", "became_of", "conclude", "receive_alert"]
