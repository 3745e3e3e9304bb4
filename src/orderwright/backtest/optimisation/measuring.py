"""What one trial is: a strategy with some parameters, run over some bars, and what it came to.

- A strategy of signals on one symbol goes through the kernel. Where every objective is among the figures that the
  kernel counts as it goes (`SCORED`), no result is built at all.
- Anything else is run as the backtester runs it, on the order engine.
- A span that is measured out of sample is traded from its first bar on, flat at its start; signals, and what a strategy
  of orders looks back at, come from all the bars before it too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.metrics import bars_per_year
from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.optimisation.space import Parameters, Space
from orderwright.backtest.optimisation.trials import FIGURES, Score, nothing
from orderwright.backtest.optimisation.windows import Market, Span
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.backtest.backtester import Backtester
    from orderwright.backtest.outcome import Outcome
    from orderwright.backtest.result import BacktestResult
    from orderwright.backtest.rules import Rules
