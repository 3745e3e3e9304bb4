"""Events to rows: what one event and its changes add to the log and to each read model.

This is the hot path of the journal. Rows are plain tuples, built at once (an order's record is live: it will have
changed by the next event) and kept in lists by the statement that will insert them. A bound None costs the sqlite3
module several times a bound text, so the columns that are mostly empty (`*_RARE`) are named only by the statements of
rows that have one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from orderwright.core import messages as m
from orderwright.core.evolve import Changes, key_of
from orderwright.core.model import Order, OrderStatus
from orderwright.core.numbers import text
from orderwright.journal import schema
from orderwright.journal.seal import SCHEMA, encode

Tuple = tuple[Any, ...]

_KINDS: dict[type[m.Event], str] = {
    kind: m.kind_of(kind) for kind in (*m.AnyOrderEvent.__args__, *m.AnyEvent.__args__) if issubclass(kind, m.Event)
}
KIND_OF: Callable[[type[m.Event]], str] = _KINDS.__getitem__


class Pointer(Struct, gc=False):
    """An order's row in `orders`: where its rows begin and end. closed: the position at which it ended, 0 if it
    lives."""

    id: int
    order_id: str
    book: int
    account: str
    first: int
    last: int
    status: str
    closed: int = 0
    new: bool = False
    terms: tuple[Decimal | None, ...] = ()
    texts: tuple[str | None, ...] = ()

    def terms_of(self, order: Order) -> tuple[str | None, ...]:
        """Quantity, price and arrival price as text. They hardly ever change, so the text is made once."""
        terms = (order.quantity, order.price, order.arrival)
        if terms != self.terms:
            self.terms, self.texts = terms, tuple(map(_or_none, terms))
        return self.texts

    def row(self) -> Tuple:
        closed = self.closed
        life = (closed, (closed - self.first).bit_length()) if closed else (None, None)
        return (self.id, self.order_id, self.book, self.account, self.first, self.last, self.status, *life)

    def update(self) -> Tuple:
        closed = self.closed
        life = (closed, (closed - self.first).bit_length()) if closed else (None, None)
        return (self.last, self.status, *life, self.id)


class Head(Struct, gc=False):
    """The last row of a book, written or waiting, and the names that its rows stand for.

    base: the position of its sequence 0. pointers: the orders at hand. wallets, holdings, markets: the series of
    balances, positions and prices. begin(model, one, two): the number of a series not seen since the log was opened.
    """

    number: int
    base: int
    sequence: int
    digest: bytes
    time: int
    begin: Callable[[str, str, str], int]
    pointers: dict[str, Pointer] = field(default_factory=dict)
    wallets: dict[tuple[str, str], int] = field(default_factory=dict)
    holdings: dict[tuple[str, str], int] = field(default_factory=dict)
    markets: dict[tuple[str, str], int] = field(default_factory=dict)


class Rows(Struct):
    """What waits to be written, by table; several changes of one order or control are one row."""

    books: list[Tuple] = field(default_factory=list)
    log: dict[str, list[Tuple]] = field(default_factory=dict)
    orders: dict[int, Pointer] = field(default_factory=dict)
    series: list[Tuple] = field(default_factory=list)
    ledger: list[Tuple] = field(default_factory=list)
    positions: list[Tuple] = field(default_factory=list)
    prices: list[Tuple] = field(default_factory=list)
    cash: list[Tuple] = field(default_factory=list)
    signals: list[Tuple] = field(default_factory=list)
    alerts: list[Tuple] = field(default_factory=list)
    keys: list[Tuple] = field(default_factory=list)
    recent: list[Tuple] = field(default_factory=list)
    controls: dict[tuple[int, str], int] = field(default_factory=dict)


def _insert(*columns: str, passed: bool = False) -> str:
    names = (*schema.HEAD, *columns, *schema.TAIL, "schema", *(("risk_check_passed",) if passed else ()))
    marks = ["?"] * (len(schema.HEAD) + len(columns) + len(schema.TAIL)) + [str(SCHEMA)] + ["'passed'"] * passed
    return f"INSERT INTO log ({', '.join(names)}) VALUES ({', '.join(marks)})"


_S, _SR, _D, _DR = schema.STATIC, schema.STATIC_RARE, schema.DYNAMIC, schema.DYNAMIC_RARE
OTHER_COLUMNS = ("account", "exchange", "symbol", "user_id", "strategy", "client_order_id", "status")
RECEIVED = _insert(*_D, *_S, passed=True)
RECEIVED_RARE = _insert(*_D, *_DR, *_S, *_SR)
CHANGED = _insert(*_D, passed=True)
CHANGED_RARE = _insert(*_D, *_DR)
FILLED = _insert(*_D, *schema.FILL, passed=True)
FILLED_RARE = _insert(*_D, *_DR, *schema.FILL)
VOIDED = _insert(*_D, *_DR, *schema.FILL, *schema.VOID)
OTHER = _insert(*OTHER_COLUMNS)

LOG_COLUMNS_OF = {
    statement: (*schema.HEAD, *columns, *schema.TAIL)
    for statement, columns in {
        RECEIVED: (*_D, *_S),
        RECEIVED_RARE: (*_D, *_DR, *_S, *_SR),
        CHANGED: _D,
        CHANGED_RARE: (*_D, *_DR),
        FILLED: (*_D, *schema.FILL),
        FILLED_RARE: (*_D, *_DR, *schema.FILL),
        VOIDED: (*_D, *_DR, *schema.FILL, *schema.VOID),
        OTHER: OTHER_COLUMNS,
    }.items()
}
"""Which column each value of a row is for, by the statement that inserts the row."""

IMPLIED = {statement: {"risk_check_passed": "passed"} for statement in (RECEIVED, CHANGED, FILLED)}
"""What a statement writes without being given it."""


def money(number: Decimal) -> str:
    """What `numbers.text` gives, several times faster for numbers that need no exponent."""
    shown = str(number)
    if "E" in shown or shown == "-0":
        return text(number)
    if shown[-1] == "0" and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
        return "0" if shown == "-0" else shown
    return shown


def _or_none(number: Decimal | None) -> str | None:
    return None if number is None else money(number)


def log_row(
    position: int, event: m.AnyEvent, kind: str, pointer: Pointer, order: Order, body: str
) -> tuple[str, Tuple]:
    """The statement and the row, digest left out, of an order's event."""
    filled, leaves = order.filled, order.leaves
    quantity, price, arrival = pointer.terms_of(order)
    head = (
        position,
        event.time,
        kind,
        pointer.id,
        order.status._value_,
        quantity,
        price,
        money(filled) if filled else "0",
        (money(leaves) if filled else quantity) if leaves else "0",
        money(order.filled_quote) if filled else "0",
        order.exchange_order_id or None,
        arrival,
        order.last_fill_at,
    )
    rare = _rare(order)
    shape = type(event)
    if shape is m.OrderFilled:
        fill = _fill(event.execution)  # type: ignore[union-attr]  # it is an OrderFilled
        return (FILLED, (*head, *fill, body)) if rare is None else (FILLED_RARE, (*head, *rare, *fill, body))
    if shape is m.OrderReceived:
        return _received_row(head, rare, event, body)  # type: ignore[arg-type]  # it is an OrderReceived
    if shape is m.FillCorrected or shape is m.FillBusted:
        return VOIDED, (*head, *(rare or _PASSED), *_void(event), body)  # type: ignore[arg-type]  # it is
    return (CHANGED, (*head, body)) if rare is None else (CHANGED_RARE, (*head, *rare, body))


