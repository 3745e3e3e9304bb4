"""The portfolio questions as SQL over the mirror (`mirror.schema`): one SELECT each, for DuckDB.

Every sum is of DECIMAL(38, 18) and exact; a product is rounded to 18 places, which it hardly ever has more of. Times
are microseconds, as in the mirror's tables, and the names are none of `mirror.views`. No view converts currencies, for
that needs a way (`valuation` finds one): amounts are in the asset that a row names. `equity` alone is in the parity
assets, which count one for one, over direct markets with them; `missing` names the rest.

| view | a row is |
| --- | --- |
| user_prices | the newest price of a symbol; one for each user who has ever ordered it, or with user_id null |
| latest_balances | the newest balance of an asset of an account |
| total_balances | an asset of a user on an exchange, accounts added up |
| working_orders | an order that has not ended, and what it locks of `asset` |
| open_positions | a position that is not flat; price, value and unrealised in its quote asset |
| profit_by_day, _by_strategy, _by_symbol, _by_exchange | what a user's fills brought of an asset (sells less buys) and
  what they paid of it in fees; a corrected or busted fill is booked back when it was |
| exposure | a user's positions in a symbol of an exchange: long, short, gross, net, in its quote asset |
| balance_history | a change of a balance |
| equity | a user's balances and unrealised futures on an exchange at the end of a day |
"""

from __future__ import annotations

from orderwright.core.model import DAY, DONE, Settings

_MONEY = "DECIMAL(38, 18)"
_PARITY = ", ".join(f"'{asset}'" for asset in Settings().parity)
_DONE = ", ".join(sorted(f"'{status.value}'" for status in DONE))
_MID = f"CAST(coalesce((bid + ask) * 0.5, last) AS {_MONEY})"


def _newest(table: str, keys: str, order: str = "sequence DESC") -> str:
    """The newest row of each key of a table."""
    return f"(SELECT * FROM {table} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1)"


def _times(one: str, other: str) -> str:
    """The product of two amounts to 18 places. DuckDB's own would need 36 places and overflow, so whole and fraction
    are multiplied apart: no part of it needs more than 38 digits."""
    whole = "CAST(trunc({0}) AS DECIMAL(20, 0))"
    rest = "CAST({0} - trunc({0}) AS DECIMAL(18, 18))"
    products = [(whole, whole), (whole, rest), (rest, whole), (rest, rest)]
    parts = [f"CAST({a.format(one)} * {b.format(other)} AS {_MONEY})" for a, b in products]
    return f"({' + '.join(parts)})"


_ACCOUNTS = _newest("accounts", "book, account")
_INSTRUMENTS = _newest("instruments", "book, exchange, symbol")
_BALANCES = _newest("ledger", "book, account, asset", "sequence DESC, n DESC")
_PRICES = f"(SELECT *, {_MID} AS mid FROM {_newest('prices', 'book, exchange, symbol')})"

_USER_PRICES = f"""
SELECT price.book, traded.user_id, price.exchange, price.symbol, last, bid, ask, mid, quote_time
FROM {_PRICES} AS price
LEFT JOIN (
    SELECT DISTINCT book, owner.user_id, placed.exchange, symbol
    FROM placed JOIN {_ACCOUNTS} AS owner USING (book, account)
) AS traded USING (book, exchange, symbol)
ORDER BY ALL
"""

_LATEST_BALANCES = f"""
SELECT book, user_id, exchange, account, asset, total, locked, total - locked AS free, balance.time
FROM {_BALANCES} AS balance JOIN {_ACCOUNTS} AS owner USING (book, account)
ORDER BY ALL
"""

_TOTAL_BALANCES = f"""
SELECT user_id, exchange, asset, sum(total) AS total, sum(locked) AS locked, sum(free) AS free
FROM ({_LATEST_BALANCES}) GROUP BY ALL ORDER BY ALL
"""

