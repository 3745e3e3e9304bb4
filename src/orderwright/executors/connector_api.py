"""The ExternalAPI over a connector: the order engine itself, with a log of its own, behind the seeds' names.

    submit_order ─► command ─► Engine: core, log, VenueExecutor, Connector ─► order ─► Status

There is no second state machine: a Status is an order of the core, a question is the core's RefreshOrder, and what an
exchange has refused, lost or said twice is the core's to sort out.

- A user's account is opened on the first use of their credentials, under the name that those give it, else the user's.
  In simulation it gets `deposits`. A trade's own account only has to be that where the credentials name one.
- Simulated exchanges have virtual time, which stands still between calls. A call waits up to `wait_ms` for the answer
  to its request, and a question lets `pace_ms` go by, so that asking again and again sees the market move. `advance`
  moves it too. With a clock nothing is waited for: SUBMITTED is then the status of what is on its way.
- A user sees their own orders only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import DONE, Account, Instrument, Order, OrderStatus, Settings
from orderwright.core.numbers import parse_decimal
from orderwright.engine import Engine
from orderwright.errors import InputError
from orderwright.executors.api import ExternalAPI, OrderNotFound
from orderwright.executors.credentials import UserCreds, UserInfo
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade
from orderwright.executors.words import Number
from orderwright.journal.memory import MemoryJournal
from orderwright.ports import Clock, Connector, Feed, Journal, Row
from orderwright.simulation.exchange import SimulatedExchange

NOBODY = "main"


class ConnectorAPI(ExternalAPI):
    """Any connector, simulated or real. exchange: its name. market: what is shown of a real one. account: what the
    accounts are like (fees, traits); each is named by its user or credentials. start: microseconds, where virtual time
    begins. Raises InputError for a real connector without a clock."""

    def __init__(
        self,
        connector: Connector,
        instruments: Iterable[Instrument],
        *,
        exchange: str = "simulated",
        account: Account | None = None,
        deposits: Mapping[str, Number] | None = None,
        settings: Settings | None = None,
        journal: Journal | None = None,
        market: Feed | None = None,
        clock: Clock | None = None,
        start: int = 0,
        wait_ms: int = 1_000,
        pace_ms: int = 0,
    ) -> None:
        if clock is None and not isinstance(connector, SimulatedExchange):
            raise InputError("a real exchange runs by a clock: name one", field="clock")
        self.exchange, self.wait_ms, self.pace_ms = exchange.lower(), wait_ms, pace_ms
        self.instruments = [structs.replace(one, exchange=self.exchange) for one in instruments]
        self._account = account or Account(account=NOBODY, traits=connector.traits)
        self._deposits = {asset: parse_decimal(amount, asset) for asset, amount in (deposits or {}).items()}
        self._replies: list[m.Reply] = []
        self.journal: Journal = journal if journal is not None else MemoryJournal()
        self.engine = Engine(
            "executor",
            self.journal,
            {self.exchange: connector},
            markets={self.exchange: market} if market is not None else None,
            clock=clock,
            start=start,
            handler=self._hear,
        )
        opening: list[m.Input] = [m.DefineInstrument(instrument=instrument) for instrument in self.instruments]
        self.engine.tell([m.Configure(settings=settings), *opening] if settings is not None else opening)

    @property
    def now(self) -> int:
        """Microseconds: virtual time, or the clock's."""
        return self.engine.now

    def advance(self, milliseconds: int = 0) -> None:
        """Let virtual time go by; by a clock, take in what has come."""
        self.engine.advance(self.now if self.engine.clock is not None else self.now + 1_000 * milliseconds)

    # ExternalAPI

    def submit_order(self, trade: Trade, creds: UserCreds) -> Status:
        account = self._open(creds)
        if creds.account and trade.account not in ("", account):
            return _denied(trade, "account", f"the account is {trade.account}, the credentials are for {account}")
        if trade.exchange.lower() not in ("", self.exchange):
            return _denied(trade, "exchange", f"this is {self.exchange}, not {trade.exchange}")
        fresh = order_id_of(self.now, "executor", account, str(self.engine.state.sequence))
        said = trade.instruction(fresh, now=self.now, account=account)
        instruction = structs.replace(said, account=account, exchange=self.exchange, user=creds.user_id)
        reply = self._do(m.SubmitOrder(instruction=instruction))
        order_id = instruction.order_id if reply is None else reply.order_id or instruction.order_id
        if reply is not None and reply.refusal is not None:
            return _denied(trade, reply.refusal.code, str(reply.refusal))
        self._await(order_id)
        return self._status(order_id, creds)

    def get_status(self, trade: Trade, creds: UserCreds) -> Status:
        return self._look(trade.order_id, creds)

    def cancel_order(self, trade: Trade, creds: UserCreds) -> Status:
        order = self._order(trade.order_id, creds)
        asked = len(order.requests)
        reply = self._do(m.CancelOrder(order_id=order.order_id))
        self._await(order.order_id)
        if reply is not None and reply.refusal is not None:
            return self._status(order.order_id, creds, reply.refusal.code, str(reply.refusal))
        return self._status(order.order_id, creds, *self._refused(order.order_id, asked))

    def get_all_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        return [Status.from_row(row) for row in self._rows(user, creds)]

    def get_open_orders(self, user: UserInfo, creds: UserCreds) -> list[Status]:
        return [status for status in self.get_all_orders(user, creds) if status.status not in DONE]

    def pull_status(self, creds: UserCreds, order_id: str) -> dict[str, Any]:
        return self._look(order_id, creds).as_dict()

    def balance_history(self, user: UserInfo, creds: UserCreds) -> list[Row]:
        return self.journal.history("ledger", where={"account": self._whose(user, creds)})

    # Behind it

    def _hear(self, word: m.RaiseAlert | m.Reply) -> None:
        if isinstance(word, m.Reply):
            self._replies.append(word)

    def _do(self, command: m.Input) -> m.Reply | None:
        """Carry out a command; the answer, where it did not become what it asked for."""
        self._replies.clear()
        self.engine.do(command)
        return self._replies[-1] if self._replies else None

    def _await(self, order_id: str) -> None:
        """Wait a while for the answer to what was asked last."""
        order = self.engine.order(order_id)
        waiting = order is not None and bool(order.requests) and order.requests[-1].state == "sent"
        if waiting and self.engine.clock is None:
            self.advance(self.wait_ms)

    def _look(self, order_id: str, creds: UserCreds) -> Status:
        """Let time go by, ask the exchange, and wait a while for its answer."""
        self._order(order_id, creds)
        self.advance(self.pace_ms)
        if self._order(order_id, creds).requests:
            self._do(m.RefreshOrder(order_id=order_id))
            self.advance(self.wait_ms)
        return self._status(order_id, creds)

    def _status(self, order_id: str, creds: UserCreds, code: str = "", error: str = "") -> Status:
        order = self._order(order_id, creds)
        if not error and order.requests and order.requests[-1].state == "unknown":
            error = self._silence(order)
        return Status.from_order(order, code=code, error=error)

    def _silence(self, order: Order) -> str:
        """Why the outcome of an order's last request is not known, in words."""
        number = order.requests[-1].number
        for event in reversed(self.journal.recall_order(self.engine.state.book, order.order_id)):
            if isinstance(event, m.RequestUnknown) and event.number == number:
                return event.message or "no answer"
        return "no answer"

    def _order(self, order_id: str, creds: UserCreds) -> Order:
        """An order of this user. Raises OrderNotFound."""
        order = self.engine.order(order_id)
        if order is None or order.instruction.account != self._open(creds):
            raise OrderNotFound(f"{creds.user_id or 'the user'} has no order {order_id!r} on {self.exchange}")
        return order

    def _refused(self, order_id: str, number: int) -> tuple[str, str]:
        """(code, message) with which the exchange refused a request; empty where it did not."""
        for event in reversed(self.journal.recall_order(self.engine.state.book, order_id)):
            if isinstance(event, m.RequestRefused) and event.number == number:
                return event.code, event.message or "the exchange refused it"
        return "", ""

    def _rows(self, user: UserInfo, creds: UserCreds) -> list[Row]:
        rows = self.journal.latest("orders", where={"account": self._whose(user, creds)})
        return sorted(rows, key=lambda row: (row["created_at"], row["id"]))

    def _whose(self, user: UserInfo, creds: UserCreds) -> str:
        account = self._open(creds)
        if user.user_id not in ("", creds.user_id) or user.account not in ("", account):
            raise InputError(f"the credentials are those of {creds.user_id}", field="user_id", value=user.user_id)
        return account

    def _open(self, creds: UserCreds) -> str:
        """The account of some credentials, opened and given its deposits the first time."""
        name = creds.account or creds.user_id or NOBODY
        if name not in self.engine.state.accounts:
            opened = structs.replace(self._account, account=name, exchange=self.exchange, user=creds.user_id)
            cash = [
                m.MoveCash(account=name, asset=asset, amount=amount, reference=f"paper|{name}|{asset}")
                for asset, amount in self._deposits.items()
            ]
            self.engine.tell([m.OpenAccount(account=opened), *cash])
        return name


def _denied(trade: Trade, code: str, error: str) -> Status:
    return Status(
        status=OrderStatus.DENIED,
        code=code,
        error=error,
        symbol=trade.symbol,
        quantity=trade.quantity,
    )


__all__ = ["ConnectorAPI"]
