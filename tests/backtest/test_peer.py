"""The same strategies on backtesting.py, beside us: where the rules are the same, so is every trade and the equity of
every bar. Where they differ the test says how; docs/backtest_peers.md has it in a table."""

from __future__ import annotations

import json
import runpy
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from backtesting import Backtest
from backtesting import Strategy as PeerStrategy
from backtesting import backtesting as peer_engine

from orderwright.backtest.backtester import ENGINES, Backtester
from orderwright.backtest.indicators import sma_cross
from orderwright.backtest.outcome import Floats
from orderwright.backtest.result import BacktestResult
from orderwright.backtest.rules import FixedQuantity, PercentOfEquity
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import Instrument
from orderwright.market.instruments import default_instrument

CASH, FEE, SHARES = 100_000, 0.002, 10
MINUTES = 4_000

Traded = tuple[int, int, float, float, float, float]
"""(bar of the entry, bar of the exit, quantity, below 0 when short, entry price, exit price, profit)."""


class SlowStart(SimpleMovingAverageStrategy):
    """The SMA cross, asked for the first time a bar later than it could be: as backtesting.py asks its strategies."""

    def __init__(self, fast_period: int = 20, slow_period: int = 50) -> None:
        super().__init__(fast_period, slow_period)
        self.warm_up = slow_period

    def signals(self, bars: Any) -> Any:
        return self._warmed(super().signals(bars))


class PeerCross(PeerStrategy):  # type: ignore[misc]
    """The SMA cross for backtesting.py: long above, flat or short below."""

    short = False
    stop_loss: float | None = None
    take_profit: float | None = None
    size: float = SHARES

    def init(self) -> None:
        close = pd.Series(self.data.Close)
        self.fast = self.I(lambda: close.rolling(20).mean(), name="fast")
        self.slow = self.I(lambda: close.rolling(50).mean(), name="slow")

    def next(self) -> None:
        if self.fast[-1] > self.slow[-1] and not self.position.is_long:
            self.position.close()
            self.buy(size=self.size, **self.exits())
        elif self.fast[-1] < self.slow[-1] and not self.position.is_short:
            self.position.close()
            if self.short:
                self.sell(size=self.size)

    def exits(self) -> dict[str, float]:
        """A stop and a target at fractions of the close, on the tick away from it."""
        close, found = self.data.Close[-1], dict[str, float]()
        if self.stop_loss:
            found["sl"] = np.floor(close * (1 - self.stop_loss) * 100 + 1e-6) / 100
        if self.take_profit:
            found["tp"] = np.ceil(close * (1 + self.take_profit) * 100 - 1e-6) / 100
        return found


@pytest.fixture(scope="module")
def google(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "data/candles/nasdaq-GOOG-1d.csv", index_col=0, parse_dates=True)


@pytest.fixture(scope="module")
def bitcoin(shared: Path) -> pd.DataFrame:
    """The two days around the fall of 5 August 2024, with the names of columns that backtesting.py wants."""
    frame = pd.read_feather(shared / "data/candles/binance-spot-BTCUSDT-1m.feather").set_index("date")
    frame = frame.loc["2024-08-04T12:00:00Z":].iloc[:MINUTES].rename(columns=str.title)
    return frame.set_index(frame.index.tz_localize(None))


def joined(frame: pd.DataFrame) -> pd.DataFrame:
    """The same market where each bar opens at the close before: decisions and fills are at one price."""
    close = frame["Close"].to_numpy()
    made = frame.copy()
    made["Open"] = np.concatenate([close[:1], close[:-1]])
    made["High"] = made[["Open", "High", "Close"]].max(axis=1)
    made["Low"] = made[["Open", "Low", "Close"]].min(axis=1)
    return made


def theirs(
    data: pd.DataFrame, kind: type[PeerStrategy] = PeerCross, run: dict[str, Any] | None = None, **words: Any
) -> tuple[list[Traded], Floats]:
    """(closed trades in order of their entry, equity at each bar) of backtesting.py."""
    words = {"cash": CASH, "commission": FEE, **words}
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        patched.setattr(peer_engine, "_tqdm", lambda rows, **_: rows)  # no progress bar
        warnings.simplefilter("ignore")  # of its own
        found = Backtest(data, kind, **words).run(**(run or {}))
    trades = found["_trades"].sort_values("EntryBar", kind="stable")
    columns = [trades[name] for name in ("EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice", "PnL")]
    return list(zip(*(column.tolist() for column in columns), strict=True)), found["_equity_curve"]["Equity"].to_numpy()


