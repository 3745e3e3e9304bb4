"""The page of a backtest, its chart and its words: what is shown, of any run, and that the page needs nothing else."""

from __future__ import annotations

import base64
import json
import math
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orderwright.backtest.report import render
from orderwright.backtest.report.calendar import calendar_of
from orderwright.backtest.report.charts import spread
from orderwright.backtest.report.run_chart import extreme, figure, run_data
from orderwright.backtest.report.series import candles_of, curves_of, hold_of
from orderwright.backtest.report.words import money, percent
from orderwright.backtest.result import BacktestResult
from orderwright.errors import InputError
from tests.backtest.results import MINUTE, a_flat_market, a_market, a_result, bought_and_sold

EVIL = "<script>alert(1)</script>"
SECTIONS = ["chart", "returns", "trades", "extremes", "execution", "all-figures", "rules"]


class Page(HTMLParser):
    """What a page is made of: ids, texts, every address in it, its data; open tags are counted."""

    VOID = ("meta",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.data: dict[str, Any] = {}
        self._open: list[str] = []
        self._id = ""
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._id = found.get("id") or ""
        self.ids += [self._id] if self._id else []
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action") and value]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            if self._id in ("run", "figures"):
                self.data[self._id] = json.loads(data)
        elif self._open and self._open[-1] != "style" and data.strip():
            self.texts.append(data)


def unpacked(packed: dict[str, Any]) -> list[float]:
    kind = np.dtype("<" + packed["kind"])
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=kind).astype(float)
    found: list[float] = (values * packed.get("step", 1)).tolist()
    return found


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    market = a_market(400)
    return a_result(market, bought_and_sold(market))


@pytest.fixture(scope="module")
def page(result: BacktestResult) -> Page:
    return Page(render(result))


def test_the_page_has_its_sections_and_every_link_leads_to_one(page: Page) -> None:
    assert [one for one in page.ids if one in SECTIONS] == SECTIONS
    assert page.addresses == [f"#{key}" for key in [*SECTIONS, "notes"]]
    assert len(set(page.ids)) == len(page.ids)


def test_the_page_has_a_chart_for_each_figure_it_brings(page: Page) -> None:
    assert set(page.data["figures"]) == {"chart-calendar", "chart-spread"} <= set(page.ids)
    assert "chart-run" in page.ids


def test_the_page_needs_nothing_from_elsewhere(result: BacktestResult) -> None:
    text = render(result)

    assert "default-src 'none'" in unescape(text[:600])
    assert re.findall(r"<(?:link|img|iframe)\b", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)) == []


def test_the_same_result_gives_the_same_bytes(result: BacktestResult) -> None:
    assert render(result) == render(result)


def test_the_page_says_the_figures_that_matter(result: BacktestResult, page: Page) -> None:
    shown = " ".join(page.texts)

    assert "Cross on BTC/USDT" in shown
    assert f"{result.total_trades} of" not in shown  # not all of them won
    assert f"{result.winning_trades} of {result.total_trades}" in shown
    assert "fast" in shown
    assert "10 trades are still open" not in shown
    assert "1 trade is still open" in shown


def test_the_script_is_given_the_candles_the_account_and_the_trades(result: BacktestResult) -> None:
    data = run_data(result)
    (market,) = data["markets"]
    trades = [*result.trades, *result.open_trades]

    assert unpacked(market["close"]) == pytest.approx(result.bars[0].close.tolist())
    assert unpacked(market["time"]) == pytest.approx((result.bars[0].candles.times / 1_000).tolist())
    assert unpacked(data["account"]["equity"]) == pytest.approx(result.outcome.equity.tolist(), rel=1e-6)
    assert unpacked(data["trades"]["profit"]) == pytest.approx([one.profit for one in trades])
    closed = [data["trades"]["ends"][int(at)] for at in unpacked(data["trades"]["end"])][:-1]
    assert closed == ["by a signal"] * len(result.trades)
    assert [math.isnan(at) for at in unpacked(data["trades"]["exitTime"])] == [False] * len(closed) + [True]
    assert data["fills"] is None


def test_the_best_of_many_trials_says_so_on_its_page() -> None:
    market = a_market(60)
    result = a_result(market, bought_and_sold(market, 7))
    result.trials, result.deflated_sharpe = 500, 0.873
    texts = [text.replace("\u00a0", " ") for text in Page(render(result)).texts]

    assert "best of 500 trials; deflated 87.3 %" in texts
    assert "the best of 500 trials: the best of many looks good by luck alone" in texts


def test_of_positions_built_in_parts_the_fills_are_drawn() -> None:
    market = a_market(100)
    fills = [(bar, 1 if bar % 3 else -1, float(market.open[bar]), 0.002, "order") for bar in range(1, 60)]
    result = a_result(market, fills)
    drawn, page = run_data(result)["fills"], Page(render(result))

    assert unpacked(drawn["price"]) == pytest.approx([price for _, _, price, _, _ in fills], abs=0.005)
    assert unpacked(drawn["side"]) == [side for _, side, _, _, _ in fills]
    assert any(text.startswith("Blue triangles are purchases") for text in page.texts)
    assert "the strategy's own orders" in page.texts


def test_of_very_many_fills_every_so_many_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderwright.backtest.report.run_chart.MOST_FILLS", 15)
    market = a_market(100)
    fills = [(bar, -1 if bar % 2 else 1, float(market.open[bar]), 0.001 * bar, "order") for bar in range(1, 60)]
    drawn = run_data(a_result(market, [(0, 1, float(market.open[0]), 0.5, "order"), *fills]))["fills"]

    assert drawn["every"] == 5
    assert set(unpacked(drawn["side"])) == {1, -1}


