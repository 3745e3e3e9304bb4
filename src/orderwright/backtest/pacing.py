"""How an orders run goes along with the engine: passing over the market where nothing waits for it.

- Who speaks at a bar is caught up with at the next one.
- While orders work, the exchange is asked for the next moment at which one could react, further ahead each time that
  nothing does; nothing is moved on before.
- Where a rule follows the price (a trailing stop, orders that linger), the market is shown at every close; where the
  daily loss is limited, at each close that may be near the limit. The core decides what follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Ints
from orderwright.backtest.trading import Trading
from orderwright.core.numbers import ZERO
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.moments import OPENS

FAR = 2**62
MOST_AHEAD = 4_096


class Pace:
    """trading: whose `wake` it sets: before that time there is nothing to catch up with. times: int64[n], when bars of
    any symbol close."""

    def __init__(self, trading: Trading, exchange: SimulatedExchange, bars: Sequence[Bars], times: Ints) -> None:
        self._trading, self._exchange, self._bars, self._times = trading, exchange, bars, times.data
        self._state, self._session, self._driver = trading.state, trading.session, trading.engine.driver
        self._due, self._reach, self._look, self._spoke = 0, 1, FAR, 0
        self._lowest, self._highest = float(bars[0].close.min()), float(bars[0].close.max())
        self._level_of: tuple[Decimal, int] | None = None
        self._level = (0.0, 0.0)

    def catch_up(self, close: int) -> None:
        """Let everything happen that happens up to a decision, and find out when the next thing may."""
        trading, session, now = self._trading, self._session, close - self._trading.early
        spoke, state = trading.wake == 0, self._state
        if spoke or self._due <= now:
            self._reach = 1
            session.advance(now)
            self._spoke = self._spoke + 1 if spoke else 0
            if self._spoke > 1 and self._look == FAR and not state.trailing and not self._may_lose():
                self._due = trading.wake = now + 1  # who speaks at every bar will do so at the next one
                return
        else:
            self._reach = min(64 * self._reach, MOST_AHEAD)
        if close == self._look:
            session.show(now)
            trading.tell()
        if self._follows_price():
            session.show(now)
            trading.tell()
            if state.orders:
                session.advance(now)
            self._due = trading.wake = now + 1
            return
        deadline = self._driver.next_deadline()
        due = FAR if deadline is None else deadline
        trading.wake = FAR
        loses = self._may_lose()
        if state.orders or loses:
            horizon = self._times[min(bisect_right(self._times, close) + self._reach, len(self._times)) - 1]
            moment = self._exchange.next_moment(horizon) if state.orders else None
            if moment is not None:
                due = min(due, moment[0] + 1 if moment[1] == OPENS else moment[0])
            trading.wake = horizon if state.orders else FAR
            if loses:
                wake, near = self._loss_near(close, horizon)
                trading.wake = min(trading.wake, wake)
                self._look = wake if near else FAR
        self._due = due
        trading.wake = max(min(trading.wake, due), 1)

    def _follows_price(self) -> bool:
        """Whether a rule looks at every close: a trailing stop works, or orders that linger are looked after."""
        state = self._state
        if state.settings.linger:
            return True
        return (bool(state.trailing) and any(state.trailing.values())) or (
            bool(state.watched) and any(state.watched.values())
        )

    def _may_lose(self) -> bool:
        """Whether the daily loss is limited, and something is held that can lose."""
        limited = self._state.settings.limits.max_daily_loss is not None
        return limited and any(self._trading.positions.values())

    def _loss_near(self, close: int, horizon: int) -> tuple[int, bool]:
        """(the first close, up to a horizon, at which the day's loss may be near its limit, True); or (when to ask
        again, False). The core decides; this only says when to show it the market, so it is on the safe side by a part
        in 500."""
        after = bisect_right(self._times, close)
        if after >= len(self._times):
            return FAR, False
        bars, *others = self._bars
        if others or bars.candles.instrument.quote not in self._state.settings.parity:
            return self._times[after], True
        size, level = self._loss_level(bars)
        if level < self._lowest if size > 0 else level > self._highest:
            return FAR, False
        ahead = bars.close[after : bisect_right(self._times, horizon)]
        near = ahead <= level if size > 0 else ahead >= level
        at = int(near.argmax()) if near.size else 0
        return (self._times[after + at], True) if near.size and near[at] else (horizon, False)

    def _loss_level(self, bars: Bars) -> tuple[float, float]:
        """What is held of the one symbol, and the price at which the day's loss comes near its limit."""
        state = self._state
        position, day = self._trading.position(bars.symbol), state.day
        key = (position.size, day.start if day is not None else 0)
        if key != self._level_of and day is not None:
            size, limit = float(position.size), float(state.settings.limits.max_daily_loss or ZERO)
            worth = float(self._trading.worth({bars.symbol: ZERO}))
            floor = float(day.equity) + sum(map(float, day.moved.values())) - limit
            level = (floor - worth) / size
            self._level_of, self._level = key, (size, level + abs(level) * (0.002 if size > 0 else -0.002))
        return self._level


__all__ = ["Pace"]
