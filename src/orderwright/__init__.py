"""Orderwright: the order layer between a trader's signals and the markets."""

__version__ = "0.1.0"