def test_a_name_cannot_become_markup() -> None:
    market = a_market(40)
    text = render(a_result(market, strategy=EVIL, parameters={"x": EVIL}, outcome={"notes": (EVIL,)}))

    assert EVIL not in text
    assert EVIL in " ".join(Page(text).texts)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_a_run_without_a_trade_has_a_page(n: int) -> None:
    page = Page(render(a_result(a_market(n))))
    shown = " ".join(page.texts)

    assert "No trade was closed in this run" in shown
    assert set(page.data["figures"]) == {"chart-calendar"}
    assert "nan" not in shown.lower().replace("finance", "")


def test_a_ruined_account_has_a_page() -> None:
    market = a_flat_market([100, 100, 300, 250, 300])
    ruined = a_result(market, [(1, -1, 100.0, 100.0, "entry")])

    assert ruined.final_balance < 0
    assert "chart-run" in Page(render(ruined)).ids


def test_several_symbols_have_a_button_each() -> None:
    bitcoin, ether = a_market(60), a_market(50, "ETH/USDT", seed=8)
    result = a_result([bitcoin, ether], [bought_and_sold(bitcoin, 7), bought_and_sold(ether, 9)])
    page = Page(render(result))

    assert [one["symbol"] for one in page.data["run"]["markets"]] == ["BTC/USDT", "ETH/USDT"]
    assert {"BTC/USDT", "ETH/USDT"} <= set(page.texts)


def test_the_page_is_written_whole_or_not_at_all(result: BacktestResult, tmp_path: Path) -> None:
    path = result.report(tmp_path / "report.html")

    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="there is no such folder"):
        result.report(tmp_path / "nowhere" / "report.html")


def test_many_candles_are_thinned_to_what_they_hold() -> None:
    market = a_market(1_001)
    found = candles_of(market, 100)

    assert (found.every, len(found.time)) == (11, 91)
    assert (found.open[0], found.close[0]) == (market.open[0], market.close[10])
    assert (found.high[0], found.low[0]) == (market.high[:11].max(), market.low[:11].min())
    assert found.close[-1] == market.close[-1]


def test_many_bars_keep_the_deepest_drawdown_and_the_last_equity() -> None:
    market = a_market(1_001)
    result = a_result(market, bought_and_sold(market))
    found = curves_of(result, 100)

    assert -found.drawdown.min() == pytest.approx(result.max_drawdown)
    assert found.equity[-1] == result.final_balance


def test_buy_and_hold_shares_the_balance_out_equally() -> None:
    one, other = a_flat_market([100, 110, 120]), a_flat_market([10, 10, 5], "ETH/USDT")
    result = a_result([one, other], [[], []])

    assert hold_of(result).tolist() == pytest.approx([10_000, 10_500, 8_500])
    assert result.metrics["buy_and_hold"] == pytest.approx(-0.15)


def test_returns_by_month_multiply_to_the_whole() -> None:
    market = a_market(400)
    result = a_result(market, bought_and_sold(market))
    found = calendar_of(result)

    assert found is not None
    assert (found.unit, found.rows) == ("month", ["2024", "2025"])
    months = [cell for row in found.cells for cell in row[:12] if cell is not None]
    assert len(months) == 14
    assert np.prod([1 + cell for cell in months]) == pytest.approx(result.final_balance / 10_000)
    years = [row[12] for row in found.cells]
    assert np.prod([1 + cell for cell in years if cell is not None]) == pytest.approx(result.final_balance / 10_000)


def test_weeks_are_shown_by_day_and_days_by_hour() -> None:
    days = calendar_of(a_result(a_market(20)))
    hours = calendar_of(a_result(a_market(90, interval=MINUTE)))

    assert days is not None
    assert hours is not None
    assert (days.unit, days.rows[0], days.names[0][0]) == ("day", "Week of 2024-01-01", "Mon 2024-01-01")
    assert (hours.unit, hours.rows) == ("hour", ["2024-01-01"])
    assert [cell is not None for cell in hours.cells[0]] == [True, True, *[False] * 22]


def test_a_bar_of_the_spread_is_of_winners_or_of_losers() -> None:
    returns = np.array([-3.2, -0.1, 0.05, 0.1, 2.5, 400.0])
    drawn = spread(returns)

    assert drawn is not None
    (bars,) = drawn["data"]
    assert sum(bars["y"]) == 6
    losers = sum(count for middle, count in zip(bars["x"], bars["y"], strict=True) if middle < 0)
    assert losers == 2
    assert spread(np.empty(0)) is None


def test_of_many_trades_the_best_and_the_worst_are_drawn(result: BacktestResult) -> None:
    ranked = sorted(one.profit for one in result.trades)
    shown = extreme(result.trades, 4)

    assert sorted(one.profit for one in shown) == ranked[:2] + ranked[-2:]
    assert [one.entry_time for one in shown] == sorted(one.entry_time for one in shown)
    assert extreme(result.trades, 1_000) == result.trades


def test_the_figure_for_a_notebook_has_candles_marks_and_curves(result: BacktestResult) -> None:
    drawn = figure(result)

    assert [one["type"] for one in drawn["data"]] == ["candlestick", *["scatter"] * 5]
    assert len(result.plot().data) == 6


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0.125, "+12.50 %"), (-0.0004, "−0.04 %"), (0.0, "0.00 %"), (float("nan"), "–"), (1e9, "over 1,000,000 %")],
)
def test_percentages_are_shown_as_people_read_them(fraction: float, shown: str) -> None:
    assert percent(fraction, sign=True).replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,234.50"), (-0.01234, "−0.0123"), (1e6, "1,000,000"), (0.0, "0.00"), (float("nan"), "–")],
)
def test_sums_are_shown_as_people_read_them(value: float, shown: str) -> None:
    assert money(value) == shown
