"""Orderwright: the order layer between a trader's signals and the markets.

from orderwright import Broker, Exchange, Trade

The names below are looked up where they are first used, so that `import orderwright` (and with it every command) stays
quick. What type checkers see of them is in __init__.pyi.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "backtest.backtester": ("Backtester",),
    "backtest.strategy": ("Strategy",),
    "broker": ("Broker", "Fill", "FindParams", "Query", "SystemClock", "TimeSettings"),
    "core.lifecycle": ("OrderStateManager",),
    "core.model": (
        "Account",
        "Instrument",
        "LingerRule",
        "OrderSide",
        "OrderStatus",
        "OrderType",
        "RiskLimits",
        "Settings",
        "TimeInForce",
    ),
    "core.oms": ("OrderManagementService",),
    "core.validation": ("OrderValidator",),
    "errors": ("InputError", "LogError", "OrderwrightError", "UnknownName", "VenueError"),
    "exchange": ("Exchange", "StepResult"),
    "executors": (
        "Executor",
        "ExecutorConnector",
        "ExternalAPI",
        "GenericExecutor",
        "ICredentials",
        "IValidation",
        "MemoryCredentials",
        "MockExecutor",
        "Status",
        "Trade",
        "UserCreds",
        "UserInfo",
    ),
    "order_executor": ("OrderExecutor",),
    "risk_manager": ("RiskManager", "RiskResult"),
    "trading_order": ("TradingOrder",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605  # made of the list above


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'orderwright' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"orderwright.{home}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
