"""The log's tables on SQLite, readable with any SQLite tool.

`log` is the truth; the other tables are read models of it, written in the same transaction and rebuilt from it at will.

- A row's place is one number, `position` = number of its book << 40 | sequence. It is the primary key, so two rows can
  never share a sequence: the insert of a writer that missed another's rows fails. The view `events` shows both parts.
- Money is canonical decimal text, times are microseconds, what is absent is NULL. `body` is the event, whole, as JSON.
- What an order said when it came in is promoted in its first row only, what changes in every row of it.
- `orders` is one narrow row for each order: where its first and its newest row are. `closed` is the position at which
  it ended, and `level` the bit length of its life then: the orders that were open at position p are the unfinished
  ones and, for each level, those that began after p - 2^level. That is what makes an "as of" query cost what it
  finds.
- `ledger`, `positions` and `prices` keep every value after every change under (series, sequence): the newest row of a
  series, now or as of any moment, is one look-up. `series` names what is counted: an account's asset or symbol, an
  exchange's symbol.
"""

from __future__ import annotations

import sqlite3

from orderwright.errors import LogNewer

APPLICATION_ID = 0x4F525752  # "ORWR"
VERSION = 3
BOOK_SHIFT = 40
SERIES_SHIFT = 20
SEQUENCE_MASK = (1 << BOOK_SHIFT) - 1

# The promoted columns of `log`, by the rows that fill them (orderwright.journal.rows says with what).
STATIC = (
    "account", "exchange", "symbol", "user_id", "strategy", "client_order_id", "source_signal_id", "source", "side",
    "order_type", "time_in_force", "estimated_fee", "estimated_cost",
    "estimated_slippage",
)  # fmt: skip
STATIC_RARE = ("parent_id", "episode", "idempotency_key", "metadata")
DYNAMIC = (
    "status", "quantity", "price", "filled_quantity", "remaining_quantity", "filled_quote", "exchange_order_id",
    "arrival_price", "filled_at",
)  # fmt: skip
DYNAMIC_RARE = ("stop_price", "risk_check_passed", "risk_check_reason", "error_code")
FILL = ("execution_id", "last_quantity", "last_price", "liquidity", "fee", "fee_asset", "venue_time")
VOID = ("voids",)
HEAD = ("position", "time", "kind", "order_key")
TAIL = ("body", "digest")
PROMOTED = (*STATIC, *STATIC_RARE, *DYNAMIC, *DYNAMIC_RARE, *FILL, *VOID)
LOG_COLUMNS = (*HEAD[:3], "schema", HEAD[3], *PROMOTED, *TAIL)
INTEGERS = frozenset({"filled_at", "venue_time"})

_COLUMNS = ",\n    ".join(f"{name} {'INTEGER' if name in INTEGERS else 'TEXT'}" for name in PROMOTED)

LOG = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, nonce TEXT NOT NULL, epoch INTEGER NOT NULL,
    expires INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE books (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE log (
    position INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL,
    order_key INTEGER,
    {_COLUMNS},
    body TEXT NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX log_order ON log (order_key, position) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX log_execution ON log (order_key, execution_id) WHERE execution_id IS NOT NULL;
"""

MODELS: dict[str, str] = {
    "orders": """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, book INTEGER NOT NULL, account TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, status TEXT NOT NULL, closed INTEGER, level INTEGER
);
CREATE UNIQUE INDEX orders_id ON orders (book, order_id);
CREATE INDEX orders_open ON orders (book, account) WHERE closed IS NULL;
CREATE INDEX orders_life ON orders (level, first, closed) WHERE closed IS NOT NULL;
""",
    "series": """
CREATE TABLE series (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, book INTEGER NOT NULL, one TEXT NOT NULL, two TEXT NOT NULL,
    UNIQUE (book, model, one, two)
);
""",
    "ledger": """
CREATE TABLE ledger (
    series INTEGER NOT NULL, sequence INTEGER NOT NULL, n INTEGER NOT NULL,
    change TEXT NOT NULL, total TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (series, sequence, n)
) WITHOUT ROWID;
""",
    "positions": """
CREATE TABLE positions (
    series INTEGER NOT NULL, sequence INTEGER NOT NULL, size TEXT NOT NULL, cost TEXT NOT NULL, realised TEXT NOT NULL,
    PRIMARY KEY (series, sequence)
) WITHOUT ROWID;
""",
    "prices": """
CREATE TABLE prices (
    series INTEGER NOT NULL, sequence INTEGER NOT NULL, last TEXT NOT NULL, bid TEXT, ask TEXT,
    quote_time INTEGER NOT NULL,
    PRIMARY KEY (series, sequence)
) WITHOUT ROWID;
""",
    "cash": """
CREATE TABLE cash (
    position INTEGER PRIMARY KEY, account TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, cause TEXT NOT NULL,
    reference TEXT
);
""",
    "signals": """
CREATE TABLE signals (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL, signal_id TEXT NOT NULL, account TEXT NOT NULL,
    symbol TEXT NOT NULL, action TEXT NOT NULL, source TEXT NOT NULL, strategy TEXT, user_id TEXT,
    verdict TEXT NOT NULL, order_id TEXT, reason TEXT, detail TEXT, raw TEXT NOT NULL
);
""",
    "alerts": """
CREATE TABLE alerts (
    position INTEGER PRIMARY KEY, alert TEXT NOT NULL UNIQUE, strategy TEXT, user_id TEXT, ticker TEXT, action TEXT,
    verdict TEXT NOT NULL, order_id TEXT, duplicate_of TEXT, reason TEXT, detail TEXT, alert_id TEXT, sender TEXT,
    notes TEXT, replay_of TEXT, body TEXT NOT NULL, digest TEXT NOT NULL
);
""",
    "keys": """
CREATE TABLE keys (book INTEGER NOT NULL, key TEXT NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (book, key))
WITHOUT ROWID;
""",
    "controls": """
CREATE TABLE controls (book INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (book, name))
WITHOUT ROWID;
""",
}

VIEWS = f"""
CREATE VIEW events AS
SELECT books.name AS book, log.position & {SEQUENCE_MASK} AS sequence, log.*
FROM log JOIN books ON books.number = log.position >> {BOOK_SHIFT};
"""


def create(connection: sqlite3.Connection, chain: str) -> None:
    """Write the tables into an empty database, in one transaction. chain: `sha256`, or `hmac-sha256` with a key."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    script = "".join((LOG, *MODELS.values(), VIEWS))
    connection.executescript(
        f"BEGIN IMMEDIATE; {script} INSERT INTO meta VALUES ('chain', '{chain}'); "
        f"PRAGMA user_version = {VERSION}; COMMIT;"
    )


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version that the file was written in. Raises LogNewer if this program does not know it yet."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        raise LogNewer(
            f"{path}: the log has schema version {version} and this program knows versions up to {VERSION}: "
            "update orderwright, or open the log with the version that wrote it"
        )
    return version
