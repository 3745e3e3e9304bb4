"""Backtests and what belongs to them: strategies, sizes, results, optimisation, the same strategies on paper.

from orderwright.backtest import Backtester, SimpleMovingAverageStrategy

The names below are looked up where they are first used; what type checkers see of them is in __init__.pyi.

- backtester.py: Backtester; rules.py: how signals become trades, the law for both engines
- kernel/: the engine over arrays; orders.py: the engine with real orders; paper.py: the same strategy on a Broker
- strategy.py, strategies/: what to want; context.py: what a strategy sees and does; indicators.py
- result.py: BacktestResult; metrics.py: its figures; trades.py: its round trips; report/: its page
- optimisation/: which parameters, and whether they are more than luck
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "backtester": ("Backtester",),
    "bars": ("Bars", "read_bars"),
    "optimisation": ("optimize",),
    "paper": ("trade",),
    "result": ("BacktestResult",),
    "rules": ("FixedQuantity", "PercentOfEquity", "Rules", "TargetPosition", "VolatilityRisk"),
    "strategies": (
        "BUILT_IN",
        "BollingerStrategy",
        "BreakoutStrategy",
        "DCAStrategy",
        "GridStrategy",
        "MarketMakerStrategy",
        "RSIStrategy",
        "SimpleMovingAverageStrategy",
    ),
    "strategy": ("Strategy",),
    "trades": ("RoundTrip",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # made of the list above


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'orderwright.backtest' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"orderwright.backtest.{home}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
