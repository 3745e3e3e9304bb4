"""The seeds' Trade: what is wanted of a pair of assets, and how it stands.

    trade = Trade("BTC", "USDT", "buy", 0.01)
    trade = Trade.of("BTC/USDT", "sell", "0.5", order_type="limit", price="51000")

- What is wanted (pair, side, quantity, prices, times, who) is read once, when the trade is made, and does not change
  after that; `replaced` makes another one. `instruction` is the core's own record of it.
- How it stands is one frozen record, `state`, which is replaced whole: status, fills, the exchange's id, times. A trade
  that was never submitted has a state without a status.
- A trade has an `order_id` once it was submitted; until then there is nothing to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from orderwright.core.model import (
    Bracket,
    Instruction,
    LingerRule,
    Order,
    OrderSide,
    Source,
    TimeInForce,
    Trail,
)
from orderwright.core.numbers import text
from orderwright.errors import InputError
from orderwright.executors.standing import NEVER_SUBMITTED, Standing, TradeState, state_of_row
from orderwright.executors.words import (
    Moment,
    Number,
    bracket_of,
    execute_at_of,
    flag_of,
    linger_of,
    metadata_of,
    number_of,
    order_type_of,
    text_of,
    time_of,
    trail_of,
    wait_us,
    word_of,
)
from orderwright.market.symbols import parse_symbol, split_symbol


class Trade(Standing):
    """A pair of base and quote (trade) asset, a side, and what an order may have.

    quantity is in base units, quote_quantity in quote units (market orders only). Text is taken in any case, a number
    as text, int, Decimal or float (through its shortest repr); times as epoch numbers, ISO text or datetime (without a
    zone: UTC). execute_at: now, next_open, after_ms:N or a time. settle: the third part of a contract's symbol
    (BTC/USDT:USDT). group, bracket, trail: orders that belong together (docs/contingent.md); records, or dicts of their
    fields. Raises InputError naming field, value and the nearest good one. Whether the exchange would take
    it, validation says, not this.
    """

    __slots__ = (
        "account",
        "base",
        "bracket",
        "decision_price",
        "decision_time",
        "episode",
        "exchange",
        "execute_at",
        "expire_at",
        "group",
        "idempotency_key",
        "linger",
        "metadata",
        "order_type",
        "parent_id",
        "post_only",
        "price",
        "quantity",
        "quote",
        "quote_quantity",
        "reduce_only",
        "side",
        "signal_id",
        "source",
        "stop_price",
        "strategy",
        "symbol",
        "time_in_force",
        "trail",
        "user_id",
    )
    __hash__ = None  # type: ignore[assignment]  # it changes as its order does

    def __init__(
        self,
        base: str,
        quote: str,
        side: str,
        quantity: Number | None = None,
        *,
        quote_quantity: Number | None = None,
        order_type: str = "market",
        price: Number | None = None,
        stop_price: Number | None = None,
        time_in_force: str = "gtc",
        expire_at: Moment | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        execute_at: Moment | None = None,
        decision_price: Number | None = None,
        decision_time: Moment | None = None,
        user_id: str = "",
        exchange: str = "",
        account: str = "",
        strategy: str = "",
        episode: str | int = "",
        idempotency_key: str = "",
        metadata: Mapping[str, object] | None = None,
        order_id: str = "",
        source: str = "api",
        signal_id: str = "",
        parent_id: str = "",
        linger: Iterable[LingerRule | Mapping[str, object]] = (),
        group: str = "",
        bracket: Bracket | Mapping[str, object] | None = None,
        trail: Trail | Mapping[str, object] | None = None,
        settle: str = "",
        state: TradeState = NEVER_SUBMITTED,
    ) -> None:
        self.base, self.quote, self.symbol = _pair(base, quote, settle)
        self.side = word_of(side, "side", OrderSide)
        self.quantity = number_of(quantity, "quantity")
        self.quote_quantity = number_of(quote_quantity, "quote_quantity")
        self.order_type = order_type_of(order_type)
        self.price = number_of(price, "price")
        self.stop_price = number_of(stop_price, "stop_price")
        self.time_in_force = word_of(time_in_force, "time_in_force", TimeInForce)
        self.expire_at = time_of(expire_at, "expire_at")
        self.post_only = flag_of(post_only, "post_only")
        self.reduce_only = flag_of(reduce_only, "reduce_only")
        self.execute_at = execute_at_of(execute_at)
        self.decision_price = number_of(decision_price, "decision_price")
        self.decision_time = time_of(decision_time, "decision_time")
        self.user_id = text_of(user_id, "user_id")
        self.exchange = text_of(exchange, "exchange")
        self.account = text_of(account, "account")
        self.strategy = text_of(strategy, "strategy")
        self.episode = str(episode) if isinstance(episode, int) else text_of(episode, "episode")
        self.idempotency_key = text_of(idempotency_key, "idempotency_key")
        self.metadata = metadata_of(metadata)
        self.order_id = text_of(order_id, "order_id")
        self.source = word_of(source, "source", Source)
        self.signal_id = text_of(signal_id, "signal_id")
        self.parent_id = text_of(parent_id, "parent_id")
        self.linger = linger_of(linger)
        self.group = text_of(group, "group")
        self.bracket, self.trail = bracket_of(bracket), trail_of(trail)
        self.state = state

    # Other ways to make one

    @classmethod
    def of(cls, symbol: str, side: str, quantity: Number | None = None, **more: Any) -> Trade:
        """The same, from a symbol in any spelling: BTC/USDT, BTCUSDT, BTC-USDT, BINANCE:BTCUSDT."""
        base, _, rest = parse_symbol(symbol).partition("/")
        quote, _, settle = rest.partition(":")
        return cls(base, quote, side, quantity, settle=settle, **more)

    @classmethod
    def from_instruction(cls, instruction: Instruction, state: TradeState = NEVER_SUBMITTED) -> Trade:
        """The trade of a core's instruction."""
        said = instruction
        return cls.of(
            said.symbol,
            said.side,
            said.quantity,
            quote_quantity=said.quote_quantity,
            order_type=said.type,
            price=said.price,
            stop_price=said.stop_price,
            time_in_force=said.time_in_force,
            expire_at=said.expire_at,
            post_only=said.post_only,
            reduce_only=said.reduce_only,
            execute_at=said.execute_at,
            decision_price=said.decision_price,
            decision_time=said.decision_time,
            user_id=said.user,
            exchange=said.exchange,
            account=said.account,
            strategy=said.strategy,
            episode=said.episode,
            idempotency_key=said.idempotency_key,
            metadata=said.metadata,
            order_id=said.order_id,
            source=said.source,
            signal_id=said.signal_id,
            parent_id=said.parent_id,
            linger=said.linger,
            group=said.group,
            bracket=said.bracket,
            trail=said.trail,
            state=state,
        )

    @classmethod
    def from_order(cls, order: Order, exchange: str = "") -> Trade:
        """The trade of an order of the core, as it stands now: quantity and prices are the order's, since replaces
        change them. exchange: where the instruction names none."""
        trade = cls.from_instruction(order.instruction)
        trade.exchange = trade.exchange or exchange
        trade.quantity, trade.quote_quantity = order.quantity, None
        trade.price, trade.stop_price = order.price, order.stop_price
        trade.take_order(order)
        return trade

    @classmethod
    def from_row(
        cls,
        row: Mapping[str, Any],
        *,
        instruction: Instruction | None = None,
        fees: Mapping[str, Decimal] | None = None,
    ) -> Trade:
        """The trade of a row of the `orders` read model (journal/tables.py), newest or of a history. A row does not
        say everything that was wanted (expiry, post-only, quote amount); `instruction` does, where it is at hand. fees:
        by asset, from the fills. quantity and prices are the row's: replaces change them."""
        state = state_of_row(row, fees or {})
        if instruction is not None:
            return cls.from_instruction(instruction, state).replaced(
                quantity=row["quantity"],
                quote_quantity=None,
                price=row["price"],
                stop_price=row["stop_price"],
                exchange=row["exchange"],
                order_id=row["client_order_id"],
                state=state,
            )
        return cls.of(
            row["symbol"],
            row["side"],
            row["quantity"],
            order_type=row["order_type"],
            price=row["price"],
            stop_price=row["stop_price"],
            time_in_force=row["time_in_force"],
            user_id=row["user_id"] or "",
            exchange=row["exchange"] or "",
            account=row["account"],
            strategy=row["strategy"] or "",
            episode=row["episode"] or "",
            idempotency_key=row["idempotency_key"] or "",
            metadata=row["metadata"],
            order_id=row["client_order_id"],
            source=row["source"],
            signal_id=row["source_signal_id"] or "",
            parent_id=row["parent_id"] or "",
            state=state,
        )

    def replaced(self, **changes: Any) -> Trade:
        """Another trade with other words. It is a new one: without this one's order id and state, unless given."""
        words = {name: getattr(self, name) for name in _WORDS}
        settle = self.symbol.partition(":")[2]
        return Trade(**({**words, "settle": settle} | changes))

    # What is wanted

    def instruction(
        self, order_id: str = "", *, now: int = 0, account: str = "", exchange: str = "", user_id: str = ""
    ) -> Instruction:
        """The core's record of what is wanted. order_id, account, exchange, user_id: where the trade has none. now:
        microseconds, what after_ms counts from. Raises InputError for a trade without an order id or account."""
        order_id, account = self.order_id or order_id, self.account or account
        for field, value in (("order_id", order_id), ("account", account)):
            if not value:
                raise InputError("is missing", field=field)
        return Instruction(
            order_id=order_id,
            account=account,
            symbol=self.symbol,
            side=self.side,
            type=self.order_type,
            quantity=self.quantity,
            quote_quantity=self.quote_quantity,
            price=self.price,
            stop_price=self.stop_price,
            time_in_force=self.time_in_force,
            expire_at=self.expire_at,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            execute_at=self._execute_at(now),
            exchange=self.exchange or exchange,
            user=self.user_id or user_id,
            strategy=self.strategy,
            episode=self.episode,
            source=self.source,
            signal_id=self.signal_id,
            parent_id=self.parent_id,
            idempotency_key=self.idempotency_key,
            decision_price=self.decision_price,
            decision_time=self.decision_time,
            linger=self.linger,
            group=self.group,
            bracket=self.bracket,
            trail=self.trail,
            metadata=self.metadata,
        )

    def _execute_at(self, now: int) -> int | Literal["next_open"] | None:
        at = self.execute_at
        if at is None or isinstance(at, int):
            return at
        return "next_open" if at == "next_open" else now + wait_us(at)

    @property
    def trade_asset(self) -> str:
        """The asset it is paid in: the quote."""
        return self.quote

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trade):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _ALL)

    def __repr__(self) -> str:
        """In a line, with what differs from the plainest trade."""
        size = text(self.quantity) if self.quantity is not None else f"{_shown(self.quote_quantity)} {self.quote}"
        price = f" at {text(self.price)}" if self.price is not None else ""
        stop = f" stop {text(self.stop_price)}" if self.stop_price is not None else ""
        state = f", {self.status}, {text(self.filled_quantity)} filled" if self.status is not None else ""
        return f"<Trade {self.side} {size} {self.symbol} {self.order_type}{price}{stop}{state}{_named(self)}>"


