"""The append-only log: memory first, then one adapter per engine."""
