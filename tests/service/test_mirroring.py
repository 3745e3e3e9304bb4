"""The DuckDB copy that a running service keeps, by a real process, and what it does when that goes wrong."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from orderwright.broker import Broker
from orderwright.executors import Trade
from orderwright.mirror import DuckMirror
from orderwright.service.mirror_process import Copying, keep
from orderwright.service.mirroring import MirrorKeeper, Refreshed


def trade(log: Path, times: int = 1) -> None:
    """Some orders, in a log."""
    with Broker(log=log) as broker:
        for _ in range(times):
            broker.submit(Trade("BTC", "USDT", "buy", "0.01"))


def orders_in(mirror: Path) -> int:
    with DuckMirror(mirror).reading() as connection:
        found = connection.execute("SELECT count(*) FROM placed").fetchone()
    assert found is not None
    return int(found[0])


def test_what_is_new_is_taken_in_and_nothing_is_told_of_where_there_is_none(tmp_path: Path) -> None:
    log, mirror, told = tmp_path / "o.sqlite", tmp_path / "o.duckdb", list[Refreshed]()
    trade(log)
    copying = Copying(log, DuckMirror(mirror))
    rows: list[int] = []

    def wait() -> bool:
        rows.append(orders_in(mirror))
        if len(rows) == 2:
            trade(log, 2)
        return len(rows) == 3

    keep(copying, wait, told.append)

    assert rows == [1, 1, 3]
    assert [one.error for one in told] == ["", ""]
    assert all(one.rows > 0 for one in told)


def test_a_copy_of_another_log_is_left_alone_and_told_of(tmp_path: Path) -> None:
    log, other, mirror, told = tmp_path / "o.sqlite", tmp_path / "x.sqlite", tmp_path / "o.duckdb", list[Refreshed]()
    trade(log)
    trade(other, 2)
    keep(Copying(other, DuckMirror(mirror)), lambda: True, told.append)

    keep(Copying(log, DuckMirror(mirror)), lambda: True, told.append)

    assert orders_in(mirror) == 2
    assert "the mirror" in told[-1].error


def test_a_process_of_its_own_keeps_the_copy_and_ends_with_the_service(tmp_path: Path) -> None:
    log, mirror, told = tmp_path / "o.sqlite", tmp_path / "o.duckdb", list[str]()
    trade(log)
    keeper = MirrorKeeper(log, mirror, every_ms=60_000, told=told.append)

    keeper.start()
    trade(log)
    keeper.stop()

    assert orders_in(mirror) == 2
    assert keeper.last is not None
    assert (keeper.last.error, told) == ("", [])
    assert [thread for thread in threading.enumerate() if thread.name == "mirror"] == []


def test_a_copy_that_cannot_be_written_is_told_of_once(tmp_path: Path) -> None:
    log, mirror, told = tmp_path / "o.sqlite", tmp_path / "o.duckdb", list[str]()
    trade(log)
    mirror.write_text("no mirror", encoding="utf-8")
    keeper = MirrorKeeper(log, mirror, every_ms=60_000, told=told.append)

    keeper.start()
    keeper.stop()

    assert len(told) == 1
    assert told[0].startswith(f"{mirror} is not kept up to date: {mirror} is not a mirror of a log")
    assert mirror.read_text(encoding="utf-8") == "no mirror"


def test_what_could_be_done_again_is_told_of_once_too(tmp_path: Path) -> None:
    told = list[str]()
    keeper = MirrorKeeper(tmp_path / "o.sqlite", tmp_path / "o.duckdb", every_ms=60_000, told=told.append)

    for refreshed in (
        Refreshed(error="somebody has it open"),
        Refreshed(error="somebody has it open"),
        Refreshed(rows=5),
        Refreshed(rows=2),
    ):
        keeper._heard(refreshed)

    assert told == [
        f"{tmp_path / 'o.duckdb'} is not kept up to date: somebody has it open. Trading is not concerned",
        f"{tmp_path / 'o.duckdb'} is up to date again",
    ]
    assert keeper.rows == 7


def test_a_process_that_ends_by_itself_is_told_of_and_begun_again(tmp_path: Path) -> None:
    log, mirror, told = tmp_path / "o.sqlite", tmp_path / "o.duckdb", list[str]()
    trade(log)
    begun, again = list[int](), threading.Event()

    class Watched(MirrorKeeper):
        def _listen(self, process: subprocess.Popen[bytes]) -> None:
            begun.append(process.pid)
            if len(begun) == 1:
                process.kill()
            else:
                again.set()
            super()._listen(process)

    keeper = Watched(log, mirror, every_ms=60_000, told=told.append, first_pause_s=0.0)
    keeper.start()
    assert again.wait(30)
    keeper.stop()

    assert (len(begun), orders_in(mirror)) == (2, 1)
    assert told == [
        f"{mirror} is not kept up to date: its process ended with -9. Trading is not concerned",
        f"{mirror} is up to date again",
    ]
