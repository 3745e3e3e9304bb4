"""How well a run's orders were executed: how many filled, what became of the others, what fills cost.

What a fill cost beyond the market's price when it came is `Fills.slippage`. What the way there cost as well is in
`decision_cost`: side x (price - market's price at the decision) x quantity, and its bps, 10,000 x that / value at the
decision; the arrival cost of docs/execution_quality.md. Exits are left out of it: they stood long before. The decision
is the close of the signal's bar; of an entry that follows a close at the same open, that open. Of a strategy's own
order, and of a limit entry, it is the middle of the market when it was sent, which the orders engine alone knows.

Exits are left out of the fill ratio too: of two, one is always cancelled. The kernel knows no refusals, and of orders
only how many there were and what filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from orderwright.backtest.bars import Bars
from orderwright.backtest.metrics import ratio
from orderwright.backtest.outcome import REASONS, Fills, Floats, Outcome
from orderwright.backtest.rules import Rules

_EXITS = [REASONS.index(name) for name in ("stop_loss", "take_profit", "trailing_stop")]
_ENTRY = REASONS.index("entry")
_NAN = float("nan")


class Kind(Struct, frozen=True, kw_only=True):
    """The fills of one reason (one of `outcome.REASONS`): how many, and in quote units their value, their fees, what
    they paid beyond the market's price, and beyond the price at the decision; decided: the value, at that price, of
    those fills of which it is known."""

    reason: str
    fills: int
    traded: float
    fees: float
    slippage: float
    decision_cost: float
    decided: float


class Execution(Struct, frozen=True, kw_only=True):
    """fill_ratio: the mean of what was filled of what was asked for, of the orders that were sent and have ended; of
    the kernel the share of those sent that filled. ended: by final status (filled, cancelled, expired, rejected,
    denied), how many orders; live: how many worked at the end; empty and 0 of the kernel. refusals: by reason's code.
    kinds: by reason of the fill. NaN is what is not known, or where there is nothing to divide by."""

    fill_ratio: float
    ended: Mapping[str, int]
    live: int
    refusals: Mapping[str, int]
    kinds: tuple[Kind, ...]

    @property
    def decision_cost(self) -> float:
        """Quote units beyond the price at the decision, above 0 where it was worse."""
        return sum(one.decision_cost for one in self.kinds) if any(one.decided for one in self.kinds) else _NAN

    @property
    def decision_bps(self) -> float:
        """The same, of the value at the decision."""
        return 10_000 * ratio(self.decision_cost, sum(one.decided for one in self.kinds))

    def figures(self) -> dict[str, float]:
        """What is one number, by name."""
        return {
            "fill_ratio": self.fill_ratio,
            "decision_cost": self.decision_cost,
            "decision_bps": self.decision_bps,
            **{f"orders_{status}": count for status, count in self.ended.items()},
            "orders_live": self.live,
        }


def execution_of(outcome: Outcome, several: Sequence[Bars], rules: Rules) -> Execution:
    """Of what an engine handed over."""
    found = outcome.executed
    kinds = _kinds(outcome, several, rules) if several else ()
    if found is None:
        return Execution(fill_ratio=_share_filled(outcome, rules), ended={}, live=0, refusals={}, kinds=kinds)
    return Execution(fill_ratio=found.fill_ratio, ended=found.ended, live=found.live, refusals=found.codes, kinds=kinds)


def _kinds(outcome: Outcome, several: Sequence[Bars], rules: Rules) -> tuple[Kind, ...]:
    fills = outcome.fills
    decided = outcome.executed.arrival if outcome.executed is not None else _decided(fills, several[0], rules)
    instruments = [one.candles.instrument for one in several]
    price = fills.price * np.array([float(one.tick_size) for one in instruments])[fills.symbol]
    quantity = fills.quantity * np.array([float(one.step_size) for one in instruments])[fills.symbol]
    known = ~np.isnan(decided) & ~np.isin(fills.reason, _EXITS)
    base = np.where(known, decided * quantity, 0.0)
    cost = np.where(known, fills.side * (price - decided) * quantity, 0.0)
    kinds = []
    for reason in np.unique(fills.reason).tolist():
        mine = fills.reason == reason
        columns = (price * quantity, fills.fee, fills.slippage, cost, base)
        traded, fees, slippage, worse, worth = (float(column[mine].sum()) for column in columns)
        kinds.append(
            Kind(
                reason=REASONS[reason],
                fills=int(mine.sum()),
                traded=traded,
                fees=fees,
                slippage=slippage,
                decision_cost=worse,
                decided=worth,
            )
        )
    return tuple(kinds)


def _decided(fills: Fills, bars: Bars, rules: Rules) -> Floats:
    """float64[m]: the market at the decision of each of the kernel's fills; NaN of limit entries. A fill at a close was
    decided there, one at an open at the close before, and one inside a bar came right after that bar's open."""
    candles, bar = bars.candles, fills.bar
    before = bars.close[np.maximum(bar - 1, 0)]
    decided = np.where(fills.time == candles.times[bar], before, bars.open[bar])
    decided = np.where(fills.time == candles.close_times[bar], bars.close[bar], decided)
    return decided if rules.limit_entry is None else np.where(fills.reason == _ENTRY, np.nan, decided)


def _share_filled(outcome: Outcome, rules: Rules) -> float:
    """Each entry of the kernel's sends its exits: they are left out."""
    reason = outcome.fills.reason
    stops = rules.stop_loss is not None or rules.trailing_stop is not None
    exits = int(np.sum(reason == _ENTRY)) * (stops + (rules.take_profit is not None))
    return ratio(float(np.sum(~np.isin(reason, _EXITS))), float(outcome.orders - exits))


__all__ = ["Execution", "execution_of"]
