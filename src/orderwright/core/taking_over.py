"""A process has taken the log over from another one (design.md, "Exactly once").

The other one may be paused, not dead: it can no longer write, but may still send what it had written down, each request
until its signed lifetime is over. So nothing leaves here before the last request in flight is dead: its sign_at,
lifetime and the margin of its venue, which allows for clocks that differ. With none in flight there is no wait; nor for
venues that live and die with their process, whose denial is final.

Meanwhile everything is taken in and durable. New orders wait, PENDING; a cancel is kept (`CancelWanted`); a replace is
refused, for the market would have moved on; questions are asked, for they change nothing.
"""

from __future__ import annotations

from orderwright.core import messages as m
from orderwright.core.placing import Decision
from orderwright.core.state import State, dead_for_certain


def begin_epoch(state: State, command: m.BeginEpoch, now: int) -> Decision:
    """Note who writes the log now, and until when nothing leaves."""
    if command.epoch <= state.controls.epoch:
        return [], [m.Reply(outcome="duplicate", text=str(command.epoch))]
    last = now
    for order in state.orders.values():
        account = state.accounts.get(order.instruction.account)
        if account is not None and not account.traits.final_denial:
            last = max([last, *(dead_for_certain(it, account) for it in order.requests if it.in_flight)])
    quiet_until = last if last > now else None
    return [m.EpochBegan(time=now, epoch=command.epoch, by=command.by, quiet_until=quiet_until)], []
