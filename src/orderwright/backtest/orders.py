"""The orders engine of backtests: the order engine itself, on the simulated exchange.

A strategy's orders go through the same checks, the same log and the same lifecycle as live ones. What happens when:

- The strategy is asked at each close, in order of time; of several symbols that close together, in the order given.
- With `fill_at="next_open"` its orders leave at the close and meet the market at the next open at the earliest; with
  `"this_close"` they leave a microsecond before the close, which they and the core are shown as if it were known.
- Fills are told when they happen (`on_fill`), before anything else does.
- The market is passed over where nothing waits for it: the engine is moved on when an order can react, a deadline comes
  or the strategy speaks. Where rules follow the price (trailing stops, lingering orders, the daily loss) it is shown
  every close at which they could act. Mark-outs after fills are not looked at, and prices are logged once a day.

Equity and positions are computed after the run, over arrays; that they end where the exact Decimal state ends is
asserted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.data import BarsOnHand
from orderwright.backtest.order_fills import BookedFills, NotedSlippage
from orderwright.backtest.outcome import Fills, Floats, Outcome
from orderwright.backtest.replaying import BPS, EXCHANGE, Shown, check_bars, exchange_of, instruments_of, settings_of
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import Trading
from orderwright.broker.places import journal_of
from orderwright.core import messages as m
from orderwright.core.model import (
    Account,
    Settings,
)
from orderwright.core.numbers import EXACT, ZERO
from orderwright.engine import Engine
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.ports import Journal
from orderwright.simulation.faults import Faults
from orderwright.simulation.models import Models
from orderwright.simulation.moments import OPENS

ACCOUNT, BOOK = "main", "backtest"
KEEP = 1_000
"""How many finished orders the log of a backtest remembers, where none is given."""
FAR = 2**62
MOST_AHEAD = 4_096


def run(
    strategy: Strategy,
    bars: Sequence[Bars],
    rules: Rules,
    *,
    warm_up: int | None = None,
    settings: Settings | None = None,
    models: Models | None = None,
    faults: Faults | None = None,
    seed: int = 0,
    keep: int | None = None,
    log: Journal | str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Run a strategy's `on_bar` over history, on the order engine.

    bars: one for each symbol, all with the same quote asset. rules: balance, costs, path, when orders fill. warm_up:
    how many bars of each symbol it is not asked about (None: the strategy's own). settings: risk limits and the like.
    models, faults: what the simulated exchange is like beyond the rules; seed: of the faults. keep: how many finished
    orders the log in memory remembers (None: 1,000). log: a path, URL or Journal that keeps everything. progress:
    called now and then with (bars done, bars in all).

    Raises InputError for bars that cannot be run together, and StrategyError for what the strategy raises.
    """
    return OrdersRun(strategy, bars, rules, warm_up, settings, models, faults, seed, keep, log).run(progress)


