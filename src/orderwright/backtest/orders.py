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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from orderwright.backtest.bars import Bars
from orderwright.backtest.checking import has_signals
from orderwright.backtest.context import Context
from orderwright.backtest.curves import check_end, curves
from orderwright.backtest.data import BarsOnHand
from orderwright.backtest.executed import Tally
from orderwright.backtest.order_fills import BookedFills
from orderwright.backtest.outcome import Outcome
from orderwright.backtest.pacing import Pace
from orderwright.backtest.replaying import BPS, EXCHANGE, Shown, check_bars, exchange_of, instruments_of, settings_of
from orderwright.backtest.rules import Rules
from orderwright.backtest.signal_trader import trader_of
from orderwright.backtest.strategy import Strategy, refuse_silent
from orderwright.backtest.trading import Trading
from orderwright.broker.places import journal_of
from orderwright.core import messages as m
from orderwright.core.model import Account, Settings
from orderwright.core.numbers import divided
from orderwright.engine import Engine
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.ports import Journal
from orderwright.simulation.faults import Faults
from orderwright.simulation.models import Models

ACCOUNT, BOOK = "main", "backtest"
KEEP = 1_000
"""How many finished orders the log of a backtest remembers, where none is given."""


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
    """Run a strategy over history, on the order engine: its `on_bar`; or, where it has them, its signals by the rules
    (whether they look ahead is for the `Backtester` to see).

    bars: one for each symbol, all with the same quote asset. rules: balance, costs, path, when orders fill. warm_up:
    how many bars of each symbol it is not asked about (None: the strategy's own). settings: risk limits and the like.
    models, faults: what the simulated exchange is like beyond the rules; seed: of the faults. keep: how many finished
    orders the log in memory remembers (None: 1,000). log: a path, URL or Journal that keeps everything. progress:
    called now and then with (bars done, bars in all).

    Raises InputError for bars that cannot be run together, and StrategyError for what the strategy raises.
    """
    if has_signals(strategy):
        check_bars(bars)
        first = strategy.warm_up if warm_up is None else warm_up
        strategy, warm_up = trader_of(strategy, bars, sized_by(rules, settings), first), 0
    return OrdersRun(strategy, bars, rules, warm_up, settings, models, faults, seed, keep, log).run(progress)


def sized_by(rules: Rules, settings: Settings | None) -> Rules:
    """The rules that sizes are reckoned by: a market order with a collar may cost as much as that."""
    most = settings.max_slippage_bps if settings is not None else None
    return rules if most is None else structs.replace(rules, slippage=max(rules.slippage, divided(most, BPS)))


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
        refuse_silent(strategy)
        self.strategy, self.rules, self.bars = strategy, rules, list(bars)
        self.early = 1 if rules.fill_at == "this_close" else 0
        first = strategy.warm_up if warm_up is None else warm_up
        self.data = BarsOnHand(self.bars, {one.symbol: first for one in self.bars})
        self.exchange = exchange_of(self.bars, rules, models, faults, seed)
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
        self.engine.session.looking.markets = {EXCHANGE: self.feed}
        self._open_book(settings)
        self.number = 0
        self.booked = BookedFills(self.bars, self.exchange, self.feed, self.engine)
        self.tally = Tally()
        self.trading = Trading(
            self.engine,
            strategy,
            ACCOUNT,
            [one.symbol for one in self.bars],
            new_id=self._new_id,
            replies=self.replies,
            booked=self.booked,
            ended=self.tally,
            early=self.early,
        )
        self.context = Context(self.trading, self.data)
        self.pace = Pace(self.trading, self.exchange, self.bars, self.data.times)

    def _open_book(self, settings: Settings | None) -> None:
        rules, quote = self.rules, self.bars[0].candles.instrument.quote
        account = Account(
            account=ACCOUNT,
            exchange=EXCHANGE,
            maker_fee=rules.commission,
            taker_fee=rules.commission,
            slippage_bps=sized_by(rules, settings).slippage * BPS,
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
        catch_up = self.pace.catch_up
        count = 0
        for row in rows:
            bar = row[0]
            if bar.time >= trading.wake:
                catch_up(bar.time)
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
        equity, position = curves(self.booked, fills, self.bars, self.data, self.rules.initial_balance)
        check_end(equity, self.bars, self.trading, self.rules.initial_balance)
        return Outcome(
            symbols=tuple(one.symbol for one in self.bars),
            times=self.data.times,
            equity=equity,
            position=position,
            fills=fills,
            ties=getattr(self.strategy, "ties", 0),
            orders=self.trading.orders_sent,
            log=self.log,
            executed=self.tally.close(self.engine.state.orders.values(), self.booked.arrivals()),
        )


__all__ = ["OrdersRun", "run"]
