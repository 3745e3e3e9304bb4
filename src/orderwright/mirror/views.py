"""The mirror's views: what people ask for first, under the names that the log's questions have.

Sums of money are DECIMAL. Times of day are TIMESTAMP, UTC, without a zone; `_price` averages are rounded to 8 places
and meant to be looked at, not added up. An account's exchange and user are those of its newest definition.

`exact_product(a, b)` multiplies two DECIMAL(38, 18) without losing a digit, where the product has 18 places at most,
as price x quantity always has here: DuckDB's own product would keep 36 places and leave room for two digits before
the point. Whole parts and fractions are multiplied apart; fractions of up to 9 places the quick way. A product of more
places is rounded to 18. `exact_quotient(a, b)` is a / b to 18 places, half to even, of a >= 0 and 0 < b < 10^11, by
long division in whole numbers (DuckDB's own `/` gives a float): null where b is not above 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from orderwright.core.model import STATUS_GROUPS
from orderwright.mirror.schema import TABLES

MACROS = """
CREATE OR REPLACE MACRO fraction_product(x, y) AS
    CASE WHEN x % 0.000000001::DECIMAL(18, 18) = 0 AND y % 0.000000001::DECIMAL(18, 18) = 0
    THEN CAST(x::DECIMAL(18, 9) * y::DECIMAL(18, 9) AS DECIMAL(38, 18)) ELSE CAST(x * y AS DECIMAL(38, 18)) END;
CREATE OR REPLACE MACRO exact_product(a, b) AS
    a * trunc(b)::DECIMAL(20, 0) + trunc(a)::DECIMAL(20, 0) * (b - trunc(b))
    + fraction_product((a - trunc(a))::DECIMAL(18, 18), (b - trunc(b))::DECIMAL(18, 18));
CREATE OR REPLACE MACRO in_smallest(x) AS
    trunc(x)::DECIMAL(20, 0)::HUGEINT * 1000000000000000000::HUGEINT
    + ((x - trunc(x))::DECIMAL(18, 18) * 1000000000000000000::DECIMAL(19, 0))::HUGEINT;
