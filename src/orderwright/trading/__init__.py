"""The module paths of seed 004: its names, handed on from where they live. `orderwright.trading.order_executor` is
what that document calls `trading.order_executor`."""