_PASSED = (None, "passed", None, None)


def _rare(order: Order) -> Tuple | None:
    """(stop price, risk check, its reason, error code), or None where there is nothing but a passed check to say."""
    stop_price, code = order.stop_price, order.code
    if order.requests:
        if stop_price is None and not code:
            return None
        return _or_none(stop_price), "passed", order.reason or None, code or None
    verdict = "failed" if order.status is OrderStatus.DENIED else "pending"
    return _or_none(stop_price), verdict, order.reason or None, code or None


def _fill(execution: Any) -> Tuple:
    return (
        execution.execution_id,
        money(execution.quantity),
        money(execution.price),
        execution.liquidity._value_,
        money(execution.fee),
        execution.fee_asset or None,
        execution.time or None,
    )


def _void(event: m.FillCorrected | m.FillBusted) -> Tuple:
    if isinstance(event, m.FillBusted):
        return (None,) * len(schema.FILL) + (event.execution_id,)
    return (*_fill(event.execution), event.corrects)


def _received_row(head: Tuple, rare: Tuple | None, event: m.OrderReceived, body: str) -> tuple[str, Tuple]:
    order = event.instruction
    static = (
        order.account,
        event.exchange or None,
        order.symbol,
        order.user or None,
        order.strategy or None,
        event.order_id,
        order.signal_id or None,
        order.source._value_,
        order.side._value_,
        order.type._value_,
        order.time_in_force._value_,
        money(event.estimated_fee),
        money(event.estimated_cost),
        _or_none(event.estimated_slippage),
    )
    if rare is None and not (order.parent_id or order.episode or order.idempotency_key or order.metadata):
        return RECEIVED, (*head, *static, body)
    metadata = encode(order.metadata).decode() if order.metadata else None
    unusual = (order.parent_id or None, order.episode or None, order.idempotency_key or None, metadata)
    return RECEIVED_RARE, (*head, *(rare or _PASSED), *static, *unusual, body)