_WORKING_ORDERS = f"""
WITH moved AS (
    SELECT book, id, asset,
        locked - lag(locked, 1, 0) OVER (PARTITION BY book, account, asset ORDER BY sequence, n) AS change
    FROM ledger
), locks AS (
    SELECT book, id, asset, sum(change) AS locked FROM moved WHERE id IS NOT NULL GROUP BY ALL HAVING sum(change) <> 0
)
SELECT book, owner.user_id, owner.exchange, account, order_id, symbol, side, order_type, status,
    now.quantity, now.price, remaining_quantity, asset, coalesce(locked, 0) AS locked, first.time AS created_at
FROM {_newest("steps", "book, id")} AS now JOIN placed AS first USING (book, id)
JOIN {_ACCOUNTS} AS owner USING (book, account) LEFT JOIN locks USING (book, id)
WHERE status NOT IN ({_DONE})
ORDER BY ALL
"""

_OPEN_POSITIONS = f"""
SELECT book, owner.user_id, exchange, account, symbol, linear, quote AS asset, size, cost, realised, mid AS price,
    {_times("size", "mid")} AS value, {_times("size", "mid")} - sign(size) * cost AS unrealised
FROM {_newest("positions", "book, account, symbol")} AS held
JOIN {_ACCOUNTS} AS owner USING (book, account)
JOIN {_INSTRUMENTS} AS listed USING (book, exchange, symbol)
LEFT JOIN {_PRICES} AS price USING (book, exchange, symbol)
WHERE size <> 0
ORDER BY ALL
"""

_EXPOSURE = f"""
SELECT user_id, exchange, symbol, asset,
    sum(CASE WHEN value > 0 THEN value WHEN value <= 0 THEN 0 END) AS long,
    sum(CASE WHEN value < 0 THEN -value WHEN value >= 0 THEN 0 END) AS short,
    sum(abs(value)) AS gross, sum(value) AS net
FROM ({_OPEN_POSITIONS}) GROUP BY ALL ORDER BY ALL
"""

_BALANCE_HISTORY = f"""
SELECT book, user_id, exchange, ledger.account, asset, ledger.time, ledger.sequence, n, change, total, locked,
    total - locked AS free, id
FROM ledger JOIN {_ACCOUNTS} AS owner USING (book, account)
ORDER BY book, ledger.sequence, n
"""

_FLOWS = f"""
WITH filled AS (
    SELECT book, id, time,
        filled_quote - lag(filled_quote, 1, 0) OVER (PARTITION BY book, id ORDER BY sequence) AS moved
    FROM steps
), moves AS (
    SELECT filled.book, filled.id, filled.time, quote AS asset, CASE side WHEN 'buy' THEN -moved ELSE moved END AS
        brought, CAST(0 AS {_MONEY}) AS fees
    FROM filled JOIN placed AS first USING (book, id)
    JOIN {_INSTRUMENTS} AS listed USING (book, exchange, symbol) WHERE moved <> 0
    UNION ALL
    SELECT book, id, time, fee_asset, 0, fee FROM fills WHERE fee <> 0
    UNION ALL
    SELECT back.book, back.id, back.time, old.fee_asset, 0, -old.fee
    FROM fills AS back JOIN fills AS old
    ON old.book = back.book AND old.id = back.id AND old.execution_id = back.voids WHERE old.fee <> 0
)
SELECT {{group}}, asset, sum(brought) AS brought, sum(fees) AS fees, sum(brought - fees) AS net
FROM moves JOIN placed AS first USING (book, id)
JOIN (SELECT book, account, user_id FROM {_ACCOUNTS}) AS owner USING (book, account) GROUP BY ALL ORDER BY ALL
"""

