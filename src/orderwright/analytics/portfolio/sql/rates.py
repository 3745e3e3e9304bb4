"""What an asset was worth in a currency, by the rules of `valuation`: the shortest way of conversions over priced
markets, those of the own exchange before any other; of equally short ones the one that begins directly, then with the
first of the parity assets, then by name.

A way of n conversions is a first one and a way of n - 1, so the best ways of each length follow from those of the
length before, and what they come to is worked out forwards, rounded to 18 places after each conversion.
"""

from __future__ import annotations

from orderwright.analytics.portfolio.sql.pieces import LISTED
from orderwright.core.model import Settings

_DEFAULTS = Settings()

COUNTED_IN = f"""
SELECT book, coalesce(currency, own) AS currency, parity, CASE WHEN list_contains(parity, coalesce(currency, own))
    THEN '=' ELSE coalesce(currency, own) END AS target
FROM (
    SELECT book, coalesce(said.own, '{_DEFAULTS.currency}') AS own,
        list_prepend(coalesce(said.own, '{_DEFAULTS.currency}'), string_split(
            coalesce(said.parity, '{",".join(_DEFAULTS.parity)}'), ',')) AS parity
    FROM (SELECT DISTINCT book FROM accounts) LEFT JOIN (
        SELECT book, unnest(arg_max(struct_pack(own := settings.currency, parity), sequence))
        FROM settings GROUP BY book
    ) AS said USING (book)
)
"""
"""A book, the currency that is asked for (null: its own), its parity assets, and the place to come to."""


def _longer(ways: str) -> str:
    """The best ways that are longer by one: by the best first conversion that such a way goes on from."""
    return f"""
    SELECT edge.book, edge.instant, home, own, edge.place, arg_min(list_prepend(step, steps), rank) AS steps
    FROM seen AS edge JOIN {ways} AS way USING (book, instant, home, own) JOIN money USING (book)
    WHERE way.place = edge.onto AND edge.place <> target GROUP BY ALL"""


# A step is a price and whether it is divided by; the way so far is one too, of what one unit has come to.
_WORTH = """list_reduce(steps, lambda way, step: struct_pack(price := CASE WHEN step.inverted
        THEN exact_quotient(way.price, step.price) ELSE exact_product(way.price, step.price) END, inverted := false),
        struct_pack(price := 1::DECIMAL(38, 18), inverted := false)).price"""

RATES_AT = f"""
WITH money AS (
    SELECT * FROM counted_in(currency)
), markets AS (
    SELECT book, exchange, symbol, base, quote, parity, instant, mid AS price,
        CASE WHEN list_contains(parity, base) THEN '=' ELSE base END AS base_place,
        CASE WHEN list_contains(parity, quote) THEN '=' ELSE quote END AS quote_place
    FROM prices_at(instants) JOIN {LISTED} AS listed USING (book, exchange, symbol) JOIN money USING (book)
    WHERE NOT linear AND mid <> 0
), edges AS (
    SELECT book, instant, exchange, symbol, base_place AS place, quote_place AS onto, price, false AS inverted,
        coalesce(list_position(parity, quote), 1000000) AS first
    FROM markets WHERE base_place <> quote_place
    UNION ALL
    SELECT book, instant, exchange, symbol, quote_place, base_place, price, true,
        coalesce(list_position(parity, base), 1000000)
    FROM markets WHERE base_place <> quote_place
), homes AS (
    SELECT book, exchange AS home FROM accounts UNION SELECT book, exchange FROM instruments
), seen AS MATERIALIZED (
    SELECT book, instant, home, own, place, onto, struct_pack(price, inverted) AS step,
        (exchange <> home, inverted, first, exchange, symbol) AS rank
    FROM edges JOIN homes USING (book), (VALUES (true), (false)) AS scope(own)
    WHERE NOT own OR exchange = home
), one AS (
    SELECT edge.book, instant, home, own, place, arg_min([step], rank) AS steps
    FROM seen AS edge JOIN money USING (book) WHERE onto = target GROUP BY ALL
), two AS ({_longer("one")}
), three AS ({_longer("two")}
), best AS (
    SELECT book, instant, home, place, arg_min(steps, (NOT own, len(steps))) AS steps
    FROM (FROM one UNION ALL FROM two UNION ALL FROM three) GROUP BY ALL
), worked AS (
    SELECT book, instant, home, place, {_WORTH} AS rate FROM best
), assets AS (
    SELECT book, asset FROM ledger UNION SELECT book, fee_asset FROM fills WHERE fee_asset IS NOT NULL
    UNION SELECT book, base FROM instruments UNION SELECT book, quote FROM instruments
), places AS (
    SELECT book, asset, target, CASE WHEN list_contains(parity, asset) THEN '=' ELSE asset END AS place
    FROM assets JOIN money USING (book)
)
SELECT book, home AS exchange, asset, point.instant, CASE WHEN place = target THEN 1::DECIMAL(38, 18) ELSE rate END AS
    rate
FROM places JOIN homes USING (book) CROSS JOIN (SELECT DISTINCT unnest(instants) AS instant) AS point
LEFT JOIN worked USING (book, home, place, instant)
"""
"""A unit of an asset that is held on an exchange, in the currency, at each instant; null without a way."""

WORTH_AT = f"""
WITH rates AS MATERIALIZED (
    FROM rates_at(currency, instants)
)
SELECT book, exchange, asset AS name, false AS traded, instant, rate FROM rates
UNION ALL
SELECT book, exchange, symbol, true, instant, exact_product(mid, rate)
FROM prices_at(instants) JOIN {LISTED} AS listed USING (book, exchange, symbol)
JOIN (SELECT book, exchange, asset AS quote, instant, rate FROM rates) AS rated USING (book, exchange, quote, instant)
"""
"""The same, and what a unit of a symbol's base, or a contract, is worth at the middle of its own market (traded)."""
