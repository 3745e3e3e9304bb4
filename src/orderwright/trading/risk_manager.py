"""Seed 004's `trading/risk_manager.py`."""

from __future__ import annotations

from orderwright.risk_manager import RiskManager

__all__ = ["RiskManager"]
