"""The read models as people ask for them: their columns, and where each comes from.

A `Table` says how its rows are found (`source`), which columns never change within a group (`stable`: a question's
`where` on them picks rows before the newest of each group is taken, on any other column after), and what the default
group is. Columns are those of the seeds' orders table, with ours after them. Money is Decimal, times are
microseconds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from orderwright.core.model import Settings
from orderwright.core.numbers import EXACT, canonical, divided
from orderwright.errors import UnknownName
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK

Row = dict[str, Any]


class Table(Struct, frozen=True, kw_only=True):
    """A read model. position: the log position of a row, and second: what orders rows of one position. condition:
    what picks the rows of `source`. superseded: whether a later row has taken this one's place. model: the table that
    keeps every value under (series, sequence), where it is one of those. control: what the names of its controls begin
    with, where each one's newest row is one of those. order_id: the column that names an order, where rows are an
    order's."""

    name: str
    columns: dict[str, str]
    source: str
    position: str
    group: tuple[str, ...]
    stable: frozenset[str]
    money: frozenset[str] = frozenset()
    derived: tuple[str, ...] = ()
    second: str = "0"
    condition: str = "1"
    superseded: str = ""
    model: str = ""
    control: str = ""
    order_id: str = ""

    @property
    def selected(self) -> str:
        """The select list: the hidden ordering columns first."""
        columns = ", ".join(f"{expression} AS {name}" for name, expression in self.columns.items())
        return f"{self.position} AS position_, {self.second} AS second_, {columns}"

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.columns, *self.derived)


def _own(alias: str, *names: str) -> dict[str, str]:
    return {name: f"{alias}.{name}" for name in names}


def _place(position: str, time: str) -> dict[str, str]:
    return {
        "book": f"(SELECT name FROM books WHERE number = {position} >> {BOOK_SHIFT})",
        "sequence": f"{position} & {SEQUENCE_MASK}",
        "time": time,
    }


_FIRST = ("symbol", "side", "order_type")
_ORDER_COLUMNS = {
    "id": "o.id",
    **_own("first", "user_id", "exchange"),
    "exchange_order_id": "now.exchange_order_id",
    "client_order_id": "o.order_id",
    **_own("first", *_FIRST),
    **_own("now", "quantity", "price", "stop_price", "status", "filled_quantity", "remaining_quantity"),
    **_own("first", "source", "source_signal_id"),
    "created_at": "first.time",
    "updated_at": "now.time",
    **_own("now", "filled_at", "risk_check_passed", "risk_check_reason"),
    "metadata": "first.metadata",
    **_place("now.position", "now.time"),
    "account": "o.account",
    **_own("first", "strategy", "episode", "parent_id", "idempotency_key", "time_in_force"),
    **_own("now", "arrival_price", "filled_quote", "error_code"),
    **_own("first", "estimated_fee", "estimated_cost", "estimated_slippage"),
    "event": "now.kind",
}
_ORDER_STABLE = frozenset(
    name for name, expression in _ORDER_COLUMNS.items() if expression.startswith(("o.", "first.")) or name == "book"
)