def other_row(position: int, event: m.AnyEvent, kind: str, body: str) -> tuple[str, Tuple]:
    """The statement and the row, digest left out, of an event that is not an order's."""
    about: Any = event
    if isinstance(event, m.AccountOpened):
        about = event.account
    elif isinstance(event, m.InstrumentDefined):
        about = event.instrument
    elif isinstance(event, m.SignalReceived):
        about = event.signal
    elif isinstance(event, m.UserAdded):
        about = event.user
    elif isinstance(event, m.KeyIssued):
        about = event.key
    elif isinstance(event, m.AlertReceived):
        about = event.alert
    names = ("account", "exchange", "symbol", "user", "strategy")
    promoted = [getattr(about, name, None) or None for name in names]
    order_id, status = getattr(event, "order_id", None) or None, getattr(event, "verdict", None)
    return OTHER, (position, event.time, kind, None, *promoted, order_id, status, body)


def control_of(event: m.Event) -> str | None:
    """The name of the control that an event sets; each one's newest event is part of the open state."""
    if isinstance(event, m.OrderReceived | m.RequestSubmitted):
        return None if event.today is None else "order"
    if isinstance(event, m.AccountOpened):
        return f"account|{event.account.account}"
    if isinstance(event, m.InstrumentDefined):
        return f"instrument|{event.instrument.exchange}|{event.instrument.symbol}"
    if isinstance(event, m.PriceSeen):
        return f"price|{event.exchange}|{event.symbol}"
    if isinstance(event, m.UserAdded):
        return f"user|{event.user.user}"
    if isinstance(event, m.KeyIssued):
        return f"key|{event.key.key_id}"
    if isinstance(event, m.KeyRevoked):
        return f"revoked|{event.key_id}"
    if isinstance(event, m.DeadWatched):
        return f"dead|{event.slot}"
    return _CONTROLS.get(type(event))


_NAMED = (m.UserAdded, m.KeyIssued, m.KeyRevoked, m.DeadWatched)
_CONTROLS: dict[type[m.Event], str] = {
    m.Configured: "settings",
    m.TradingStateSet: "trading",
    m.EpochBegan: "epoch",
    m.DayStarted: "day",
}


