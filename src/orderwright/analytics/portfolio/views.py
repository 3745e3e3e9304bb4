"""The portfolio questions as SQL over the mirror (`mirror.schema`), for DuckDB: what the Python answers say, as of any
moment, in any currency.

A question is a table macro, and a view of it as of now; the view counts in the book's own currency.

    SELECT * FROM total_in('EUR', epoch_us(TIMESTAMP '2024-01-01 08:00'))      -- then; NULL: now
    SELECT * FROM total_balance WHERE user_id = 'ann'                          -- total_in(NULL, NULL)

Times are microseconds, UTC, as in the mirror's tables; a null moment is now, a null currency each book's own. Rows are
of every user: WHERE picks. Money is DECIMAL(38, 18), never a float; a product or a quotient is rounded to 18 places,
where the Python answers keep more. Accounts, instruments and settings are taken as they are now, as there.

| view | macro | a row is |
| --- | --- | --- |
| user_prices | user_prices_as_of(moment) | the newest price of a user's symbol |
| latest_balances | latest_balances_as_of(moment) | an asset of an account |
| working_orders | working_orders_as_of(moment) | an order that has not ended, and what it locks of `asset` |
| open_positions | open_positions_as_of(moment) | a position that is not flat; in its quote asset |
| balance_history | balance_history_as_of(moment) | a change of a balance |
| asset_totals | asset_totals_in(currency, moment) | an asset of a user on an exchange, and its value |
| total_balance | total_in(currency, moment) | a user: total = available + in_orders + in_positions |
| total_by_exchange | total_by_exchange_in(currency, moment) | the same, on an exchange |
| exposure | exposure_in(currency, moment) | a user's symbol on an exchange, with its working orders |
| equity | equity_in(currency, moment) | a user on an exchange at the end of a day, the last one ended by the moment |
| profit_by_day, _strategy, _symbol, _exchange | profit_by_day_in(currency, moment), ... | what a user's fills made |

Those that the others are built upon: `prices_at(instants)`, `balances_at`, `positions_at`, `rates_at(currency,
instants)`, each for every moment of a list.
"""

from __future__ import annotations

from orderwright.analytics.portfolio.sql import holdings, profits, rates, totals

_BASE = {
    "prices_at(instants)": holdings.PRICES_AT,
    "balances_at(instants)": holdings.BALANCES_AT,
    "positions_at(instants)": holdings.POSITIONS_AT,
    "counted_in(currency)": rates.COUNTED_IN,
    "rates_at(currency, instants)": rates.RATES_AT,
    "worth_at(currency, instants)": rates.WORTH_AT,
    "parts_at(currency, instants)": totals.PARTS_AT,
    "fill_moves_until(moment)": profits.FILL_MOVES,
}
_AS_OF = {
    "latest_balances": holdings.LATEST_BALANCES,
    "working_orders": holdings.WORKING_ORDERS,
    "open_positions": holdings.OPEN_POSITIONS,
    "user_prices": holdings.USER_PRICES,
    "balance_history": holdings.BALANCE_HISTORY,
}
_IN = {
    "asset_totals": ("asset_totals_in", totals.ASSET_TOTALS),
    "total_balance": ("total_in", totals.TOTAL),
    "total_by_exchange": ("total_by_exchange_in", totals.TOTAL_BY_EXCHANGE),
    "exposure": ("exposure_in", totals.EXPOSURE),
    "equity": ("equity_in", totals.EQUITY),
    "profit_by_day": ("profit_by_day_in", profits.BY_DAY),
    **{
        f"profit_by_{word}": (f"profit_by_{word}_in", profits.profit_by(word))
        for word in ("strategy", "symbol", "exchange")
    },
}


def views() -> dict[str, str]:
    """The SELECT of each table macro, by its name with its parameters, and of each view, by its name."""
    found = dict(_BASE)
    for name, sql in _AS_OF.items():
        found |= {f"{name}_as_of(moment)": sql, name: f"SELECT * FROM {name}_as_of(NULL)"}
    for name, (macro, sql) in _IN.items():
        found |= {f"{macro}(currency, moment)": sql, name: f"SELECT * FROM {macro}(NULL, NULL)"}
    return {name: sql.strip() for name, sql in found.items()}
