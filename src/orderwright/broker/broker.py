"""The Broker: orders in, orders found again, over any log and any exchange. Synchronous, for notebooks and agents.

    with Broker(log="orders.sqlite") as broker:
        broker.find_params(user_id="alice")
        trade = broker.submit(Trade("BTC", "USDT", "buy", 0.01))
        broker.update()                           # the market goes on by a step, and what happened is taken in
        open_trades = broker.load(status="OPEN")  # those that are open now: one that has moved on is not among them

- It is the seeds' face of one `Driver` over one book (opened.py): nothing is decided here. Every order goes through the
  same checks and the same log as everywhere else; `submit` returns when it is durable.
- **A refusal is an answer, not an exception**: the trade comes back DENIED, with `reason` naming the field, the value
  and the nearest one that would pass. So does one for a symbol or an account that is not known; both are in the log.
  Only what can be no order on any exchange of this broker raises: an unknown exchange, an account of another user,
  an order id that is none.
- **A trade is submitted once.** One that has an order id, or whose idempotency key was used, changes nothing and comes
  back as its order stands. It has its id before anything is written: submit it again where `submit` raised.
  After a crash, submit under the same idempotency key.
- Simulated exchanges run on virtual time, and only `update` lets it pass. Real ones run on a clock, and `update` takes
  in what has come, without waiting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Self

from msgspec import structs

from orderwright.broker.arguments import (
    bring_up_to_date,
    check_account,
    fill_in,
    is_of,
    milliseconds_of,
)
from orderwright.broker.controls import Controls
from orderwright.broker.executor import BrokerExecutor
from orderwright.broker.opened import Fill
from orderwright.broker.query import FindParams, Query, check_keys
from orderwright.broker.searching import find_trades
from orderwright.broker.statistics import TellsStatistics
from orderwright.broker.times import TimeSettings, Window
from orderwright.core import messages as m
from orderwright.core.model import Instruction, OrderStatus
from orderwright.core.numbers import parse_decimal
from orderwright.core.reasons import Reason
from orderwright.errors import InputError, VenueError
from orderwright.executors import Status, Trade, TradeState
from orderwright.executors.credentials import without_secrets

_ORDER_ID = re.compile(r"[0-9a-f]{30}")
_NEVER_AN_ORDER = frozenset({Reason.IDEMPOTENCY_CONFLICT, Reason.DUPLICATE_ORDER_ID, Reason.KEY_TOO_LONG})


class Broker(Controls, TellsStatistics):
    """See the head of this file; what it is made with, `OpenBroker` says (base.py). With a `url` it is the same over a
    running service, with its log, accounts and exchanges: `Broker(url=..., key=..., book=...)` (remote.py)."""

    def __new__(cls, *_: Any, url: str | None = None, **__: Any) -> Self:
        """A `RemoteBroker`, which is a Broker, where there is a url."""
        if url is None or cls is not Broker:
            return super().__new__(cls)
        remote = import_module("orderwright.broker.remote")  # by name: it is made of this class
        made: Self = super().__new__(remote.RemoteBroker)
        return made

    # Whose orders, and of when

    def find_params(self, **params: Any) -> FindParams:
        """Whose orders: user_id, exchange, symbol, strategy, episode, account. They scope `load`, and fill in what a
        submitted trade does not say. They take the place of those set before. Raises InputError for an unknown key (the
        nearest is offered) or exchange."""
        found = FindParams.of(params)
        if found.exchange is not None:
            found = structs.replace(found, exchange=self._opened.known_exchange(found.exchange))
        if found.symbol is not None:
            found = structs.replace(found, symbol=self._opened.symbol_of(found.symbol))
        self._params = found
        return found

    group_settings = find_params

    def time_settings(self, **params: Any) -> TimeSettings:
        """Of when: time_type ("relative", "absolute"), latest_group, start, end, as_of; see times.py. They take the
        place of those set before. Raises InputError."""
        names = ("time_type", "latest_group", "start", "end", "as_of")
        check_keys(params, names, "time_settings")
        self._time = TimeSettings.of(**params)
        return self._time

    # Orders in

    def submit(self, trade: Trade) -> Trade:
        """Place an order; durable when this returns. The same trade comes back, with its order id and how it stands.

        A refusal does not raise: see the head of this file. Raises InputError or UnknownName for what can be no order
        here, and CommitFailed where the log cannot be written (nothing was sent).
        """
        self._check_open()
        if not isinstance(trade, Trade):
            raise InputError(f"{trade!r} is not a Trade", field="trade", value=trade)
        if trade.order_id and (known := self._engine.order(trade.order_id)) is not None and is_of(trade, known):
            return bring_up_to_date(trade, known)
        self._engine.driver.flush()  # a driver that is over takes no trade, and gives it no id
        instruction = self._instruction(trade)
        given, trade.order_id = trade.order_id, instruction.order_id
        reply = self._opened.submit(instruction)
        self._engine.session.advance(self._engine.session.now)
        self._engine.driver.flush()
        fill_in(trade, instruction)
        if reply is not None and reply.refusal is not None and reply.refusal.reason in _NEVER_AN_ORDER:
            why, trade.order_id = reply.refusal, given
            trade.state = TradeState(status=OrderStatus.DENIED, code=why.code, reason=str(why))
            return trade
        order = self._engine.order(reply.order_id if reply is not None else instruction.order_id)
        assert order is not None
        return bring_up_to_date(trade, order)

    def _instruction(self, trade: Trade) -> Instruction:
        """The core's record of a trade: whose it is, and under which id."""
        params, state = self._params, self.state
        if trade.order_id and not _ORDER_ID.fullmatch(trade.order_id):
            message = f"{trade.order_id!r} is not an order id: 30 hex digits. Your own id goes into idempotency_key"
            raise InputError(message, field="order_id", value=trade.order_id)
        user = trade.user_id or params.user_id or ""
        exchange = trade.exchange or params.exchange or ""
        account = trade.account or params.account or ""
        known = state.accounts.get(account) if account else None
        if known is not None:
            check_account(known, user, exchange)
            exchange, user = known.exchange, user or known.user
        elif account:
            exchange = self._opened.exchange_of(exchange)
        else:
            account, exchange = self._opened.account_of(user, exchange), self._opened.exchange_of(exchange)
        self._opened.define(trade.symbol, exchange)
        instruction = trade.instruction(
            self._opened.new_order_id(account), now=self.now, account=account, exchange=exchange, user_id=user
        )
        instruction = structs.replace(
            instruction,
            exchange=exchange,
            strategy=instruction.strategy or params.strategy or "",
            episode=instruction.episode or params.episode or "",
        )
        return self._as_before(trade, instruction)

    def _as_before(self, trade: Trade, instruction: Instruction) -> Instruction:
        """A time counted from now is the one that it was when the same trade was submitted before."""
        if isinstance(trade.execute_at, str) and trade.execute_at != "next_open" and trade.idempotency_key:
            order_id = self._engine.find_key(trade.idempotency_key)
            before = self._engine.order(order_id) if order_id else None
            if before is not None:
                return structs.replace(instruction, execute_at=before.instruction.execute_at)
        return instruction

    def cancel(self, trade: Trade | str, cause: str = "") -> Trade:
        """Ask for a cancel, of a trade or an order id; how the order stands then. One that cannot be cancelled (any
        more) comes back as it stands, with the reason. Raises InputError for an order that the book does not have."""
        order_id = self._known_id(trade)
        return self._changed(trade, order_id, self._opened.do(m.CancelOrder(order_id=order_id, cause=cause)))

    def replace(
        self, trade: Trade | str, *, quantity: Any = None, price: Any = None, stop_price: Any = None, cause: str = ""
    ) -> Trade:
        """Ask for a new whole quantity (what has filled included) or new prices; how the order stands then, with the
        reason where it was refused. Raises InputError for an order that the book does not have, or no number."""
        order_id = self._known_id(trade)
        given = {"quantity": quantity, "price": price, "stop_price": stop_price}
        numbers = {name: parse_decimal(value, name) for name, value in given.items() if value is not None}
        return self._changed(
            trade, order_id, self._opened.do(m.ReplaceOrder(order_id=order_id, cause=cause, **numbers))
        )

    def _changed(self, trade: Trade | str, order_id: str, reply: m.Reply | None) -> Trade:
        found = self._take(trade if isinstance(trade, Trade) else None, order_id)
        if reply is not None and reply.refusal is not None:
            found.state = structs.replace(found.state, reason=str(reply.refusal))
        return found

    # Orders found

    def load(
        self,
        status: str | Iterable[str] | None = None,
        *,
        exact_status: str | None = None,
        latest_group: bool | None = None,
        **query: Any,
    ) -> list[Trade]:
        """The trades that are asked for, the oldest order first, each as it stands; or, with latest_group=False, every
        row of their history in its order.

        status: a group (open, pending, cancelled, closed) or a status, in any case, or several of them; exact_status:
        one status, never a group. query: the keys of find_params, which they overrule, and order_id, idempotency_key,
        signal_id, parent_id, source, side, order_type, limit (the newest so many). Raises InputError or UnknownName for
        a word or key that is not known.
        """
        self._check_open()
        times = self._time
        if latest_group is not None:
            times = structs.replace(times, latest_group=latest_group)
            times._check()
        asked = Query.of(self._params, status, exact_status, query)
        if asked.symbol is not None:
            asked = structs.replace(asked, symbol=self._opened.symbol_of(asked.symbol))
        if asked.exchange is not None:
            asked = structs.replace(asked, exchange=self._opened.known_exchange(asked.exchange))
        self._engine.driver.flush()
        return self._find(asked, times.window(self.now), latest=times.latest_group)

    def _find(self, asked: Query, window: Window, *, latest: bool) -> list[Trade]:
        return find_trades(self.journal, self._engine, asked, window, latest=latest)

    def find(self, trade: Trade) -> Trade:
        """The trade with its order id: its own, or that of the order which has its idempotency key. Raises InputError
        where there is none, or where that order is another one than the trade asks for."""
        self._check_open()
        if trade.is_order_id:
            return trade
        order_id = self._engine.find_key(trade.idempotency_key) if trade.idempotency_key else None
        order = self._engine.order(order_id) if order_id else None
        if order is None:
            message = "the order was never executed: it has no client_order_id"
            raise InputError(message, field="client_order_id", value=trade.idempotency_key or None)
        if not is_of(trade, order) or trade.user_id not in ("", order.instruction.user):
            message = f"the key is that of another order, {order.order_id}; this one was never executed"
            raise InputError(message, field="client_order_id", value=trade.idempotency_key)
        trade.order_id = order.order_id
        return trade

    # Orders checked

    def check_trade(self, trade: Trade) -> Trade:
        """Ask the exchange how a trade's order stands, and take in what it says. A trade without an order id is not
        checked. Where the answer is that nobody knows, or whatever the executor raises, the check is run again, later
        each time, by `update`; `alerts` say what was raised."""
        if not trade.is_order_id:
            return trade
        order_id = self._known_id(trade)
        status = self._status_of(order_id)
        self.manage_error(status)
        if self.is_different(status, trade):
            self.update_state(status)
        return self._take(trade, order_id)

    def _status_of(self, order_id: str) -> Status:
        """What the executor says; one that cannot tell an order by its id is asked through the book. Whatever it raises
        says nothing about the order."""
        executor, order = self.executor, self._engine.order(order_id)
        assert order is not None
        said = order.instruction
        try:
            if hasattr(executor, "remember"):  # whose order it is, it may not know since a restart
                executor.remember(order_id, said.user, said.exchange)
            status: object = executor.get_status(order_id)
        except NotImplementedError:
            return BrokerExecutor(self._opened).get_status(order_id)
        except Exception as error:
            if self._engine.driver.failure is not None:
                raise
            kind = type(error).__name__
            text, otherwise = (str(error),) * 2 if isinstance(error, VenueError) else (f"{kind}: {error}", kind)
            return self._no_answer(order_id, without_secrets(executor, said.user, said.exchange, text, otherwise))
        if not isinstance(status, Status):
            return self._no_answer(order_id, f"the executor answered with {type(status).__name__}, not with a Status")
        return status.to(order_id=order_id)  # what it was asked about, whatever it calls it

    def _no_answer(self, order_id: str, error: str) -> Status:
        self._opened.alerts.append(m.RaiseAlert(topic="check", text=f"order {order_id} could not be checked: {error}"))
        return Status(order_id=order_id, status=OrderStatus.UNKNOWN, error=error, time=self.now)

    def manage_error(self, status: Status) -> int | None:
        """Plan another check of an order whose outcome is not known, and forget those of one that has told. When, in
        microseconds; None where none is planned. `update` runs it."""
        if status.unknown and not status.done and status.order_id:
            return self._checks.schedule(status.order_id, self.now)
        self._checks.forget(status.order_id)
        return None

    def is_different(self, status: Status, trade: Trade) -> bool:
        """Whether a status tells something that the trade does not say yet."""
        return trade.is_different(status)

    def update_state(self, status: Status) -> None:
        """Let the book take in what a status tells. It goes by the exchange's own trades, never by a status alone:
        where the book does not say so yet, the exchange is asked for them."""
        order = self._engine.order(self._known_id(status.order_id))
        assert order is not None
        if Trade.from_order(order).is_different(status):
            self._opened.do(m.RefreshOrder(order_id=status.order_id))

    def update(self, step_ms: int | None = None) -> list[Fill]:
        """Take in what has happened; the fills that are new since the last time. On simulated exchanges the market goes
        on, by `step_ms` or else one candle, up to its end; from real ones comes what has come. Then the checks that
        have become due are run, and a mirror that is kept is refreshed if it is time."""
        self._check_open()
        engine, opened = self._engine, self._opened
        if opened.end is None:
            return self.update_to(engine.now)
        step = opened.step if step_ms is None else milliseconds_of(step_ms, "step_ms")
        return self.update_to(min(engine.now + step, opened.end))

    def update_to(self, time: int) -> list[Fill]:
        """The same, up to a time in microseconds; one that has passed lets nothing pass."""
        self._check_open()
        opened = self._opened
        self._engine.advance(max(time, self._engine.now))
        if self._checks:
            for order_id in self._checks.due(self.now):
                self._checks.put_off(order_id, self.now)
                self.check_trade(self._take(None, order_id))
        if self._mirror.due(self.now):
            self._try_to_mirror()
        fills = list(opened.fills)
        opened.fills.clear()
        return fills

    def _known_id(self, trade: Trade | str) -> str:
        """The order id of a trade or of itself, if the book has such an order."""
        self._check_open()
        order_id = trade.order_id if isinstance(trade, Trade) else trade
        if not order_id:
            raise InputError("it has no order id: it was never submitted", field="order_id", value=order_id)
        if self._engine.order(order_id) is None:
            message = f"no order {order_id!r} in the book {self.book!r}"
            raise InputError(message, field="order_id", value=order_id)
        return order_id

    def _take(self, trade: Trade | None, order_id: str) -> Trade:
        """The trade as its order stands."""
        order = self._engine.order(order_id)
        assert order is not None
        return bring_up_to_date(Trade.from_instruction(order.instruction) if trade is None else trade, order)
