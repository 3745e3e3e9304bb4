"""Proving a log: that its rows are the ones that were written, and that its read models follow from them.

Each book is streamed in order. Of every row it is checked that its sequence follows, that its digest covers it and
the row before it, and that its promoted columns are those of its body. Meanwhile the events are folded through
`evolve` into the read models of a private temporary log, which are then compared with the stored ones, row by row in
key order. Memory stays bounded.

What the chain cannot show by itself is a tail that was cut off: a head kept elsewhere does (`head`).
"""

from __future__ import annotations

import decimal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from orderwright.core import messages as m
from orderwright.core.numbers import EXACT
from orderwright.errors import InputError, LogError, OrderwrightError
from orderwright.journal import opening, rows, schema
from orderwright.journal.replay import Replay
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.seal import CHAIN, decode, genesis, sealed, sealer
from orderwright.journal.writing import LogWriter

_FLUSH_EVERY = 5_000
_SEARCHED = 10_000
_MAX_PROBLEMS = 20
_EVENT_COLUMNS = ("position", "time", "kind", "schema", "order_key", *schema.PROMOTED, "body", "digest")


class Problem(Struct, frozen=True):
    """One thing that is wrong. Of the log: book and sequence. Of a read model: table, key, column, expected and
    found."""

    what: str
    book: str = ""
    sequence: int = 0
    table: str = "log"
    key: str = ""
    column: str = ""
    expected: object = None
    found: object = None

    def __str__(self) -> str:
        if self.table == "log":
            return f"book {self.book}, sequence {self.sequence}: {self.what}"
        shown = f": {self.column} is {self.found!r}, a replay gives {self.expected!r}" if self.column else ""
        return f"table {self.table}, key {self.key}: {self.what}{shown}"


class Report(Struct):
    """What a verification found. heads: (sequence, digest) of each book's newest good row."""

    rows: int = 0
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def head(self) -> str:
        """The heads as one text, to be kept elsewhere: book:sequence:digest, with commas between."""
        return head_text(self.heads)


def head_text(heads: dict[str, tuple[int, str]]) -> str:
    return ",".join(f"{book}:{sequence}:{digest}" for book, (sequence, digest) in heads.items())


def verify(path: str | Path, head: str | None = None, key: bytes | None = None) -> Report:
    """Check the whole log. head: what `head` said earlier, or one digest of it, which must still be in the chain.

    Raises LogDamaged where the file cannot be read at all, LogError for a missing file or one of an older schema.
    """
    path = Path(path)
    stored = opening.open_for_reading(path)
    try:
        stored.execute("BEGIN")  # one moment of the log, whoever writes to it meanwhile
        opening.check_key(stored, path, key)
        if schema.version_of(stored) != schema.VERSION:
            raise LogError(f"{path}: the log has an older schema; open it once for writing, which brings it up to date")
        return _Verification(stored, key, _expected_heads(head)).run()
    except sqlite3.DatabaseError as error:
        raise opening.damaged(path, error) from error
    finally:
        stored.close()


def _expected_heads(head: str | None) -> list[tuple[str, int, str]]:
    """(book, sequence, digest) of each part; book "" and sequence 0 where only a digest was given."""
    found: list[tuple[str, int, str]] = []
    for part in (head or "").split(","):
        book, _, rest = part.strip().rpartition(":")
        name, _, sequence = book.rpartition(":")
        if not part.strip():
            continue
        if len(rest) != 64 or (book and not (sequence.isascii() and sequence.isdigit())):
            raise InputError("a head is book:sequence:digest, or a digest of 64 hex digits", field="head", value=part)
        found.append((name, int(sequence or 0), rest.lower()))
    return found


