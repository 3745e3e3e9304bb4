"""What the words of `Context.order` mean: sizes, lifetimes and exits, as an instruction has them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from orderwright.backtest.trading import Trading
from orderwright.core.collar import collar_of
from orderwright.core.model import HAS_STOP_PRICE, Bracket, OrderSide, OrderType, TimeInForce, Trail
from orderwright.core.numbers import EXACT, ONE, ZERO, divided, floor_to, parse_decimal
from orderwright.core.sizing import slipped
from orderwright.errors import InputError, UnknownName

HUNDRED = Decimal(100)
BUY, SELL, MARKET = OrderSide.BUY, OrderSide.SELL, OrderType.MARKET
_MORE = ("execute_at", "linger", "decision_price", "decision_time", "idempotency_key", "signal_id", "parent_id")


def coming(trading: Trading, symbol: str) -> Decimal:
    """What the strategy's market orders are still about to bring, signed."""
    total = ZERO
    if trading.waiting:
        trading.flush()
    for order in trading.state.working(trading.account.account, symbol):
        if order.instruction.type is MARKET:
            total += order.leaves if order.instruction.side is BUY else -order.leaves
    return total


def sized(
    trading: Trading,
    side: OrderSide,
    symbol: str,
    quantity: Any,
    percent: Any,
    quote: Any,
    price: Decimal | None,
    reduce_only: bool,
) -> Decimal:
    """The quantity, in whole steps, of an order whose size was said in another way, or not at all."""
    if sum(one is not None for one in (quantity, percent, quote)) > 1:
        raise InputError("quantity, percent and quote are three ways to say one thing", field="quantity")
    instrument = trading.instruments[symbol]
    with localcontext(EXACT):
        part = HUNDRED if percent is None else percent_of(percent)
        held = trading.held(symbol)
        sells_held = side is SELL and quote is None and (held > 0 or not instrument.linear)
        if sells_held or (reduce_only and quote is None):
            return floor_to(divided(abs(held) * part, HUNDRED), instrument.step_size)
        free = trading.cash()
        if quote is not None:
            money = parse_decimal(quote, "quote")
        else:
            money = min(divided(trading.equity() * part, HUNDRED), free)
        return within(trading, money, side, symbol, price)


def within(trading: Trading, money: Decimal, side: OrderSide, symbol: str, price: Decimal | None) -> Decimal:
    """The most whole steps that an amount of money pays for, costs included."""
    account, instrument = trading.account, trading.instruments[symbol]
    if price is None:
        quote = trading.market(symbol)
        shown = quote.ask if side is BUY else quote.bid
        price = slipped(shown if shown is not None else quote.last, side, account)
        collar = collar_of(trading.state.settings, side, quote, instrument.tick_size)
        price = price if collar is None else max(price, collar)  # so much is locked for it
    each = price * (ONE + account.taker_fee) * instrument.step_size
    return money // each * instrument.step_size if money > 0 else ZERO


def lifetime(
    time_in_force: TimeInForce | str | None,
    expire_after: int | dt.timedelta | None,
    now: int,
    close_after: Callable[[int], int],
) -> dict[str, Any]:
    """How long an order lives. close_after: when the n-th bar from now closes."""
    if expire_after is None:
        return {"time_in_force": word_of(TimeInForce, time_in_force, "time_in_force")}
    if time_in_force is not None and word_of(TimeInForce, time_in_force, "time_in_force") is not TimeInForce.GTD:
        raise InputError("what expires is good till a date (gtd)", field="time_in_force", value=time_in_force)
    if isinstance(expire_after, dt.timedelta):
        at = now + expire_after // dt.timedelta(microseconds=1)
    else:
        at = close_after(expire_after)
    return {"time_in_force": TimeInForce.GTD, "expire_at": at}


def exits_of(
    trading: Trading,
    symbol: str,
    kind: OrderType,
    bracket: Bracket | None,
    stop_loss: Any,
    take_profit: Any,
    trail: Any,
) -> dict[str, Any]:
    """An order's own trail, and its bracket."""
    trailing = _trail(trail, trading, symbol)
    words: dict[str, Any] = {}
    if trailing is not None and kind in HAS_STOP_PRICE:
        words["trail"], trailing = trailing, None
    if stop_loss is not None or take_profit is not None or trailing is not None:
        if bracket is not None:
            message = "a bracket, or stop_loss, take_profit and trail: one of the two"
            raise InputError(message, field="bracket", value=bracket)
        exits = {"trail": trailing}
        for name, said in (("stop_loss", stop_loss), ("take_profit", take_profit)):
            if (share := _share(said)) is not None:
                exits[f"{name}_percent"] = share  # type: ignore[assignment]
            elif said is not None:
                exits[name] = trading.price(said, symbol, name)  # type: ignore[assignment]
        bracket = Bracket(**exits)  # type: ignore[arg-type]
    if bracket is not None:
        words["bracket"] = bracket
    return words


def kind_of(price: Decimal | None, stop_price: Decimal | None) -> OrderType:
    if stop_price is None:
        return OrderType.LIMIT
    return OrderType.STOP_LOSS if price is None else OrderType.STOP_LOSS_LIMIT


def word_of(words: Any, said: Any, field: str) -> Any:
    """A word of the vocabulary, in any case. Raises UnknownName."""
    if isinstance(said, words):
        return said
    lower = str(said).lower()
    if lower == "stop":
        lower = OrderType.STOP_LOSS.value
    try:
        return words(lower)
    except ValueError:
        raise UnknownName(field.replace("_", " "), str(said), [word.value for word in words], field=field) from None


def percent_of(value: Any) -> Decimal:
    return parse_decimal(value.rstrip(" %") if isinstance(value, str) else value, "percent")


def _share(said: Any) -> Decimal | None:
    """2 for "2%"; None for what is no share."""
    return percent_of(said) if isinstance(said, str) and said.rstrip().endswith("%") else None


def _trail(said: Any, trading: Trading, symbol: str) -> Trail | None:
    if said is None or isinstance(said, Trail):
        return said
    share = _share(said)
    return Trail(percent=share) if share is not None else Trail(amount=trading.price(said, symbol, "trail"))


def more_of(words: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The other words of an order. Raises UnknownName, which knows the plain ones too."""
    for name in words:
        if name not in _MORE:
            raise UnknownName("word of an order", name, [*_MORE, *known], field=name)
    return dict(words)


__all__ = ["coming", "exits_of", "kind_of", "lifetime", "more_of", "percent_of", "sized", "word_of"]
