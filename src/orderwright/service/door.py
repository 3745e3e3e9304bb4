"""The door: from what a caller asks for to a command of the core, and from its answer back. REST, batches and the
WebSocket all come through here, so that they mean the same everywhere.

- Whose: finding.py.
- Once. The same idempotency key and order again is answered with the first order, as it stands (`was_repeated`);
  another order under the key is a 409 that names the first field which differs.
- Denied. An order that our own checks deny at once exists, with status denied: its answer is a 422 problem with the
  reason, the field, the value and the nearest that would pass, and the order in it (`order`). An order that is denied
  later (its approval, its wait) was answered before, and shows it in its status.
- An order id is the millisecond, a number that grows, and a word drawn when the process began: unique, and in order of
  time within one process.
"""

from __future__ import annotations

import secrets
from asyncio import Future
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    Action,
    Instruction,
    Order,
    OrderStatus,
    OrderType,
    Signal,
    Source,
    TimeInForce,
)
from orderwright.core.reasons import Reason, Refusal
from orderwright.errors import InputError
from orderwright.executors.words import time_of, word_of
from orderwright.live.book import Answer
from orderwright.ports import Clock
from orderwright.service.finding import SYSTEM, Finding
from orderwright.service.parts import Principal, Problem
from orderwright.service.problems import refused
from orderwright.service.tradingview.strategies import terms_of
from orderwright.service.views import OrderView
from orderwright.service.volatility import with_volatility
from orderwright.service.wanted import (
    AmendOrder,
    CreateOrder,
    SignalRequest,
    exits_of,
    force_of,
    moment_of,
    type_of,
    words_of,
)

if TYPE_CHECKING:
    from orderwright.live.loop import LiveLoop
    from orderwright.service.books import Books

_CONFLICTS = frozenset(
    {
        Reason.NOT_OPEN,
        Reason.ALREADY_CANCELLING,
        Reason.NOT_WAITING,
        Reason.TOO_MANY_REQUESTS,
        Reason.IDEMPOTENCY_CONFLICT,
        Reason.DUPLICATE_ORDER_ID,
    }
)


