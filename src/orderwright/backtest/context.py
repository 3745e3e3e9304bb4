"""The context: what a strategy sees of the market and its account, and how it acts.

    def on_start(self, context):
        self.fast = context.indicator(sma, 20)             # over the closes; or: (rsi, "close", 14), (atr, "high", ...)
        self.slow = context.indicator(sma, 50)

    def on_bar(self, context, bar):
        if self.fast[-1] > self.slow[-1] and not context.position():
            context.buy(percent=50, stop_loss="2%", take_profit="4%")
        elif self.fast[-1] < self.slow[-1]:
            context.close()

- **It sees closed bars only.** An order that is placed at the close of a bar fills at the open of the next one at the
  earliest.
- **A float is a measurement**: a quantity is floored to the step, a price rounded to the nearest tick. Text, int and
  Decimal are taken to the letter, and refused where they do not fit.
- **A refusal is an answer, not an exception**: the handle comes back with `refused` and `reason`, and `on_order` hears
  of it. What can be no order at all (an unknown symbol, two sizes at once) raises InputError.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import localcontext
from functools import partial
from typing import Any, Protocol

from msgspec import structs

from orderwright.backtest.order_groups import together
from orderwright.backtest.order_words import coming, exits_of, kind_of, lifetime, more_of, percent_of, sized, word_of
from orderwright.backtest.records import Bar, History, OrderHandle, Place
from orderwright.backtest.trading import Trading
from orderwright.core import messages as m
from orderwright.core.model import Bracket, Instruction, OrderSide, OrderType, Source, TimeInForce
from orderwright.core.numbers import EXACT, divided, floor_to, parse_decimal
from orderwright.errors import InputError

BUY, SELL, MARKET = OrderSide.BUY, OrderSide.SELL, OrderType.MARKET


class Data(Protocol):
    """The bars behind a context."""

    def history(self, symbol: str, until: int, n: int | None) -> History:
        """The last n bars of a symbol that have closed by a time (None: all of them)."""

    def indicator(self, function: Any, args: tuple[Any, ...], symbol: str) -> Any:
        """An indicator over a symbol's bars, or several."""

    def bar_at(self, symbol: str, time: int, index: int | None) -> Place | None:
        """The bar of an index, or (None) the one that a time lies in; None beyond the last."""

    def close_after(self, symbol: str, now: int, n: int) -> int:
        """When the n-th bar after now closes, microseconds."""


