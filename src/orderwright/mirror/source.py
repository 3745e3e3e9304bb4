"""Reads a log's new rows as Arrow tables, in bounded batches, straight from the SQLite tables behind it.

- What is up to a book's newest row when the reading begins is committed and never changes, so no transaction is held
  open and a log that is being written is read all the same.
- A batch is some of one book's sequences with the rows of every table in them.
- SQLite writes the rows of a stretch as one CSV text and Arrow reads that: several times faster than fetching Python
  objects, the interpreter lock is free meanwhile, and money goes from its text to DECIMAL(38, 18) with no float
  between. Text is quoted; nothing at all between two commas is null.
- What has no column of its own in the log is taken from the event's JSON, for the kinds that have it. Logs of older
  versions lack some of it: null.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from orderwright.core.model import Settings
from orderwright.errors import LogDamaged
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.reading import LogReader
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.mirror.schema import DECIMAL, TABLES
from orderwright.ports import Batch, Reached

if TYPE_CHECKING:
    import pyarrow

STRETCH, BATCH = 40_000, 200_000
"""Sequences in a statement over the log, few enough that the next one finds its pages in SQLite's cache; and in a
batch, some 150 MB of memory."""

_DEFAULTS = Settings()  # what has its default is not written into an event
_NUMBERED = (
    "'request_submitted', 'request_pending', 'request_refused', 'request_unknown', 'request_asked', "
    "'request_not_found', 'request_dead', 'order_replaced'"
)


def _body(*names: str, path: str = "$") -> dict[str, str]:
    return {name: f"log.body ->> '{path}.{name}'" for name in names}


def _own(*names: str, alias: str = "log", **renamed: str) -> dict[str, str]:
    same = {name: f"{alias}.{name}" for name in names}
    return same | {name: f"{alias}.{column}" for name, column in renamed.items()}


_RANGE = "log.position > :low AND log.position <= :high"
_PLACE = {"sequence": f"log.position & {SEQUENCE_MASK}", "time": "log.time"}
_AT_SEQUENCE = {"sequence": "l.sequence"}


def _of_kind(kind: str) -> str:
    return f"log WHERE {_RANGE} AND log.kind = '{kind}'"


def _kept(model: str) -> str:
    """A table that keeps every value under (series, sequence): a look-up in each of the book's series. Its rows' times
    and orders are found by `_Clock`: joining each row with its row of the log costs twice as much."""
    return (
        f"series CROSS JOIN {model} AS l ON l.series = series.id AND l.sequence > :after AND l.sequence <= :upto "
        f"WHERE series.book = :number AND series.model = '{model}'"
    )


_SOURCES: dict[str, tuple[dict[str, str], str]] = {
    "placed": (
        _own(
            *("account", "exchange", "user_id", "strategy", "episode", "symbol", "side", "order_type", "time_in_force"),
            *("source", "parent_id", "quantity", "price", "stop_price", "arrival_price", "estimated_fee"),
            "estimated_cost",
            "estimated_slippage",
            id="order_key",
            order_id="client_order_id",
            signal_id="source_signal_id",
        )
        | _body("decision_price", "decision_time", path="$.instruction")
        | _body("bid", "ask", "wait_for"),
        _of_kind("order_received"),
    ),
    "steps": (
        _own(
            *("kind", "status", "quantity", "price", "filled_quantity", "remaining_quantity", "filled_quote"),
            "error_code",
            id="order_key",
            reason="risk_check_reason",
        )
        | {
            "number": f"CASE WHEN log.kind IN ({_NUMBERED}) THEN log.body ->> '$.number' END",
            "request": "CASE log.kind WHEN 'request_submitted' THEN log.body ->> '$.request' END",
            "asked_quantity": "CASE WHEN log.kind = 'request_submitted' AND log.body ->> '$.request' = 'replace' "
            "THEN log.body ->> '$.quantity' END",
            "rule": "CASE WHEN log.kind IN ('request_submitted', 'order_withdrawn') THEN log.body ->> '$.rule' END",
            "mid": "CASE log.kind WHEN 'order_received' THEN log.arrival_price "
            "WHEN 'request_submitted' THEN iif(log.body ->> '$.number' = 0, log.body ->> '$.arrival', NULL) "
            "WHEN 'order_ended' THEN log.body ->> '$.mid' WHEN 'order_withdrawn' THEN log.body ->> '$.mid' END",
        },
        f"log WHERE {_RANGE} AND log.order_key IS NOT NULL",
    ),
    "fills": (
        _own(
            *("execution_id", "fee", "fee_asset", "liquidity", "venue_time", "voids"),
            id="order_key",
            quantity="last_quantity",
            price="last_price",
        ),
        f"log WHERE {_RANGE} AND (log.execution_id IS NOT NULL OR log.voids IS NOT NULL)",
    ),
    "ledger": (
        _own("n", "change", "total", "locked", alias="l")
        | _own(alias="series", account="one", asset="two")
        | _AT_SEQUENCE,
        _kept("ledger"),
    ),
    "positions": (
        _own("size", "cost", "realised", alias="l") | _own(alias="series", account="one", symbol="two") | _AT_SEQUENCE,
        _kept("positions"),
    ),
    "prices": (
        _own("last", "bid", "ask", "quote_time", alias="l")
        | _own(alias="series", exchange="one", symbol="two")
        | _AT_SEQUENCE,
        _kept("prices"),
    ),
    "cash": (
        _own("account", "asset", "amount", "cause", "reference", alias="c"),
        f"cash AS c CROSS JOIN log ON log.position = c.position WHERE {_RANGE.replace('log.', 'c.')}",
    ),
    "signals": (
        _own(
            *("key", "signal_id", "account", "symbol", "action", "source", "strategy", "user_id", "verdict"),
            *("order_id", "reason", "detail"),
            alias="s",
        ),
        f"signals AS s CROSS JOIN log ON log.position = s.position WHERE {_RANGE.replace('log.', 's.')}",
    ),
    "accounts": (
        _own("account", "exchange", "user_id") | {"leverage": "ifnull(log.body ->> '$.account.leverage', '1')"},
        _of_kind("account_opened"),
    ),
    "instruments": (
        _own("exchange", "symbol")
        | _body("base", "quote", "tick_size", "step_size", path="$.instrument")
        | {"linear": "ifnull(log.body ->> '$.instrument.linear', 0)"},
        _of_kind("instrument_defined"),
    ),
    "days": (_body("day", "equity"), _of_kind("day_started")),
    "settings": (
        {
            "currency": f"ifnull(log.body ->> '$.settings.currency', '{_DEFAULTS.currency}')",
            "parity": f"iif(log.body -> '$.settings.parity' IS NULL, '{','.join(_DEFAULTS.parity)}', "
            "ifnull((SELECT group_concat(value, ',') FROM json_each(log.body, '$.settings.parity')), ''))",
        },
        _of_kind("configured"),
    ),
}
_CONTROLS = {
    "account_opened": "accounts",
    "instrument_defined": "instruments",
    "day_started": "days",
    "configured": "settings",
}
_WORDS = frozenset(
    {"kind", "status", "side", "order_type", "time_in_force", "source", "request", "liquidity", "verdict"}
)
"""Text that is a word of our vocabulary and needs no quotes."""


def _shown(name: str, kind: str, expression: str) -> tuple[str, str]:
    """How a column is written into the CSV text: the format, and what fills it. A null leaves nothing."""
    if kind != "string" or name in _WORDS:
        return "%s", expression
    return "%s", f"iif({expression} IS NULL, '', printf('\"%w\"', {expression}))"


def _columns(table: str) -> list[str]:
    """The columns that are read from SQLite; the others are known otherwise."""
    columns, source = _SOURCES[table]
    known = {"book"} if " log" in f" {source}" else {"book", "time"} | {"id"} - set(columns)
    return [name for name in TABLES[table] if name not in known]


def _statement(table: str) -> str:
    columns, source = _SOURCES[table]
    columns = _PLACE | columns
    shown = [_shown(name, TABLES[table][name], columns[name]) for name in _columns(table)]
    formats, expressions = (",".join(part) for part in zip(*shown, strict=True))
    return f"SELECT group_concat(printf('{formats}', {expressions}), char(10)) FROM {source}"


_STATEMENTS = {table: _statement(table) for table in TABLES}
_VERIFY = "`orderwright log verify` says where"
_KEPT = ("ledger", "positions", "prices")
_OTHERS = (
    f"SELECT group_concat(printf('%d,%d,%s,', log.position & {SEQUENCE_MASK}, log.time, log.kind), char(10)) "
    f"FROM log WHERE {_RANGE} AND log.order_key IS NULL"
)
"""The rows that are no order's."""


