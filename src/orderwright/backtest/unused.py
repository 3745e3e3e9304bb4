"""Rules that a run has no use for, as notes that its result shows.

Sizes, exits and limits of entry say how signals are traded. A strategy that sends its own orders goes by none of them;
what the market is like (costs, fill_at, path, shorts) counts for both.
"""

from __future__ import annotations

from orderwright.backtest.rules import Rules

OF_SIGNALS = ("sizing", "stop_loss", "take_profit", "trailing_stop", "limit_entry", "limit_bars")


def unused_notes(rules: Rules, strategy: str, *, signals: bool) -> tuple[str, ...]:
    """What was said and means nothing to a strategy: one that gives signals, or one that sends its own orders."""
    plain = Rules()
    said = [name for name in OF_SIGNALS if getattr(rules, name) != getattr(plain, name)]
    if not signals and said:
        names = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
        verb = "are" if len(said) > 1 else "is"
        return (f"{names} {verb} for signals, and did nothing: {strategy} sends its own orders",)
    if "limit_bars" in said and rules.limit_entry is None:
        return ("limit_bars did nothing: it is how long a limit entry waits, and limit_entry is not given",)
    return ()


__all__ = ["unused_notes"]