_ALL = (*Trade.__slots__, "order_id", "state")
_WORDS = tuple(name for name in Trade.__slots__ if name != "symbol")


def _named(trade: Trade) -> str:
    return f", order {trade.order_id}" if trade.order_id else ""


def _shown(number: Decimal | None) -> str:
    return "?" if number is None else text(number)


def _pair(base: object, quote: object, settle: object) -> tuple[str, str, str]:
    """(base, quote, symbol), each in the spelling of the log."""
    names = [
        text_of(value, field).strip().upper() for value, field in ((base, "base"), (quote, "quote"), (settle, "settle"))
    ]
    for name, field in zip(names, ("base", "quote", "settle"), strict=True):
        if "/" in name:
            message = f"{name!r} is a pair: write Trade.of({name!r}, ...), or its two assets"
            raise InputError(message, field=field, value=name, nearest=split_symbol(name)[field == "quote"])
        if not name.replace(".", "").isalnum() and (name or field != "settle"):
            raise InputError(f"{name!r} is not an asset, such as BTC", field=field, value=name)
    if names[0] == names[1]:
        raise InputError(f"{names[0]} cannot be traded for itself", field="quote", value=names[1])
    symbol = f"{names[0]}/{names[1]}" + (f":{names[2]}" if names[2] else "")
    return names[0], names[1], parse_symbol(symbol)


__all__ = ["NEVER_SUBMITTED", "Trade", "TradeState"]
