"""How well a broker's orders were executed: `stats`, over a mirror of its log in memory that grows with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from orderwright.broker.questions import AsksPortfolio
from orderwright.broker.times import Duration, duration_of
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.analytics.records import ExecutionReport
    from orderwright.journal.reading import LogReader


class TellsStatistics(AsksPortfolio):
    """The statistics, as methods of a broker."""

    def stats(self, window: Duration | None = "1d", **options: Any) -> ExecutionReport:
        """The execution report of the orders that were created in a window back from now ("1d", "2h", a timedelta):
        counts, slippage, time to fill, costs, the worst orders. None: in the window of `time_settings`. Scoped by
        `find_params`. options: those of `execution_report` (bars, currency, title, worst). Raises InputError for what
        is no duration, UnknownName for a user, exchange or symbol that no order has."""
        self._check_open()
        self._engine.driver.flush()
        if window is None:
            times = self._time.window(self.now)
            return self._stats(times.start, None if times.end is None else times.end + 1, options)
        length = duration_of(window, "window")
        if not length:
            raise InputError("a window is longer than nothing", field="window", value=window, nearest="1d")
        return self._stats(self.now - length, self.now + 1, options)

    def _stats(self, start: int | None, end: int | None, options: dict[str, Any]) -> ExecutionReport:
        """The report of a span of time, microseconds, the end left out."""
        from orderwright.analytics.execution import execution_report
        from orderwright.mirror.duck import MemoryMirror
        from orderwright.mirror.refreshing import refresh

        if self._mirror is None:
            self._mirror = MemoryMirror()
        refresh(cast("LogReader", self.journal), self._mirror)
        params = self._params
        scope: dict[str, Any] = {
            "exchange": params.exchange,
            "symbol": params.symbol,
            "strategy": params.strategy,
            "user": params.user_id,
            "book": self.book if self.state.last_order_id else None,
        }
        with self._mirror.reading() as connection:
            return execution_report(connection, start=start, end=end, **(scope | options))


__all__ = ["TellsStatistics"]
