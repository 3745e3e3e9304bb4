"""What everything was worth: by the definitions of `totals` and `exposures`.

Each row is in `currency`: the one that was asked for or, where that was null, the book's own.
"""

from __future__ import annotations

from orderwright.analytics.portfolio.sql.pieces import LISTED, MISSING, NOW, OWNERS, day_of, days_until

ASSET_TOTALS = f"""
SELECT book, user_id, exchange, asset, money.currency AS currency, sum(total) AS total, sum(locked) AS locked,
    sum(total - locked) AS free, any_value(rate) AS price, exact_product(sum(total), any_value(rate)) AS value
FROM balances_at([{NOW}]) JOIN {OWNERS} AS owner USING (book, account) JOIN counted_in(currency) AS money USING (book)
LEFT JOIN rates_at(currency, [{NOW}]) AS rates USING (book, exchange, asset)
GROUP BY book, user_id, exchange, asset, money.currency
ORDER BY ALL
"""

# Of spot, what fills have bought and no order locks, as far as it is still there; of futures, margin and unrealised
# profit.
PARTS_AT = f"""
WITH rates AS MATERIALIZED (
    FROM rates_at(currency, instants)
), held AS (
    SELECT * FROM positions_at(instants) JOIN {OWNERS} AS owner USING (book, account)
    JOIN {LISTED} AS listed USING (book, exchange, symbol)
), bound AS (
    SELECT book, account, CASE WHEN linear THEN quote ELSE base END AS asset, instant,
        sum(CASE WHEN linear THEN 0 ELSE greatest(size, 0) END) AS spot,
        sum(CASE WHEN linear THEN exact_quotient(cost, leverage) ELSE 0 END) AS margin
    FROM held GROUP BY ALL
), parts AS (
    SELECT book, user_id, exchange, instant, exact_product(total, rate) AS total, exact_product(locked, rate) AS
        in_orders, exact_product(least(coalesce(spot, 0), greatest(total - locked, 0)) + coalesce(margin, 0), rate) AS
        in_positions, 0 AS unrealised, CASE WHEN rate IS NULL AND total <> 0 THEN [asset] ELSE [] END AS missing
    FROM balances_at(instants) JOIN {OWNERS} AS owner USING (book, account)
    LEFT JOIN rates USING (book, exchange, asset, instant) LEFT JOIN bound USING (book, account, asset, instant)
    UNION ALL
    SELECT book, user_id, exchange, instant, profit, 0, profit, profit,
        CASE WHEN profit IS NULL THEN [symbol] ELSE [] END
    FROM (
        SELECT *, exact_product(exact_product(size, mid) - sign(size) * cost, rate) AS profit
        FROM held LEFT JOIN prices_at(instants) AS price USING (book, exchange, symbol, instant)
        LEFT JOIN (SELECT book, exchange, asset AS quote, instant, rate FROM rates) AS rated
            USING (book, exchange, quote, instant)
    ) WHERE linear AND size <> 0
)
SELECT parts.*, money.currency AS currency FROM parts JOIN counted_in(currency) AS money USING (book)
"""


def _total(*group: str) -> str:
    return f"""
SELECT {"".join(f"{name}, " for name in group)}part.currency AS currency, coalesce(sum(total), 0) AS total,
    coalesce(sum(total - in_orders - in_positions), 0) AS available, coalesce(sum(in_orders), 0) AS in_orders,
    coalesce(sum(in_positions), 0) AS in_positions, coalesce(sum(unrealised), 0) AS unrealised,
    {MISSING.format("missing")} AS missing, len({MISSING.format("missing")}) = 0 AS complete
FROM parts_at(currency, [{NOW}]) AS part
GROUP BY ALL ORDER BY ALL
"""


TOTAL = _total("user_id")
TOTAL_BY_EXCHANGE = _total("user_id", "exchange")

EXPOSURE = f"""
WITH sizes AS (
    SELECT book, account, symbol, size, 0 AS buys, 0 AS sells FROM positions_at([{NOW}]) WHERE size <> 0
    UNION ALL
    SELECT book, account, symbol, 0, CASE side WHEN 'buy' THEN exposed ELSE 0 END,
        CASE side WHEN 'sell' THEN exposed ELSE 0 END
    FROM working_orders_as_of(moment) WHERE exposed <> 0
), staked AS (
    SELECT book, account, symbol, sum(size) AS size, sum(buys) AS buys, sum(sells) AS sells,
        greatest(sum(size) + sum(buys), sum(sells) - sum(size), 0) AS worst
    FROM sizes GROUP BY ALL
), valued AS (
    SELECT book, user_id, exchange, symbol, money.currency AS currency, unit,
        exact_product(greatest(size, 0), unit) AS long, exact_product(greatest(-size, 0), unit) AS short,
        exact_product(buys, unit) AS buying, exact_product(sells, unit) AS selling, exact_product(worst, unit) AS worst
    FROM staked JOIN {OWNERS} AS owner USING (book, account) JOIN counted_in(currency) AS money USING (book)
    LEFT JOIN (SELECT book, exchange, name AS symbol, rate AS unit FROM worth_at(currency, [{NOW}]) WHERE traded)
        USING (book, exchange, symbol)
)
SELECT user_id, exchange, symbol, valued.currency AS currency, coalesce(sum(long), 0) AS long,
    coalesce(sum(short), 0) AS short, coalesce(sum(long + short), 0) AS gross, coalesce(sum(long - short), 0) AS net,
    coalesce(sum(buying), 0) AS buying, coalesce(sum(selling), 0) AS selling, coalesce(sum(worst), 0) AS worst,
    coalesce(list(DISTINCT symbol) FILTER (WHERE unit IS NULL), []) AS missing, bool_and(unit IS NOT NULL) AS complete
FROM valued GROUP BY ALL ORDER BY ALL
"""

EQUITY = f"""
SELECT user_id, exchange, {day_of("instant")} AS day, part.currency AS currency, coalesce(sum(total), 0) AS equity,
    {MISSING.format("missing")} AS missing, len({MISSING.format("missing")}) = 0 AS complete
FROM parts_at(currency, {days_until()}) AS part
GROUP BY ALL ORDER BY user_id, exchange, day
"""
