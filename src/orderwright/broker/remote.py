"""The same Broker over a running service.

    with Broker(url="http://127.0.0.1:8004", key="ow_...") as broker:
        trade = broker.submit(Trade("BTC", "USDT", "buy", 0.01))
        broker.update()                      # takes in what has come
        open_trades = broker.load(status="OPEN")

- **Reading is the same code.** Rows and events are fetched (`remote_log.py`), and trades, balances and profits are made
  of them by what a broker beside the log uses. `stats`, `running` and `state` follow the book's events from its first
  one, which takes a while for a long log.
- **An order is never doubled.** A trade gets an idempotency key before it is sent, its own or one that is made, and
  keeps it where no answer came: what is raised then (`ServiceLost`) says whether the order may exist, and submitting
  the same trade again is safe. Order ids are the service's.
- **Time is the service's.** `update` lets nothing pass: it takes in what has come. Accounts, markets, fees and settings
  are its configuration; what would set them here raises InputError.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, NoReturn

from msgspec import to_builtins

from orderwright.broker.arguments import bring_up_to_date, check_account, fill_in, is_of
from orderwright.broker.broker import _NEVER_AN_ORDER, Broker
from orderwright.broker.checks import Checks
from orderwright.broker.mirroring import EVERY_MS, BrokersMirror
from orderwright.broker.opened import KEEP_ALERTS, Fill
from orderwright.broker.query import FindParams, Query
from orderwright.broker.remote_log import RemoteLog, event_of
from orderwright.broker.remote_service import ServiceClient, ServiceProblem
from orderwright.broker.searching import AT_ONCE, stood
from orderwright.broker.times import TimeSettings, Window
from orderwright.core import messages as m
from orderwright.core.evolve import evolve, order_key
from orderwright.core.model import Account, Order, OrderSide, OrderStatus
from orderwright.core.numbers import EXACT, text
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.recovery import order_from
from orderwright.core.state import State
from orderwright.errors import InputError, LogError, UnknownName
from orderwright.executors import Status, Trade, TradeState
from orderwright.journal.memory import MemoryJournal
from orderwright.live.clock import SystemClock
from orderwright.market.symbols import parse_symbol

_OWN = "a broker of your own has it, and a service has its own: leave it out, or the url"


class RemoteBroker(Broker):
    """url, key: of the service. book: one of the key's; None: its default. timeout: seconds that an answer may take.
    client: to send by, for tests. Raises InputError, ServiceRefused for a key that is not let in, ServiceLost."""

    def __init__(
        self,
        executor: Any = None,
        log: Any = None,
        *,
        url: str = "",
        key: str = "",
        book: str | None = None,
        timeout: float = 10.0,
        client: ServiceClient | None = None,
        **others: Any,
    ) -> None:
        for name, value in {"executor": executor, "log": log, **others}.items():
            if value is not None:
                raise InputError(_OWN, field=name, value=type(value).__name__)
        self._client = client or ServiceClient(url, key, timeout=timeout)
        self._closed, self._markets = False, []
        self._mirror = BrokersMirror(None, EVERY_MS)
        self.journal: Any = RemoteLog(self._client)
        try:
            self._begin(book or "")
        except BaseException:
            self.close()
            raise

    def _begin(self, book: str) -> None:
        told = self._client.get("/api/log/books")
        known, chosen = told["books"], book or told["default"]
        if chosen is None:
            raise InputError("this key has no book", field="book")
        if chosen not in known:
            raise UnknownName("book", chosen, known, field="book")
        self.book: str = chosen
        self._opened: Any = RemoteBook(chosen, self._client, self.journal, told["exchanges"])
        self._after: int = known[chosen]
        self._replica: tuple[State, MemoryJournal] | None = None
        self._params, self._time, self._checks = FindParams(), TimeSettings(), Checks()
        self._running = None
        self.executor: Any = RemoteExecutor(self._opened)

    # Orders in

    def submit(self, trade: Trade) -> Trade:
        """Place an order; durable when this returns. The same trade comes back, with its order id and how it stands. A
        refusal does not raise. Raises InputError for what can be no order here, ServiceRefused where nothing was taken,
        ServiceLost where no answer came: submit the same trade again."""
        self._check_open()
        if not isinstance(trade, Trade):
            raise InputError(f"{trade!r} is not a Trade", field="trade", value=trade)
        if trade.order_id:
            return self._known(trade)
        self._check_account_of(trade)
        given = trade.idempotency_key
        trade.idempotency_key = given or f"ow-{secrets.token_hex(16)}"
        try:
            order_id = self._client.post("/api/orders/create", self._words(trade))["client_order_id"]
        except ServiceProblem as problem:
            if "order" in problem.said:
                order_id = problem.said["order"]["client_order_id"]
            else:
                trade.idempotency_key = given
                return self._not_taken(trade, problem)
        order = self._engine.order(order_id)
        assert order is not None
        fill_in(trade, order.instruction)
        return bring_up_to_date(trade, order)

    def _known(self, trade: Trade) -> Trade:
        """A trade that was submitted before, as its order stands."""
        order = self._engine.order(trade.order_id)
        if order is not None and is_of(trade, order):
            return bring_up_to_date(trade, order)
        message = "order ids are the service's: leave it out. Your own id goes into idempotency_key"
        raise InputError(message, field="order_id", value=trade.order_id)

    def _not_taken(self, trade: Trade, problem: ServiceProblem) -> Trade:
        """No order came of it: another order has its key, or there is no such symbol or account, which is an answer; or
        it can be none here."""
        number = problem.said.get("number")
        if problem.code == "unknown_name" and problem.field in _UNKNOWN:
            return _denied(trade, ServiceProblem({**problem.said, "number": int(_UNKNOWN[problem.field])}))
        if number is None or Reason(number) not in _NEVER_AN_ORDER:
            raise problem
        return _denied(trade, problem)

    def _check_account_of(self, trade: Trade) -> None:
        """A trade that names an account cannot name another exchange or user than the account's."""
        exchange = trade.exchange or self._params.exchange or ""
        if exchange:
            self._opened.exchange_of(exchange)
        account = trade.account or self._params.account or ""
        known = self._opened.account(account) if account else None
        if known is not None:
            check_account(known, trade.user_id or self._params.user_id or "", exchange)

    def _words(self, trade: Trade) -> dict[str, Any]:
        """The order as REST takes it: what is not said is left out, but for the book."""
        if trade.parent_id:
            raise InputError("parents are the service's: leave it out", field="parent_id", value=trade.parent_id)
        params = self._params
        said: dict[str, Any] = {name: getattr(trade, name) for name in _SENT}
        for name in ("user_id", "exchange", "account", "strategy", "episode"):
            said[name] = said[name] or getattr(params, name)
        numbers = {name: text(value) for name, value in said.items() if isinstance(value, Decimal)}
        plain = to_builtins({name: value for name, value in (said | numbers).items() if value})
        return {**plain, "book": self.book}

    # Orders found

    def _find(self, asked: Query, window: Window, *, latest: bool) -> list[Trade]:
        where = {**asked.where(), "book": self.book}
        if latest:
            rows = self.journal.latest("orders", where=where, as_of=window.end)
            rows = [row for row in rows if window.start is None or row["time"] >= window.start]
            rows.sort(key=lambda row: (row["created_at"], row["id"]))
        else:
            rows = self.journal.history("orders", where=where, since=window.start, as_of=window.end)
        rows = rows if asked.limit is None else rows[-asked.limit :]
        found: list[Trade] = []
        for first in range(0, len(rows), AT_ONCE):
            page = rows[first : first + AT_ONCE]
            events = self.journal.orders(self.book, {row["client_order_id"] for row in page})
            found += [stood(row, events[row["client_order_id"]]) for row in page]
        return found

    # What has happened

    def update_to(self, time: int) -> list[Fill]:  # noqa: ARG002  # the service's time passes by itself
        """Take in what has come, whatever the time that is named; the fills that are new since the last time."""
        self._check_open()
        found: list[Fill] = []
        for said in self.journal.pages(self.book, self._after):
            event, order = event_of(said), said.get("order")
            if isinstance(event, m.OrderFilled) and order is not None:
                side = OrderSide(order["side"])
                found.append(Fill(event.order_id, order["account"], order["symbol"], side, event.execution))
            self._after = said["sequence"]
        for order_id in self._checks.due(self.now):
            self._checks.put_off(order_id, self.now)
            self.check_trade(self._take(None, order_id))
        return found

    @property
    def state(self) -> State:
        """The book as it stands, put together from all of its events. To be read, never changed."""
        return self._follow()[0]

    @property
    def _whole_log(self) -> Any:
        return self._follow()[1]

    def _follow(self) -> tuple[State, MemoryJournal]:
        """The book's events, folded: those that are new since the last time, the first time all of them."""
        self._check_open()
        if self._replica is None:
            self._replica = State(book=self.book), MemoryJournal()
        state, log = self._replica
        with localcontext(EXACT):
            for sequence, event in self.journal.events(self.book, state.sequence):
                log.append(self.book, sequence, event, evolve(state, event))
        return self._replica

    # What a service has of its own

    def open_account(
        self, user_id: str = "", exchange: str = "", *, account: str = "", deposits: Mapping[str, Any] | None = None
    ) -> str:
        """The name of a user's account on an exchange, which the service has opened. Raises InputError where there is
        none: accounts are in its configuration, or open with a user's first order."""
        self._check_open()
        if deposits is not None:
            raise InputError(_OWN, field="deposits", value=sorted(deposits))
        exchange = self._opened.exchange_of(exchange) if exchange else ""
        wanted = {"account": account, "user_id": user_id, "exchange": exchange}
        where = {"book": self.book, **{name: value for name, value in wanted.items() if value}}
        rows = self.journal.latest("accounts", where=where)
        if not rows:
            field = "account" if account else "user_id"
            message = "has no account here: it is in the service's configuration, or opens with the first order"
            raise InputError(message, field=field, value=account or user_id)
        return str(rows[0]["account"])

    def see(self, symbol: str, *_: Any, **__: Any) -> None:  # noqa: ARG002  # it has the words of a broker's own
        """A service sees its own prices: raises InputError."""
        self._refuse("see")

    @property
    def opened(self) -> Any:
        """What runs on a broker's own book cannot run on a service's: raises InputError."""
        self._refuse("opened")

    def _refuse(self, name: str) -> NoReturn:
        raise InputError(f"Broker.{name} works on a broker of your own, not over a service", field=name)

    def refresh_mirror(self) -> Any:
        """The service keeps its own mirror: raises InputError."""
        self._refuse("refresh_mirror")

    def close(self) -> None:
        """Let go of the service, which goes on. A second time does nothing."""
        if not self._closed:
            self._closed = True
            self._mirror.close()
            self._client.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the broker is closed")

    def __repr__(self) -> str:
        return f"<Broker {self._client.url}, book {self.book!r}>"


