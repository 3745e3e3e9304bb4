"""Seed 004's `trading/exchange_interface.py`: its data models. `IExchangeConnector` comes with the exchanges."""

from __future__ import annotations

from orderwright.core.model import Balance, Order, OrderSide, OrderStatus, OrderType, Position

__all__ = ["Balance", "Order", "OrderSide", "OrderStatus", "OrderType", "Position"]
