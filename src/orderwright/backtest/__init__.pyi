"""What type checkers see of the names that `orderwright.backtest` looks up when they are used."""

from orderwright.backtest.backtester import Backtester as Backtester
from orderwright.backtest.bars import Bars as Bars
from orderwright.backtest.bars import read_bars as read_bars
from orderwright.backtest.optimisation import optimize as optimize
from orderwright.backtest.paper import trade as trade
from orderwright.backtest.result import BacktestResult as BacktestResult
from orderwright.backtest.rules import FixedQuantity as FixedQuantity
from orderwright.backtest.rules import PercentOfEquity as PercentOfEquity
from orderwright.backtest.rules import Rules as Rules
from orderwright.backtest.rules import TargetPosition as TargetPosition
from orderwright.backtest.rules import VolatilityRisk as VolatilityRisk
from orderwright.backtest.strategies import BUILT_IN as BUILT_IN
from orderwright.backtest.strategies import BollingerStrategy as BollingerStrategy
from orderwright.backtest.strategies import BreakoutStrategy as BreakoutStrategy
from orderwright.backtest.strategies import DCAStrategy as DCAStrategy
from orderwright.backtest.strategies import GridStrategy as GridStrategy
from orderwright.backtest.strategies import MarketMakerStrategy as MarketMakerStrategy
from orderwright.backtest.strategies import RSIStrategy as RSIStrategy
from orderwright.backtest.strategies import SimpleMovingAverageStrategy as SimpleMovingAverageStrategy
from orderwright.backtest.strategy import Strategy as Strategy
from orderwright.backtest.trades import RoundTrip as RoundTrip