_EQUITY = f"""
WITH days AS (
    SELECT book, unnest(range(min(time) // {DAY}, max(time) // {DAY} + 1)) AS day
    FROM (SELECT book, time FROM ledger UNION ALL SELECT book, time FROM prices) GROUP BY book
), balance AS (
    SELECT book, account, asset, time // {DAY} AS day, total
    FROM {_newest("ledger", f"book, account, asset, time // {DAY}", "sequence DESC, n DESC")}
), held AS (
    SELECT point.book, point.day, point.account, point.asset, total
    FROM (SELECT * FROM days JOIN (SELECT DISTINCT book, account, asset FROM ledger) USING (book)) AS point
    ASOF JOIN balance USING (book, account, asset, day)
), listed AS (
    SELECT *, list_position([{_PARITY}], quote) AS rank FROM {_INSTRUMENTS} WHERE quote IN ({_PARITY})
), price AS (
    SELECT book, exchange, symbol, time // {DAY} AS day, {_MID} AS mid
    FROM {_newest("prices", f"book, exchange, symbol, time // {DAY}")}
), priced AS (
    SELECT point.book, point.day, point.exchange, point.symbol, base, linear, rank, mid
    FROM (SELECT * FROM days JOIN listed USING (book)) AS point ASOF JOIN price USING (book, exchange, symbol, day)
), rates AS (
    SELECT book, day, exchange, base AS asset, mid AS rate FROM priced WHERE NOT linear
    QUALIFY row_number() OVER (PARTITION BY book, day, exchange, base ORDER BY rank, symbol) = 1
), position AS (
    SELECT book, account, symbol, time // {DAY} AS day, size, cost
    FROM {_newest("positions", f"book, account, symbol, time // {DAY}")}
), futures AS (
    SELECT point.book, point.day, point.account, point.exchange, point.symbol, size, cost
    FROM (
        SELECT * FROM days JOIN (SELECT DISTINCT book, account, symbol FROM positions) USING (book)
        JOIN (SELECT book, account, exchange FROM {_ACCOUNTS}) USING (book, account)
        JOIN (SELECT book, exchange, symbol FROM {_INSTRUMENTS} WHERE linear) USING (book, exchange, symbol)
    ) AS point ASOF JOIN position USING (book, account, symbol, day)
), worth AS (
    SELECT book, day, account, asset AS name,
        CASE WHEN asset IN ({_PARITY}) THEN total ELSE {_times("total", "rate")} END AS value
    FROM held JOIN (SELECT book, account, exchange FROM {_ACCOUNTS}) USING (book, account)
    LEFT JOIN rates USING (book, day, exchange, asset) WHERE total <> 0
    UNION ALL
    SELECT book, day, account, symbol, {_times("size", "mid")} - sign(size) * cost
    FROM futures LEFT JOIN priced USING (book, day, exchange, symbol) WHERE size <> 0
)
SELECT user_id, exchange, day * {DAY} AS day, coalesce(sum(value), 0) AS equity,
    coalesce(list_sort(list_distinct(list(name) FILTER (WHERE value IS NULL))), []) AS missing
FROM worth JOIN (SELECT book, account, exchange, user_id FROM {_ACCOUNTS}) USING (book, account)
GROUP BY ALL ORDER BY user_id, exchange, day
"""


def views() -> dict[str, str]:
    """Each view's name and its SELECT over the mirror's tables."""
    by = {name: f"owner.user_id, first.{name}" for name in ("strategy", "symbol", "exchange")}
    by["day"] = f"owner.user_id, moves.time // {DAY} * {DAY} AS day"
    found = {
        "user_prices": _USER_PRICES,
        "latest_balances": _LATEST_BALANCES,
        "total_balances": _TOTAL_BALANCES,
        "working_orders": _WORKING_ORDERS,
        "open_positions": _OPEN_POSITIONS,
        "exposure": _EXPOSURE,
        "balance_history": _BALANCE_HISTORY,
        "equity": _EQUITY,
        **{f"profit_by_{name}": _FLOWS.format(group=group) for name, group in by.items()},
    }
    return {name: sql.strip() for name, sql in found.items()}
