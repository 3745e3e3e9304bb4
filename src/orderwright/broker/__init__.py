"""Broker: orders in, orders found again, checked and cancelled, over any log and any exchange.

- broker.py: Broker, the seeds' face of all this; base.py: what it is made with
- controls.py: approvals, and the kill switch of its book
- questions.py: balances, positions, totals, profit; statistics.py: how well orders were executed
- mirroring.py: the copy of the log that statistics read, kept at a path if one is given
- searching.py: orders found again
- query.py, times.py: FindParams, Query, TimeSettings: what is asked, checked
- opened.py: the book behind a broker: its engine, accounts and ids
- places.py: the log and the markets that a broker is given
- checks.py: when an order is checked again
- clock.py: the system's clock
"""

from __future__ import annotations

from orderwright.broker.broker import Broker
from orderwright.broker.opened import Fill
from orderwright.broker.query import FindParams, Query
from orderwright.broker.times import TimeSettings
from orderwright.live.clock import SystemClock

__all__ = ["Broker", "Fill", "FindParams", "Query", "SystemClock", "TimeSettings"]
