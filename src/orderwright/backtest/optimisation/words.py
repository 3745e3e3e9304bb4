"""What an optimisation comes to in plain words: for the page and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orderwright.analytics.page.text import count
from orderwright.backtest.report.words import figure, money, percent

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.found import Found
    from orderwright.backtest.optimisation.walking import WalkForwardResult
    from orderwright.backtest.result import BacktestResult

LIKELY, UNLIKELY = 0.95, 0.5
_GAP = "\u00a0"


def verdict(result: Found) -> str:
    """The deflated Sharpe ratio in a plain sentence or two."""
    found = result.deflated
    if math.isnan(found.value):
        return "The best trial has no Sharpe ratio, so there is nothing to say about its luck."
    chance = percent(found.value, places=1)
    if found.trials == 1:
        return f"One trial chose nothing: the probability that its true Sharpe ratio is above zero is {chance}."
    luck, best = (figure(one * result.root) for one in (found.threshold, found.of.sharpe))
    return (
        f"The best of {found.trials:,.0f} different trials without any skill would be expected to show a Sharpe ratio "
        f"of {luck}; this one showed {best}, {_believed(found.value)} The probability that it is more than luck, the "
        f"deflated Sharpe ratio, is {chance}; 95{_GAP}% is what one would ask for."
    )


def _believed(value: float) -> str:
    if value >= LIKELY:
        return "so it is very probably not luck alone."
    return "so luck is enough to explain it." if value <= UNLIKELY else "so it may be more than luck, or may not."


def kept(best: BacktestResult, held: BacktestResult) -> str:
    """Whether what was found held in the part that the search had not seen."""
    if not held.total_trades or math.isnan(held.sharpe_ratio):
        return "No trade was closed in it, so it says nothing."
    if held.sharpe_ratio <= 0:
        return "What was found did not hold there."
    if best.sharpe_ratio > 0 and held.sharpe_ratio < 0.5 * best.sharpe_ratio:
        return "Some of what was found held there."
    return "What was found held there."


def walk_words(walk: WalkForwardResult) -> str:
    """What walking forward came to."""
    made = percent(walk.total_return_pct / 100, sign=True)
    kind = "anchored" if walk.plan.anchored else "rolling"
    return (
        f"The {count(len(walk.steps), f'{kind} window')} made {made} out of sample, with a Sharpe ratio of "
        f"{figure(walk.sharpe_ratio)}; {walk.winning_windows} of them gained. {_efficiency(walk.efficiency)}"
    )


def _efficiency(value: float) -> str:
    if math.isnan(value):
        return "Nothing grew in sample, so there was nothing to keep."
    if value <= 0:
        return "Nothing of the growth found in sample was kept."
    return f"Of the growth found in sample, {percent(value, places=0)} was kept."


def comparison(result: Found) -> list[list[str]]:
    """Rows of figures: name, in the optimised part, in the held-out part where there is one."""
    parts = [result.best] if result.held_out is None else [result.best, result.held_out]

    def row(name: str, shown: Callable[[BacktestResult], str]) -> list[str]:
        return [name, *map(shown, parts)]

    return [
        row("Bars", lambda one: f"{len(one.outcome.times):,}"),
        row("Return", lambda one: percent(one.total_return_pct / 100, sign=True)),
        row("Return a year", lambda one: percent(one.metrics["cagr"], sign=True)),
        row("Volatility a year", lambda one: percent(one.metrics["volatility"])),
        row("Sharpe ratio", lambda one: figure(one.sharpe_ratio)),
        row("Sortino ratio", lambda one: figure(one.sortino_ratio)),
        row("Deepest drawdown", lambda one: percent(one.max_drawdown / 100)),
        row("Trades", lambda one: f"{one.total_trades:,}"),
        row("Won", lambda one: percent(one.win_rate / 100, places=1)),
        row("Profit a trade", lambda one: money(one.metrics["expectancy"], sign=True)),
        row("Final balance", lambda one: money(one.final_balance)),
    ]


def told(parameters: dict[str, Any]) -> str:
    """fast_period 20, slow_period 50."""
    return ", ".join(f"{name} {written(value)}" for name, value in parameters.items())


def written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
