"""How well a broker's orders were executed: `stats`, over a mirror of its log (mirroring.py) that grows with it, and
`running`, the same figures so far, kept online without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from orderwright.broker.query import check_keys
from orderwright.broker.questions import AsksPortfolio
from orderwright.broker.times import Duration, duration_of
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.analytics.records import ExecutionReport
    from orderwright.analytics.running import RunningExecution
    from orderwright.ports import Journal


_OPTIONS = ("bars", "currency", "order_type", "parity", "title", "worst")


class TellsStatistics(AsksPortfolio):
    """The statistics, as methods of a broker."""

    def stats(self, window: Duration | None = "1d", **options: Any) -> ExecutionReport:
        """The execution report of the orders that were created in a window back from now ("1d", "2h", a timedelta):
        counts, slippage, time to fill, costs, the worst orders. None: in the window of `time_settings`. Scoped by
        `find_params` and to the broker's book. options: those of `execution_report` (bars, currency, title, worst).
        Raises InputError for what is no duration, UnknownName for a user, exchange or symbol that no order has."""
        self._check_open()
        self._engine.driver.flush()
        if window is None:
            times = self._time.window(self.now)
            return self._stats(times.start, None if times.end is None else times.end + 1, options)
        length = duration_of(window, "window")
        if not length:
            raise InputError("a window is longer than nothing", field="window", value=window, nearest="1d")
        return self._stats(self.now - length, self.now + 1, options)

    @property
    def _whole_log(self) -> Journal:
        """The log with all that has ever happened in it, at hand."""
        return self.journal

    def _stats(self, start: int | None, end: int | None, options: dict[str, Any]) -> ExecutionReport:
        """The report of a span of time, microseconds, the end left out."""
        from orderwright.analytics.execution import execution_report

        check_keys(options, _OPTIONS, "stats")
        self._mirror.refresh(self._whole_log)
        params, settings = self._params, self.state.settings
        scope: dict[str, Any] = {
            "exchange": params.exchange,
            "symbol": params.symbol,
            "strategy": params.strategy,
            "user": params.user_id,
            "account": params.account,
            "episode": params.episode,
            "currency": settings.currency,
            "parity": settings.parity,
        }
        with self._mirror.current.reading() as connection:
            if self.state.last_order_id:
                scope["book"] = self.book
                return execution_report(connection, start=start, end=end, **(scope | options))
            empty = execution_report(connection, start=0, end=0, **(scope | options))  # no order was placed in no time
            return structs.replace(empty, start=start, end=end)

    @property
    def running(self) -> RunningExecution:
        """The book's execution figures so far (analytics/running.py), by exchange, symbol, strategy and order type:
        orders that have ended, fees, slippage, times to fill and to acknowledge. Each reading takes what the log has
        gained since the one before, the first one all of it; what it holds does not grow with the log. In a log that
        keeps less than everything, orders that it had dropped by then are not counted.

            broker.running.figures["exchange"]["binance"].slippage.quantile(0.95)
        """
        from orderwright.analytics.running import RunningExecution

        self._check_open()
        self._engine.driver.flush()
        if self._running is None:
            self._running = RunningExecution()
        self._running.catch_up(self._whole_log, self.book)
        self._running.drop_lost(self.book, self.state.orders)
        return self._running


__all__ = ["TellsStatistics"]
