"""WebSocket /api/stream: every event of a key's books as it becomes durable, and orders the other way.

- words.py: the messages, and every limit
- pages.py: the log in pages, rendered once; tails.py: a book as it goes on; following.py: from the one to the other
- outgoing.py: what waits to be sent, bounded; entry.py: orders; connection.py: one connection; mounting.py: all of them
- protocol.py: what uvicorn is to be started with

**No gap and no repeat, by construction.** Whatever is sent is read from the committed log by one function, whether it
happened just now or last year. A reader's place is the sequence of its book; it resumes from the last one it has.
"""

from __future__ import annotations

from orderwright.service.stream.connection import Admits
from orderwright.service.stream.mounting import PATH, Stream, mount

__all__ = ["PATH", "Admits", "Stream", "mount"]