_SENT = (
    "symbol", "side", "order_type", "quantity", "quote_quantity", "price", "stop_price", "time_in_force", "expire_at",
    "post_only", "reduce_only", "execute_at", "decision_price", "decision_time", "user_id", "exchange", "account",
    "strategy", "episode", "idempotency_key", "signal_id", "source", "metadata", "bracket", "trail", "linger", "group",
)  # fmt: skip


class RemoteBook:
    """The book behind the broker, as `OpenedBook` is of one beside the log; `engine` is itself."""

    end: int | None = None

    def __init__(self, book: str, client: ServiceClient, log: RemoteLog, exchanges: list[str]) -> None:
        self.book, self.exchanges = book, exchanges
        self._client, self._log, self._clock = client, log, SystemClock()
        self.alerts: deque[m.RaiseAlert] = deque(maxlen=KEEP_ALERTS)
        self.engine, self.driver, self.failure = self, self, None

    def flush(self) -> None:
        """Nothing waits here: what was answered is durable there."""

    @property
    def now(self) -> int:
        """Microseconds, by the clock of this machine."""
        return self._clock.now()

    def order(self, order_id: str) -> Order | None:
        """An order as it stands; None where the book has none of that id."""
        events = self._log.recall_order(self.book, order_id)
        return order_from(events) if events else None

    def find_key(self, idempotency_key: str) -> str | None:
        """The id of the order that came under a key."""
        return self._log.recall_key(self.book, order_key(idempotency_key))

    def exchange_of(self, exchange: str) -> str:
        """An exchange by name, in any case; the first one where none is named."""
        if not exchange:
            return self.exchanges[0]
        for name in (exchange, exchange.lower()):
            if name in self.exchanges:
                return name
        raise UnknownName("exchange", exchange, self.exchanges, field="exchange")

    def known_exchange(self, exchange: str) -> str:
        """An exchange that is there, or that the log knows of."""
        rows = self._log.latest("accounts", where={"book": self.book})
        return exchange if exchange in {row["exchange"] for row in rows} else self.exchange_of(exchange)

    def symbol_of(self, text: str) -> str:
        """A symbol in any spelling, as the book's exchanges list it."""
        listed = {row["symbol"] for row in self._log.latest("instruments", where={"book": self.book})}
        try:
            return parse_symbol(text, listed)
        except UnknownName:
            return parse_symbol(text)

    def account(self, name: str) -> Account | None:
        """An account by name, with its user and exchange."""
        rows = self._log.latest("accounts", where={"book": self.book, "account": name})
        return Account(account=name, exchange=rows[0]["exchange"], user=rows[0]["user_id"] or "") if rows else None

    def do(self, command: m.Input) -> m.Reply | None:
        """A command about an order; the reply where it did not become what it asked for."""
        try:
            match command:
                case m.CancelOrder():
                    self._item({"action": "cancel", "order_id": command.order_id, "cause": command.cause})
                case m.ReplaceOrder():
                    prices = {name: getattr(command, name) for name in ("quantity", "price", "stop_price")}
                    said = {name: text(value) for name, value in prices.items() if value is not None}
                    self._item({"action": "amend", "order_id": command.order_id, "cause": command.cause, **said})
                case m.RefreshOrder():
                    self._client.post(f"/api/orders/{command.order_id}/refresh", {})
                case m.ApproveOrder():
                    self._client.post(f"/api/orders/{command.order_id}/approve", {"cause": command.cause})
                case m.DenyOrder():
                    self._client.post(f"/api/orders/{command.order_id}/deny", {"cause": command.cause})
                case m.SetTradingState():
                    said = {"state": command.state.value, "cause": command.cause}
                    self._client.post(f"/api/trading-state/{self.book}", said)
                case _:
                    raise AssertionError(f"{command} is not sent to a service")
        except ServiceProblem as problem:
            if "number" not in problem.said:
                raise
            return m.Reply(outcome="refused", refusal=_refusal(problem))
        return None

    def _item(self, item: dict[str, Any]) -> None:
        """One cancel or amendment; a batch takes its cause too. Raises ServiceProblem."""
        result = self._client.post("/api/orders/batch", {"orders": [item]})["results"][0]
        if "problem" in result:
            raise ServiceProblem(result["problem"])


