"""A checked `where` of a question, as SQL: which rows, and by which index they are found."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orderwright.core.model import DONE, OrderStatus
from orderwright.core.numbers import text
from orderwright.errors import InputError, UnknownName
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.tables import Table

UNFINISHED = frozenset(status.value for status in OrderStatus if status not in DONE)
_BY_POSITION = (
    "series CROSS JOIN positions AS l ON l.series = series.id "
    f"CROSS JOIN log AS now ON now.position = (series.book << {BOOK_SHIFT} | l.sequence)"
)


class Filter:
    """A checked `where`: its SQL, before and after the newest row of a group is taken."""

    def __init__(self, table: Table, where: Mapping[str, object] | None, whole: bool = True) -> None:
        self.wanted: dict[str, list[Any]] = {}
        self._whole = whole
        for name, value in (where or {}).items():
            check_column(table, name)
            self.wanted[name] = _values(value)
        self._table = table
        self.parameters = {
            f"w{at}_{n}": value for at, values in enumerate(self.wanted.values()) for n, value in enumerate(values)
        }

    def sql(self, *, stable: bool | None, named: bool = False) -> str:
        """The condition on stable columns, on the others, or on all; on column names where the rows are a
        subquery's."""
        parts = ["1"]
        for at, (name, values) in enumerate(self.wanted.items()):
            if stable is not None and (name in self._table.stable) != stable:
                continue
            expression = name if named else self._table.columns[name]
            marks = ", ".join(f":w{at}_{n}" for n, value in enumerate(values) if value is not None)
            condition = f"{expression} IN ({marks})"
            parts.append(f"({condition} OR {expression} IS NULL)" if None in values else condition)
        return " AND ".join(parts)

    @property
    def source(self) -> str:
        """The table's source; where orders are named, through the index of an order's rows, where the fills of an
        account are asked for, through its positions."""
        if self._orders is not None:
            return self._table.source.replace("log AS now", "log AS now INDEXED BY log_order", 1)
        if self._of_account:
            return self._table.source.replace("log AS now", _BY_POSITION, 1)
        return self._table.source

    @property
    def _of_account(self) -> bool:
        """Whether an account's fills are asked for, and its positions are all there."""
        by_position = self._whole and self._table.name in ("fills", "moves")
        return by_position and "account" in self.wanted and self._orders is None

    @property
    def _orders(self) -> str | None:
        """The condition that picks the rows of the orders that are named, or None."""
        for name in ("id", self._table.order_id):
            if name in self.wanted and self._table.order_id:
                at = list(self.wanted).index(name)
                marks = ", ".join(f":w{at}_{n}" for n in range(len(self.wanted[name])))
                keys = f"SELECT id FROM orders WHERE book IN (SELECT number FROM books) AND order_id IN ({marks})"
                return f"now.order_key IN ({marks if name == 'id' else keys})"
        return None

    @property
    def named(self) -> str:
        return self._orders or (self._its_series if self._of_account else "1")

    @property
    def _its_series(self) -> str:
        """The condition that picks the series of an account's positions, and of one symbol's where it is named."""
        keys = {"account": "series.one", "symbol": "series.two"}
        parts = ["series.model = 'positions'", "series.book IN (SELECT number FROM books)"]
        parts += [f"{keys[name]} IN ({marks(self, name)})" for name in keys if name in self.wanted]
        return " AND ".join(parts)

    def within(self, table: Table) -> str:
        """The condition that a row of one book is between :low and :high."""
        sequences = f"l.sequence BETWEEN (:low & {SEQUENCE_MASK}) AND (:high & {SEQUENCE_MASK})"
        if table.model:
            return f"series.book = :number AND {sequences}"
        places = f"{table.position} BETWEEN :low AND :high"
        return f"series.book = :number AND {sequences} AND {places}" if self._of_account else places

    def open_only(self) -> bool:
        """Whether only unfinished orders are asked for."""
        return "status" in self.wanted and UNFINISHED.issuperset(self.wanted["status"])

    def only(self, name: str) -> Any:
        """The one value asked for in a column, or None."""
        values = self.wanted.get(name, ())
        return values[0] if len(values) == 1 else None


def marks(picked: Filter, name: str) -> str:
    at = list(picked.wanted).index(name)
    return ", ".join(f":w{at}_{n}" for n in range(len(picked.wanted[name])))


def check_column(table: Table, name: str) -> None:
    if name not in table.columns:
        raise UnknownName(f"column of {table.name}", name, table.columns, field=name)


def _values(value: object) -> list[Any]:
    """The values that a column may have, as they are stored."""
    several = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return [_stored(one) for one in several]


def _stored(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value if value is None else int(value)
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return value
    raise InputError(f"{value!r} is no value of a column: text, a number, a Decimal, or a list of them", value=value)