class Context:
    """bar: the one that has just closed; None before the first. trading: what it stands on."""

    def __init__(self, trading: Trading, data: Data) -> None:
        self.bar: Bar | None = None
        self.trading, self._data = trading, data
        self._account, self._strategy = trading.account.account, trading.strategy.name
        self._kept: list[Instruction] | None = None
        self.symbols = trading.symbols
        self.positions: Mapping[str, float] = trading.positions
        """What is held by symbol, base units, below zero when short; as of now."""
        trading.context = self

    # The market

    @property
    def now(self) -> int:
        """Microseconds UTC: the close of the bar; in `on_fill` and `on_order`, when it happened."""
        bar, now = self.bar, self.trading.now
        return bar.time if bar is not None and now == bar.time - self.trading.early else now

    def history(self, n: int | None = None, symbol: str | None = None) -> History:
        """The last n closed bars as arrays, the current one last; None: all of them."""
        trading = self.trading
        return self._data.history(trading.known(symbol), self.now, n)

    bars = history

    def bar_at(self, symbol: str, time: int, index: int | None = None) -> Place | None:
        """Which bar of a symbol a time lies in, one that is still open too; see `Data`."""
        return self._data.bar_at(symbol, time, index)

    def indicator(self, function: Callable[..., Any] | Any, *args: Any, symbol: str | None = None) -> Any:
        """An indicator, computed once over all bars and shown bar by bar: an `Indicator`, or a tuple of them where the
        function returns several arrays. Called in `on_start`.

        function: takes float64[n] arrays and returns float64[n] (or several), or is such an array itself. args: a name
        of a column (open, high, low, close, volume, time) stands for that column; where none is named, the closes come
        first. Raises InputError for other lengths, and for a function whose past changes when more bars are known.
        """
        return self._data.indicator(function, args, self.trading.known(symbol))

    # The account

    @property
    def cash(self) -> float:
        """Quote units that are free: neither reserved by orders nor held as margin."""
        return float(self.trading.cash())

    @property
    def equity(self) -> float:
        """What the account is worth at the prices known now, quote units."""
        return float(self.trading.equity())

    def position(self, symbol: str | None = None) -> float:
        """What is held, base units, below zero when short; of the bar's symbol where none is named."""
        if symbol is None:
            bar = self.bar
            return self.positions[bar.symbol if bar is not None else self.symbols[0]]
        return self.positions[self.trading.known(symbol)]

    def average_price(self, symbol: str | None = None) -> float | None:
        """What the position cost a unit, before fees, quote units; None when flat."""
        held = self.trading.position(self.trading.known(symbol))
        return float(divided(held.cost, abs(held.size))) if held.size else None

    def orders(self, symbol: str | None = None) -> list[OrderHandle]:
        """The strategy's orders that may still fill (its brackets' exits too), oldest first; of all symbols where none
        is named."""
        return self.trading.open_orders(self.trading.known(symbol) if symbol is not None else "")

    # Orders

    def buy(self, quantity: Any = None, **words: Any) -> OrderHandle:
        """Buy; see `order`. Without a size it spends all that is free."""
        return self.order(BUY, quantity, **words)

    def sell(self, quantity: Any = None, **words: Any) -> OrderHandle:
        """Sell; see `order`. Without a size it sells what is held; where nothing is, on a contract that can be short,
        it sells as much as the free money pays for."""
        return self.order(SELL, quantity, **words)

    def order(
        self,
        side: OrderSide | str,
        quantity: Any = None,
        *,
        percent: Any = None,
        quote: Any = None,
        price: Any = None,
        stop_price: Any = None,
        order_type: OrderType | str | None = None,
        time_in_force: TimeInForce | str | None = None,
        expire_after: int | dt.timedelta | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        bracket: Bracket | None = None,
        stop_loss: Any = None,
        take_profit: Any = None,
        trail: Any = None,
        group: str = "",
        tag: str = "",
        symbol: str | None = None,
        **more: Any,
    ) -> OrderHandle:
        """Send an order. Any that the engine knows can be sent.

        Its size is one of quantity (base units), quote (quote units to spend, costs included) and percent: of equity,
        costs included, or, of what is held, for a sale of it. price makes it a limit order, stop_price a stop, both a
        stop limit; order_type says otherwise (take_profit, ...). expire_after: so many bars, or a timedelta. stop_loss,
        take_profit: the bracket's exits, as a price or as "2%" of the entry's price; trail: how far a stop follows the
        market, as an amount, "2%" or a `Trail`: the order's own stop where it is a stop, else its bracket's. group:
        orders that share it belong together, one cancels the other. more: execute_at, linger, and other words of
        `core.model.Instruction`.
        """
        trading = self.trading
        symbol = trading.known(symbol)
        wanted: OrderSide = side if isinstance(side, OrderSide) else word_of(OrderSide, side, "side")
        limit = None if price is None else trading.price(price, symbol, "price")
        stop = None if stop_price is None else trading.price(stop_price, symbol, "stop_price")
        if order_type is None:
            kind = MARKET if limit is None and stop is None else kind_of(limit, stop)
        else:
            kind = word_of(OrderType, order_type, "order_type")
        if quantity is not None and percent is None and quote is None:
            size = trading.quantity(quantity, symbol)
        else:
            size = sized(trading, wanted, symbol, quantity, percent, quote, limit or stop, reduce_only)
        words: dict[str, Any] = {"metadata": {"tag": tag}} if tag else {}
        if time_in_force is not None or expire_after is not None:
            words |= lifetime(time_in_force, expire_after, self.now, partial(self._close_after, symbol))
        if bracket is not None or stop_loss is not None or take_profit is not None or trail is not None:
            words |= exits_of(trading, symbol, kind, bracket, stop_loss, take_profit, trail)
        if more:
            words |= more_of(more, Context.order.__kwdefaults__ or ())
        return self._send(
            Instruction(
                order_id=trading.new_id(),
                account=self._account,
                symbol=symbol,
                side=wanted,
                type=kind,
                quantity=size,
                price=limit,
                stop_price=stop,
                post_only=post_only,
                reduce_only=reduce_only,
                strategy=self._strategy,
                source=Source.STRATEGY,
                group=group,
                **words,
            )
        )

    def _close_after(self, symbol: str, n: int) -> int:
        return self._data.close_after(symbol, self.now, n)

    def _send(self, instruction: Instruction) -> OrderHandle:
        trading = self.trading
        if trading.keyed and not instruction.idempotency_key:
            instruction = structs.replace(instruction, idempotency_key=trading.key(instruction.symbol))
        if self._kept is not None:
            self._kept.append(instruction)
            return OrderHandle(instruction, trading)
        return trading.submit(instruction)

    def target(
        self, quantity: Any = None, *, percent: Any = None, symbol: str | None = None, tag: str = ""
    ) -> OrderHandle | None:
        """Bring the position to a quantity (base units, below zero for short), or to so many percent of equity at the
        price known now, by one market order; None where it is there, to the step. What the strategy's market orders
        are about to change counts as changed."""
        trading = self.trading
        symbol = trading.known(symbol)
        if (quantity is None) is (percent is None):
            raise InputError("a quantity or a percent, one of the two", field="quantity", value=quantity)
        step = trading.instruments[symbol].step_size
        with localcontext(EXACT):
            held = trading.position(symbol).size + coming(trading, symbol)
            if percent is not None:
                wanted = divided(trading.equity() * percent_of(percent), trading.market(symbol).mid * 100)
            else:
                wanted = parse_decimal(quantity, "quantity")
            missing = wanted - held
            size = floor_to(abs(missing), step)
        if not size:
            return None
        return self.order(BUY if missing > 0 else SELL, size, symbol=symbol, tag=tag)

    def close(self, symbol: str | None = None, *, tag: str = "") -> OrderHandle | None:
        """Cancel the symbol's orders, and close what is held at market once none of them can change it any more. The
        order that closes; None where there was nothing to close."""
        trading = self.trading
        symbol = trading.known(symbol)
        order_id = trading.new_id()
        reply = trading.ask(
            m.ClosePosition(
                account=self._account,
                symbol=symbol,
                order_id=order_id,
                strategy=self._strategy,
                signal_id=tag,
                source=Source.STRATEGY,
            )
        )
        if reply is not None and reply.order_id:
            order_id = reply.order_id
        found = trading.state.find(order_id)
        return trading.handle(found) if found is not None else None

    def cancel(self, order: OrderHandle | str) -> None:
        """Ask for an order's cancel, by its handle or its id; the handle's `problem` says why not."""
        if isinstance(order, OrderHandle):
            order.cancel()
        else:
            self.trading.post(m.CancelOrder(order_id=order))

    def cancel_all(self, symbol: str | None = None) -> None:
        """Cancel the account's orders, of one symbol or of all."""
        named = self.trading.known(symbol) if symbol is not None else ""
        self.trading.post(m.CancelAll(account=self._account, symbol=named, cause="strategy"))

    def replace(self, order: OrderHandle, *, quantity: Any = None, price: Any = None, stop_price: Any = None) -> None:
        """Ask for another whole quantity or other prices of an order; the handle's `problem` says why not."""
        order.replace(quantity=quantity, price=price, stop_price=stop_price)

    def oco(self, *wanted: Mapping[str, Any]) -> list[OrderHandle]:
        """Orders of which one cancels the others: each a mapping of what `order` takes.

        context.oco({"side": "sell", "quantity": 1, "price": 110}, {"side": "sell", "quantity": 1, "stop_price": 90})

        Where our checks refuse one of them, none is sent, and the handles of the others say so. (One that the exchange
        rejects is heard of in `on_order`; the others rest.)
        """
        if len(wanted) < 2:
            raise InputError("two orders at least", field="wanted", value=len(wanted))
        self._kept = []
        try:
            for one in wanted:
                self.order(**{**one, "group": ""})
            kept = self._kept
        finally:
            self._kept = None
        group = self.trading.group(kept[0].symbol)
        return together(self.trading, [structs.replace(one, group=group) for one in kept])


__all__ = ["Context", "Data"]
