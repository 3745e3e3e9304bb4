"""The lease: which process may write the log.

It is a row of the log, not a lock on the file: a stopped process keeps its locks for ever, and a lock says nothing
once the file is copied. A lease runs out by itself, names its holder, and can be taken over; its nonce is checked in
the transaction of every write, so that a holder that lost it writes nothing more (LogFenced).

It also says when the log was last taken from a process that may still send (`taken`): a process that took it over may
end before it has noted that in any book, and then whoever opens the log next, in whatever way, has to.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sqlite3

from orderwright.errors import LogFenced, LogLocked

LEASE_US = 30_000_000


class Lease:
    """This process's right to write. Taken on construction; raises LogLocked where another holds it."""

    def __init__(self, connection: sqlite3.Connection, name: str, now: int, *, take_over: bool = False) -> None:
        self._connection, self._name = connection, name
        self.nonce = secrets.token_hex(8)
        self.epoch = 1
        self.holder = _me()
        self.taken_from = ""
        """Who held it before, did not give it up, and may still be there; "" where there is nobody like that."""
        self.taken = 0
        """The number of the last opening, this one or an earlier one, that took it from somebody like that; or 0."""
        self._renew_at = 0
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise LogLocked(
                f"{name}: another process is in the middle of a write ({error}). Its lease can only be taken over when "
                "that write has ended: if the process hangs, end it, then open the log again"
            ) from error
        try:
            self._take(now, take_over)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _take(self, now: int, take_over: bool) -> None:
        row = self._connection.execute("SELECT holder, expires, epoch, taken FROM lease").fetchone()
        if row is not None:
            holder, expires, epoch, taken = row
            if expires > now and not take_over and not _is_gone(holder):
                raise LogLocked(
                    f"{self._name}: {holder} is writing this log (its lease has {(expires - now) / 1e6:.0f} s to run). "
                    "Stop that process, or take the log over (--take-over): it will write nothing more"
                )
            self.epoch = epoch + 1
            self.taken_from = holder if expires and not _is_gone(holder) else ""
            self.taken = self.epoch if self.taken_from else taken
        self._connection.execute(
            "INSERT OR REPLACE INTO lease (id, holder, nonce, epoch, expires, taken) VALUES (1, ?, ?, ?, ?, ?)",
            (self.holder, self.nonce, self.epoch, now + LEASE_US, self.taken),
        )
        self._renew_at = now + LEASE_US // 3

    def due(self, now: int) -> bool:
        """Whether a third of the lease has gone."""
        return now >= self._renew_at

    def check(self, now: int) -> None:
        """Inside a write's transaction: still ours? Renews it when a third has gone. Raises LogFenced if it was
        taken."""
        row = self._connection.execute("SELECT nonce, holder FROM lease").fetchone()
        if row is None or row[0] != self.nonce:
            holder = "another process" if row is None else row[1]
            raise LogFenced(f"{self._name}: {holder} has taken this log over; this process must stop")
        if now >= self._renew_at:
            self._connection.execute("UPDATE lease SET expires = ?", (now + LEASE_US,))
            self._renew_at = now + LEASE_US // 3

    def give_up(self) -> None:
        """Let the next one in. Does nothing if it was taken over, or if the disk will not have it: then it runs out."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("UPDATE lease SET expires = 0 WHERE nonce = ?", (self.nonce,))


def _me() -> str:
    return f"{os.getpid()}@{socket.gethostname()}"


def _is_gone(holder: str) -> bool:
    """Whether the holder ran on this host and its process does not exist any more."""
    pid, _, host = holder.partition("@")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
