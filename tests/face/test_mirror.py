"""A mirror that a broker keeps at a path: for its own statistics, and for whoever reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from orderwright import Broker, InputError, LogError
from tests.face.builders import a_broker, a_buy


def steps(path: Path) -> int:
    """How many rows of orders a DuckDB mirror has."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT count(*) FROM steps").fetchall()[0][0])


def rows_of(broker: Broker) -> int:
    return len(broker.journal.history("orders"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.duckdb"


def test_it_is_refreshed_now_by_statistics_and_on_close(path: Path, tmp_path: Path) -> None:
    with a_broker(log=tmp_path / "log.sqlite", mirror=path) as broker:
        broker.submit(a_buy())
        gained = broker.refresh_mirror()
        assert gained.books == {"main": broker.state.sequence}
        assert steps(path) == rows_of(broker) > 0
        assert broker.refresh_mirror().rows == 0

        broker.submit(a_buy())
        assert broker.stats().totals.orders == 2
        assert steps(path) == rows_of(broker)

        broker.submit(a_buy())
        there = rows_of(broker)
        assert steps(path) < there
    assert steps(path) == there


def test_updates_refresh_it_but_not_more_often_than_it_says(path: Path) -> None:
    broker = a_broker(mirror=path, mirror_every_ms=120_000)
    seen = []
    for _ in range(5):
        broker.submit(a_buy())
        broker.update()  # a minute
        seen.append(steps(path) == rows_of(broker))
    assert seen == [True, False, True, False, True]


def test_it_has_the_views_of_the_portfolio_and_goes_on_after_a_restart(path: Path, tmp_path: Path) -> None:
    for run in (1, 2):
        with a_broker(log=tmp_path / "log.sqlite", mirror=path) as broker:
            broker.submit(a_buy())
            broker.update()
            assert broker.stats().totals.filled == run
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT total FROM latest_balances WHERE asset = 'BTC'").fetchall() == [(2,)]


def test_a_folder_of_parquet_files_will_do(tmp_path: Path) -> None:
    with a_broker(mirror=f"{tmp_path}/parquet/") as broker:
        broker.submit(a_buy())
        broker.update()
        assert broker.stats().totals.filled == 1
    assert list((tmp_path / "parquet").rglob("*.parquet"))


def test_one_that_cannot_be_written_does_not_stop_trading(path: Path) -> None:
    path.write_bytes(b"not a mirror, and not to be written over")
    broker = a_broker(mirror=path)
    trade = broker.submit(a_buy())
    assert [fill.order_id for fill in broker.update()] == [trade.order_id]
    assert broker.alerts[0].startswith("the mirror is behind the log: ")
    with pytest.raises(LogError):
        broker.refresh_mirror()
    broker.close()
    assert path.read_bytes().startswith(b"not a mirror")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"mirror": "log"}, "mirror"),
        ({"mirror": "nowhere/log.duckdb"}, "mirror"),
        ({"mirror": 5}, "mirror"),
        ({"mirror_every_ms": 0}, "mirror_every_ms"),
        ({"mirror_every_ms": True}, "mirror_every_ms"),
    ],
)
def test_what_is_no_mirror_is_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        a_broker(**options)
    assert refused.value.field == field


def test_a_broker_that_keeps_none_says_so() -> None:
    with pytest.raises(InputError, match="no mirror is kept") as refused:
        a_broker().refresh_mirror()
    assert refused.value.field == "mirror"