_ORDER = "CROSS JOIN orders AS o ON o.id = now.order_key CROSS JOIN log AS first ON first.position = o.first"
ORDERS = Table(
    name="orders",
    columns=_ORDER_COLUMNS,
    derived=("average_fill_price",),
    order_id="client_order_id",
    source=f"log AS now {_ORDER}",
    position="now.position",
    condition="now.order_key IS NOT NULL",
    group=("id",),
    stable=_ORDER_STABLE,
    money=frozenset(
        [
            "quantity",
            "price",
            "stop_price",
            "filled_quantity",
            "remaining_quantity",
            "arrival_price",
            "filled_quote",
            "estimated_fee",
            "estimated_cost",
            "estimated_slippage",
        ]
    ),
)
_EXECUTION = "CASE WHEN f.standing THEN now.execution_id ELSE now.voids END"
_WHY = ", ".join(f"now.body ->> '$.{name}'" for name in ("cause", "why", "message"))
STORY = msgspec.structs.replace(
    ORDERS,
    name="story",  # orders, with what each event said of its why: which is read from the event itself
    columns=_ORDER_COLUMNS
    | {
        "rule": "now.body ->> '$.rule'",
        "detail": f"coalesce({_WHY})",
    },
)
FILLS = Table(
    name="fills",
    columns={
        "order_id": "o.order_id",
        "execution_id": _EXECUTION,
        "event": "now.kind",
        "standing": "f.standing",
        **_own("first", "exchange"),
        "account": "o.account",
        **_own("first", *_FIRST, "user_id", "strategy", "episode", "parent_id"),
        **{name: f"CASE WHEN f.standing THEN now.{column} END" for name, column in {
            "quantity": "last_quantity", "price": "last_price", "liquidity": "liquidity", "fee": "fee",
            "fee_asset": "fee_asset", "venue_time": "venue_time"}.items()},
        "replaced_by": "CASE WHEN f.standing THEN NULL ELSE now.execution_id END",
        "arrival_price": "now.arrival_price",
        "id": "o.id",
        **_place("now.position", "now.time"),
    },
    source=f"log AS now CROSS JOIN (SELECT 1 AS standing UNION ALL SELECT 0) AS f {_ORDER}",
    condition=f"{_EXECUTION} IS NOT NULL AND (now.execution_id IS NOT NULL OR now.voids IS NOT NULL)",
    position="now.position",
    second="f.standing",
    order_id="order_id",
    group=("order_id", "execution_id"),
    stable=frozenset(
        {"book", "order_id", "execution_id", "exchange", "account", *_FIRST, "user_id", "strategy", "episode"}
        | {"parent_id", "id"}
    ),
    money=frozenset({"quantity", "price", "fee", "arrival_price"}),
    superseded=(
        "f.standing AND EXISTS (SELECT 1 FROM log AS void WHERE void.order_key = now.order_key "
        "AND void.voids = now.execution_id AND void.position BETWEEN now.position AND :high)"
    ),
)  # fmt: skip
_OF_A_MOVE = ("id", "execution_id", "standing", "account", "symbol", "side", "strategy", "quantity", "price", "fee")
MOVES = msgspec.structs.replace(
    FILLS,
    name="moves",  # what fills moved: fills with only the columns that adding them up needs, which is quicker
    columns={name: FILLS.columns[name] for name in (*_OF_A_MOVE, "fee_asset", "book", "sequence", "time")},
    group=("id", "execution_id"),
    order_id="id",
    stable=frozenset({"book", "id", "execution_id", "account", "symbol", "side", "strategy"}),
    money=frozenset({"quantity", "price", "fee"}),
)
_KEPT = f"(series.book << {BOOK_SHIFT} | l.sequence)"


def _series(name: str, keys: tuple[str, str], values: tuple[str, ...], *, model: str = "", **more: Any) -> Table:
    """A table that keeps every value under (series, sequence)."""
    model = model or name
    columns = {
        **dict(zip(keys, ("series.one", "series.two"), strict=True)),
        **_own("l", *values),
        **more.pop("columns", {}),
        "event": "now.kind",
        **_place("now.position", "now.time"),
    }
    return Table(
        name=name,
        columns=columns,
        source=(
            f"series CROSS JOIN {model} AS l ON l.series = series.id CROSS JOIN log AS now ON now.position = {_KEPT}"
        ),
        position="now.position",
        condition=f"series.model = '{model}'",
        group=keys,
        stable=frozenset({"book", *keys}),
        money=frozenset(values) - {"quote_time"},
        model=model,
        **more,
    )


_ORDER_OF = "(SELECT order_id FROM orders WHERE orders.id = now.order_key)"
_LEDGER: dict[str, Any] = {"second": "l.n", "derived": ("free",), "columns": {"order_id": _ORDER_OF}}
LEDGER = _series("ledger", ("account", "asset"), ("change", "total", "locked"), **_LEDGER)
BALANCES = _series("balances", ("account", "asset"), ("change", "total", "locked"), model="ledger", **_LEDGER)
POSITIONS = _series("positions", ("account", "symbol"), ("size", "cost", "realised"))
PRICES = _series("prices", ("exchange", "symbol"), ("last", "bid", "ask", "quote_time"))
SIGNALS = Table(
    name="signals",
    columns={
        **_own(
            "s", "key", "signal_id", "account", "symbol", "action", "source", "strategy", "user_id", "verdict",
            "order_id", "reason", "detail", "raw",
        ),
        **_place("s.position", "now.time"),
    },
    source="signals AS s CROSS JOIN log AS now ON now.position = s.position",
    position="s.position",
    group=("key",),
    stable=frozenset(["book", "key", "signal_id", "account", "symbol", "action", "source", "strategy", "user_id"]),
    superseded="0",
)  # fmt: skip
ALERTS = Table(
    name="alerts",
    columns={
        **_own(
            "a", "alert", "strategy", "user_id", "ticker", "action", "verdict", "order_id", "duplicate_of", "reason",
            "detail", "alert_id", "sender", "notes", "replay_of", "body", "digest",
        ),
        **_place("a.position", "now.time"),
    },
    source="alerts AS a CROSS JOIN log AS now ON now.position = a.position",
    position="a.position",
    group=("alert",),
    stable=frozenset(["book", "alert", "strategy", "user_id", "ticker", "action", "verdict", "alert_id", "replay_of"]),
    superseded="0",
)  # fmt: skip


