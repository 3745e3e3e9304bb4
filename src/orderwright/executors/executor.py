"""The seeds' Executor: what sends trades to an exchange and says how they stand.

`Executor` is the interface; `GenericExecutor` is it over an API, credentials and a validator; mock.py has the one that
needs nothing. Every answer is a Status, errors too, since that is what a broker can act on:

- our own refusal is DENIED, the exchange's REJECTED: the outcome is known;
- no answer is UNKNOWN, whatever was raised, and counts as live. `error` says what it was, with the user's secrets
  struck out;
- a cancel that was refused gives the order's status as it is, with `error`.

An order id is made once, before the first attempt, and stays with the trade. A second `submit` of it sends nothing: the
order may be live, so it asks how it stands. To try again once it is known to be dead, submit `trade.replaced()`. An
API that answers with an id of its own, or with an earlier order that the trade is a repeat of, has the last word.
"""

from __future__ import annotations

import abc
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from orderwright.core.ids import order_id_of
from orderwright.core.model import OrderStatus
from orderwright.core.state import remember
from orderwright.errors import InputError, Refused
from orderwright.executors.api import ExternalAPI, OrderNotFound
from orderwright.executors.credentials import ICredentials, UserCreds, UserInfo
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade
from orderwright.executors.validation import IValidation
from orderwright.ports import Row

KEEP_OWNERS = 100_000
_S = OrderStatus


class Executor(abc.ABC):
    """The interface. Who brings an exchange implements `submit`, `status` and `cancel`, and what else it offers."""

    def __init__(self, api: ExternalAPI, creds: ICredentials, validator: IValidation | None) -> None:
        self.api, self.credentials, self.validation = api, creds, validator

    def set_credentials(self, user_creds: UserCreds) -> None:
        """Keep a user's credentials; the user is created if they do not exist."""
        self.credentials.link(user_creds)

    def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
        """The credentials of a user on an exchange; or, given one word, those an order was sent with."""
        raise NotImplementedError("You need to have a way to get api keys for the user/exchange.")

    @abc.abstractmethod
    def submit(self, trade: Trade) -> Status:
        """Send the trade."""

    @abc.abstractmethod
    def status(self, trade: Trade) -> Status:
        """How the order of a trade stands."""

    @abc.abstractmethod
    def cancel(self, trade: Trade) -> Status:
        """Ask for the order's end."""

    def get_status(self, order_id: str) -> Status:
        """How an order stands, by its id."""
        raise NotImplementedError("Get status not implemented")

    def orders(self, user: UserInfo) -> list[Status]:
        """All of the user's orders."""
        raise NotImplementedError("You need to have a way to get all of the orders by user information.")

    def opened(self, user: UserInfo) -> list[Status]:
        """Those of the user's orders that have not ended."""
        raise NotImplementedError("You need to have a way to get the open orders by user information.")

    def openned(self, user: UserInfo) -> list[Status]:
        """The seed's spelling of `opened`."""
        return self.opened(user)

    def balance_history(self, user: UserInfo) -> list[Row]:
        """Every change of the user's balances."""
        raise NotImplementedError("Should get the balance history of the given account from here.")


