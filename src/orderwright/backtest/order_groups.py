"""Orders of which one cancels the others: all of them go out, or none.

- What our checks would refuse goes first. It ends there, is logged, and nothing else is sent.
- One that has ended before the next was sent (the run was cut between the two, and meanwhile it has filled) leaves
  nothing for the next to do: that one is not sent.
- An order that the book knows by its key is the one of an earlier run. It is asked for all the same, and comes back as
  it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from orderwright.backtest.records import OrderHandle
from orderwright.backtest.trading import Trading
from orderwright.core.evolve import order_key
from orderwright.core.model import Instruction


def together(trading: Trading, wanted: Sequence[Instruction]) -> list[OrderHandle]:
    """Send the orders of one group; their handles, in the order given."""
    if trading.waiting:
        trading.flush()
    known = [_known(trading, one) for one in wanted]
    handles: dict[int, OrderHandle] = {}
    for at in sorted(range(len(wanted)), key=lambda at: not trading.refuses(wanted[at])):
        ended = next((number for number, one in handles.items() if one.done), None)
        if ended is None or known[at]:
            handles[at] = trading.submit(structs.replace(wanted[at], order_id=trading.new_id()))
        else:
            why = f"not sent: order {ended + 1} of its group is {handles[ended].status} ({handles[ended].reason})"
            handles[at] = trading.withheld(wanted[at], why.removesuffix(" ()"))
    if any(one.refused and not known[at] for at, one in handles.items()):
        for one in handles.values():
            if not one.done:
                one.cancel()
    return [handles[at] for at in range(len(wanted))]


def _known(trading: Trading, said: Instruction) -> bool:
    return bool(said.idempotency_key) and order_key(said.idempotency_key) in trading.state.keys


__all__ = ["together"]
