"""The live driver: every book of one log, by the clock, with group commit. See desk.py."""

from orderwright.live.clock import SystemClock

__all__ = ["SystemClock"]
