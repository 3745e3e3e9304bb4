"""Seeing what the service does: logs, metrics, traces and alerts. None of them can slow a turn down or end it."""
