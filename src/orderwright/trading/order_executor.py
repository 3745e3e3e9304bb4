"""Seed 004's `trading/order_executor.py`."""

from __future__ import annotations

from orderwright.order_executor import OrderExecutor

__all__ = ["OrderExecutor"]
