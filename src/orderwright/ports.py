"""Every seam on one page: what the driver needs of the world, as protocols of a few methods.

Adapters live in `journal`, `venues`, `simulation` and `market`; each port has one contract suite in tests/contracts
that all of its adapters pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, Self

from msgspec import Struct

from orderwright.core.evolve import Changes
from orderwright.core.messages import AnyEvent, AnyOrderEvent, AnyReport, VenueAction
from orderwright.core.model import Balance, Position, Quote, VenueTraits

if TYPE_CHECKING:
    import duckdb
    import pyarrow

Row = dict[str, Any]


class OpenState(Struct, frozen=True):
    """What a book is restored from: the cost of reading it grows with what is open, not with what ever happened.

    orders: the rows of each open order, oldest first. controls: the newest row of every control (each account and
    instrument, the settings, the trading state, the day, each symbol's price, the last order that went out), oldest
    first. moved: the cash moved since the newest DayStarted, by (account, asset). last_order_id: the greatest order
    id the book has seen.
    """

    sequence: int
    time: int
    orders: list[list[AnyOrderEvent]]
    balances: dict[tuple[str, str], Balance]
    positions: dict[tuple[str, str], Position]
    controls: list[AnyEvent]
    moved: dict[tuple[str, str], Decimal]
    last_order_id: str = ""


class LoggedRow(Struct, frozen=True, gc=False):
    """One row of a log and what it changed, as it was after it.

    body: the event, as JSON. order: the row of the orders read model, where the event is an order's; fills: of the
    fills read model, what it booked or took back; balances and positions: those that it changed. time: microseconds.
    """

    sequence: int
    time: int
    kind: str
    body: str
    order: Row | None
    fills: Sequence[Row]
    balances: Sequence[Row]
    positions: Sequence[Row]


class RowReader(Protocol):
    """Who reads a log row by row, on a thread of its own."""

    def rows(self, book: str, after: int = 0, *, upto: int, limit: int) -> list[LoggedRow]:
        """See `Journal`."""

    def close(self) -> None:
        """Give up the files."""


class Journal(Protocol):
    """One append-only log of every kind of event, and its read models, kept in the same transaction."""

    def append(self, book: str, sequence: int, event: AnyEvent, changes: Changes) -> None:
        """Take in one event and the changes it made. Raises LogFenced if `sequence` is not the book's next."""

    def write(self) -> None:
        """Hand what was appended to the engine, on the caller's thread, in one open transaction."""

    def commit(self) -> None:
        """Make what was written durable; may run on another thread. Raises CommitFailed, after which nothing goes
        in."""

    def recall_order(self, book: str, order_id: str) -> list[AnyOrderEvent]:
        """Every committed event of one order, oldest first; empty if the log has none."""

    def recall_key(self, book: str, key: str) -> str | None:
        """The order id ("" for a refused signal) that a signal key or idempotency key led to; None if never seen."""

    def order_key(self, book: str, order_id: str) -> int | None:
        """The integer key that the orders read model has for an order: given with its first row, for good."""

    def order_place(self, key: int) -> tuple[str, str] | None:
        """(book, order id) of such a key."""

    def open_state(self, book: str) -> OpenState:
        """What `orderwright.core.recovery.restore` builds the book's state from."""

    def events(self, book: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        """(sequence, event) of a book, in order, from the one after `after`."""

    def rows(self, book: str, after: int = 0, *, upto: int, limit: int) -> list[LoggedRow]:
        """The rows of a book after a sequence, with the order, fills, balances and positions that each has changed, as
        they were after it: up to a sequence, and at most so many."""

    def reader(self) -> RowReader | None:
        """A second reader of what is committed, for another thread; None where there can be none, and this journal is
        to be asked on its own thread."""

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        """The newest row of each group of a read model, as of a time in microseconds (None: now)."""

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        """The rows of a read model from `since` to `as_of` (microseconds, both included), oldest first; of too many,
        the newest `limit`."""

    def close(self) -> None:
        """Give up the lease and the files. What was not committed is gone."""


class Reached(Struct, frozen=True):
    """The last row of a book that a mirror has: its sequence, and its digest as hex, by which the log is known
    again."""

    sequence: int
    digest: str


class Batch(Struct, frozen=True, kw_only=True):
    """What a mirror is given at once: the rows of one book after sequence `after`, up to `reached`, by table; see
    `orderwright.mirror.schema`."""

    book: str
    after: int
    reached: Reached
    tables: Mapping[str, pyarrow.Table]


class Mirror(Protocol):
    """A columnar copy of a log for analytics."""

    def reached(self) -> dict[str, Reached]:
        """How far each book is mirrored; empty for a mirror that is not there yet. Raises LogError for what is no
        mirror, or none that can be gone on with."""

    def append(self, batches: Iterable[Batch]) -> int:
        """Take in new rows and return how many, of all tables. A batch is taken in whole or not at all, and its rows
        that are there already change nothing. Nobody else can write meanwhile."""

    def anew(self) -> AbstractContextManager[Self]:
        """An empty mirror beside this one, which takes its place in one step when the block ends well."""

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection in which every table and view has its name. Times are microseconds, UTC."""


class Connector(Protocol):
    """One venue: requests in, reports out, never blocking."""

    @property
    def traits(self) -> VenueTraits:
        """What the venue promises of ids, lifetimes and look-ups."""

    def send(self, action: VenueAction) -> None:
        """Carry out one action. Raises Refused or Unreachable where that is known at once; reports come by `poll`."""

    def poll(self, limit: int) -> tuple[int, Sequence[AnyReport]]:
        """The earliest reports that are due, and their time; none of them later than `limit`.

        A simulated venue runs its market up to there; a real one gives what has come. (limit, ()) where there are
        none.
        """


class Feed(Protocol):
    """Market data as the decision maker may see it: nothing that has not happened by `time`."""

    def quote(self, symbol: str, time: int) -> Quote | None:
        """The market in a symbol at a time in microseconds."""

    def symbols(self) -> Iterable[str]:
        """The symbols it knows."""


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC; never goes back."""
