"""What there was at a moment: prices, balances, orders that had not ended, positions."""

from __future__ import annotations

from orderwright.analytics.portfolio.sql.pieces import LISTED, MONEY, NOW, OWNERS, newest_at
from orderwright.core.model import DONE

_DONE = ", ".join(sorted(f"'{status.value}'" for status in DONE))
_MID = f"CASE WHEN bid IS NULL OR ask IS NULL THEN last ELSE CAST((bid + ask) * 0.5 AS {MONEY}) END"

PRICES_AT = f"""
SELECT *, {_MID} AS mid
FROM ({newest_at("prices", "book, exchange, symbol", "last, bid, ask, quote_time")})
"""
BALANCES_AT = newest_at("ledger", "book, account, asset", "total, locked, time", "(sequence, n)")
POSITIONS_AT = newest_at("positions", "book, account, symbol", "size, cost, realised")

LATEST_BALANCES = f"""
SELECT book, user_id, exchange, account, asset, total, locked, total - locked AS free, held.time
FROM balances_at([{NOW}]) AS held JOIN {OWNERS} AS owner USING (book, account)
ORDER BY ALL
"""

# What may still fill of an order counts the larger side of a replace that is under way; of one that the venue has ended
# it is what has been filled there and has not come yet.
WORKING_ORDERS = f"""
WITH seen AS (
    SELECT * FROM steps WHERE time <= {NOW}
), live AS (
    SELECT * FROM (
        SELECT book, id, bool_or(kind = 'order_ended') AS ending, unnest(arg_max(
            struct_pack(status, quantity, price, filled_quantity, remaining_quantity), sequence))
        FROM seen GROUP BY book, id
    ) WHERE status NOT IN ({_DONE})
), replacing AS (
    SELECT book, id, max(asked) AS asked FROM (
        SELECT book, id, number, max(asked_quantity) AS asked
        FROM seen SEMI JOIN live USING (book, id) GROUP BY book, id, number
        HAVING bool_or(request = 'replace')
            AND NOT bool_or(kind IN ('order_replaced', 'request_refused', 'request_dead'))
    ) GROUP BY book, id
), moved AS (
    SELECT book, id,
        locked - lag(locked, 1, 0) OVER (PARTITION BY book, account, asset ORDER BY sequence, n) AS more
    FROM ledger WHERE time <= {NOW}  -- an order locks one asset; of the others this is 0
), locks AS (
    SELECT book, id, sum(more) AS locked FROM moved SEMI JOIN live USING (book, id) GROUP BY book, id
)
SELECT live.book, owner.user_id, owner.exchange, account, order_id, placed.symbol, side, order_type, status,
    coalesce(strategy, '') AS strategy, live.quantity, live.price,
    CASE WHEN status = 'pending' THEN 0 WHEN ending THEN remaining_quantity
        ELSE greatest(live.quantity, asked) - filled_quantity END AS exposed,
    CASE WHEN linear OR side = 'buy' THEN quote ELSE base END AS asset, coalesce(locked, 0) AS locked,
    placed.time AS created_at
FROM live JOIN placed USING (book, id) JOIN {OWNERS} AS owner USING (book, account)
JOIN {LISTED} AS listed ON listed.book = live.book AND listed.exchange = owner.exchange
    AND listed.symbol = placed.symbol
LEFT JOIN replacing USING (book, id) LEFT JOIN locks USING (book, id)
ORDER BY created_at, order_id
"""

OPEN_POSITIONS = f"""
SELECT book, user_id, exchange, account, symbol, linear, quote AS asset, size, cost, realised, mid AS price,
    exact_product(size, mid) AS value, exact_product(size, mid) - sign(size) * cost AS unrealised
FROM positions_at([{NOW}]) AS held
JOIN {OWNERS} AS owner USING (book, account)
JOIN {LISTED} AS listed USING (book, exchange, symbol)
LEFT JOIN prices_at([{NOW}]) AS price USING (book, exchange, symbol)
WHERE size <> 0
ORDER BY ALL
"""

USER_PRICES = f"""
WITH wanted AS (
    SELECT book, user_id, exchange, symbol FROM positions_at([{NOW}]) JOIN {OWNERS} AS owner USING (book, account)
    UNION
    SELECT book, user_id, exchange, symbol FROM working_orders_as_of(moment)
    UNION
    SELECT book, user_id, exchange, symbol
    FROM latest_balances_as_of(moment) AS held JOIN {LISTED} AS listed USING (book, exchange)
    WHERE held.asset = base AND total <> 0
)
SELECT book, user_id, exchange, symbol, last, bid, ask, mid, quote_time
FROM prices_at([{NOW}]) JOIN wanted USING (book, exchange, symbol)
ORDER BY ALL
"""

BALANCE_HISTORY = f"""
SELECT book, user_id, exchange, change.account, asset, change.time, change.sequence, n, change, total, locked,
    total - locked AS free, order_id
FROM ledger AS change JOIN {OWNERS} AS owner USING (book, account) LEFT JOIN (SELECT book, id, order_id FROM placed)
    USING (book, id)
WHERE change.time <= {NOW}
ORDER BY book, change.sequence, n
"""