class _Verification:
    def __init__(self, stored: sqlite3.Connection, key: bytes | None, heads: list[tuple[str, int, str]]) -> None:
        self._stored, self._seal, self._heads = stored, sealer(key), heads
        self._fresh = sqlite3.connect(
            "", isolation_level=None
        )  # a private file that SQLite keeps in memory while small
        schema.create(self._fresh, CHAIN)
        self._writer = LogWriter(self._fresh, lambda _: b"", models_only=True)
        self.report = Report()

    def run(self) -> Report:
        books = self._stored.execute("SELECT number, name FROM books ORDER BY number").fetchall()
        self._fresh.execute("BEGIN")
        self._fresh.executemany("INSERT INTO books VALUES (?, ?)", books)
        with decimal.localcontext(EXACT):
            for number, book in books:
                self._check_book(number, book)
        self._writer.flush(self._fresh)
        self._check_orphans()
        for name, sequence, digest in self._heads:
            where = f"sequence {sequence} of book {name!r}" if sequence else "any row"
            self._problem(
                f"the head kept elsewhere ({digest[:12]}...) is not the digest of {where}: a tail was cut off",
                name,
                sequence,
            )
        if self.report.ok:
            for model in schema.MODELS:
                self._compare(model)
        self._fresh.close()
        return self.report

    def _problem(self, what: str, book: str = "", sequence: int = 0, **more: Any) -> None:
        if len(self.report.problems) < _MAX_PROBLEMS:
            self.report.problems.append(Problem(what, book, sequence, **more))

    def _check_book(self, number: int, book: str) -> None:
        base, before, time = number << BOOK_SHIFT, genesis(book), 0
        replay = Replay(book, self._recall(number))
        for sequence, row in enumerate(self._rows(base), start=1):
            position, row_time, kind, row_schema, _, *_, body, digest = row
            if position != base + sequence:
                self._problem(f"rows {sequence} to {position - base - 1} are missing", book, sequence)
                return
            if self._seal(sealed(before, position, row_time, kind, row_schema, body.encode())) != digest:
                self._problem(self._what_happened(before, base, sequence), book, sequence)
                return
            if row_time < time:
                self._problem(f"time goes back from {time} to {row_time}", book, sequence)
            if not self._check_row(replay, book, sequence, row):
                return
            before, time = digest, row_time
            self.report.rows += 1
            self.report.heads[book] = (sequence, digest.hex())
            self._note_head(book, sequence, digest)
            if sequence % _FLUSH_EVERY == 0:
                self._writer.flush(self._fresh)
                self._writer.settled()

    def _check_row(self, replay: Replay, book: str, sequence: int, row: tuple[Any, ...]) -> bool:
        """Body and promoted columns against one another; False where the book cannot be followed any further."""
        stored = dict(zip(_EVENT_COLUMNS, row, strict=True))
        try:
            event = decode(stored["body"])
            changes = replay.apply(event)
            self._writer.append(book, sequence, event, changes, stored["order_key"])
        except (msgspec.MsgspecError, OrderwrightError, KeyError, IndexError, AssertionError) as error:
            self._problem(f"its body cannot be followed: {type(error).__name__}: {error}", book, sequence)
            return False
        ((statement, made),) = self._writer.rows.log.items()
        self._writer.rows.log.clear()
        expected = dict.fromkeys(_EVENT_COLUMNS) | rows.IMPLIED.get(statement, {})
        expected |= dict(zip(rows.LOG_COLUMNS_OF[statement], made[0], strict=True))
        for column in ("time", "kind", "order_key", *schema.PROMOTED):
            if stored[column] != expected[column]:
                told = f"column {column} is {stored[column]!r} and its body says {expected[column]!r}"
                self._problem(told, book, sequence, column=column, expected=expected[column], found=stored[column])
                break
        return True

    def _what_happened(self, before: bytes, base: int, sequence: int) -> str:
        """Why a row does not follow from the one before it."""
        following = self._stored.execute(
            "SELECT position, time, kind, schema, body, digest FROM log WHERE position > ? AND position <= ? LIMIT ?",
            (base + sequence, base + SEQUENCE_MASK, _SEARCHED),
        )
        for position, time, kind, row_schema, body, digest in following:
            if self._seal(sealed(before, base + sequence, time, kind, row_schema, body.encode())) == digest:
                return f"rows were reordered: what was written here stands at {position - base}"
        changed = "its body, time, kind or digest" + (", or the book's name," if sequence == 1 else "")
        return f"the row is not what was written: {changed} was changed (or the key is another one)"

    def _note_head(self, book: str, sequence: int, digest: bytes) -> None:
        if self._heads:
            shown = digest.hex()
            self._heads = [
                head for head in self._heads if head[2] != shown or (head[1] and head[:2] != (book, sequence))
            ]

    def _check_orphans(self) -> None:
        """Rows of a book that `books` does not have."""
        known = [number for (number,) in self._stored.execute("SELECT number FROM books")]
        for (number,) in self._stored.execute(f"SELECT DISTINCT position >> {BOOK_SHIFT} FROM log"):
            if number not in known:
                self._problem(f"rows of book number {number}, which has no name", str(number))

    def _compare(self, model: str) -> None:
        columns = [name for _, name, *_ in self._stored.execute(f"PRAGMA table_info({model})")]
        keys = [name for _, name, _, _, _, key in self._stored.execute(f"PRAGMA table_info({model})") if key]
        sql = f"SELECT {', '.join(columns)} FROM {model} ORDER BY {', '.join(keys)}"
        at = [columns.index(name) for name in keys]
        stored, fresh = iter(self._stored.execute(sql)), iter(self._fresh.execute(sql))
        found, expected = next(stored, None), next(fresh, None)
        while found is not None or expected is not None:
            found_key = None if found is None else tuple(found[index] for index in at)
            expected_key = None if expected is None else tuple(expected[index] for index in at)
            if found_key == expected_key:
                if found != expected:
                    self._differ(model, columns, found_key, expected, found)
                found, expected = next(stored, None), next(fresh, None)
            elif expected_key is None or (found_key is not None and found_key < expected_key):
                self._problem("the row is not in a replay", table=model, key=str(found_key))
                found = next(stored, None)
            else:
                self._problem("the row is missing", table=model, key=str(expected_key))
                expected = next(fresh, None)

    def _differ(self, model: str, columns: list[str], key: Any, expected: Any, found: Any) -> None:
        for column, wanted, there in zip(columns, expected, found, strict=True):
            if wanted != there:
                told = {"column": column, "expected": wanted, "found": there}
                self._problem("the row differs from a replay", table=model, key=str(key), **told)

    def _rows(self, base: int) -> Iterator[tuple[Any, ...]]:
        sql = f"SELECT {', '.join(_EVENT_COLUMNS)} FROM log WHERE position > ? AND position <= ? ORDER BY position"
        return iter(self._stored.execute(sql, (base, base + SEQUENCE_MASK)))

    def _recall(self, number: int) -> Any:
        return recall_from(self._stored, number)


def recall_from(connection: sqlite3.Connection, number: int) -> Any:
    """What a replay recalls a finished order's earlier events with: from the log alone, whatever the read models
    say."""

    def recall(order_id: str, sequence: int) -> list[m.AnyEvent]:
        base = number << BOOK_SHIFT
        sql = (
            "SELECT body FROM log WHERE order_key = (SELECT order_key FROM log WHERE client_order_id = ? "
            "AND kind = 'order_received' AND position BETWEEN ? AND ?) AND position BETWEEN ? AND ? ORDER BY position"
        )
        upto = base + sequence - 1
        return [decode(body) for (body,) in connection.execute(sql, (order_id, base, upto, base, upto))]

    return recall
