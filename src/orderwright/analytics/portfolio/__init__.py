"""The portfolio questions: prices, balances, what is locked, totals in any currency, exposure, profit, equity.

Each is one call, answered from the log's read models alone, now or as of any past moment (`as_of`, microseconds): what
was answered then is answered again. `user` None is everybody, `exchange` None is every exchange. The record types in
`records` say what an answer holds, `valuation` how assets are priced. Every question raises UnknownName for a
user, exchange or currency that the log does not know. What has no price is named in `missing` and left out of every
sum.
"""

from __future__ import annotations

from orderwright.analytics.portfolio.balances import balance_history, latest_balances, latest_prices, open_balances
from orderwright.analytics.portfolio.exposures import exposure
from orderwright.analytics.portfolio.profits import profit
from orderwright.analytics.portfolio.totals import equity_curve, total_balance

__all__ = [
    "balance_history",
    "equity_curve",
    "exposure",
    "latest_balances",
    "latest_prices",
    "open_balances",
    "profit",
    "total_balance",
]
