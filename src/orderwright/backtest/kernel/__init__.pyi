"""What type checkers see of the names that `kernel` looks up when they are used."""

from orderwright.backtest.kernel.averages import rolling_sum as rolling_sum
from orderwright.backtest.kernel.averages import sma_cross_signals as sma_cross_signals
from orderwright.backtest.kernel.running import Scorer as Scorer
from orderwright.backtest.kernel.running import Scores as Scores
from orderwright.backtest.kernel.running import run as run
from orderwright.backtest.kernel.running import score as score
