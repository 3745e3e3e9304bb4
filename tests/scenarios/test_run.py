"""The main job, on real candles: signals in, a log out, and every digit of the money accounted for."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.analytics.summary import summarise
from orderwright.bootstrap import RunOptions, RunResult, run
from orderwright.journal.sqlite import SqliteJournal, open_log
from orderwright.market.files import load_candles

D = Decimal
START = 1_722_003_300_000_000  # 2024-07-26T14:15:00Z
MINUTE = 60_000_000


def some_signals(closes: list[Decimal], count: int, seed: int) -> list[dict[str, str]]:
    """Alerts of every kind at random minutes: market, limit, stop and take-profit orders, quote amounts, closes,
    targets."""
    chance = random.Random(seed)
    signals: list[dict[str, str]] = []
    for number in range(count):
        at = chance.randrange(10, len(closes) - 10)
        price, side = closes[at], chance.choice(["buy", "sell"])
        nearer, further = ("0.998", "1.002") if side == "buy" else ("1.002", "0.998")
        below = str((price * D(nearer)).quantize(D("0.01")))
        above = str((price * D(further)).quantize(D("0.01")))
        words: dict[str, str] = chance.choice(
            [
                {"action": side, "quantity": f"0.{chance.randrange(50, 300):05d}"},
                {"action": "buy", "quote_quantity": "120"},
                {"action": side, "order_type": "limit", "price": below, "quantity": "0.002"},
                {
                    "action": side,
                    "order_type": "limit",
                    "price": price.to_eng_string(),
                    "quantity": "0.002",
                    "time_in_force": "ioc",
                },
                {"action": side, "order_type": "stop", "stop_price": above, "quantity": "0.001"},
                {"action": side, "order_type": "take_profit", "stop_price": below, "quantity": "0.001"},
                {"action": side, "order_type": "stop_limit", "stop_price": above, "price": above, "quantity": "0.001"},
                {"action": side, "order_type": "limit", "price": below, "quantity": "0.003", "time_in_force": "day"},
                {"action": "close"},
                {"action": "target", "target_quantity": "0.004"},
            ]
        )
        second = chance.choice([0, 0, 17])  # on a bar's edge, or inside one
        time = START + at * MINUTE + second * 1_000_000
        signals.append(
            {"ticker": "BTCUSDT", "strategy": f"s{number % 3}", "alert_id": str(number), "time": str(time), **words}
        )
    return sorted(signals, key=lambda signal: int(signal["time"]))


def write_signals(path: Path, signals: list[dict[str, str]]) -> Path:
    lines = [json.dumps({**signal, "time": int(signal["time"])}) for signal in signals]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def real_run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunOptions, RunResult]:
    """400 signals over 43,209 real one-minute candles, with fees, slippage, a spread, latency and partial fills."""
    folder = tmp_path_factory.mktemp("run")
    candles = shared / "data/candles/binance-spot-BTCUSDT-1m.feather"
    loaded = load_candles(candles, "BTC/USDT")
    closes = [loaded.instrument.price(ticks) for ticks in loaded.close.tolist()]
    options = RunOptions(
        signals=write_signals(folder / "signals.jsonl", some_signals(closes, 400, seed=5)),
        candles=candles,
        symbol="BTC/USDT",
        log=folder / "log.sqlite",
        deposits=("USDT=25000", "BTC=0.01"),
        slippage_bps="1",
        spread_bps="1",
        latency_ms="20-80",
        volume_share="0.1",
        seed=3,
    )
    return options, run(options)


@pytest.fixture
def log(real_run: tuple[RunOptions, RunResult]) -> Iterator[SqliteJournal]:
    journal = open_log(real_run[0].log, read_only=True)
    yield journal
    journal.close()


def test_a_run_on_real_candles_takes_in_every_signal_and_ends_most_orders(
    real_run: tuple[RunOptions, RunResult], log: SqliteJournal
) -> None:
    summary = summarise(log, "main")
    assert (real_run[1].signals, real_run[1].repeated, real_run[1].candles, real_run[1].gaps) == (400, 0, 43_209, 0)
    assert sum(summary.signals.values()) == 400
    assert summary.orders["filled"] > 100
    assert summary.fills >= summary.orders["filled"]
    assert set(summary.orders) <= {"filled", "cancelled", "expired", "rejected", "denied", "open", "partially_filled"}


def test_cash_is_conserved_to_the_last_digit_against_an_independent_sum_of_the_fills(log: SqliteJournal) -> None:
    """Deposits plus what each fill brought and took, fees included, summed here, are the balances of the log."""
    expected = {"USDT": D(25_000), "BTC": D("0.01")}
    for fill in log.latest("fills"):
        sign = 1 if fill["side"] == "buy" else -1
        expected["BTC"] += sign * fill["quantity"]
        expected["USDT"] -= sign * fill["quantity"] * fill["price"]
        expected[fill["fee_asset"]] -= fill["fee"]
    assert {row["asset"]: row["total"] for row in log.latest("ledger")} == expected


def test_every_fee_is_the_rate_on_its_fill(log: SqliteJournal) -> None:
    for fill in log.latest("fills"):
        assert fill["fee"] == fill["quantity"] * fill["price"] * D("0.001")


def test_what_is_locked_is_what_open_orders_may_still_take(log: SqliteJournal) -> None:
    working = log.latest("orders", where={"status": ["open", "partially_filled", "submitted"]})
    buys = [row for row in working if row["side"] == "buy"]
    sells = [row for row in working if row["side"] == "sell"]
    with_fee = D("1.001")
    limits = sum((row["remaining_quantity"] * (row["price"] or row["stop_price"]) * with_fee for row in buys), D(0))
    locked = {row["asset"]: row["locked"] for row in log.latest("ledger")}
    assert locked.get("BTC", D(0)) == sum((row["remaining_quantity"] for row in sells), D(0))
    assert abs(locked["USDT"] - limits) <= limits * D("0.0002")  # a stop's estimate has room for slippage


def test_filled_and_remaining_make_up_the_quantity_until_an_order_ends(log: SqliteJournal) -> None:
    for row in log.history("orders"):
        if row["status"] in ("open", "partially_filled", "submitted", "pending_cancel", "filled"):
            assert row["filled_quantity"] + row["remaining_quantity"] == row["quantity"]


def test_no_order_fills_before_the_candle_it_was_placed_in_has_closed(log: SqliteJournal) -> None:
    orders = {row["client_order_id"]: row for row in log.latest("orders")}
    for fill in log.latest("fills"):
        sent = next(
            row["time"] for row in log.history("orders", where={"id": fill["id"]}) if row["status"] == "submitted"
        )
        inside = sent % MINUTE != 0
        close_of_its_candle = (sent // MINUTE + 1) * MINUTE
        assert fill["venue_time"] >= (close_of_its_candle if inside else sent), orders[fill["order_id"]]


def test_the_same_signals_again_into_the_same_log_change_nothing(real_run: tuple[RunOptions, RunResult]) -> None:
    from orderwright.journal.maintenance import head

    options, first = real_run
    before = head(options.log)
    again = run(options)
    assert (again.repeated, again.rows_before, again.rows_after) == (400, first.rows_after, first.rows_after)
    assert head(options.log) == before


def test_one_seed_gives_one_history(real_run: tuple[RunOptions, RunResult], tmp_path: Path) -> None:
    import msgspec

    options, _ = real_run
    other = msgspec.structs.replace(options, log=tmp_path / "again.sqlite")
    run(other)
    first, second = open_log(options.log, read_only=True), open_log(other.log, read_only=True)
    assert list(first.events("main")) == list(second.events("main"))
    first.close()
    second.close()


def test_the_log_of_a_run_verifies(real_run: tuple[RunOptions, RunResult]) -> None:
    from orderwright.journal.maintenance import head, verify

    found = verify(real_run[0].log, head=head(real_run[0].log))
    assert found.ok, found