class RemoteExecutor:
    """Asks the exchange about an order through the service."""

    def __init__(self, book: RemoteBook) -> None:
        self._book = book

    def get_status(self, order_id: str) -> Status:
        """How an order stands once the exchange was asked. Raises InputError for one that the book does not have."""
        self._book.do(m.RefreshOrder(order_id=order_id))
        order = self._book.order(order_id)
        if order is None:
            raise InputError(f"no order {order_id!r} in this book", field="order_id", value=order_id)
        return Status.from_order(order)


_UNKNOWN = {"symbol": Reason.UNKNOWN_SYMBOL, "account": Reason.UNKNOWN_ACCOUNT}


def _denied(trade: Trade, problem: ServiceProblem) -> Trade:
    """The trade as what it is where no order came of it."""
    why = _refusal(problem)
    trade.state = TradeState(status=OrderStatus.DENIED, code=why.code, reason=str(why))
    return trade


def _refusal(problem: ServiceProblem) -> Refusal:
    """The core's refusal that a problem tells of."""
    said = problem.said
    value, nearest = said.get("value"), said.get("nearest")
    return Refusal(
        Reason(said["number"]),
        str(said.get("detail", "")),
        str(said.get("field") or ""),
        "" if value is None else str(value),
        None if nearest is None else str(nearest),
    )


__all__ = ["RemoteBroker"]