def ours(
    data: pd.DataFrame,
    strategy: Strategy | None = None,
    *,
    instrument: Instrument | None = None,
    engine: str = "kernel",
    **words: Any,
) -> BacktestResult:
    words = {
        "initial_balance": CASH,
        "commission": FEE,
        "slippage": 0,
        "sizing": FixedQuantity(Decimal(SHARES)),
        **words,
    }
    backtester = Backtester(**words)
    return backtester.run(strategy or SlowStart(), data, symbol="GOOG/USD", instrument=instrument, engine=engine)


def trades_of(result: BacktestResult) -> list[Traded]:
    return [
        (
            trade.entry_bar,
            trade.exit_bar or -1,
            trade.quantity if trade.side == "long" else -trade.quantity,
            trade.entry_price,
            trade.exit_price or 0.0,
            trade.profit,
        )
        for trade in result.trades
    ]


def equal(result: BacktestResult, peer: tuple[list[Traded], Floats]) -> None:
    """Every trade and the equity of every bar are the same."""
    trades, equity = peer
    assert trades
    np.testing.assert_allclose(trades_of(result), trades, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(result.outcome.equity, equity, rtol=1e-9)


# --- the same rules ---


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("short", [False, True])
def test_google_is_the_same_trade_by_trade(google: pd.DataFrame, short: bool, engine: str) -> None:
    result = ours(google, allow_short=short, engine=engine)

    equal(result, theirs(google, run={"short": short}))
    assert result.total_trades == (40 if short else 20)


@pytest.mark.parametrize("short", [False, True])
def test_bitcoin_is_the_same_trade_by_trade(bitcoin: pd.DataFrame, short: bool) -> None:
    cash = 10_000_000

    result = ours(bitcoin, allow_short=short, initial_balance=cash)

    equal(result, theirs(bitcoin, run={"short": short}, cash=cash))
    assert result.total_trades > 40


def test_orders_at_this_close_are_the_same_too_and_booked_a_bar_later_by_them(google: pd.DataFrame) -> None:
    result, (trades, equity) = ours(google, fill_at="this_close"), theirs(google, trade_on_close=True)

    booked = np.delete(np.arange(len(google)), result.outcome.fills.bar)
    np.testing.assert_allclose(trades_of(result), trades, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(result.outcome.equity[booked], equity[booked], rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_stops_and_targets_are_the_same_where_each_bar_opens_at_the_close_before(
    bitcoin: pd.DataFrame, engine: str
) -> None:
    market = joined(bitcoin)
    exits: dict[str, Any] = {"stop_loss": 0.004, "take_profit": 0.006}

    result = ours(market, engine=engine, initial_balance=10_000_000, path="worst", **exits)

    equal(result, theirs(market, run=exits, cash=10_000_000))
    assert {trade.exit_reason for trade in result.trades} == {"signal", "stop_loss", "take_profit"}


# --- the differences ---


def test_they_ask_a_strategy_a_bar_after_it_can_first_speak(google: pd.DataFrame) -> None:
    mine, peer = trades_of(ours(google, SimpleMovingAverageStrategy(20, 50))), theirs(google)[0]

    assert (mine[0][0], peer[0][0]) == (50, 51)
    np.testing.assert_allclose(mine[1:], peer[1:], rtol=1e-9, atol=1e-7)


def test_their_spread_is_paid_on_the_entry_alone_and_our_slippage_on_both_sides(google: pd.DataFrame) -> None:
    fine = msgspec.structs.replace(default_instrument("GOOG/USD"), min_notional=Decimal(0), tick_size=Decimal("0.0001"))

    mine = ours(google, instrument=fine, slippage=0.01, commission=0)
    peer, _ = theirs(google, spread=0.01, commission=0)

    trades = trades_of(mine)
    assert [trade[:3] for trade in trades] == [trade[:3] for trade in peer]
    np.testing.assert_allclose([trade[3] for trade in trades], [trade[3] for trade in peer], rtol=1e-12)
    np.testing.assert_allclose([trade[4] for trade in trades], [trade[4] * 0.99 for trade in peer], rtol=1e-12)
    np.testing.assert_allclose(
        [trade[5] for trade in trades], [trade[5] - SHARES * trade[4] * 0.01 for trade in peer], rtol=1e-9
    )


def test_their_sizes_are_whole_shares_and_ours_whole_steps(google: pd.DataFrame) -> None:
    market, whole = (
        joined(google),
        msgspec.structs.replace(default_instrument("GOOG/USD"), min_notional=Decimal(0), step_size=Decimal(1)),
    )
    everything: dict[str, Any] = {"sizing": PercentOfEquity(Decimal(99))}

    peer = theirs(market, run={"size": 0.99})
    mine = trades_of(ours(market, **everything))

    equal(ours(market, instrument=whole, **everything), peer)
    assert np.floor(mine[0][2]) == peer[0][0][2] != mine[0][2]


def test_they_size_at_the_price_of_the_fill_and_we_at_that_of_the_decision(google: pd.DataFrame) -> None:
    whole = msgspec.structs.replace(default_instrument("GOOG/USD"), min_notional=Decimal(0), step_size=Decimal(1))

    peer, _ = theirs(google, run={"size": 0.5})
    mine = trades_of(ours(google, instrument=whole, sizing=PercentOfEquity(Decimal(50))))

    close, open_ = google["Close"].iloc[mine[0][0] - 1], google["Open"].iloc[mine[0][0]]
    assert (mine[0][2], peer[0][2]) == (50_000 // (close * 1.002), 50_000 // (open_ * 1.002))


def test_where_the_money_is_short_they_drop_the_order_and_we_take_what_it_pays_for(google: pd.DataFrame) -> None:
    peer, _ = theirs(google.iloc[:200], cash=1_000)
    (mine, *_) = trades_of(ours(google.iloc[:200], initial_balance=1_000))

    assert peer == []
    assert 0.99 < mine[2] * mine[3] * 1.002 / 1_000 <= 1


def test_an_open_trade_at_the_end_stays_open_here_and_is_theirs_to_close(google: pd.DataFrame) -> None:
    result, (left, _), (closed, _) = ours(google), theirs(google), theirs(google, finalize_trades=True)

    (open_trade,) = result.open_trades
    assert (len(result.trades), len(left), len(closed)) == (20, 20, 21)
    assert (open_trade.entry_bar, open_trade.entry_price) == (closed[-1][0], closed[-1][3])
    # they close it at the open of the last bar, which was before its last decision; we value it at the last close
    assert closed[-1][4] == google["Open"].iloc[-1] != google["Close"].iloc[-1]


def test_averages_that_are_equal_cross_for_them_by_a_rounding_error() -> None:
    cents = np.full(400, 10, dtype=np.int64)
    cents[60::7], cents[61::7] = 11, 9  # each up is undone by the next down
    close = pd.Series(cents / 100)
    floats = np.sign(close.rolling(20).mean() - close.rolling(50).mean()).fillna(0).astype(int).to_numpy()

    exact = sma_cross(cents, 20, 50)

    assert not exact[(exact != floats)].any()
    assert (exact != floats).any()


# Their own tests of stops and targets, in ../shared/cases/fill_cases.json by these names


class PeerOnce(PeerStrategy):  # type: ignore[misc]
    """Buys one share at a bar, with exits."""

    at = 2
    sl: float | None = None
    tp: float | None = None

    def init(self) -> None:
        pass

    def next(self) -> None:
        if len(self.data) == self.at + 1:
            self.buy(size=1, sl=self.sl, tp=self.tp)


class Once(Strategy):
    """The same here."""

    def __init__(self, at: int = 2) -> None:
        super().__init__()
        self.at = at

    def signals(self, bars: Any) -> Any:
        signals = np.zeros(len(bars), dtype=np.int8)
        signals[self.at] = 1
        return signals


def five_bars(*last: tuple[float, float, float, float]) -> pd.DataFrame:
    """Three still bars at 100, the entry at the open of the next, and what follows."""
    rows = [(100.0, 100.0, 100.0, 100.0)] * 3 + list(last)
    frame = pd.DataFrame(
        rows, columns=["Open", "High", "Low", "Close"], index=pd.date_range("2024-01-01", periods=len(rows))
    )
    return frame.assign(Volume=1.0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("case", "bars", "path", "theirs_exit", "ours_exit"),
    [
        # (bar, price) of the exit; the stop is at 95, the target at 106
        ("stop in the bar of the entry", [(100, 101, 94, 98), (98, 99, 97, 98)], "nearest", (3, 95), (3, 95)),
        ("target in the bar of the entry", [(100, 107, 99, 105), (105, 106, 104, 105)], "nearest", (3, 106), (3, 106)),
        ("a gap through the stop", [(100, 101, 99, 100), (93, 96, 92, 94)], "nearest", (4, 93), (4, 93)),
        ("a gap through the target", [(100, 101, 99, 100), (108, 109, 107, 108)], "nearest", (4, 108), (4, 108)),
        ("both in a later bar, the worst path", [(100, 101, 99, 100), (100, 107, 94, 100)], "worst", (4, 95), (4, 95)),
        ("both in the bar of the entry, the worst path", [(100, 106, 93, 100)], "worst", (3, 95), (3, 95)),
        # they take the stop first whatever the bar; by `nearest` the target, which is nearer to the open, comes first
        ("both in a later bar", [(100, 101, 99, 100), (103, 107, 94, 100)], "nearest", (4, 95), (4, 106)),
    ],
)
def test_stops_and_targets_of_one_trade(
    case: str,
    bars: list[tuple[float, float, float, float]],
    path: Any,
    theirs_exit: tuple[int, float],
    ours_exit: tuple[int, float],
    engine: str,
) -> None:
    market = five_bars(*bars)

    (peer,), _ = theirs(market, PeerOnce, {"sl": 95, "tp": 106}, commission=0)
    result = ours(market, Once(), engine=engine, commission=0, stop_loss=0.05, take_profit=0.06, path=path)

    assert (peer[1], peer[4]) == theirs_exit
    assert [(trade.exit_bar, trade.exit_price) for trade in result.trades] == [ours_exit]


# --- an independent account of the SMA cross, in NumPy ---


class Crosses(Strategy):
    """Long from the bar at which the fast average comes above the slow one, flat or short from where it comes below."""

    def signals(self, bars: Any) -> Any:
        level = sma_cross(bars.candles.close, 20, 50)
        before = np.concatenate([[0], level[:-1]])
        return np.where(level * before == -1, level, 0).astype(np.int8)


def the_reference(folder: Path, bars: int, mode: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What ../shared/peers/reference.py prints."""
    before, sys.argv = sys.argv, ["reference.py", str(bars), mode]
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(str(folder / "reference.py"))
    finally:
        sys.argv = before
        sys.path.remove(str(folder))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("mode", ["long", "ls"])
@pytest.mark.parametrize(("fill", "fill_at"), [("next_open", "next_open"), ("same_close", "this_close")])
def test_the_equity_is_that_of_an_independent_account(
    shared: Path, mode: str, fill: str, fill_at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = the_reference(shared / "peers", 20_000, mode, capsys)
    common = sys.modules.pop("common")
    data = common.bars_df(20_000, cap=False)
    fine = msgspec.structs.replace(
        default_instrument("BTC/USD"), min_notional=Decimal(0), tick_size=Decimal("0.000001")
    )
    wanted = {row["slip_in"]: row for row in rows if row["fill"] == fill and row["slip_in"] == row["slip_out"]}

    for slippage, row in wanted.items():
        result = Backtester(
            common.CASH,
            common.FEE,
            slippage,
            allow_short=mode == "ls",
            fill_at=fill_at,
            sizing=FixedQuantity(Decimal(100)),
        ).run(Crosses(), data, symbol="BTC/USD", instrument=fine)
        assert result.final_balance == pytest.approx(row["equity"], rel=1e-9)
    assert len(wanted) == 2
