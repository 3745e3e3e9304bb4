"""What is asked of a broker's money: the portfolio questions (analytics/portfolio), scoped to its book and to the
user, exchange and account that `find_params` has named. Money belongs to an account: the symbol, strategy and episode
that `find_params` may name too say whose orders are meant, and change nothing here. `profit` is asked by strategy or
symbol with its `by`.

`as_of` is a time as times.py reads it: a datetime with its zone, ISO text with a zone, or epoch microseconds. Without
one it is the moment that `time_settings` has named, or now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from orderwright.analytics import portfolio
from orderwright.broker.base import OpenBroker
from orderwright.broker.times import Time, duration_of, time_of
from orderwright.ports import Journal, Row

if TYPE_CHECKING:
    from orderwright.analytics.portfolio.records import (
        AssetBalance,
        BalanceChange,
        EquityPoint,
        Exposure,
        OpenBalances,
        OpenPosition,
        Price,
        Profit,
        TotalBalance,
    )


class OneBook:
    """A journal seen through one book: rows of other books (other episodes) are not there."""

    def __init__(self, journal: Journal, book: str) -> None:
        self._journal, self._book = journal, book

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return self._journal.latest(table, by=by, where={**(where or {}), "book": self._book}, as_of=as_of)

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        own = {**(where or {}), "book": self._book}
        return self._journal.history(table, where=own, limit=limit, since=since, as_of=as_of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class AsksPortfolio(OpenBroker):
    """The questions, as methods of a broker. All raise UnknownName for a user, exchange, account or currency not known,
    and InputError where `find_params` has set what cannot scope them."""

    def prices(self, as_of: Time | None = None) -> list[Price]:
        """The latest price of each symbol that the user trades or holds."""
        return portfolio.latest_prices(self._one, **self._scope(as_of))

    def balances(self, as_of: Time | None = None) -> list[AssetBalance]:
        """The latest balance of each asset on each exchange: total, locked, free."""
        scope = self._scope(as_of)
        exchange = scope.pop("exchange")
        return portfolio.latest_balances(self._one, exchanges=None if exchange is None else [exchange], **scope)

    def open_balances(self, as_of: Time | None = None) -> OpenBalances:
        """What is not free: locked by working orders, and in open positions."""
        return portfolio.open_balances(self._one, **self._scope(as_of))

    def positions(self, as_of: Time | None = None) -> list[OpenPosition]:
        """The positions that are not flat."""
        return list(self.open_balances(as_of).positions)

    def total_balance(self, currency: str = "USD", as_of: Time | None = None) -> TotalBalance:
        """What everything is worth in a currency, by exchange and in all; what has no price is named, and left out."""
        return portfolio.total_balance(self._one, currency=currency, **self._scope(as_of))

    def balance_history(self, asset: str | None = None, limit: int | None = None) -> list[BalanceChange]:
        """Every change of a balance within the time settings, oldest first; of too many, the newest `limit`."""
        scope, window = self._scope(None), self._time.window(self.now)
        asset = None if asset is None else asset.upper()
        return portfolio.balance_history(self._one, asset=asset, start=window.start, limit=limit, **scope)

    def exposure(
        self, by: Sequence[str] | str = ("exchange", "symbol"), currency: str = "USD", as_of: Time | None = None
    ) -> list[Exposure]:
        """What positions and working orders stake on the market, by exchange, symbol, user, account ..."""
        return portfolio.exposure(self._one, by, currency=currency, **self._scope(as_of))

    def profit(self, by: Sequence[str] | str = ("day",), currency: str = "USD") -> list[Profit]:
        """Profit within the time settings, by day, strategy, symbol, exchange ..."""
        window = self._time.window(self.now)
        return portfolio.profit(self._one, by, currency=currency, start=window.start, **self._scope(None))

    def equity_curve(self, every: str = "1d", currency: str = "USD") -> list[EquityPoint]:
        """Equity, every so often ("1d", "1h"), within the time settings."""
        step, window = duration_of(every, "every"), self._time.window(self.now)
        return portfolio.equity_curve(self._one, currency=currency, every=step, start=window.start, **self._scope(None))

    @property
    def _one(self) -> Journal:
        self._check_open()
        self._engine.driver.flush()
        seen = OneBook(self.journal, self.book)
        return cast("Journal", seen)  # what it does not change it hands on

    def _scope(self, as_of: Time | None) -> dict[str, Any]:
        """Whose, where and of when."""
        end = self._time.window(self.now).end
        time = end if as_of is None else time_of(as_of, "as_of")
        params = self._params
        return {"user": params.user_id, "exchange": params.exchange, "account": params.account, "as_of": time}


__all__ = ["AsksPortfolio", "OneBook"]
