"""Profit, by the definition of `profits`: what fills brought, less fees, and how the value of what they hold changed.

`fill_moves` has three lines for a fill: the base, the quote and the fee. One that is booked back has them again, with
the other sign, when it is.
"""

from __future__ import annotations

from orderwright.analytics.portfolio.sql.pieces import LISTED, NOW, OWNERS, day_of, days_until

FILL_MOVES = f"""
WITH booked AS (
    SELECT book, id, time, quantity, price, fee, fee_asset, 1 AS sign FROM fills WHERE execution_id IS NOT NULL
    UNION ALL
    SELECT book, id, back.time, old.quantity, old.price, old.fee, old.fee_asset, -1
    FROM fills AS back JOIN fills AS old USING (book, id)
    WHERE old.execution_id = back.voids AND old.sequence < back.sequence
), moves AS (
    SELECT booked.*, owner.user_id, account, owner.exchange, placed.symbol, coalesce(strategy, '') AS strategy,
        base, quote, linear, CASE side WHEN 'buy' THEN sign ELSE -sign END AS way
    FROM booked JOIN placed USING (book, id) JOIN {OWNERS} AS owner USING (book, account)
    JOIN {LISTED} AS listed ON listed.book = booked.book AND listed.exchange = owner.exchange
        AND listed.symbol = placed.symbol
    WHERE booked.time <= {NOW}
)
SELECT book, user_id, account, exchange, symbol, strategy, moves.time, linear AS traded,
    CASE WHEN linear THEN symbol ELSE base END AS name, way * quantity AS held, 0 AS brought, 0 AS fees, 1 AS fills
FROM moves
UNION ALL
SELECT book, user_id, account, exchange, symbol, strategy, moves.time, false, quote,
    -way * exact_product(quantity, price), -way * exact_product(quantity, price), 0, 0
FROM moves
UNION ALL
SELECT book, user_id, account, exchange, symbol, strategy, moves.time, false, fee_asset, -sign * fee, 0, sign * fee, 0
FROM moves WHERE fee <> 0
"""

_SUMS = (
    "coalesce(sum(exact_product(held, rate)), 0) AS profit, coalesce(sum(exact_product(brought, rate)), 0) AS "
    """
    brought, coalesce(sum(exact_product(fees, rate)), 0) AS fees, sum(fills) AS fills,
    list(name) FILTER (WHERE rate IS NULL AND (held <> 0 OR brought <> 0 OR fees <> 0)) AS missing"""
)
_ANSWER = """money AS currency, profit, brought, profit - brought + fees AS inventory, fees,
    fills::BIGINT AS fills, {missing} AS missing, len({missing}) = 0 AS complete"""


def profit_by(word: str) -> str:
    """Each user's profit by strategy, symbol or exchange, since the first fill."""
    return f"""
WITH amounts AS (
    SELECT user_id, {word} AS made_by, book, exchange, name, traded, sum(held) AS held, sum(brought) AS brought,
        sum(fees) AS fees, sum(fills) AS fills
    FROM fill_moves_until(moment) GROUP BY ALL
), made AS (
    SELECT user_id, made_by, counted.currency AS money, {_SUMS}
    FROM amounts JOIN counted_in(currency) AS counted USING (book)
    LEFT JOIN worth_at(currency, [{NOW}]) USING (book, exchange, name, traded)
    GROUP BY ALL
)
SELECT user_id, made_by AS {word}, {_ANSWER.format(missing=_names("missing"))}
FROM made ORDER BY user_id, made_by
"""


def _names(column: str) -> str:
    return f"list_sort(list_distinct(coalesce({column}, [])))"


BY_DAY = f"""
WITH points AS (
    SELECT unnest({days_until()}) AS instant
), moved AS (
    SELECT user_id, book, exchange, name, traded, instant, sum(held) AS held, sum(brought) AS brought,
        sum(fees) AS fees, sum(fills) AS fills
    FROM fill_moves_until(moment) AS move ASOF JOIN points ON move.time <= points.instant GROUP BY ALL
), amounts AS (
    SELECT user_id, book, exchange, name, traded, instant, coalesce(brought, 0) AS brought, coalesce(fees, 0) AS
        fees, coalesce(fills, 0) AS fills, sum(coalesce(held, 0)) OVER (
            PARTITION BY user_id, book, exchange, name, traded ORDER BY instant) AS held
    FROM (SELECT DISTINCT user_id, book, exchange, name, traded FROM moved) CROSS JOIN points
    LEFT JOIN moved USING (user_id, book, exchange, name, traded, instant)
), worth AS (
    SELECT user_id, instant, counted.currency AS money, {_SUMS}
    FROM amounts JOIN counted_in(currency) AS counted USING (book)
    LEFT JOIN worth_at(currency, {days_until()}) USING (book, exchange, name, traded, instant)
    GROUP BY ALL
), made AS (
    SELECT user_id, {day_of("instant")} AS day, money, brought, fees, fills,
        profit - lag(profit, 1, 0) OVER since AS profit,
        list_concat(coalesce(missing, []), coalesce(lag(missing) OVER since, [])) AS missing
    FROM worth WINDOW since AS (PARTITION BY user_id, money ORDER BY instant)
)
SELECT user_id, day, {_ANSWER.format(missing=_names("missing"))}
FROM made WHERE fills <> 0 OR profit <> 0 ORDER BY user_id, day
"""