def model_rows(rows: Rows, head: Head, position: int, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
    """Add what the read models but `orders` gain by an event."""
    ledger = changes.ledger
    if ledger:
        wallets, add = head.wallets, rows.ledger.append
        for n, (account, asset, change, total, locked) in enumerate(ledger):
            series = wallets.get((account, asset)) or head.begin("ledger", account, asset)
            add((series, sequence, n, money(change), money(total), money(locked) if locked else "0"))
    if changes.position is not None:
        account, symbol, size, cost, realised = changes.position
        series = head.holdings.get((account, symbol)) or head.begin("positions", account, symbol)
        rows.positions.append((series, sequence, money(size), money(cost), money(realised)))
    special = _SPECIAL.get(type(event))
    if special is not None:
        special(rows, head, position, event)


def _key(rows: Rows, head: Head, _: int, event: Any) -> None:
    keyed = key_of(event)
    if keyed is not None:
        rows.keys.append((head.number, *keyed))


def _cash(rows: Rows, head: Head, position: int, event: m.CashMoved) -> None:
    _key(rows, head, position, event)
    moved = (event.account, event.asset, money(event.amount), event.cause, event.reference or None)
    rows.cash.append((position, *moved))


def _order(rows: Rows, head: Head, position: int, event: Any) -> None:
    if event.today is not None:
        rows.controls[head.number, "order"] = position
    if type(event) is m.OrderReceived and event.instruction.idempotency_key:
        _key(rows, head, position, event)


def _control(rows: Rows, head: Head, position: int, event: Any) -> None:
    name = control_of(event)
    if name is not None:
        rows.controls[head.number, name] = position


def _price(rows: Rows, head: Head, position: int, event: m.PriceSeen) -> None:
    quote, sequence = event.quote, position & schema.SEQUENCE_MASK
    prices = (money(quote.last), _or_none(quote.bid), _or_none(quote.ask), quote.time)
    rows.controls[head.number, f"price|{event.exchange}|{event.symbol}"] = position
    series = head.markets.get((event.exchange, event.symbol)) or head.begin("prices", event.exchange, event.symbol)
    rows.prices.append((series, sequence, *prices))


def _signal(rows: Rows, head: Head, position: int, event: m.SignalReceived) -> None:
    _key(rows, head, position, event)
    signal = event.signal
    named = (signal.account, signal.symbol, signal.action.value, signal.source.value)
    verdict = (event.verdict, event.order_id or None, event.reason.name.lower() if event.reason is not None else None)
    raw = msgspec.json.encode(signal).decode()
    optional = (signal.strategy or None, signal.user or None)
    rows.signals.append((position, event.key, signal.signal_id, *named, *optional, *verdict, event.detail or None, raw))


def _alert(rows: Rows, head: Head, position: int, event: m.AlertReceived) -> None:
    rows.alerts.append(alert_row(position, event))
    keyed = key_of(event)
    if keyed is not None:
        rows.recent.append((head.number, *keyed))  # a text that comes again after its window takes its key over


def alert_row(position: int, event: m.AlertReceived) -> Tuple:
    """An alert's row in `alerts`."""
    alert = event.alert
    said = (alert.strategy or None, alert.user or None, alert.ticker or None, alert.action or None)
    found = (event.order_id or None, event.duplicate_of or None, event.reason or None, event.detail or None)
    more = (alert.alert_id or None, alert.sender or None, "; ".join(alert.notes) or None, alert.replay_of or None)
    return (position, alert.alert, *said, event.verdict, *found, *more, alert.body, alert.digest)


_SPECIAL: dict[type[m.Event], Callable[[Rows, Head, int, Any], None]] = {
    m.OrderReceived: _order,
    m.RequestSubmitted: _order,
    m.CashMoved: _cash,
    m.SignalReceived: _signal,
    m.AlertReceived: _alert,
    m.PriceSeen: _price,
    **dict.fromkeys((m.AccountOpened, m.InstrumentDefined, *_NAMED, *_CONTROLS), _control),
}
