"""What type checkers see of the names that `orderwright` looks up when they are used."""

from orderwright.backtest.backtester import Backtester as Backtester
from orderwright.backtest.strategy import Strategy as Strategy
from orderwright.broker import Broker as Broker
from orderwright.broker import Fill as Fill
from orderwright.broker import FindParams as FindParams
from orderwright.broker import Query as Query
from orderwright.broker import SystemClock as SystemClock
from orderwright.broker import TimeSettings as TimeSettings
from orderwright.core.lifecycle import OrderStateManager as OrderStateManager
from orderwright.core.model import Account as Account
from orderwright.core.model import Instrument as Instrument
from orderwright.core.model import LingerRule as LingerRule
from orderwright.core.model import OrderSide as OrderSide
from orderwright.core.model import OrderStatus as OrderStatus
from orderwright.core.model import OrderType as OrderType
from orderwright.core.model import RiskLimits as RiskLimits
from orderwright.core.model import Settings as Settings
from orderwright.core.model import TimeInForce as TimeInForce
from orderwright.core.oms import OrderManagementService as OrderManagementService
from orderwright.core.validation import OrderValidator as OrderValidator
from orderwright.errors import InputError as InputError
from orderwright.errors import LogError as LogError
from orderwright.errors import OrderwrightError as OrderwrightError
from orderwright.errors import UnknownName as UnknownName
from orderwright.errors import VenueError as VenueError
from orderwright.exchange import Exchange as Exchange
from orderwright.exchange import StepResult as StepResult
from orderwright.executors import Executor as Executor
from orderwright.executors import ExecutorConnector as ExecutorConnector
from orderwright.executors import ExternalAPI as ExternalAPI
from orderwright.executors import GenericExecutor as GenericExecutor
from orderwright.executors import ICredentials as ICredentials
from orderwright.executors import IValidation as IValidation
from orderwright.executors import MemoryCredentials as MemoryCredentials
from orderwright.executors import MockExecutor as MockExecutor
from orderwright.executors import Status as Status
from orderwright.executors import Trade as Trade
from orderwright.executors import UserCreds as UserCreds
from orderwright.executors import UserInfo as UserInfo
from orderwright.order_executor import OrderExecutor as OrderExecutor
from orderwright.risk_manager import RiskManager as RiskManager
from orderwright.risk_manager import RiskResult as RiskResult
from orderwright.trading_order import TradingOrder as TradingOrder

__version__: str
