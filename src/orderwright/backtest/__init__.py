"""Backtests, optimisation and what they stand on. Names come with the modules that have them."""
