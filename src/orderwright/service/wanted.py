"""What callers ask for, as it comes in: an order, changes to one, a signal. Words in any case, times in any form.

Money is Decimal, read from its own digits, whether it was written as a number or as text. `words_of` makes the order's
words of the core from it; whose book and which account, the door says (door.py).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, structs

from orderwright.core.model import (
    Bracket,
    LingerRule,
    OrderSide,
    OrderType,
    Source,
    TimeInForce,
    Trail,
)
from orderwright.core.patience import problem_of
from orderwright.errors import InputError
from orderwright.executors.words import execute_at_of, metadata_of, order_type_of, time_of, wait_us, word_of

T = TypeVar("T")
LONGEST_TEXT = 200
Short = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Key = Annotated[str, Meta(max_length=128)]
When = int | Short
Symbol = Annotated[str, Meta(min_length=1, max_length=64, examples=["BTCUSDT", "BTC/USDT"])]


class TrailWanted(Trail, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a stop follows the market: exactly one of amount (quote units) and percent (2 is 2 %)."""


class BracketWanted(Bracket, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The exits that an entry brings with it; stop_loss and take_profit are prices, or _percent of the entry's."""

    trail: TrailWanted | None = None


class LingerWanted(LingerRule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of the order while it lingers (docs/lingering.md)."""


class CreateOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order. quantity is in base units, quote_quantity (market orders) in quote units: exactly one of them.

    order_type: market, limit, stop_loss (or stop), stop_loss_limit, take_profit, take_profit_limit; without one it
    follows from the prices. time_in_force: gtc, ioc, fok, gtd (with expire_at), day. execute_at: now, next_open, a time
    or after_ms:N. user_id, book, exchange and account: yours, where they are not named. idempotency_key: the same key
    and order again is answered with the first one. bracket, or stop_loss, take_profit and trail beside the order: exits
    that its fills bring with them.
    """

    symbol: Symbol
    side: Annotated[Short, Meta(examples=["buy", "sell"])]
    order_type: Annotated[Short, Meta(examples=["market", "limit"])] | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: Annotated[Short, Meta(examples=["gtc", "ioc"])] | None = None
    expire_at: When | None = None
    post_only: bool = False
    reduce_only: bool = False
    execute_at: When | None = None
    decision_price: Decimal | None = None
    decision_time: When | None = None
    user_id: Short = ""
    book: Short = ""
    exchange: Short = ""
    account: Short = ""
    strategy: Short = ""
    episode: Short = ""
    idempotency_key: Key = ""
    signal_id: Short = ""
    source: Short = "api"
    metadata: dict[str, str | int | float] = {}
    bracket: BracketWanted | None = None
    stop_loss: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trail: TrailWanted | None = None
    linger: list[LingerWanted] = []
    group: Short = ""


class AmendOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New values for an order that lives; quantity is the whole quantity, what has filled included."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    cause: Short = ""


class SignalRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What you want, before it is an order: action buy, sell, close, or target with target_quantity (signed, in base
    units). signal_id: yours; a second signal of the same strategy, symbol, action and id does nothing."""

    symbol: Symbol
    action: Annotated[Short, Meta(examples=["buy", "sell", "close", "target"])]
    order_type: Annotated[Short, Meta(examples=["market", "limit"])] | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    target_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: Short | None = None
    expire_at: When | None = None
    post_only: bool = False
    reduce_only: bool = False
    execute_at: When | None = None
    strategy: Short = ""
    user_id: Short = ""
    book: Short = ""
    exchange: Short = ""
    account: Short = ""
    signal_id: Key = ""
    source: Short = "api"
    bracket: BracketWanted | None = None
    stop_loss: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trail: TrailWanted | None = None


EXITS = ("stop_loss", "stop_loss_percent", "take_profit", "take_profit_percent")
ExecuteAt = int | Literal["next_open"]


def words_of(wanted: CreateOrder, default_type: OrderType, default_force: TimeInForce, base: int) -> dict[str, Any]:
    """The fields of an `Instruction` that the order itself says. base: microseconds, what after_ms counts from.
    Raises InputError."""
    order_type = type_of(wanted, default_type)
    found: dict[str, Any] = {
        "side": _side(wanted.side),
        "type": order_type,
        "quantity": wanted.quantity,
        "quote_quantity": wanted.quote_quantity,
        "price": wanted.price,
        "stop_price": wanted.stop_price,
        "time_in_force": force_of(wanted, default_force),
        "strategy": wanted.strategy,
        "source": _source(wanted.source),
        "signal_id": wanted.signal_id,
        "idempotency_key": wanted.idempotency_key,
        "post_only": wanted.post_only,
        "reduce_only": wanted.reduce_only,
    }
    if wanted.metadata:
        found["metadata"] = metadata_of(wanted.metadata)
    for name in ("episode", "group", "decision_price"):
        if value := getattr(wanted, name):
            found[name] = value
    if wanted.expire_at is not None:
        found["expire_at"] = time_of(wanted.expire_at, "expire_at")
    if wanted.decision_time is not None:
        found["decision_time"] = time_of(wanted.decision_time, "decision_time")
    if wanted.execute_at is not None:
        found["execute_at"] = moment_of(wanted.execute_at, base)
    if wanted.linger:
        found["linger"] = _linger(wanted.linger)
    if wanted.bracket is not None or wanted.trail is not None or _exits(wanted):
        found["bracket"], found["trail"] = exits_of(wanted, order_type)
    return found


def type_of(wanted: CreateOrder | SignalRequest, default: OrderType) -> OrderType:
    """The order type: the one written, else the one that the prices tell, else the default."""
    if wanted.order_type is not None:
        return _type(wanted.order_type)
    if wanted.stop_price is not None:
        return OrderType.STOP_LOSS if wanted.price is None else OrderType.STOP_LOSS_LIMIT
    return OrderType.LIMIT if wanted.price is not None else default


def force_of(wanted: CreateOrder | SignalRequest, default: TimeInForce) -> TimeInForce:
    """The time in force: the one written; gtd where there is an expiry."""
    if wanted.time_in_force is not None:
        return _force(wanted.time_in_force)
    return TimeInForce.GTD if wanted.expire_at is not None else default


def moment_of(value: When, base: int) -> ExecuteAt | None:
    """When to execute: microseconds, `next_open`, or None for now. Raises InputError."""
    word = value.strip().lower() if isinstance(value, str) else value
    found = execute_at_of(word)
    if isinstance(found, str) and found != "next_open":
        return base + wait_us(found)
    return found  # type: ignore[return-value]  # what is text now is next_open


def exits_of(wanted: CreateOrder | SignalRequest, order_type: OrderType) -> tuple[Bracket | None, Trail | None]:
    """(bracket, trail): a trail beside a stop order is its own, beside any other order its bracket's. Raises
    InputError where the exits are said twice."""
    flat, given, trail = _exits(wanted), wanted.bracket, _trail(wanted.trail)
    if given is not None and flat:
        first = next(iter(flat))
        raise InputError("say it in the bracket, or beside the order, not both", field=first, value=str(flat[first]))
    bracket = structs.replace(Bracket(), **flat) if flat else None
    if given is not None:
        fields = {name: getattr(given, name) for name in Bracket.__struct_fields__}
        bracket = Bracket(**(fields | {"trail": _trail(given.trail)}))
    if trail is None or order_type is OrderType.STOP_LOSS:
        return bracket, trail
    if bracket is not None and bracket.trail is not None:
        raise InputError("say it in the bracket, or beside the order, not both", field="trail")
    return structs.replace(bracket or Bracket(), trail=trail), None


def _exits(wanted: CreateOrder | SignalRequest) -> dict[str, Decimal]:
    return {name: value for name in EXITS if (value := getattr(wanted, name)) is not None}


def _trail(given: TrailWanted | None) -> Trail | None:
    return None if given is None else Trail(**{name: getattr(given, name) for name in Trail.__struct_fields__})


def _linger(given: list[LingerWanted]) -> tuple[LingerRule, ...]:
    rules = tuple(LingerRule(**{name: getattr(one, name) for name in LingerRule.__struct_fields__}) for one in given)
    if (problem := problem_of(rules)) is not None:
        raise InputError(problem.rule, field=problem.field, value=problem.value)
    return rules


def _known(words: dict[str, T], read: Callable[[str], T]) -> Callable[[str], T]:
    """Reads words, the usual ones by a look-up."""

    def find(word: str) -> T:
        found = words.get(word)
        return found if found is not None else read(word)

    return find


_side = _known({side.value: side for side in OrderSide}, lambda word: word_of(word, "side", OrderSide))
_type = _known({one.value: one for one in OrderType}, order_type_of)
_force = _known({one.value: one for one in TimeInForce}, lambda word: word_of(word, "time_in_force", TimeInForce))
_source = _known({one.value: one for one in Source}, lambda word: word_of(word, "source", Source))


__all__ = [
    "AmendOrder",
    "CreateOrder",
    "SignalRequest",
    "exits_of",
    "force_of",
    "moment_of",
    "type_of",
    "words_of",
]