def _said(record: str, default: str | None = None, *names: str) -> dict[str, str]:
    """Columns from the event's own JSON; a field that has its default is not written there."""
    found = {name: f"json_extract(now.body, '$.{record}.{name}')" for name in names}
    return found if default is None else {name: f"ifnull({sql}, {default})" for name, sql in found.items()}


def _definitions(name: str, control: str, kind: str, columns: dict[str, str], **more: Any) -> Table:
    """A table of what is defined once and may be defined again; `controls` points to each newest definition."""
    group: tuple[str, ...] = more.pop("group", ())
    return Table(
        name=name,
        columns={**columns, "event": "now.kind", **_place("now.position", "now.time")},
        source="log AS now",
        position="now.position",
        condition=f"now.kind = '{kind}'",
        group=group,
        stable=frozenset({"book", *group}),
        control=control,
        **more,
    )


ACCOUNTS = _definitions(
    "accounts",
    "account|",
    "account_opened",
    {
        **_own("now", "account", "exchange", "user_id"),
        **_said("account", "'0'", "maker_fee", "taker_fee", "slippage_bps"),
        **_said("account", "'quote'", "fee_in"),
        **_said("account", "'1'", "leverage"),
    },
    group=("account",),
    money=frozenset({"maker_fee", "taker_fee", "slippage_bps", "leverage"}),
)
INSTRUMENTS = _definitions(
    "instruments",
    "instrument|",
    "instrument_defined",
    {
        **_own("now", "exchange", "symbol"),
        **_said("instrument", None, "base", "quote", "tick_size", "step_size"),
        **_said("instrument", "'0'", "min_quantity", "min_notional"),
        **_said("instrument", "0", "linear"),
        **_said("instrument", "1", "trading"),
    },
    group=("exchange", "symbol"),
    money=frozenset({"tick_size", "step_size", "min_quantity", "min_notional"}),
)
SETTINGS = _definitions(
    "settings",
    "settings",
    "configured",
    {**_said("settings", f"'{Settings().currency}'", "currency"), **_said("settings", None, "parity")},
)

_ALL = (
    *(ORDERS, STORY, FILLS, MOVES, LEDGER, BALANCES, POSITIONS, PRICES),
    *(SIGNALS, ALERTS, ACCOUNTS, INSTRUMENTS, SETTINGS),
)
TABLES = {table.name: table for table in _ALL}
_OF_ONE_BOOK = {
    name: msgspec.structs.replace(table, columns={**table.columns, "book": ":book"}) for name, table in TABLES.items()
}


def table_of(name: str) -> Table:
    """The table of a name. Raises UnknownName."""
    table = TABLES.get(name)
    if table is None:
        raise UnknownName("table", name, TABLES, field="table")
    return table


def of_one_book(table: Table) -> Table:
    """The table for a question to one book, whose name is the parameter `book`: looking it up for each row costs as
    much as half of the row."""
    return _OF_ONE_BOOK[table.name]


class _Numbers(dict[str | None, Decimal | None]):
    """Decimals by their text, each made once: an answer has few different ones."""

    def __missing__(self, shown: str | None) -> Decimal | None:
        number = self[shown] = None if shown is None else Decimal(shown)
        return number


class RowMaker:
    """Turns what SQLite gives into a row: Decimal for money, a bool, metadata as a dict, and what is derived."""

    def __init__(self, table: Table) -> None:
        self._names = tuple(table.columns)
        self._numbers = _Numbers()
        self._money = [name for name in self._names if name in table.money]
        self._finish = _FINISH.get(table.name)

    def __call__(self, values: tuple[Any, ...]) -> Row:
        row = dict(zip(self._names, values, strict=True))
        numbers = self._numbers
        for name in self._money:
            row[name] = numbers[row[name]]
        if self._finish is not None:
            self._finish(row)
        return row


def _finish_order(row: Row) -> None:
    filled = row["filled_quantity"]
    row["average_fill_price"] = canonical(divided(row["filled_quote"], filled)) if filled else None
    row["metadata"] = msgspec.json.decode(row["metadata"]) if row["metadata"] else {}


def _finish_fill(row: Row) -> None:
    row["standing"] = bool(row["standing"])


def _finish_ledger(row: Row) -> None:
    row["free"] = EXACT.subtract(row["total"], row["locked"])


def _finish_instrument(row: Row) -> None:
    row["linear"], row["trading"] = bool(row["linear"]), bool(row["trading"])


def _finish_settings(row: Row) -> None:
    parity = row["parity"]
    row["parity"] = Settings().parity if parity is None else tuple(msgspec.json.decode(parity))


_FINISH = {
    "orders": _finish_order,
    "story": _finish_order,
    "fills": _finish_fill,
    "moves": _finish_fill,
    "ledger": _finish_ledger,
    "balances": _finish_ledger,
    "instruments": _finish_instrument,
    "settings": _finish_settings,
}