CREATE OR REPLACE MACRO of_smallest(n) AS CAST(
    CAST(n // 1000000000000000000::HUGEINT AS DECIMAL(38, 18))
    + CAST(n % 1000000000000000000::HUGEINT AS DECIMAL(18, 0)) * 0.000000000000000001::DECIMAL(18, 18)
    AS DECIMAL(38, 18));
CREATE OR REPLACE MACRO half_even(q, r, d) AS q + CASE WHEN 2 * r > d OR 2 * r = d AND q % 2 = 1 THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO nine_more(r, d) AS r * 1000000000::HUGEINT // d;
CREATE OR REPLACE MACRO left_over(r, d) AS r * 1000000000::HUGEINT % d;
CREATE OR REPLACE MACRO long_division(n, d) AS
    n // d * 1000000000000000000::HUGEINT + nine_more(n % d, d) * 1000000000::HUGEINT
    + half_even(nine_more(left_over(n % d, d), d), left_over(left_over(n % d, d), d), d);
CREATE OR REPLACE MACRO exact_quotient(a, b) AS
    list_transform([struct_pack(n := in_smallest(a), d := in_smallest(b))],
        lambda x: CASE WHEN x.d > 0 THEN of_smallest(long_division(x.n, x.d)) END)[1];
"""

_OPEN = ", ".join(f"'{status.value}'" for status in sorted(STATUS_GROUPS["open"]))
_PRICE = "CAST(CAST({} AS DOUBLE) AS DECIMAL(38, 8))"
_AVERAGE = _PRICE.format("{} / nullif({}, 0)")

VIEWS: dict[str, str] = {
    "newest_accounts": """
SELECT book, account, arg_max(exchange, sequence) AS exchange, arg_max(user_id, sequence) AS user_id
FROM accounts GROUP BY book, account
""",
    "orders": f"""
SELECT
    p.id, p.user_id, p.exchange, p.order_id AS client_order_id, p.symbol, p.side, p.order_type,
    s.quantity, s.price, p.stop_price, s.status, s.filled_quantity, s.remaining_quantity,
    {_AVERAGE.format("s.filled_quote", "s.filled_quantity")} AS average_fill_price, s.filled_quote,
    p.source, p.signal_id AS source_signal_id, make_timestamp(p.time) AS created_at,
    make_timestamp(s.time) AS updated_at, make_timestamp(last.filled) AS filled_at,
    p.book, p.account, p.strategy, p.episode, p.parent_id, p.time_in_force, p.arrival_price, p.decision_price,
    p.estimated_fee, p.estimated_cost, p.estimated_slippage, s.error_code, s.reason, s.kind AS event, s.sequence
FROM (
    SELECT id, max(sequence) AS sequence,
        max(time) FILTER (WHERE kind IN ('order_filled', 'fill_corrected')) AS filled
    FROM steps GROUP BY id
) AS last
JOIN steps AS s ON s.id = last.id AND s.sequence = last.sequence
JOIN placed AS p ON p.id = last.id
""",
    "open_orders": f"SELECT * FROM orders WHERE status IN ({_OPEN})",
    "standing_fills": """
SELECT
    f.id, p.order_id, f.execution_id, p.book, p.account, p.exchange, p.user_id, p.strategy, p.symbol, p.side,
    f.quantity, f.price, exact_product(f.quantity, f.price) AS value, f.fee, f.fee_asset, f.liquidity,
    make_timestamp(f.time) AS filled_at, make_timestamp(f.venue_time) AS venue_filled_at, f.sequence
FROM fills AS f
JOIN placed AS p ON p.id = f.id
ANTI JOIN fills AS void ON void.id = f.id AND void.voids = f.execution_id AND void.sequence > f.sequence
WHERE f.execution_id IS NOT NULL
""",
    "balances": """
SELECT
    a.user_id, a.exchange, book, account, l.asset, l.total, l.locked, l.total - l.locked AS free,
    make_timestamp(l.time) AS updated_at, l.sequence
FROM (
    SELECT book, account, asset, unnest(arg_max(struct_pack(total, locked, time, sequence), (sequence, n)))
    FROM ledger GROUP BY book, account, asset
) AS l
LEFT JOIN newest_accounts AS a USING (book, account)
""",
    "latest_positions": f"""
SELECT
    a.user_id, a.exchange, book, account, p.symbol, p.size, p.cost, p.realised,
    {_AVERAGE.format("p.cost", "p.size")} AS average_price, make_timestamp(p.time) AS updated_at, p.sequence
FROM (
    SELECT book, account, symbol, unnest(arg_max(struct_pack(size, cost, realised, time, sequence), sequence))
    FROM positions GROUP BY book, account, symbol
) AS p
LEFT JOIN newest_accounts AS a USING (book, account)
""",
    "latest_prices": """
SELECT
    exchange, symbol, last, bid, ask,
    CASE WHEN bid IS NULL OR ask IS NULL THEN last ELSE CAST((bid + ask) * 0.5 AS DECIMAL(38, 18)) END AS mid,
    make_timestamp(quote_time) AS quoted_at, book, sequence
FROM (
    SELECT book, exchange, symbol, unnest(arg_max(struct_pack(last, bid, ask, quote_time, sequence), sequence))
    FROM prices GROUP BY book, exchange, symbol
)
""",
    "realised_by_day": """
SELECT
    d.day, a.user_id, a.exchange, book, account, d.symbol,
    d.realised - lag(d.realised, 1, 0) OVER (PARTITION BY book, account, d.symbol ORDER BY d.day) AS realised
FROM (
    SELECT CAST(make_timestamp(time) AS DATE) AS day, book, account, symbol, arg_max(realised, sequence) AS realised
    FROM positions GROUP BY ALL
) AS d
LEFT JOIN newest_accounts AS a USING (book, account)
""",
}
"""View name -> its SELECT, in the order in which they are created."""

_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "boolean": "BOOLEAN"}


def columns_of(table: str) -> dict[str, str]:
    """A table's columns with their types in DuckDB."""
    return {name: _TYPES.get(kind, kind.upper()) for name, kind in TABLES[table].items()}


def empty_table(table: str) -> str:
    """The statement that makes an empty table."""
    return f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns_of(table).items())})"


def statements(views: Mapping[str, str]) -> str:
    """What makes the macros and all views, `views` after ours: they may be built upon them. A name with parameters,
    `name(one, other)`, is made a table macro."""
    return MACROS + "".join(_statement(name, sql) for name, sql in {**VIEWS, **views}.items())


def _statement(name: str, sql: str) -> str:
    if "(" in name:
        return f"CREATE OR REPLACE MACRO {name} AS TABLE {sql};\n"
    return f'CREATE OR REPLACE VIEW "{name}" AS {sql};\n'


def digest_of(views: Mapping[str, str]) -> str:
    """Changes whenever a view does."""
    return hashlib.sha256(statements(views).encode()).hexdigest()
