"""What a broker asks about its orders: `get_status`, of whoever carries them out."""

from __future__ import annotations

from typing import Protocol

from orderwright.broker.opened import OpenedBook
from orderwright.core import messages as m
from orderwright.errors import InputError
from orderwright.executors import Status


class GetsStatus(Protocol):
    """The part of the seeds' Executor that `check_trade` stands on."""

    def get_status(self, order_id: str) -> Status:
        """How an order stands, by its order id. Raises VenueError where the exchange cannot be asked."""


class BrokerExecutor:
    """The executor of a broker that was given none, or a connector: it asks the exchange through the book, which takes
    in the answer itself."""

    def __init__(self, opened: OpenedBook) -> None:
        self._opened = opened

    def get_status(self, order_id: str) -> Status:
        """Ask the exchange about an order and for its trades; how it stands then. Raises InputError for an order that
        the book does not have."""
        opened = self._opened
        order = opened.engine.order(order_id)
        if order is None:
            raise InputError(f"no order {order_id!r} in this book", field="order_id", value=order_id)
        account = opened.engine.state.accounts.get(order.instruction.account)
        if account is not None and account.exchange in opened.exchanges:  # else it ended long ago, elsewhere
            opened.do(m.RefreshOrder(order_id=order_id))
            order = opened.engine.order(order_id) or order
        return Status.from_order(order)
