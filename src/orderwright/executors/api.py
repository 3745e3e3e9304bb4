"""The seeds' ExternalAPI: one exchange's own interface, in our words. Whoever brings an exchange writes this class.

What an answer means is the same for every method:

- a Status, or what it is asked for: the exchange has answered;
- Refused: it said no, and nothing was done. OrderNotFound: it does not know the order;
- Unreachable, and any other exception: no answer. Whether the request was carried out is not known, so it counts as
  live until the exchange has been asked.
"""

from __future__ import annotations

import abc
from typing import Any

from orderwright.errors import Refused
from orderwright.executors.credentials import UserCreds, UserInfo
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade
from orderwright.ports import Row

NOT_FOUND = "order_not_found"


class OrderNotFound(Refused):
    """The exchange was asked about an order, and does not know it."""

    def __init__(self, message: str = "the exchange does not know the order", code: str = NOT_FOUND) -> None:
        super().__init__(message, code)


class ExternalAPI(abc.ABC):
    """Direct access to one exchange. `trade.order_id` is there when it is called: send it along as the client's id, so
    that the order can be found again, and the exchange can tell a repeat."""

    @abc.abstractmethod
    def submit_order(self, trade: Trade, creds: UserCreds) -> Status:
        """Send a new order."""

    @abc.abstractmethod
    def get_status(self, trade: Trade, creds: UserCreds) -> Status:
        """How the order of a trade stands, asked of the exchange now."""

    @abc.abstractmethod
    def cancel_order(self, trade: Trade, creds: UserCreds) -> Status:
        """Ask for the order's end. The status it has then, which need not be the end yet."""

    @abc.abstractmethod
    def get_all_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        """Every order of a user, oldest first."""

    @abc.abstractmethod
    def get_open_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        """Those that have not ended, oldest first."""

    @abc.abstractmethod
    def pull_status(self, creds: UserCreds, order_id: str) -> dict[str, Any]:
        """How an order stands, in the exchange's own words: what `Status.cast` reads."""

    @abc.abstractmethod
    def balance_history(self, user: UserInfo, creds: UserCreds) -> list[Row]:
        """Every change of a user's balances, oldest first: account, asset, change, total, locked, time ..."""
