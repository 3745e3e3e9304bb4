"""The kernel again in plain Python, to be read, and to hold the compiled one to: the same rules (backtest/rules.py),
one bar after the other, nothing passed over, cash exact.

    twin(bars, signals, rules) -> Outcome

Some thousand times slower than `running.run`; the same tests drive both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from orderwright.backtest import sizes
from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import REASONS, Fills, Outcome
from orderwright.backtest.rules import Rules, TargetPosition, VolatilityRisk
from orderwright.simulation.models.path import Bar, nearer_first, open_high_low_close, open_low_high_close, worst_case

PATHS = {
    "nearest": nearer_first,
    "worst": worst_case,
    "high_first": open_high_low_close,
    "low_first": open_low_high_close,
}


class Filled(NamedTuple):
    """bar, stage (0 open, 1 and 2 extremes, 3 close), side, price (ticks), steps, reason; fee and slippage, quote."""

    bar: int
    stage: int
    side: int
    price: int
    steps: int
    reason: str
    fee: float
    slippage: float


@dataclass
class Market:
    """A market order on its way. follows: it came right after an open had closed another."""

    side: int
    steps: int
    reason: str
    then: int = 0
    follows: bool = False


@dataclass
class Limit:
    """A limit entry. taking: it was crossed when it came. late: it came inside this bar. last: the bar at whose
    decision it is cancelled."""

    side: int
    steps: int
    price: int
    last: int
    taking: bool
    late: bool


@dataclass
class Exits:
    """Of a position: its stop, its take profit (0: none), the best price so far. arrived: open, inside or close."""

    best: int
    arrived: str
    stop: int = 0
    reason: str = "stop_loss"
    moved: bool = False
    profit: int = 0
    taking: bool = False


@dataclass
class Twin:
    """One run."""

    bars: Bars
    rules: Rules
    held: int = 0
    market: Market | None = None
    limit: Limit | None = None
    exits: Exits | None = None
    fills: list[Filled] = field(default_factory=list)
    ties: int = 0
    orders: int = 0

    def __post_init__(self) -> None:
        candles, rules = self.bars.candles, self.rules
        instrument = candles.instrument
        self.cash = Fraction(rules.initial_balance)
        self.short_cost = Fraction(0)
        self.unit = Fraction(instrument.tick_size) * Fraction(instrument.step_size)
        self.tick, self.step = float(instrument.tick_size), float(instrument.step_size)
        self.linear = rules.allow_short or instrument.linear
        columns = (candles.open, candles.high, candles.low, candles.close)
        self.prices = [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        self.early = rules.fill_at == "this_close"

    # Prices

    def moved(self, price: int, fraction: object, *, up: bool) -> int:
        """Moved by a fraction, rounded to the tick away from it, one tick at least."""
        distance = -(-price * Fraction(str(fraction)) // 1)
        return int(price + distance) if up else int(max(price - distance, 1))

    def taken(self, price: int, side: int, limit: int = 0) -> int:
        """What a taker pays; never worse than its limit."""
        slipped = self.moved(price, self.rules.slippage, up=side > 0)
        if not limit:
            return slipped
        return min(slipped, limit) if side > 0 else max(slipped, limit)

    # A bar

    def run(self, signals: Sequence[int]) -> list[float]:
        """Equity at each close."""
        equity = []
        for self.bar, signal in enumerate(signals):
            self.walk(signal)
            equity.append(float(self.cash + self.held * self.prices[self.bar][3] * self.unit))
        return equity

    def walk(self, signal: int) -> None:
        first, high, low, close = self.prices[self.bar]
        self.first = first
        if self.exits is not None:
            self.exits.arrived, self.exits.moved = "open", False
        self.at_open(first)
        stop = self.exits.stop if self.exits is not None and self.exits.arrived == "open" else 0
        path = PATHS[self.rules.path](Bar(first, high, low, close, first < stop <= high, low <= stop < first))
        self.on_leg(1, path[0], path[1])
        self.on_leg(2, path[1], path[2])
        if self.early:
            self.decide(signal, close)
        self.on_leg(3, path[2], path[3])
        self.at_close(close)
        if not self.early:
            self.decide(signal, close)

    def at_open(self, price: int) -> None:
        market, limit, exits = self.market, self.limit, self.exits
        if market is not None:
            self.fill_market(0, price, "open", price)
            if market.then:
                self.enter(market.then, price, self.prices[self.bar - 1][3], self.bar - 1, follows=True)
        elif limit is not None:
            if reached(price, limit.price, falling=limit.side > 0):
                self.fill_limit(0, self.taken(price, limit.side, limit.price) if limit.taking else price, price, "open")
            limit.taking = False
        elif exits is not None:
            self.meet_exits(0, price, price)

    def on_leg(self, stage: int, start: int, end: int) -> None:
        market, limit, exits = self.market, self.limit, self.exits
        if market is not None and market.follows:
            self.fill_market(stage, start, "inside", self.first)
        elif limit is not None and not limit.late:
            falling = limit.side > 0
            if reached(start, limit.price, falling=falling) or reached(end, limit.price, falling=falling):
                paid = self.taken(start, limit.side, limit.price) if limit.taking else limit.price
                market_price = start if limit.taking else limit.price
                self.fill_limit(stage, paid, market_price, "close" if stage == 3 else "inside")
            limit.taking = False
        elif exits is not None and exits.arrived == "open":
            self.pass_exits(exits, stage, start, end)

    def at_close(self, price: int) -> None:
        limit, market = self.limit, self.market
        if self.exits is not None and self.exits.arrived == "inside":
            self.meet_exits(3, price, 0)
        if limit is not None and limit.late:
            if reached(price, limit.price, falling=limit.side > 0):
                self.fill_limit(3, limit.price, limit.price, "close")
            limit.taking = limit.late = False
        if market is not None and self.early:
            self.fill_market(3, price, "close", price)
            if market.then:
                self.enter(market.then, price, price, self.bar)

    # The decision

    def decide(self, signal: int, close: int) -> None:
        if self.limit is not None and self.bar >= self.limit.last:
            self.limit = None
        if self.exits is not None and self.rules.trailing_stop is not None:
            self.trail(self.exits, close)
        if not signal:
            return
        if self.limit is not None and self.limit.side != signal:
            self.limit = None
        enters = signal > 0 or self.rules.allow_short
        if self.held * signal < 0:
            self.exits = None
            self.market = Market(signal, abs(self.held), "signal", then=signal if enters else 0)
            self.orders += 1
        elif self.held:
            if isinstance(self.rules.sizing, TargetPosition):
                self.rebalance(signal, close)
        elif self.limit is None and enters:
            self.enter(signal, close, close, self.bar, late=self.early)

    def trail(self, exits: Exits, close: int) -> None:
        sign = 1 if self.held > 0 else -1
        if sign * close > sign * exits.best:
            exits.best = close
            stop = self.moved(close, self.rules.trailing_stop, up=self.held < 0)
            if sign * stop > sign * exits.stop:
                exits.stop, exits.reason, exits.moved = stop, "trailing_stop", True

    # What goes out

    def enter(self, side: int, known: int, close: int, bar: int, *, follows: bool = False, late: bool = False) -> None:
        """An entry, sized at the price known now. close, bar: the decision's."""
        rules = self.rules
        if rules.limit_entry is not None:
            price = self.moved(close, rules.limit_entry, up=side < 0)
        else:
            price = self.taken(known, 1) if side > 0 else known
        unit = sizes.unit_cost(price, self.tick, self.step, float(rules.commission))
        fixed = sizes.fixed_steps(rules.sizing, self.bars.candles.instrument.step_size)
        steps, tie = sizes.entry_steps(
            sizes.sizing_kind(rules.sizing),
            sizes.share_of(rules.sizing),
            fixed,
            self.range(bar),
            self.step,
            float(self.cash),
            unit,
        )
        self.ties += tie
        if not steps:
            return
        self.orders += 1
        if rules.limit_entry is None:
            self.market = Market(side, steps, "entry", follows=follows)
        else:
            taking = reached(known, price, falling=side > 0)
            self.limit = Limit(side, steps, price, bar + rules.limit_bars, taking, late)

    def rebalance(self, side: int, close: int) -> None:
        rules = self.rules
        assert isinstance(rules.sizing, TargetPosition)
        equity = float(self.cash + self.held * close * self.unit)
        unit = sizes.unit_cost(
            self.taken(close, 1) if side > 0 else close, self.tick, self.step, float(rules.commission)
        )
        share = sizes.share_of(rules.sizing)
        target, tie = sizes.entry_steps(sizes.TARGET, share, 0, 0.0, self.step, equity, unit)
        self.ties += tie
        more = target - abs(self.held)
        if more > 0:
            more, tie = sizes.at_most(more, float(self.cash - 2 * self.short_cost), unit)
            self.ties += tie
        if more:
            self.orders += 1
            self.market = Market(side if more > 0 else -side, abs(more), "rebalance")

    def range(self, bar: int) -> float:
        """The average true range up to a bar, for the sizing that asks; -1 before there are enough bars."""
        sizing = self.rules.sizing
        if not isinstance(sizing, VolatilityRisk):
            return 0.0
        if bar + 1 < sizing.window:
            return -1.0
        ranges = 0
        for at in range(bar - sizing.window + 1, bar + 1):
            _, high, low, _ = self.prices[at]
            ranges += sizes.true_range(high, low, self.prices[at - 1][3]) if at else high - low
        return sizes.mean_range(ranges, sizing.window, self.tick)

    def arm(self, price: int, arrived: str, touch: int) -> None:
        """The exits of an entry that has filled. touch: the last price that the exchange knows."""
        rules, long = self.rules, self.held > 0
        exits = self.exits = Exits(price, arrived)
        if rules.stop_loss is not None:
            exits.stop = self.moved(price, rules.stop_loss, up=not long)
        if rules.trailing_stop is not None:
            trail = self.moved(price, rules.trailing_stop, up=not long)
            if not exits.stop or (trail > exits.stop if long else trail < exits.stop):
                exits.stop, exits.reason = trail, "trailing_stop"
        if rules.take_profit is not None:
            exits.profit = self.moved(price, rules.take_profit, up=long)
            exits.taking = reached(touch, exits.profit, falling=not long)
        self.orders += (exits.stop > 0) + (exits.profit > 0)

    # What fills

    def fill_market(self, stage: int, price: int, arrived: str, touch: int) -> None:
        market, self.market = self.market, None
        assert market is not None
        paid, steps = self.taken(price, market.side), market.steps
        if market.side > 0 and not self.linear:
            each = paid * self.unit * (1 + Fraction(self.rules.commission))
            steps = min(steps, int(self.cash // each))
        if steps:
            self.fill(stage, market.side, paid, price, steps, market.reason)
            if market.reason == "entry":
                self.arm(paid, arrived, touch)

    def fill_limit(self, stage: int, price: int, market: int, arrived: str) -> None:
        limit, self.limit = self.limit, None
        assert limit is not None
        self.fill(stage, limit.side, price, market, limit.steps, "entry")
        self.arm(price, arrived, market if arrived == "open" else self.first if arrived == "inside" else price)

    def meet_exits(self, stage: int, price: int, jumped: int) -> None:
        """A single price: an open that the market jumped to, or (jumped 0) a close that they came late to."""
        exits, long, side = self.exits, self.held > 0, -1 if self.held > 0 else 1
        assert exits is not None
        if exits.stop and reached(price, exits.stop, falling=long):
            self.fill(stage, side, self.taken(price, side), price, abs(self.held), exits.reason)
        elif exits.profit and reached(price, exits.profit, falling=not long):
            paid = self.taken(price, side, exits.profit) if exits.taking else jumped or exits.profit
            self.fill(stage, side, paid, price if exits.taking else paid, abs(self.held), "take_profit")
        exits.taking = False

    def pass_exits(self, exits: Exits, stage: int, start: int, end: int) -> None:
        """The price moves from start to end. A take profit that is a taker meets the first price, before the stop."""
        long, side = self.held > 0, -1 if self.held > 0 else 1
        first = exits.taking and reached(start, exits.profit, falling=not long)
        for level, falling, reason in ((exits.stop, long, exits.reason), (exits.profit, not long, "take_profit")):
            if not level or (reason != "take_profit" and (first or (exits.moved and stage == 3))):
                continue
            if reached(start, level, falling=falling) or reached(end, level, falling=falling):
                market, paid = level, level
                if reason != "take_profit":
                    market = start if reached(start, level, falling=falling) else level
                    paid = self.taken(market, side)
                elif exits.taking:
                    market, paid = start, self.taken(start, side, level)
                self.fill(stage, side, paid, market, abs(self.held), reason)
                break
        exits.taking = False

    def fill(self, stage: int, side: int, price: int, market: int, steps: int, reason: str) -> None:
        value = price * steps * self.unit
        fee = value * Fraction(self.rules.commission)
        if side < 0 and self.held <= 0:
            self.short_cost += value
        elif self.held < 0:
            self.short_cost *= Fraction(self.held + steps, self.held)
        self.cash -= side * value + fee
        self.held += side * steps
        if not self.held:
            self.exits = None
        worse = side * (price - market) * steps * self.unit
        self.fills.append(Filled(self.bar, stage, side, price, steps, reason, float(fee), float(worse)))


def reached(price: int, level: int, *, falling: bool) -> bool:
    """Whether a price is at or beyond a level that falling (or rising) prices reach."""
    return price <= level if falling else price >= level


def twin(bars: Bars, signals: Sequence[int], rules: Rules) -> Outcome:
    """What `running.run` gives, by the plain way."""
    run = Twin(bars, rules)
    equity = np.array(run.run(signals))
    candles, count = bars.candles, len(run.fills)
    columns = zip(*run.fills, strict=True) if count else [()] * 8
    bar, stage, side, price, steps, reason, fee, slippage = columns
    at = np.array(bar, dtype=np.int64)
    opened, closed = candles.times[at], candles.close_times[at]
    fills = Fills(
        bar=at,
        time=opened + (closed - opened) * np.array(stage, dtype=np.int64) // 3,
        symbol=np.zeros(count, dtype=np.int64),
        side=np.array(side, dtype=np.int64),
        price=np.array(price, dtype=np.int64),
        quantity=np.array(steps, dtype=np.int64),
        fee=np.array(fee),
        slippage=np.array(slippage),
        reason=np.array([REASONS.index(one) for one in reason], dtype=np.int64),
    )
    held = np.zeros(len(bars), dtype=np.int64)
    np.add.at(held, at, fills.side * fills.quantity)
    position = np.cumsum(held) * float(candles.instrument.step_size) * bars.close
    return Outcome((bars.symbol,), candles.close_times, equity, position, fills, run.ties, run.orders)