class GenericExecutor(Executor):
    """Any exchange, by its API. validator: None sends what comes. ids: makes an order id for a trade without one."""

    def __init__(
        self,
        api: ExternalAPI,
        creds: ICredentials,
        validator: IValidation | None = None,
        *,
        ids: Callable[[Trade], str] | None = None,
    ) -> None:
        super().__init__(api, creds, validator)
        self._ids = ids or new_ids()
        self._owners: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
        if exchange is None:
            user_id, exchange = self._owner(user_id)
        return self.credentials.get_creds_by_user_exchange(user_id, exchange)

    def remember(self, order_id: str, user_id: str, exchange: str) -> None:
        """Whose order it is, for questions by its id alone. `submit` does it; after a restart a broker does."""
        remember(self._owners, order_id, (user_id, exchange), KEEP_OWNERS)

    def submit(self, trade: Trade) -> Status:
        refusal = self.validation.validate(trade) if self.validation is not None else None
        if refusal is not None:
            return Status(
                order_id=trade.order_id,
                status=_S.DENIED,
                code=refusal.code,
                error=str(refusal),
                symbol=trade.symbol,
                quantity=trade.quantity,
            )
        if trade.order_id in self._owners:
            return self.status(trade)
        creds = self.get_api_key(trade.user_id, trade.exchange)
        trade.order_id = trade.order_id or self._ids(trade)
        self.remember(trade.order_id, trade.user_id, trade.exchange)
        try:
            status = _of(self.api.submit_order(trade, creds), trade)
        except Refused as error:
            return _failed(trade.order_id, _S.REJECTED, creds, error)
        except Exception as error:  # noqa: BLE001  # whatever it was, the order may be live: it is never lost sight of
            return _failed(trade.order_id, _S.UNKNOWN, creds, error)
        if status.order_id != trade.order_id:
            trade.order_id = status.order_id
            self.remember(trade.order_id, trade.user_id, trade.exchange)
        return status

    def status(self, trade: Trade) -> Status:
        creds = self.get_api_key(trade.user_id, trade.exchange)
        return _asked(lambda: _of(self.api.get_status(_named(trade), creds), trade), trade.order_id, creds)

    def get_status(self, order_id: str) -> Status:
        creds = self.get_api_key(order_id)
        return _asked(lambda: _cast(self.api.pull_status(creds, order_id), order_id), order_id, creds)

    def cancel(self, trade: Trade) -> Status:
        creds = self.get_api_key(_named(trade).user_id, trade.exchange)
        try:
            return _of(self.api.cancel_order(trade, creds), trade)
        except OrderNotFound as error:
            return _failed(trade.order_id, _S.UNKNOWN, creds, error)
        except Refused as error:
            refused = _failed(trade.order_id, _S.UNKNOWN, creds, error)
            return self.status(trade).to(code=refused.code, error=refused.error)
        except Exception as error:  # noqa: BLE001  # the order may have been cancelled, or not
            return _failed(trade.order_id, _S.UNKNOWN, creds, error)

    def orders(self, user: UserInfo) -> list[Status]:
        return self.api.get_all_orders(user, self.get_api_key(user.user_id, user.exchange))

    def opened(self, user: UserInfo) -> list[Status]:
        return self.api.get_open_orders(user, self.get_api_key(user.user_id, user.exchange))

    def balance_history(self, user: UserInfo) -> list[Row]:
        return self.api.balance_history(user, self.get_api_key(user.user_id, user.exchange))

    def _owner(self, order_id: str) -> tuple[str, str]:
        owner = self._owners.get(order_id)
        if owner is None:
            message = f"no order {order_id!r} was sent from here: ask with user and exchange, or by its trade"
            raise InputError(message, field="order_id", value=order_id)
        return owner


def new_ids(clock: Callable[[], int] | None = None, origin: str = "") -> Callable[[Trade], str]:
    """Makes order ids, each another. clock: microseconds, else this machine's. origin: what they are made of besides
    (else something random), so that one origin and clock give the same ids again."""
    origin, now = origin or secrets.token_hex(16), clock or (lambda: time.time_ns() // 1_000)
    made = 0

    def make(trade: Trade) -> str:
        nonlocal made
        made += 1
        return order_id_of(now(), origin, trade.user_id, str(made))

    return make


def _named(trade: Trade) -> Trade:
    """The trade, which has to have an order id."""
    if not trade.is_order_id:
        raise InputError("the trade was never submitted: there is nothing to ask about", field="order_id")
    return trade


def _of(status: Status, trade: Trade) -> Status:
    """An answer that leaves the order's id out is about the order that was asked about."""
    return status if status.order_id else status.to(order_id=trade.order_id)


def _asked(ask: Callable[[], Status], order_id: str, creds: UserCreds) -> Status:
    """The answer to a question; no answer is UNKNOWN. An answer that makes no sense is an InputError."""
    try:
        return ask()
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  # a question changes nothing: it is asked again
        return _failed(order_id, _S.UNKNOWN, creds, error)


def _cast(said: dict[str, Any], order_id: str) -> Status:
    """The status of this order. An answer may leave the order's id out, or have a request's; not another's."""
    status = Status().cast(**said)
    if status.order_id in ("", order_id) or (status.order_id[:30] == order_id and len(status.order_id) == 32):
        return status.to(order_id=order_id)
    raise InputError(f"the answer is about another order than {order_id}", field="order_id", value=status.order_id)


def _failed(order_id: str, status: OrderStatus, creds: UserCreds, error: Exception) -> Status:
    text = creds.redact(str(error) or type(error).__name__)
    code = creds.redact(error.code) if isinstance(error, Refused) else ""
    return Status(order_id=order_id, status=status, code=code, error=text)
