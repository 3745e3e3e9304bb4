"""Many orders in one request: a JSON array, `{"orders": [...]}` or JSON lines of creates, cancels and amends.

    [{"symbol": "BTCUSDT", "side": "buy", "quantity": "0.01"},
     {"action": "cancel", "order_id": "0199..."},
     {"action": "amend", "order_id": 17, "price": "50000"}]

They are put in their order, each for itself: what is wrong with one is said in its result and stops none of the others.
A result has the status and the order, or the problem, that the single request would have been answered with; the
answer to the whole is a 200. Where there is not room for all of them nothing is taken (503).
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from orderwright.errors import InputError, UnknownName, few_nearest
from orderwright.live.book import Answer
from orderwright.live.desk import Busy
from orderwright.service.parts import Call, Principal, Problem
from orderwright.service.problems import described, problem_of
from orderwright.service.reading import decode, plainly
from orderwright.service.routing import Route
from orderwright.service.views import OrderView
from orderwright.service.wanted import AmendOrder, CreateOrder, Short

MOST = 1_000
MOST_NEAREST = 20
"""Misspelt names of one batch that the nearest one is offered for: looking for it takes its time."""
ACTIONS = ("create", "cancel", "amend")
_OF_AN_ITEM = frozenset({"action", "order_id", "symbol", "side"})


class CreateItem(CreateOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order."""

    action: Short = "create"


class CancelItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cancel."""

    action: Short
    order_id: Short | int
    cause: Short = ""


class AmendItem(AmendOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New values for an order."""

    action: Short
    order_id: Short | int


class BatchOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1 to 1,000 creates, cancels and amends, in their order."""

    orders: Annotated[list[Raw], Meta(min_length=1, max_length=MOST)]


class BatchResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one: the status that it alone would have been answered with, and the order, or the problem."""

    index: int
    status: int
    order: OrderView | None = None
    problem: dict[str, Any] | None = None


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """accepted: how many have an order and no problem."""

    accepted: int
    refused: int
    results: list[BatchResult]


Finish = Callable[[Answer], BatchResult]
Begun = tuple[Future[Answer], Finish] | BatchResult


class _Action(Struct, frozen=True):
    action: str = "create"


async def batch(call: Call[BatchOrders | None, None]) -> BatchAnswer:
    """Begin all of them, then await all of them."""
    items = call.body.orders if call.body is not None else items_of(await call.request.body())
    desk = call.service.desk
    if desk.waiting + len(items) > desk.most_waiting:
        raise Busy(f"there is not room for {len(items)} commands now; try again")
    one = _Batch(call.service.door, call.principal)
    with few_nearest(MOST_NEAREST):
        begun = [await one.begin(index, bytes(item)) for index, item in enumerate(items)]
    results = [await one.end(index, item) for index, item in enumerate(begun)]
    accepted = sum(result.problem is None for result in results)
    return BatchAnswer(accepted=accepted, refused=len(results) - accepted, results=results)


def items_of(raw: bytes) -> list[Raw]:
    """The items of a body. Raises InputError, Problem for too many."""
    text = raw.strip()
    if not text:
        raise Problem(400, "body_missing", "a JSON array or JSON lines are needed", field="body")
    items = _items(text)
    if not 1 <= len(items) <= MOST:
        raise InputError(f"a batch has 1 to {MOST:,} items", field="orders", value=len(items), nearest=MOST)
    return items


def _items(text: bytes) -> list[Raw]:
    if text.startswith(b"["):
        return list(_read(text, list[Raw]))
    lines = [line for line in text.split(b"\n", MOST + 1) if line.strip()]
    if len(lines) == 1 or not lines[0].rstrip().endswith(b"}"):
        found = _read(text, dict[str, Raw])
        if "orders" in found:
            return list(decode(text, BatchOrders).orders)
        if not found.keys() & _OF_AN_ITEM:
            message = 'a batch is a JSON array, {"orders": [...]} or JSON lines of creates, cancels and amends'
            raise InputError(message, field=next(iter(found), "body")[:64], nearest="orders")
        return [Raw(text)]
    return [Raw(line) for line in lines]


def _read(text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = plainly(str(error), None) if isinstance(error, msgspec.ValidationError) else f"not valid JSON: {error}"
        raise InputError(said, field="body") from None


class _Batch:
    def __init__(self, door: Any, principal: Principal) -> None:
        self._door, self._principal = door, principal

    async def begin(self, index: int, item: bytes) -> Begun:
        """Put one command; its problem, where there is one already."""
        try:
            action = self._action(item)
            if action == "create":
                return await self._create(index, decode(item, CreateItem))
            if action == "cancel":
                said = decode(item, CancelItem)
                future = self._door.put_cancel(self._principal, str(said.order_id), said.cause)
            else:
                wanted = decode(item, AmendItem)
                future = self._door.put_replace(self._principal, str(wanted.order_id), wanted)
        except Exception as error:  # noqa: BLE001  # one item's fault is told in its own result
            return _problem(index, problem_of(error))
        return future, lambda answer: self._changed(index, answer)

    async def end(self, index: int, begun: Begun) -> BatchResult:
        """What became of it, durable."""
        if isinstance(begun, BatchResult):
            return begun
        future, finish = begun
        try:
            return finish(await future)
        except Exception as error:  # noqa: BLE001  # one item's fault is told in its own result
            return _problem(index, problem_of(error))

    def _action(self, item: bytes) -> str:
        if b'"action"' not in item:
            return "create"
        action = decode(item, _Action).action.lower()
        if action not in ACTIONS:
            raise UnknownName("action", action, ACTIONS, field="action")
        return action

    async def _create(self, index: int, wanted: CreateItem) -> Begun:
        instruction, future = await self._door.put(self._principal, wanted)
        return future, lambda answer: self._created(index, self._door.made(wanted, instruction, answer))

    def _created(self, index: int, answer: Answer) -> BatchResult:
        if (problem := self._door.denied(answer)) is not None:
            return _problem(index, problem)
        status = 200 if self._door.was_repeated(answer) else 201
        return BatchResult(index=index, status=status, order=self._door.view(answer))

    def _changed(self, index: int, answer: Answer) -> BatchResult:
        return BatchResult(index=index, status=200, order=self._door.view(self._door.checked(answer)))


def _problem(index: int, problem: Problem) -> BatchResult:
    return BatchResult(index=index, status=problem.status, problem=described(problem))


ROUTES = [
    Route(
        "POST",
        "/api/orders/batch",
        batch,
        scope="trade",
        body=BatchOrders,
        raw=True,
        answers={200: BatchAnswer, 422: None, 503: None},
        summary="Many orders, cancels and amends at once",
        example=[
            {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "40000"},
            {"symbol": "ETHUSDT", "side": "sell", "order_type": "limit", "quantity": "0.01", "price": "9000"},
        ],
        tag="orders",
    ),
]

__all__ = ["ROUTES", "BatchAnswer", "BatchOrders", "BatchResult", "items_of"]
