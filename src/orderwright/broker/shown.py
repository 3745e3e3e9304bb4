"""What a broker is shown of the market by an executor that has one of its own (MockExecutor): the price there, now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orderwright.core.model import Quote
from orderwright.ports import Feed


class ShownMarket:
    """A feed whose time is another one than ours: its price is the present one whatever its clock says."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def quote(self, symbol: str, time: int) -> Quote | None:
        found: Quote | None = self._api.market.quote(symbol, self._api.now)
        return None if found is None else Quote(found.last, time, found.bid, found.ask)

    def symbols(self) -> Iterable[str]:
        found: Iterable[str] = self._api.market.symbols()
        return found


def shown_by(executor: object) -> Feed | None:
    """The market of an executor or connector, if it shows one."""
    if hasattr(executor, "quote") and hasattr(executor, "symbols"):
        return executor
    api = getattr(executor, "api", None)
    if hasattr(api, "now") and hasattr(getattr(api, "market", None), "quote"):
        return ShownMarket(api)
    return None


__all__ = ["ShownMarket", "shown_by"]