class Door(Finding):
    """order_type, time_in_force: of orders that name none. salt: 12 hex digits, the same for all ids of a process."""

    def __init__(
        self,
        loop: LiveLoop,
        books: Books,
        clock: Clock,
        *,
        order_type: str = "market",
        time_in_force: str = "gtc",
        salt: str | None = None,
    ) -> None:
        super().__init__(loop, books)
        self.clock = clock
        self._type, self._force = OrderType(order_type), TimeInForce(time_in_force)
        self._salt = secrets.token_hex(6) if salt is None else salt
        self._numbers = count()

    # Creating

    async def create(self, principal: Principal, wanted: CreateOrder) -> Answer:
        """Place an order; durable when this returns. Raises Problem or InputError where there is no order."""
        book, instruction = await self.instruction(principal, wanted)
        answer = await self.loop.put(book, m.SubmitOrder(instruction=instruction))
        return self.made(wanted, instruction, answer)

    async def put(self, principal: Principal, wanted: CreateOrder) -> tuple[Instruction, Future[Answer]]:
        """The same in two steps, for many at once: what `made` is to be given when the answer has come."""
        book, instruction = await self.instruction(principal, wanted)
        return instruction, self.loop.put(book, m.SubmitOrder(instruction=instruction))

    async def instruction(self, principal: Principal, wanted: CreateOrder) -> tuple[str, Instruction]:
        """(book, the core's record of it). Raises Problem or InputError."""
        user, book = self.whose(principal, wanted.user_id, wanted.book)
        if not book:
            book = await self.book_of(principal, user)
        account, symbol = self.place_of(book, user, wanted.exchange, wanted.account, wanted.symbol)
        now = self.clock.now()
        words = words_of(wanted, self._type, self._force, now // 1_000 * 1_000)
        return book, Instruction(
            order_id=self.new_order_id(now),
            account=account.account,
            symbol=symbol,
            exchange=account.exchange,
            user=user,
            **words,
        )

    def made(self, wanted: CreateOrder, instruction: Instruction, answer: Answer) -> Answer:
        """The answer, where there is an order, denied or not. Raises Problem where there is none, or another under the
        same key."""
        reply = answer.reply
        if reply is None or reply.refusal is None or reply.outcome == "duplicate":
            return answer
        if reply.refusal.reason is Reason.IDEMPOTENCY_CONFLICT:
            return self._same_after_all(wanted, instruction, answer)
        if answer.order is not None and answer.order.order_id == instruction.order_id:
            return answer
        raise refused(reply.refusal, _status_of(reply.refusal))

    def denied(self, answer: Answer) -> Problem | None:
        """The problem of an order that our own checks denied at once, with the order in it; None for any other."""
        order = answer.order
        if order is None or order.status is not OrderStatus.DENIED or order.updated_at != order.created_at:
            return None
        reply = answer.reply
        refusal = reply.refusal if reply is not None and reply.outcome == "refused" else None
        problem = refused(refusal or self._refusal_of(answer.book, order))
        problem.extra["order"] = self.view(answer)
        return problem

    def was_repeated(self, answer: Answer) -> bool:
        """Whether it is the answer to a key that came before."""
        return answer.reply is not None and answer.reply.outcome == "duplicate"

    def new_order_id(self, now: int | None = None) -> str:
        """The id of the order that comes next."""
        time = self.clock.now() if now is None else now
        return f"{time // 1_000:012x}{next(self._numbers) & 0xFFFFFF:06x}{self._salt}"

    # Changing

    async def cancel(self, principal: Principal, order_id: str, cause: str = "") -> Answer:
        """Ask for a cancel; the request is durable when this returns. Raises Problem where it cannot be."""
        return self.checked(await self.put_cancel(principal, order_id, cause))

    def put_cancel(self, principal: Principal, order_id: str, cause: str = "") -> Future[Answer]:
        """The same in two steps; `checked` takes the answer."""
        book, order_id = self.locate(principal, order_id)
        return self.loop.put(book, m.CancelOrder(order_id=order_id, cause=cause))

    async def replace(self, principal: Principal, order_id: str, wanted: AmendOrder) -> Answer:
        """Ask for new values."""
        return self.checked(await self.put_replace(principal, order_id, wanted))

    def put_replace(self, principal: Principal, order_id: str, wanted: AmendOrder) -> Future[Answer]:
        """The same in two steps; `checked` takes the answer."""
        if wanted.quantity is None and wanted.price is None and wanted.stop_price is None:
            raise InputError("name what is to change: quantity, price or stop_price", field="quantity")
        book, order_id = self.locate(principal, order_id)
        changes = {"quantity": wanted.quantity, "price": wanted.price, "stop_price": wanted.stop_price}
        return self.loop.put(book, m.ReplaceOrder(order_id=order_id, cause=wanted.cause, **changes))

    async def approve(self, principal: Principal, order_id: str, cause: str = "") -> Answer:
        """Let an order that waits for approval go; price and risk are checked again. Who did, and why, its
        history says."""
        book, order_id = self.locate(principal, order_id)
        said = m.ApproveOrder(order_id=order_id, by=principal.user, cause=cause)
        return self.checked(await self.loop.put(book, said))

    async def deny(self, principal: Principal, order_id: str, cause: str = "") -> Answer:
        """Deny an order that waits for approval. Who did, and why, is its reason."""
        book, order_id = self.locate(principal, order_id)
        said = m.DenyOrder(order_id=order_id, by=principal.user, cause=cause)
        return self.checked(await self.loop.put(book, said))

    async def refresh(self, principal: Principal, order_id: str) -> Answer:
        """Ask the exchange how an order stands, and for its trades; what it says comes as it comes."""
        book, order_id = self.locate(principal, order_id)
        return self.checked(await self.loop.put(book, m.RefreshOrder(order_id=order_id)))

    def checked(self, answer: Answer) -> Answer:
        """The answer of what an order was asked to do. Raises Problem where it was refused, with the order in it."""
        reply = answer.reply
        if reply is None or reply.refusal is None or reply.outcome == "nothing":
            return answer
        problem = refused(reply.refusal, _status_of(reply.refusal))
        if answer.order is not None:
            problem.extra["order"] = self.view(answer)
        raise problem

    # Signals

    async def signal(self, principal: Principal, wanted: SignalRequest) -> Answer:
        """Decide on a signal; its verdict and its order, if it becomes one, are durable when this returns. Raises
        Problem where it is refused; a second delivery is a repeated answer."""
        book, command = await self.signal_command(principal, wanted)
        return await self.decide_signal(book, command)

    async def decide_signal(self, book: str, command: m.ReceiveSignal) -> Answer:
        """The same of a command that is made already."""
        answer = await self.loop.put(book, command)
        reply = answer.reply
        if answer.order is None and (reply is None or not reply.order_id):  # the verdict names none: its own is the one
            found = await self.loop.read(lambda: self.copy_of(book, command.order_id))
            answer = structs.replace(answer, order=found)
        if reply is not None and reply.outcome == "refused" and answer.order is None:
            assert reply.refusal is not None
            raise refused(reply.refusal, _status_of(reply.refusal))
        return answer

    async def signal_command(self, principal: Principal, wanted: SignalRequest) -> tuple[str, m.ReceiveSignal]:
        """(book, the core's command). Raises Problem or InputError."""
        user, book = self.whose(principal, wanted.user_id, wanted.book)
        if not book:
            book = await self.book_of(principal, user)
        account, symbol = self.place_of(book, user, wanted.exchange, wanted.account, wanted.symbol)
        now = self.clock.now()
        order_id = self.new_order_id(now)
        order_type = type_of(wanted, self._type)
        bracket, trail = exits_of(wanted, order_type)
        signal = Signal(
            signal_id=wanted.signal_id or order_id,
            symbol=symbol,
            action=word_of(wanted.action, "action", Action),
            account=account.account,
            source=word_of(wanted.source, "source", Source),
            order_type=order_type,
            quantity=wanted.quantity,
            quote_quantity=wanted.quote_quantity,
            target_quantity=wanted.target_quantity,
            price=wanted.price,
            stop_price=wanted.stop_price,
            time_in_force=force_of(wanted, self._force),
            expire_at=time_of(wanted.expire_at, "expire_at"),
            post_only=wanted.post_only,
            reduce_only=wanted.reduce_only,
            execute_at=None if wanted.execute_at is None else moment_of(wanted.execute_at, now),
            strategy=wanted.strategy,
            user=user,
            time=now,
            bracket=bracket,
            trail=trail,
            terms=terms_of(self.books.configuration, wanted.strategy),
        )
        feed = self.books.exchanges_on_paper.feed
        signal = with_volatility(signal, self.books.configuration, feed, account.exchange, now)
        return book, m.ReceiveSignal(signal=signal, order_id=order_id)

    def view(self, answer: Answer) -> OrderView:
        """The order of an answer as people see it."""
        assert answer.order is not None
        return self.view_of(answer.book, answer.order, repeated=self.was_repeated(answer))

    # How

    def _same_after_all(self, wanted: CreateOrder, instruction: Instruction, answer: Answer) -> Answer:
        """A key that came before with words that differ: they may only count from another moment."""
        assert answer.reply is not None
        assert answer.reply.refusal is not None
        if answer.order is None:
            raise refused(answer.reply.refusal, 409)
        first = answer.order.instruction
        again = structs.replace(instruction, order_id=first.order_id)
        if isinstance(wanted.execute_at, str) and is_order_id(first.order_id):
            base = int(first.order_id[:12], 16) * 1_000
            again = structs.replace(again, execute_at=moment_of(wanted.execute_at, base))
        field = next((name for name in _COMPARED if getattr(again, name) != getattr(first, name)), None)
        if field is None:
            return structs.replace(answer, reply=m.Reply(outcome="duplicate", order_id=first.order_id))
        raise Problem(
            409,
            answer.reply.refusal.code,
            f"the idempotency key was used for an order with another {_FIELDS.get(field, field)}",
            field=_FIELDS.get(field, field),
            value=_shown(getattr(again, field)),
            nearest=_shown(getattr(first, field)),
            extra={"order_id": first.order_id, "number": int(Reason.IDEMPOTENCY_CONFLICT)},
        )

    def _refusal_of(self, book: str, order: Order) -> Refusal:
        """Why an order was denied, as the log has it."""
        for event in self.desk.books[book].engine.events_of(order.order_id):
            if isinstance(event, m.OrderDenied):
                return Refusal(event.reason, event.rule, event.field, event.value, event.nearest)
        return Refusal(Reason[order.code.upper()], order.reason)


_COMPARED = tuple(name for name in Instruction.__struct_fields__ if name != "order_id")
_FIELDS = {"type": "order_type", "user": "user_id"}


def _status_of(refusal: Refusal) -> int:
    if refusal.reason is Reason.UNKNOWN_ORDER:
        return 404
    return 409 if refusal.reason in _CONFLICTS else 422


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return "none" if value is None else str(value)


__all__ = ["SYSTEM", "Door"]
