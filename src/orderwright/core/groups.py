"""Who belongs together, what they share, and how much of it each may still ask for. What is then done is in
`contingent`.

- A *group* is the orders that share `Instruction.group`: one account, symbol and side. What one of them fills, the
  others no longer ask for. A group is over when all of its orders are; its name can then be used again.
- A *bracket* is an entry and its exits: children whose group is the entry's id. Ids of exits are made of the id that
  they follow, so each is found again without an index, and none is made twice.
- What a group locks and exposes is that of its largest order, not the sum: only one of them will fill. None counts for
  more than is left of the group.
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

from orderwright.core.ids import is_order_id
from orderwright.core.model import DONE, Instruction, Instrument, Order, OrderSide
from orderwright.core.numbers import ZERO, floor_to, text
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.state import Group, State

RULE = "group"
"""What is asked of the venue for a group's sake bears this name (`RequestSubmitted.rule`)."""
MOST_MEMBERS = 10
STOP, TARGET, MARKET, AGAIN, HEIR, RETRY = "stop_loss", "take_profit", "market", "again", "trail", "retry"


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
        yield from (exit_id(order_id, role) for role in (AGAIN, HEIR, MARKET, RETRY))


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
        if group is None or _is_new(group, order):
            group = state.groups[name] = Group()
            for one in gathered(order, state.find):
                _take(state, group, name, one)
        else:
            _take(state, group, name, order)
        state.unsettled[name] = None


def _is_new(group: Group, order: Order) -> bool:
    """Whether the order begins a group anew whose name was used by one that is over, in the same turn perhaps."""
    return group.entry is None and order.order_id not in group.members and order.status not in DONE and group.is_over


def _take(state: State, group: Group, name: str, order: Order) -> None:
    if order.instruction.group == name:
        group.members[order.order_id] = order
    elif order.order_id == name:
        group.entry = order
        if order.filled:
            key = (order.instruction.account, order.instruction.symbol)
            state.bracketed.setdefault(key, {})[name] = None


def touch_all(state: State) -> None:
    """Look at every group again."""
    state.unsettled.update(dict.fromkeys(state.groups))


def touch_bracketed(state: State, account: str, symbol: str) -> None:
    """A position has changed: it bounds what the exits of those that have filled may close."""
    state.unsettled.update(state.bracketed.get((account, symbol), {}))


def drop(state: State, name: str) -> None:
    """A group is over and needs nothing: forget it. What still comes for one of its orders brings it back."""
    entry = state.groups.pop(name).entry
    if entry is not None:
        key = (entry.instruction.account, entry.instruction.symbol)
        names = state.bracketed.get(key)
        if names is not None:
            names.pop(name, None)
            if not names:
                del state.bracketed[key]


def drop_over(state: State) -> None:
    """Forget every group that is over, where nothing is decided that it could need: in a replay."""
    for name in state.unsettled:
        if state.groups[name].is_over:
            drop(state, name)
    state.unsettled.clear()


# What they share


def newly_reserved(state: State, group: Group) -> Decimal:
    """By how much what the group locks has changed, now that one of its orders has."""
    before, group.reserved = group.reserved, max((share[0] for share in _shares(state, group)), default=ZERO)
    return group.reserved - before


def newly_exposed(state: State, group: Group) -> Decimal:
    """The same for what it exposes."""
    before, group.exposed = group.exposed, max((share[1] for share in _shares(state, group)), default=ZERO)
    return group.exposed - before


def _shares(state: State, group: Group) -> Iterator[tuple[Decimal, Decimal]]:
    """(reserved, exposed) of each order, for no more than is left of the group: the others' fills are not waited for
    to reach it. What the venue has announced counts in full."""
    filled, entry = group.filled, group.entry
    brings = brought(entry, state.instrument_of(entry)) if entry is not None else None
    for order in group.members.values():
        if not order.exposed or order.ending is not None or order.has_gap:
            yield order.reserved, order.exposed
            continue
        whole = brings if brings is not None else _first(group, order).instruction.quantity
        room = max(whole - filled, ZERO) if whole is not None else order.exposed
        if order.exposed <= room or (entry is None and is_order_id(order.instruction.group)):
            yield order.reserved, order.exposed
        else:
            asked = (request.unit_cost for request in order.requests if request.kind == "replace" and request.in_flight)
            yield room * max((order.unit_cost, *asked)), room


def shared(state: State, said: Instruction) -> tuple[Decimal, Decimal]:
    """(reserved, exposed) of an order's group, which the order need not have anew; zeros where it has none."""
    group = state.groups.get(said.group) if said.group else None
    return (group.reserved, group.exposed) if group is not None else (ZERO, ZERO)


# What is left


def left_of(state: State, order: Order, group: Group) -> Decimal:
    """How much more an order may ask for than it has filled; not above 0 where its group has no need of it."""
    if group.entry is not None:
        return left_to_exit(state, group.entry, group)
    return (_first(group, order).instruction.quantity or ZERO) - group.filled


def _first(group: Group, order: Order) -> Order:
    """The order of a plain group in whose place this one stands."""
    while (parent := group.members.get(order.instruction.parent_id)) is not None:
        order = parent
    return order


def left_of_each(state: State) -> dict[str, Decimal]:
    """The most that one of a group's orders may still fill, by group."""
    return {
        name: max(left_of(state, order, group) for order in group.members.values())
        for name, group in state.groups.items()
        if group.members
    }


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
    """Why an order that comes in may not join the group that it names. Exits do not come in: we make them."""
    if is_order_id(said.group):
        rule = "it looks like an order's id: those are for the exits that are made for a bracket"
        return Refusal(Reason.GROUP, rule, "group", said.group)
    group = state.groups.get(said.group)
    if group is None:
        return None
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
                _take(state, group, name, one)
            newly_reserved(state, group)  # the ledger knows it
            _expose_anew(state, group)
            state.unsettled[name] = None


def _expose_anew(state: State, group: Group) -> None:
    more, one = newly_exposed(state, group), next(iter(group.members.values()), None)
    if one is not None and more:
        exposure = state.exposures[one.instruction.account, one.instruction.symbol]
        if one.instruction.side is OrderSide.BUY:
            exposure.buy += more
        else:
            exposure.sell += more
