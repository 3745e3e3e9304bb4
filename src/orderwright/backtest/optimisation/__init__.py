"""Which parameters of a strategy did best, and whether to believe it. docs/optimisation.md shows how to use it.

    optimize(SimpleMovingAverageStrategy, data, {"fast_period": range(5, 45, 2), "slow_period": range(50, 250, 4)})

- optimizer.py: optimize, walk_forward: the whole, in order
- space.py, objectives.py, windows.py: what may be tried, what is good, which bars the search sees
- measuring.py, workers.py: what one trial is, and other processes for many
- grid.py, adaptive.py, study.py, code.py: the searches, and where their trials are kept, and for what
- sharpe.py, walking.py: is it luck, does it hold
- trials.py, found.py, result.py, pictures.py, page.py: what was found, and how it is shown
"""

from orderwright.backtest.optimisation.optimizer import optimize, walk_forward
from orderwright.backtest.optimisation.result import OptimizationResult
from orderwright.backtest.optimisation.sharpe import deflated_sharpe_ratio, probabilistic_sharpe_ratio
from orderwright.backtest.optimisation.space import Choice, Float, Int
from orderwright.backtest.optimisation.walking import WalkForwardResult
from orderwright.backtest.optimisation.windows import WalkForward

__all__ = [
    "Choice",
    "Float",
    "Int",
    "OptimizationResult",
    "WalkForward",
    "WalkForwardResult",
    "deflated_sharpe_ratio",
    "optimize",
    "probabilistic_sharpe_ratio",
    "walk_forward",
]
