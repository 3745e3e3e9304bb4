"""The mirror that a broker's statistics read: in memory, made when it is first asked for; or kept at a path.

- One that is kept is brought up to date by `refresh`, when statistics are asked for, and by `due` at most every so
  often of the broker's time, so that others who read it are not far behind.
- It is a copy: where it cannot be written (somebody has it open) trading goes on, and the next refresh catches up.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orderwright.broker.arguments import milliseconds_of
from orderwright.errors import InputError
from orderwright.ports import Journal

if TYPE_CHECKING:
    from orderwright.journal.reading import LogReader
    from orderwright.mirror import DuckMirror, MemoryMirror, ParquetMirror, Refreshed

EVERY_MS = 60_000


class BrokersMirror:
    """path: of a DuckDB file or a Parquet folder, see `mirror.open_mirror`; None for memory. every_ms: how often it is
    due at most. Raises InputError for a path that could be either, or a folder that is not there."""

    def __init__(self, path: str | Path | None, every_ms: int) -> None:
        self.path, self._next = path, 0
        self._every = milliseconds_of(every_ms, "mirror_every_ms")
        self._mirror: DuckMirror | MemoryMirror | ParquetMirror | None = None
        if path is not None:
            self._mirror = _at(path)

    @property
    def is_kept(self) -> bool:
        """Whether it is at a path, for others to read."""
        return self.path is not None

    def due(self, now: int) -> bool:
        """Whether one that is kept is to be refreshed now, microseconds; asked again, not before its time has come."""
        if not self.is_kept or now < self._next:
            return False
        self._next = now + self._every
        return True

    def refresh(self, journal: Journal) -> Refreshed:
        """Append what the log has gained. Raises LogError, LogLocked while another process has it open."""
        from orderwright.mirror import refresh

        return refresh(cast("LogReader", journal), self.current)

    @property
    def current(self) -> DuckMirror | MemoryMirror | ParquetMirror:
        """The mirror as it is, not brought up to date."""
        if self._mirror is None:
            from orderwright.analytics.measuring import measure
            from orderwright.mirror import MemoryMirror

            self._mirror = MemoryMirror(derive=measure)
        return self._mirror

    def close(self) -> None:
        """Give back the memory of one that is not kept."""
        if not self.is_kept and self._mirror is not None:
            self._mirror.close()  # type: ignore[union-attr]  # one in memory has it
            self._mirror = None


def _at(path: Any) -> DuckMirror | ParquetMirror:
    from orderwright.analytics.measuring import measure
    from orderwright.analytics.portfolio.views import views
    from orderwright.mirror import open_mirror

    if not isinstance(path, str | Path):
        raise InputError(f"{path!r} is not a path", field="mirror", value=path)
    place = open_mirror(path, views(), measure)
    if not Path(path).parent.is_dir():
        raise InputError(f"there is no folder {Path(path).parent}", field="mirror", value=str(path))
    return place


__all__ = ["EVERY_MS", "BrokersMirror"]