class Head(Reached, frozen=True):
    """The newest row of a book, and the book's number."""

    number: int


def source_of(journal: LogReader) -> LogReader:
    """The log as tables: a journal in memory writes them when it is asked."""
    if isinstance(journal, MemoryJournal):
        journal.fold()
    return journal


def heads(journal: LogReader) -> dict[str, Head]:
    """The newest row of each book that has one."""
    found: dict[str, Head] = {}
    for number, book in journal.connection.execute("SELECT number, name FROM books ORDER BY number").fetchall():
        newest = _newest(journal, number, SEQUENCE_MASK)
        if newest is not None:
            found[book] = Head(*newest, number)
    return found


def digest_at(journal: LogReader, number: int, sequence: int) -> str | None:
    """The digest of a row, or None where there is no such row."""
    newest = _newest(journal, number, sequence)
    return newest[1] if newest is not None and newest[0] == sequence else None


def _newest(journal: LogReader, number: int, upto: int) -> tuple[int, str] | None:
    base = number << BOOK_SHIFT
    row = journal.connection.execute(
        "SELECT position, digest FROM log WHERE position > ? AND position <= ? ORDER BY position DESC LIMIT 1",
        (base, base + upto),
    ).fetchone()
    return None if row is None else (row[0] - base, row[1].hex())