class OrdersRun:
    """One backtest. See `run`."""

    def __init__(
        self,
        strategy: Strategy,
        bars: Sequence[Bars],
        rules: Rules,
        warm_up: int | None,
        settings: Settings | None,
        models: Models | None,
        faults: Faults | None,
        seed: int,
        keep: int | None,
        log: Journal | str | Path | None,
    ) -> None:
        check_bars(bars)
        self.strategy, self.rules, self.bars = strategy, rules, list(bars)
        self.early = 1 if rules.fill_at == "this_close" else 0
        first = strategy.warm_up if warm_up is None else warm_up
        self.data = BarsOnHand(self.bars, {one.symbol: first for one in self.bars})
        self.slippage = NotedSlippage((models or Models()).slippage, rules.slippage)
        self.exchange = exchange_of(self.bars, rules, models, self.slippage, faults, seed)
        if log is None:
            log = MemoryJournal(KEEP if keep is None else keep)
        journal, self._owns_log = journal_of(log)
        if journal.open_state(BOOK).sequence:
            raise InputError("a backtest begins with an empty log", field="log", value=log)
        self.log = journal
        self.feed = Shown(self.exchange, early=bool(self.early))
        self.replies: list[m.Reply] = []
        start = min(int(one.candles.times[0]) for one in self.bars)
        self.engine = Engine(BOOK, journal, {EXCHANGE: self.exchange}, start=start, handler=self._hear, marks=False)
        self.engine.session.markets = {EXCHANGE: self.feed}
        self._open_book(settings)
        self.number = 0
        self.booked = BookedFills(self.bars, self.exchange, self.slippage, self.feed, self.engine)
        self.trading = Trading(
            self.engine,
            strategy,
            ACCOUNT,
            [one.symbol for one in self.bars],
            new_id=self._new_id,
            replies=self.replies,
            booked=self.booked,
            early=self.early,
        )
        self.context = Context(self.trading, self.data)
        self._times = self.data.times.data
        self._due, self._reach, self._look, self._spoke = 0, 1, FAR, 0
        self._lowest, self._highest = float(self.bars[0].close.min()), float(self.bars[0].close.max())
        self._level_of: tuple[Decimal, int] | None = None
        self._level = (0.0, 0.0)

    def _open_book(self, settings: Settings | None) -> None:
        rules, quote = self.rules, self.bars[0].candles.instrument.quote
        account = Account(
            account=ACCOUNT,
            exchange=EXCHANGE,
            maker_fee=rules.commission,
            taker_fee=rules.commission,
            slippage_bps=rules.slippage * BPS,
            traits=self.exchange.traits,
        )
        self.engine.tell(
            [
                m.Configure(settings=settings_of(settings, quote, self.bars)),
                *(m.DefineInstrument(instrument=one) for one in instruments_of(self.bars, rules)),
                m.OpenAccount(account=account),
                m.MoveCash(account=ACCOUNT, asset=quote, amount=rules.initial_balance, reference="start"),
            ]
        )
        for reply in self.replies:
            if reply.refusal is not None:
                why = reply.refusal
                raise InputError(why.rule, field=why.field or None, value=why.value, nearest=why.nearest)
        self.engine.session.watch = None  # this run looks at the price itself, where it may matter

    def _hear(self, said: m.RaiseAlert | m.Reply) -> None:
        if isinstance(said, m.Reply):
            self.replies.append(said)

    def _new_id(self) -> str:
        """Ids grow with time and number, so that the driver knows a new one without asking the log."""
        self.number += 1
        return f"{self.trading.now // 1_000:012x}{self.number:018x}"

    # The run

    def run(self, progress: Callable[[int, int], None] | None) -> Outcome:
        with self._log_closed_on_failure():
            total = sum(map(len, self.bars))
            self._call("on_start")
            done = 0
            for rows in self.data.rows():
                done += self._chunk(rows)
                if progress is not None:
                    progress(min(done, total), total)
            end = int(self.data.times[-1])
            self.engine.session.close(end)
            self._call("on_stop")
            if progress is not None:
                progress(total, total)
        return self._outcome()

    def _call(self, hook: str) -> None:
        trading = self.trading
        trading.call(hook)
        if trading.waiting:
            trading.flush()
        trading.tell()

    def _chunk(self, rows: Any) -> int:
        """The heart: every bar comes through here."""
        trading, context, on_bar, happened = self.trading, self.context, self.strategy.on_bar, self.trading.happened
        count = 0
        for row in rows:
            bar = row[0]
            if bar.time >= trading.wake:
                self._catch_up(bar.time)
            context.bar = bar
            try:
                on_bar(context, bar)
            except Exception as error:
                raise trading.blame("on_bar", error) from error
            if trading.waiting:
                trading.flush()
            if happened:
                trading.tell()
            count += 1
        return count

    def _catch_up(self, close: int) -> None:
        """Let everything happen that happens up to a decision, and find out when the next thing may."""
        trading, session, now = self.trading, self.engine.session, close - self.early
        spoke, state = trading.wake == 0, self.engine.state
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
        deadline = self.engine.driver.next_deadline()
        due = FAR if deadline is None else deadline
        trading.wake = FAR
        loses = self._may_lose()
        if state.orders or loses:
            horizon = self._times[min(bisect_right(self._times, close) + self._reach, len(self._times)) - 1]
            moment = self.exchange.next_moment(horizon) if state.orders else None
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
        state = self.engine.state
        if state.settings.linger:
            return True
        return (bool(state.trailing) and any(state.trailing.values())) or (
            bool(state.watched) and any(state.watched.values())
        )

    def _may_lose(self) -> bool:
        """Whether the daily loss is limited, and something is held that can lose."""
        limited = self.engine.state.settings.limits.max_daily_loss is not None
        return limited and any(self.trading.positions.values())

    def _loss_near(self, close: int, horizon: int) -> tuple[int, bool]:
        """(the first close, up to a horizon, at which the day's loss may be near its limit, True); or (when to ask
        again, False). The core decides; this only says when to show it the market, so it is on the safe side by a part
        in 500."""
        after = bisect_right(self._times, close)
        if after >= len(self._times):
            return FAR, False
        bars, *others = self.bars
        if others or bars.candles.instrument.quote not in self.engine.state.settings.parity:
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
        state = self.engine.state
        position, day = self.trading.position(bars.symbol), state.day
        key = (position.size, day.start if day is not None else 0)
        if key != self._level_of and day is not None:
            size, limit = float(position.size), float(state.settings.limits.max_daily_loss or ZERO)
            worth = float(self.trading.worth({bars.symbol: ZERO}))
            floor = float(day.equity) + sum(map(float, day.moved.values())) - limit
            level = (floor - worth) / size
            self._level_of, self._level = key, (size, level + abs(level) * (0.002 if size > 0 else -0.002))
        return self._level

    @contextmanager
    def _log_closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._owns_log:
                self.log.close()
            raise

    # What has come of it

    def _outcome(self) -> Outcome:
        fills = self.booked.fills()
        equity, position = self._curves(fills)
        self._check_end(float(equity[-1]))
        return Outcome(
            symbols=tuple(one.symbol for one in self.bars),
            times=self.data.times,
            equity=equity,
            position=position,
            fills=fills,
            ties=getattr(self.strategy, "ties", 0),
            orders=self.trading.orders_sent,
            log=self.log,
        )

    def _curves(self, fills: Fills) -> tuple[Floats, Floats]:
        """(equity, value of what is held), float64[n] each, at each close of any symbol."""
        times = self.data.times
        n = len(times)
        cash, value = np.zeros(n), np.zeros(n)
        for at, bars in enumerate(self.bars):
            instrument, closes = bars.candles.instrument, self.data.closes(bars.symbol)
            mine = fills.symbol == at
            steps = (fills.side * fills.quantity)[mine]
            paid = steps.astype(np.float64) * fills.price[mine] * float(instrument.tick_size * instrument.step_size)
            row = np.searchsorted(times, closes[fills.bar[mine]])
            cash -= np.bincount(row, weights=paid + fills.fee[mine], minlength=n)
            held = np.zeros(n, dtype=np.int64)
            np.add.at(held, row, steps)
            last = np.searchsorted(closes, times, side="right") - 1
            price = np.where(last >= 0, bars.close[np.maximum(last, 0)], 0.0)
            value += np.cumsum(held) * float(instrument.step_size) * price
        return float(self.rules.initial_balance) + np.cumsum(cash) + value, value

    def _check_end(self, equity: float) -> None:
        """The arrays must end where the book does."""
        state, total = self.engine.state, ZERO
        with localcontext(EXACT):
            for bars, instrument in zip(self.bars, self.trading.instruments.values(), strict=True):
                price = instrument.price(int(bars.candles.close[-1]))
                position = self.trading.position(bars.symbol)
                total += position.size * price
                if instrument.linear:
                    total -= position.cost if position.size > 0 else -position.cost
            balance = state.balances.get((ACCOUNT, self.trading.quote_asset))
            total += balance.total if balance is not None else ZERO
        if abs(float(total) - equity) > 1e-9 * max(abs(float(total)), float(self.rules.initial_balance)):
            raise AssertionError(f"equity by arrays {equity!r}, by the book {total}")


__all__ = ["OrdersRun", "run"]
