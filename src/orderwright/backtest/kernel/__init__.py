"""The engine over arrays: signals, sizes, exits and fills as compiled loops, by the rules of backtest/rules.py.

    run(bars, signals, rules) -> Outcome                     all fills, and equity at every close
    score(bars, signals, rules, bars_per_year) -> Scores     a few figures and no arrays: for sweeps (`Scorer`)
    sma_cross_signals(close, fast, slow) -> int8[n]          exact moving averages (averages.py)
    figures.figures, figures.round_trips                     of what any engine hands over

Numba is imported when one of them is first used.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "running": ("Scorer", "Scores", "run", "score"),
    "averages": ("rolling_sum", "sma_cross_signals"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # made of the list above


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'orderwright.backtest.kernel' has no attribute {name!r}")
    return getattr(import_module(f"orderwright.backtest.kernel.{home}"), name)