def batches(journal: LogReader, heads: Mapping[str, Head], after: Mapping[str, Reached]) -> Iterator[Batch]:
    """Everything after what was reached of each book, up to `heads`, book by book and in order."""
    for book, head in heads.items():
        begun = after[book].sequence if book in after else 0
        for low in range(begun, head.sequence, BATCH):
            upto = min(low + BATCH, head.sequence)
            newest = _newest(journal, head.number, upto)
            assert newest is not None, f"book {book!r} has a row {head.sequence}, and none up to {upto}"
            tables = _Reading(journal, book, head.number).tables(low, upto)
            yield Batch(book=book, after=low, reached=Reached(upto, newest[1]), tables=tables)


class _Reading:
    """Reads the tables of one book."""

    def __init__(self, journal: LogReader, book: str, number: int) -> None:
        self._connection, self._book, self._number = journal.connection, book, number

    def tables(self, after: int, upto: int) -> dict[str, pyarrow.Table]:
        """Those that have rows in (after, upto]."""
        import pyarrow

        parts: dict[str, list[pyarrow.Table]] = {table: [] for table in ("others", *TABLES)}
        for low in range(after, upto, STRETCH):
            for table, rows in self._of_log(low, min(low + STRETCH, upto)):
                parts[table].append(rows)
        found = {table: pyarrow.concat_tables(several) for table, several in parts.items() if several}
        clock = _Clock([found[table] for table in ("steps", "others") if table in found])
        for table in _KEPT:
            rows = self._ask(_STATEMENTS[table], arrow_schema(table, _columns(table)), after, upto)
            if rows is not None:
                found[table] = clock.complete(rows)
        found.pop("others", None)
        return {table: self._whole(table, rows) for table, rows in found.items()}

    def _of_log(self, after: int, upto: int) -> Iterator[tuple[str, pyarrow.Table]]:
        """The tables whose rows are rows of the log, while its pages are at hand."""
        others = self._ask(_OTHERS, _others_schema(), after, upto)
        kinds: set[str] = set()
        if others is not None:
            kinds = set(others["kind"].unique().to_pylist())
            yield "others", others
        absent = {table for kind, table in _CONTROLS.items() if kind not in kinds}
        for table, statement in _STATEMENTS.items():
            if table not in absent and table not in _KEPT:
                rows = self._ask(statement, arrow_schema(table, _columns(table)), after, upto)
                if rows is not None:
                    yield table, rows

    def _ask(self, statement: str, schema: pyarrow.Schema, after: int, upto: int) -> pyarrow.Table | None:
        base = self._number << BOOK_SHIFT
        ranges = {"after": after, "upto": upto, "low": base + after, "high": base + upto}
        try:
            (told,) = self._connection.execute(statement, {"number": self._number, **ranges}).fetchone()
        except sqlite3.DatabaseError as error:
            raise LogDamaged(f"book {self._book!r} cannot be read ({error}): {_VERIFY}") from error
        return None if told is None else _read(self._book, told, schema)

    def _whole(self, table: str, rows: pyarrow.Table) -> pyarrow.Table:
        import pyarrow

        schema = arrow_schema(table)
        book = pyarrow.repeat(pyarrow.scalar(self._book), rows.num_rows)
        return rows.append_column("book", book).select(schema.names).cast(schema)


class _Clock:
    """The time of each sequence, and the order that the row is about: of some orders' rows and the others."""

    def __init__(self, parts: list[pyarrow.Table]) -> None:
        import pyarrow

        names = ["sequence", "time", "id"]
        self._rows = pyarrow.concat_tables([part.select(names) for part in parts]).combine_chunks() if parts else None

    def complete(self, rows: pyarrow.Table) -> pyarrow.Table:
        """The rows with their time and order."""
        from pyarrow import compute

        assert self._rows is not None, "a row of a read model is written with a row of the log"
        places = compute.index_in(rows["sequence"], value_set=self._rows["sequence"].combine_chunks())
        for name in ("time", "id"):
            rows = rows.append_column(name, self._rows[name].take(places))
        return rows


def _read(book: str, told: str, schema: pyarrow.Schema) -> pyarrow.Table:
    """CSV text as the Arrow table that it says. Raises LogDamaged for a value that no log can have."""
    import pyarrow
    from pyarrow import csv

    data = told.encode() + b"\n"
    try:
        return csv.read_csv(
            pyarrow.BufferReader(data),
            read_options=csv.ReadOptions(column_names=schema.names, block_size=len(data) + 1, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise LogDamaged(f"book {book!r} has a value that no log can have ({error}): {_VERIFY}") from error


def arrow_schema(table: str, columns: Iterable[str] | None = None) -> pyarrow.Schema:
    """A table's columns as Arrow has them; all of them, or some."""
    import pyarrow

    types = {
        DECIMAL: pyarrow.decimal128(38, 18),
        "string": pyarrow.string(),
        "int64": pyarrow.int64(),
        "boolean": pyarrow.bool_(),
    }
    kinds = TABLES[table]
    return pyarrow.schema([(name, types[kinds[name]]) for name in columns or kinds])


def _others_schema() -> pyarrow.Schema:
    import pyarrow

    whole = pyarrow.int64()
    return pyarrow.schema([("sequence", whole), ("time", whole), ("kind", pyarrow.string()), ("id", whole)])
