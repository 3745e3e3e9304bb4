"""The service as a user starts it: from the seeds' own file and from config/local.yaml, asked with the seeds' curl."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orderwright.mirror import DuckMirror
from tests.config.builders import files_of_the_seed

LOCAL = Path(__file__).resolve().parents[2] / "config/local.yaml"
ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "market", "quantity": 0.001, "user_id": "test_user"}
"""The body of seed 004's curl."""
OURS = ("ORDERWRIGHT__", "MAX_", "MIN_", "TRADINGVIEW_", "DATABASE_", "BINANCE_", "CONFIG_")


@contextlib.contextmanager
def serving(config: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service in a folder, on a port that is free: its process, its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    command = [sys.executable, "-m", "orderwright", "serve", "--config", str(config), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        yield process, next(word for word in first.split() if word.startswith("http://"))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_seeds_own_file_starts_and_says_how_to_come_in(shared: Path, tmp_path: Path) -> None:
    config = tmp_path / "local.yaml"
    config.write_text(files_of_the_seed(shared)[0], encoding="utf-8")

    with serving(config, tmp_path) as (_, address):
        ready = httpx.get(f"{address}/ready")
        answer = httpx.post(f"{address}/api/orders/create", json=ORDER)

    assert ready.status_code == 200
    assert answer.status_code == 401
    assert (tmp_path / "data/order_management.duckdb.sqlite").is_file()


def test_the_seeds_curl_runs_against_our_local_file_and_the_copy_has_its_order(tmp_path: Path) -> None:
    with serving(LOCAL, tmp_path) as (process, address):
        answer = httpx.post(f"{address}/api/orders/create", json=ORDER)
        process.send_signal(signal.SIGTERM)
        ended = process.wait(30)

    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["user_id"] == "test_user"
    assert ended == 0
    with DuckMirror(tmp_path / "data/order_management.duckdb").reading() as connection:
        assert connection.execute("SELECT user_id, symbol FROM placed").fetchall() == [("test_user", "BTC/USDT")]


@pytest.mark.parametrize("option", [["--config", "nowhere.yaml"], ["--port", "70000"]])
def test_what_cannot_start_says_so_in_a_line_and_ends_with_2(option: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orderwright", "serve", *option]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []
