"""The log and its read models: one contract, in memory and on SQLite."""

from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import SqliteJournal, open_log

__all__ = ["MemoryJournal", "SqliteJournal", "open_log"]
