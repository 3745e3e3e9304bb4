"""Orders that belong together at the exchange (`Instruction.group`), as Binance's order lists do.

- They have one room: together they fill no more than the largest of them asked for. What one fills is gone for all, at
  that very moment, so no two of them can sell the same coins, however late the cancel of the others comes.
- They share one reservation: that of the one that needs most.
- An order that comes in for more than there is room for makes room for as much. A replace makes room for what it adds
  to the order's quantity, if there is not as much yet: who sent it may not have heard of the latest fill.
- The list keeps nothing of orders that have ended.
"""

from __future__ import annotations

from orderwright.simulation.order import OrderList, VenueOrder


class OrderLists:
    """Those of one exchange."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str, str], OrderList] = {}

    def join(self, order: VenueOrder) -> int:
        """Put an order into its list, or a changed one in the place of what it was. Returns the room there was before,
        for who has to take it back."""
        name = (order.account, order.instrument.symbol, order.instruction.group)
        found = self._lists.get(name)
        if found is None:
            found = self._lists[name] = OrderList(name)
        was = found.members.get(order.order_id)
        added = order.quantity - was.quantity if was is not None else order.leaves
        before, found.room = found.room, max(found.room, min(order.leaves, found.room + added))
        found.members[order.order_id] = order
        order.together = found
        return before

    def rejoin(self, order: VenueOrder, found: OrderList) -> None:
        """Put an order back into the list that it was in before a restart."""
        self._lists[found.name] = found
        found.members[order.order_id] = order
        order.together = found

    def back(self, order: VenueOrder, room: int) -> None:
        """What was to come in its place was refused: it is in its list as it was."""
        assert order.together is not None
        order.together.members[order.order_id] = order
        order.together.room = room

    def leave(self, order: VenueOrder, room: int | None = None) -> None:
        """It has ended; or it was refused, and there is as much room as there was before."""
        found = order.together
        if found is not None and room is not None:
            found.room = room
        if found is not None and found.members.pop(order.order_id, None) is not None and not found.members:
            del self._lists[found.name]
