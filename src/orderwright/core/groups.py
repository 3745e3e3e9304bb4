"""Who belongs together, what they share, and how much of it each may still ask for. What is then done is in
`contingent`.

- A *group* is the orders that share `Instruction.group`: one account, symbol and side. What one of them fills, the
  others no longer ask for. A group is over when all of its orders are; its name can then be used again.
- A *bracket* is an entry and its exits: children whose group is the entry's id. Ids of exits are made of the id that
  they follow, so each is found again without an index, and none is made twice.
- What a group locks and exposes is that of its largest order, not the sum: only one of them will fill.
- How much is left for a bracket's exits is computed from scratch each time: what the entry has filled (less fees that
  were taken in what it bought) less what the exits have filled; on a linear contract at most the position that is
  held. For a plain group it is what an order first asked for, less what the whole group has filled. So a report that
  comes late, twice or out of order, a bust or a correction cannot make it wrong.

Orders of a group that have ended stay at hand in `State.groups` for as long as one of them is not over; after a restart
the driver brings them back by `kin`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal

from orderwright.core.model import DONE, Instruction, Instrument, Order, OrderSide
from orderwright.core.numbers import ZERO, floor_to, text
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.state import Group, State

RULE = "group"
"""What is asked of the venue for a group's sake bears this name (`RequestSubmitted.rule`)."""
MOST_MEMBERS = 10
STOP, TARGET, MARKET, AGAIN, HEIR = "stop_loss", "take_profit", "market", "again", "trail"


def exit_id(order_id: str, role: str) -> str:
    """The id of the order that follows another one in a role."""
    return order_id[:12] + hashlib.sha256(f"{order_id}\x1f{role}".encode()).hexdigest()[:18]


def kin(order: Order) -> Iterator[str]:
    """Ids under which an order's kin may be found."""
    said, order_id = order.instruction, order.order_id
    if said.bracket is not None:
        yield exit_id(order_id, STOP)
        yield exit_id(order_id, TARGET)
    if said.group:
        yield from (said.group, said.parent_id, *order.kin)
        yield from (exit_id(order_id, role) for role in (AGAIN, HEIR, MARKET))


def gathered(first: Order, find: Callable[[str], Order | None]) -> list[Order]:
    """An order and all of its kin that `find` knows."""
    found, seen = [first], {first.order_id}
    for order in found:
        for order_id in kin(order):
            if order_id and order_id not in seen and (other := find(order_id)) is not None:
                seen.add(order_id)
                found.append(other)
    return found


def names_of(said: Instruction) -> list[str]:
    """The groups that an order is in: its own, and the bracket that it opens."""
    opens = said.order_id if said.bracket is not None else ""
    return [name for name in (said.group, opens) if name]


def touch(state: State, order: Order) -> None:
    """Something has happened to an order that belongs with others: they are looked at."""
    for name in names_of(order.instruction):
        group = state.groups.get(name)
        if group is None:
            group = state.groups[name] = Group()
            for one in gathered(order, state.find):
                _take(group, name, one)
        else:
            _take(group, name, order)
        state.unsettled[name] = None


def _take(group: Group, name: str, order: Order) -> None:
    if order.instruction.group == name:
        group.members[order.order_id] = order
    elif order.order_id == name:
        group.entry = order


def touch_all(state: State, account: str = "", symbol: str = "") -> None:
    """Look at every group again; at those of one account and symbol, where named."""
    for name, group in state.groups.items():
        one = group.entry or next(iter(group.members.values()))
        if account in ("", one.instruction.account) and symbol in ("", one.instruction.symbol):
            state.unsettled[name] = None


# What they share


def newly_reserved(group: Group) -> Decimal:
    """By how much what the group locks has changed, now that one of its orders has."""
    before, group.reserved = group.reserved, max((order.reserved for order in group.members.values()), default=ZERO)
    return group.reserved - before


def newly_exposed(group: Group) -> Decimal:
    """The same for what it exposes."""
    before, group.exposed = group.exposed, max((order.exposed for order in group.members.values()), default=ZERO)
    return group.exposed - before


def shared(state: State, said: Instruction) -> tuple[Decimal, Decimal]:
    """(reserved, exposed) of an order's group, which the order need not have anew; zeros where it has none."""
    group = state.groups.get(said.group) if said.group else None
    return (group.reserved, group.exposed) if group is not None else (ZERO, ZERO)


# What is left


def left_of(state: State, order: Order, group: Group) -> Decimal:
    """How much more an order may ask for than it has filled; not above 0 where its group has no need of it."""
    if group.entry is not None:
        return left_to_exit(state, group.entry, group)
    first = order
    while (parent := group.members.get(first.instruction.parent_id)) is not None:
        first = parent
    return (first.instruction.quantity or ZERO) - group.filled


def left_to_exit(state: State, entry: Order, group: Group) -> Decimal:
    """What the entry has brought and its exits have not sold yet (or the other way round), in whole steps."""
    instrument, said = state.instrument_of(entry), entry.instruction
    left = brought(entry, instrument) - group.filled
    if instrument.linear:
        position = state.positions.get((said.account, said.symbol))
        size = position.size if position is not None else ZERO
        left = min(left, size if said.side is OrderSide.BUY else -size)
    return floor_to(left, instrument.step_size) if left > 0 else ZERO


def brought(entry: Order, instrument: Instrument) -> Decimal:
    """What an entry has brought: its fills, less the fees that were taken in the base asset."""
    if instrument.linear or not entry.filled:
        return entry.filled
    fees = (one.fee for one in entry.executions.values() if one is not None and one.fee_asset == instrument.base)
    return entry.filled - sum(fees, ZERO)


# Who may join


def refusal(state: State, said: Instruction) -> Refusal | None:
    """Why an order may not join the group that it names."""
    group = state.groups.get(said.group)
    if group is None:
        return None
    if group.entry is not None:
        return Refusal(Reason.GROUP, "it is the id of an order: a bracket's exits are made for it", "group", said.group)
    others = [order for order in group.members.values() if order.order_id != said.order_id]
    alive = [order.instruction for order in others if order.status not in DONE]
    for one in alive:
        for name in ("account", "symbol", "side"):
            if (nearest := str(getattr(one, name))) != (mine := str(getattr(said, name))):
                return Refusal(
                    Reason.GROUP, f"the orders of group {said.group} have another {name}", name, mine, nearest
                )
    if alive and group.filled:
        rule = f"the group has begun to fill ({text(group.filled)}); give the order a group of its own"
        return Refusal(Reason.GROUP, rule, "group", said.group)
    if len(alive) >= MOST_MEMBERS:
        return Refusal(Reason.GROUP, f"a group has at most {MOST_MEMBERS} orders", "group", said.group)
    return None


def others_in(state: State, said: Instruction) -> list[str]:
    """The ids of the orders that are in its group already."""
    group = state.groups.get(said.group)
    return [order_id for order_id, one in group.members.items() if one.status not in DONE] if group is not None else []


def adopt(state: State, order: Order) -> None:
    """Kin of this order may have come back from the journal: they take their places again."""
    for name in names_of(order.instruction):
        group = state.groups.get(name)
        if group is not None:
            for one in gathered(order, state.find):
                _take(group, name, one)
            state.unsettled[name] = None
