"""Execution quality: slippage, shortfall, fill times, venues compared."""
