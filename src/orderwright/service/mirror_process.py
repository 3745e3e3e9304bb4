"""The process that keeps a log's DuckDB copy: `python -m orderwright.service.mirror_process LOG MIRROR EVERY_MS`.

Every so often, where the log has gained something, it takes that in and writes a line of JSON (`mirroring.Refreshed`).
When its input ends it does so once more, and ends.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orderwright.errors import OrderwrightError
from orderwright.journal.sqlite import open_log
from orderwright.service.mirroring import Refreshed

if TYPE_CHECKING:
    from orderwright.mirror import DuckMirror

LOW_PRIORITY = 10


class Copying:
    """log: the file. mirror: its copy."""

    def __init__(self, log: Path, mirror: DuckMirror) -> None:
        self._log, self._mirror = log, mirror
        self._seen: object = None

    def refresh(self) -> Refreshed | None:
        """What a refresh came to; None where there was nothing new."""
        from orderwright.mirror import refresh, source

        try:
            with contextlib.closing(open_log(self._log, read_only=True)) as journal:
                heads = source.heads(journal)
                if heads == self._seen:
                    return None
                done = refresh(journal, self._mirror)
        except (OrderwrightError, OSError, sqlite3.Error) as error:
            return Refreshed(error=str(error))
        self._seen = heads
        return Refreshed(rows=done.rows)


def keep(copying: Copying, wait: Callable[[], bool], tell: Callable[[Refreshed], None]) -> None:
    """Refresh at once, after each wait, and once more after the wait that says that it is over."""
    over = False
    while True:
        done = copying.refresh()
        if done is not None:
            tell(done)
        if over:
            return
        over = wait()


def main(arguments: list[str]) -> None:
    from orderwright.analytics.measuring import measure
    from orderwright.analytics.portfolio.views import views
    from orderwright.mirror import DuckMirror

    log, mirror, every_ms = arguments
    with contextlib.suppress(OSError, AttributeError):  # where there are no priorities it goes without
        os.nice(LOW_PRIORITY)
    over = threading.Event()
    threading.Thread(target=_until_input_ends, args=(over,), daemon=True).start()
    keep(
        Copying(Path(log), DuckMirror(Path(mirror), views(), measure)),
        lambda: over.wait(int(every_ms) / 1_000),
        _tell,
    )


def _until_input_ends(over: threading.Event) -> None:
    while sys.stdin.buffer.read(1024):
        pass
    over.set()


def _tell(refreshed: Refreshed) -> None:
    with contextlib.suppress(BrokenPipeError):  # the service has gone: the end is near
        sys.stdout.buffer.write(msgspec.json.encode(refreshed) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
