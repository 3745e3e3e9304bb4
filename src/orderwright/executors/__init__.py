"""The seeds' Executor, and what belongs to it. The engine underneath is the one that everything else runs on.

    Trade ─► Executor ─► ExternalAPI: ConnectorAPI ─► Engine ─► Connector       the seeds' names over the engine
             Executor ◄─ ExecutorConnector ◄─ Engine ◄─ Broker                  an executor of one's own, as a connector

- trade.py, status.py: what is wanted and how it stands; spellings.py, words.py: how people and exchanges write it
- credentials.py, validation.py: users and their keys; what a trade must pass before it is sent
- api.py, executor.py: the interfaces, and GenericExecutor over any API
- connector_api.py, mock.py: the API over a connector; everything made up, from one seed
- connector.py, calling.py, known.py, told.py, cumulative.py: any executor as the engine's connector
"""

from __future__ import annotations

from orderwright.executors.api import NOT_FOUND, ExternalAPI, OrderNotFound
from orderwright.executors.connector import ExecutorConnector
from orderwright.executors.connector_api import ConnectorAPI
from orderwright.executors.credentials import ICredentials, MemoryCredentials, Secret, UserCreds, UserInfo
from orderwright.executors.cumulative import is_cumulative
from orderwright.executors.executor import Executor, GenericExecutor, new_ids
from orderwright.executors.mock import MockAPI, MockExecutor
from orderwright.executors.status import Status
from orderwright.executors.trade import NEVER_SUBMITTED, Trade, TradeState
from orderwright.executors.validation import IValidation, Validation

__all__ = [
    "NEVER_SUBMITTED",
    "NOT_FOUND",
    "ConnectorAPI",
    "Executor",
    "ExecutorConnector",
    "ExternalAPI",
    "GenericExecutor",
    "ICredentials",
    "IValidation",
    "MemoryCredentials",
    "MockAPI",
    "MockExecutor",
    "OrderNotFound",
    "Secret",
    "Status",
    "Trade",
    "TradeState",
    "UserCreds",
    "UserInfo",
    "Validation",
    "is_cumulative",
    "new_ids",
]
