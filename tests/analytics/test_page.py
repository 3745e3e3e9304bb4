"""The execution report page: what it shows, what it says where nothing was recorded, and that it needs nothing else."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orderwright.analytics.page import render, write_page
from orderwright.analytics.records import (
    Bins,
    Drift,
    Estimate,
    ExecutionReport,
    Figures,
    Quantiles,
    ReasonCount,
    Shortfall,
    Step,
    Story,
)
from orderwright.errors import InputError

D = Decimal
DAY = 86_400_000_000
START = 1_722_816_000_000_000  # 2024-08-05T00:00:00Z
EVIL = '<script>alert("1")</script>'
CHARTS = ["chart-drift", "chart-fill-times", "chart-hours", "chart-mark-outs", "chart-shortfall", "chart-slippage"]
CHART_SECTIONS = ["slippage", "fill-times", "shortfall", "mark-outs", "hours"]


def estimate(value: float, low: float | None = None, high: float | None = None, count: int = 1_234) -> Estimate:
    return Estimate(count=count, value=value, low=low, high=high)


def a_group(name: str, cost_bps: float | None = 9.115) -> Figures:
    """A group of 1,234 orders, everything about them known."""
    return Figures(
        name=name,
        orders=1_234,
        filled=1_101,
        traded=D("1234567.891"),
        fees=D("987.6543"),
        cost=D("1125.4321"),
        cost_bps=cost_bps,
        success=estimate(0.926, 0.919, 0.933),
        rejected=estimate(0.0213, 0.014, 0.031),
        cancelled=estimate(0.053, 0.041, 0.067),
        fill_ratio=estimate(0.957, 0.95, 0.964),
        slippage=estimate(2.314, 2.18, 2.446),
        slippage_quantiles=Quantiles(p05=-3.7, p25=0.91, p50=1.82, p75=4.93, p95=13.31),
        fill_time=estimate(1_500.0, 1_400.0, 1_600.0),
        fill_time_quantiles=Quantiles(p05=20.0, p25=140.0, p50=420.0, p75=2_520.0, p95=33_600.0),
        ack_time_quantiles=Quantiles(p50=61.6),
        effective_spread_bps=3.07,
        improvement_bps=-0.27,
        maker_share=0.304,
        mark_outs={"1s": -0.42, "10s": 0.11, "1m": 0.8, "5m": 1.4},
        retries=16,
        unknown_ms=74_000.0,
    )


def a_story(**changes: Any) -> Story:
    story = Story(
        order_id="ow7",
        number=1042,
        time=START,
        exchange="kraken",
        symbol="BTC/USDT",
        side="buy",
        order_type="stop_limit",
        status="filled",
        quantity=D("1.25"),
        filled_quantity=D("0.4"),
        average_price=D("64231.45"),
        arrival_price=D("63980.1"),
        cost=D("405.001"),
        cost_bps=88.24,
        strategy="trend",
        steps=[
            Step(time=START, text="created from an alert"),
            Step(time=START + 75_000_000, text="0.4 filled at 64,231.45"),
        ],
    )
    return replace(story, **changes)


def a_report(**changes: Any) -> ExecutionReport:
    """A week in which everything was recorded."""
    report = ExecutionReport(
        title="Book main",
        start=START,
        end=START + 7 * DAY,
        first_time=START + 432_000_000,
        last_time=START + 6 * DAY,
        currency="USDT",
        totals=a_group("all"),
        shortfall=Shortfall(
            paper=D(1_000_000),
            total=D("994.25"),
            delay=D("81.25"),
            impact=D("284.25"),
            fees=D(669),
            opportunity=D("-40.25"),
            total_bps=9.9425,
            orders=1_200,
        ),
        by={
            "exchange": [a_group("binance", 9.5), a_group("okx", None), a_group("kraken", 8.1)],
            "symbol": [a_group("BTC/USDT")],
            "strategy": [a_group("trend")],
            "order_type": [a_group("market")],
            "hour": [a_group("13")],
        },
        reasons=[ReasonCount(status="denied", code="max_order_value", count=84, example="quantity: at most 0.64")],
        slippage_bins=Bins(edges=[-2.0, -1.0, 1.0, 3.0], counts=[5, 20, 9]),
        fill_time_bins=Bins(edges=[10.0, 100.0, 1_000.0, 60_000.0], counts=[3, 30, 1]),
        cost_by_hour={"kraken": [None] * 23 + [4.5], "binance": [-1.25] * 24},
        worst=[a_story(), a_story(order_id="ow8", number=1043, cost=None, cost_bps=None, steps=[])],
        drift=Drift(
            live=estimate(2.31, 1.9, 2.7),
            simulated=estimate(1.42, 1.2, 1.6),
            difference=estimate(0.89, 0.44, 1.34),
            base_bps=0.61,
            root_bps=14.2,
            model="--slippage fitted:0.61,14.2",
        ),
        notes=["3 fees in BNB have no price and are left out."],
    )
    return replace(report, **changes)


def nothing_known(orders: int) -> ExecutionReport:
    """A report of orders of which nothing is known but how many there were."""
    return ExecutionReport(
        title="Book main",
        start=None,
        end=None,
        first_time=None,
        last_time=None,
        currency="USDT",
        totals=Figures(name="all", orders=orders),
        shortfall=Shortfall(),
        by={},
        reasons=[],
        slippage_bins=Bins(),
        fill_time_bins=Bins(),
        cost_by_hour={},
        worst=[],
    )


class Page(HTMLParser):
    """A page as a browser would see it: elements, text, scripts; and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        kind = self._open[-1] if self._open else ""
        {"script": self.scripts, "style": self.styles}.get(kind, self.words).append(data)

    def ids(self, tag: str) -> list[str]:
        return [str(attributes["id"]) for name, attributes in self.elements if name == tag and "id" in attributes]

    @property
    def figures(self) -> dict[str, Any]:
        """The data of the charts, by the id of their place."""
        found: dict[str, Any] = json.loads(self.scripts[0]) if self.scripts else {}
        return found


def shown(report: ExecutionReport) -> Page:
    return Page(render(report))


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(a_report(), START) == render(a_report(), START)


def test_the_page_says_when_it_was_made_only_where_it_is_told() -> None:
    assert "Made 2024-08-05 00:00 UTC." in Page(render(a_report(), START)).text
    assert "Made" not in shown(a_report()).text


def test_every_key_figure_is_shown() -> None:
    text = shown(a_report()).text
    for name, figure, under in (
        ("Orders", "1,234", "3 exchanges, 1 symbol"),
        ("Filled whole", "1,101", "92.6 % of those that ended"),
        ("Traded", "1,234,568 USDT", "30.4 % of it as maker"),
        ("Fees", "987.65 USDT", "8.00 bps of what was traded"),
        ("Slippage against arrival", "2.31 bps", "95 % interval 2.18 to 2.45 median 1.82"),
        ("Cost, fees included", "1,125.43 USDT", "9.12 bps"),
        ("Median fill time", "420 ms", "95 of 100 within 33.6 s"),
        ("Rejected or denied", "2.1 %", "95 % interval 1.4 to 3.1 %"),
    ):
        assert f"{name} {figure} {under}" in text


def test_the_head_says_what_the_page_is_about() -> None:
    assert (
        "Execution report Book main 2024-08-05 00:00 to 2024-08-12 00:00 UTC "
        "First order 2024-08-05 00:07:12, last event 2024-08-11 00:00 UTC. Money in USDT."
    ) in shown(a_report()).text
    assert "Everything recorded" in shown(a_report(start=None, end=None)).text
    assert "the beginning to 2024-08-12 00:00 UTC" in shown(a_report(start=None)).text
    assert "2024-08-05 00:00 to now UTC" in shown(a_report(end=None)).text


def test_money_has_its_exact_value_on_hover() -> None:
    titles = [attributes.get("title") for name, attributes in shown(a_report()).elements if name == "data"]
    assert {"1234567.891 USDT", "987.6543 USDT", "1125.4321 USDT", "-40.25", "405.001 USDT"} <= set(titles)


def test_the_page_loads_nothing_from_anywhere() -> None:
    page = shown(a_report())
    assert [name for name, _ in page.elements if name in ("link", "img", "iframe", "base", "object", "embed")] == []
    assert [
        attributes for _, attributes in page.elements if {"src", "srcset", "data", "action"} & set(attributes)
    ] == []
    assert all(str(a["href"]).startswith("#") for _, a in page.elements if "href" in a)
    assert not re.search(r"@import|url\(|https?:", "".join(page.styles))
    assert not re.search(r"https?:", page.scripts[0] + page.scripts[2])  # [1] is Plotly, which draws no map here
    policy = [a["content"] for name, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"]


def test_plotly_is_in_the_page_once() -> None:
    data, plotly, drawing = shown(a_report()).scripts
    assert "plotly.js v" in plotly[:100]
    assert len(plotly) > 1_000_000
    assert "Plotly.react" in drawing
    assert json.loads(data)


def test_what_users_wrote_is_text_wherever_it_stands() -> None:
    group = a_group(EVIL)
    report = a_report(
        title=EVIL,
        currency=EVIL,
        by={"exchange": [group, group], "symbol": [group], EVIL: [group]},
        reasons=[ReasonCount(status=EVIL, code=EVIL, count=2, example=EVIL)],
        cost_by_hour={EVIL: [1.0] * 24},
        worst=[
            a_story(
                order_id=EVIL,
                exchange=EVIL,
                symbol=EVIL,
                side=EVIL,
                order_type=EVIL,
                status=EVIL,
                strategy=EVIL,
                steps=[Step(time=START, text=EVIL)],
            )
        ],
        drift=replace(a_report().drift, model=EVIL),  # type: ignore[type-var]  # a_report has a drift
        notes=[EVIL],
    )
    text = render(report)
    assert "<script>alert" not in text.lower()
    page = Page(text)
    assert page.text.count(EVIL) > 15
    assert [attributes for name, attributes in page.elements if name == "script"] == [
        {"type": "application/json", "id": "figures"},
        {},
        {},
    ]
    assert "<" not in page.scripts[0]  # no text in it can end the element
    assert page.figures["chart-hours"]["data"][0]["y"] == ['&lt;script&gt;alert("1")&lt;/script&gt;']


def test_a_chart_is_in_the_place_that_waits_for_it() -> None:
    page = shown(a_report())
    assert sorted(page.figures) == CHARTS
    assert sorted(page.ids("div")) == CHARTS
    places = [attributes for _, attributes in page.elements if attributes.get("class") == "chart"]
    assert all(place["role"] == "img" and place["aria-label"] for place in places)


def test_plotly_knows_every_word_of_the_charts() -> None:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]  # it ships no types

    for figure in shown(a_report()).figures.values():
        Figure(data=figure["data"], layout=figure["layout"])  # raises for a name or a value it does not know


def test_the_waterfall_is_made_of_the_parts_and_their_total() -> None:
    page = shown(a_report())
    bars = page.figures["chart-shortfall"]["data"][0]
    assert bars["x"] == ["Delay", "Impact", "Fees", "Opportunity", "Total"]
    assert bars["y"] == [81.25, 284.25, 669.0, -40.25, 994.25]
    assert bars["measure"] == ["relative"] * 4 + ["total"]
    assert bars["text"] == ["81.25", "284.25", "669.00", "−40.25", "994.25"]
    assert "1,200 orders cost 994.25 USDT; fees moved it most" in page.text
    assert "Opportunity what never filled, at the last price −40.25 −0.40" in page.text
    assert "Total what was paid above the decision price 994.25 9.94" in page.text


def test_the_slippage_chart_has_its_bars_and_lines() -> None:
    figure = shown(a_report()).figures["chart-slippage"]
    bars = figure["data"][0]
    assert (bars["x"], bars["width"], bars["y"]) == ([-1.5, 0.0, 2.0], [1.0, 2.0, 2.0], [5, 20, 9])
    assert bars["marker"]["color"] == ["var(--gain)", "var(--plain)", "var(--cost)"]
    assert [line["x0"] for line in figure["layout"]["shapes"]] == [1.82, 2.314]
    names = [name["text"].replace("\u00a0", " ") for name in figure["layout"]["annotations"]]
    assert names == ["median 1.82 bps", "mean 2.31 bps"]


def test_fill_times_stand_on_bars_of_one_width() -> None:
    figure = shown(a_report()).figures["chart-fill-times"]
    assert figure["data"][0]["x"] == [0.5, 1.5, 2.5]
    assert figure["layout"]["xaxis"]["ticktext"] == ["10\u00a0ms", "100\u00a0ms", "1\u00a0s", "1\u00a0min"]
    median, most = (line["x0"] for line in figure["layout"]["shapes"])
    assert median == pytest.approx(1.6232, abs=1e-4)  # 420 ms is log10(4.2) on its way from 100 ms to 1 s
    assert 2 < most < 3


def test_hours_without_a_fill_are_blank() -> None:
    page = shown(a_report())
    cells = page.figures["chart-hours"]["data"][0]
    assert cells["z"] == [[None] * 23 + [4.5], [-1.25] * 24]
    assert cells["zmax"] == -cells["zmin"]
    assert "The dearest was kraken at 23:00: 4.50 bps." in page.text


def test_exchanges_are_ranked_by_cost_and_an_unknown_cost_comes_last() -> None:
    text = shown(a_report()).text
    league = text[text.index("Exchanges compared") : text.index("How orders ended")]
    assert league.index("kraken") < league.index("binance") < league.index("okx")


def test_a_worst_order_tells_its_story() -> None:
    text = shown(a_report()).text
    assert "#1042 BUY 1.25 BTC/USDT stop limit on kraken, filled +88.24 bps 405.00 USDT" in text
    assert "Average price 64,231.45 Arrival price 63,980.1 Cost 405.00 USDT" in text
    assert "start created from an alert +1 min 15 s 0.4 filled at 64,231.45" in text
    assert "#1043 BUY 1.25 BTC/USDT stop limit on kraken, filled not recorded not recorded" in text
    assert "What happened to it step by step is not recorded." in text


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.44, 1.34, "The simulation is too optimistic by 0.89 bps"),
        (-0.2, 1.98, "Live and simulated slippage cannot be told apart"),
        (None, None, "Live fills cost +0.89 bps more than simulated ones; too few to be sure."),
    ],
)
def test_the_page_says_how_far_the_simulation_is_from_live(low: float | None, high: float | None, words: str) -> None:
    found = Drift(live=estimate(2.31), simulated=estimate(1.42), difference=estimate(0.89, low, high))
    assert words in shown(a_report(drift=found)).text


def test_sections_are_there_as_the_data_are() -> None:
    whole = [*CHART_SECTIONS, "exchanges", "rates", "reasons", "groups", "drift", "worst", "notes"]
    assert shown(a_report()).ids("section") == whole
    assert shown(a_report(drift=None, worst=[], notes=[])).ids("section") == whole[:-3]
    assert shown(nothing_known(3)).ids("section") == [*CHART_SECTIONS, "rates", "reasons"]


def test_what_was_not_recorded_is_said_and_not_drawn() -> None:
    page = shown(nothing_known(3))
    assert page.figures == {}
    assert page.scripts == []
    for words in (
        "Slippage against arrival not recorded",
        "Cost, fees included not recorded",
        "Median fill time not recorded",
        "Rejected or denied not recorded",
        "Not recorded: no order here has both a fill and an arrival price.",
        "Not recorded: no order was filled.",
        "Not recorded: no order here could be priced at its decision.",
        "Not recorded: no prices were logged after the fills",
        "Not recorded: no order here has a cost against arrival.",
    ):
        assert words in page.text


def test_mark_outs_that_are_all_missing_are_said_to_be() -> None:
    totals = replace(a_group("all"), mark_outs={"1s": None, "10s": None})
    page = shown(a_report(totals=totals))
    assert sorted(page.figures) == [name for name in CHARTS if name != "chart-mark-outs"]
    assert "Not recorded: no prices were logged after the fills" in page.text


def test_a_window_without_orders_is_said_to_be_empty() -> None:
    page = shown(replace(nothing_known(0), notes=["The log ends before this window."]))
    assert "No orders in this window" in page.text
    assert "The log ends before this window." in page.text
    assert page.scripts == []
    assert page.ids("section") == ["notes"]


def test_what_is_no_number_is_not_recorded() -> None:
    nan = float("nan")
    totals = replace(a_group("all"), slippage=estimate(nan, nan, nan), cost_bps=float("inf"), mark_outs={"1s": nan})
    page = shown(a_report(totals=totals, cost_by_hour={"kraken": [nan, 1.0]}))
    assert "Slippage against arrival not recorded" in page.text
    assert not re.search(r"\b(nan|inf|NaN|Infinity)\b", page.text)
    assert page.figures["chart-hours"]["data"][0]["z"] == [[None, 1.0]]


def test_a_long_list_of_groups_is_cut_and_says_so() -> None:
    page = shown(a_report(by={"symbol": [a_group(f"SYMBOL-{number:02d}") for number in range(52)]}))
    assert "SYMBOL-49" in page.text
    assert "SYMBOL-50" not in page.text
    assert "2 more rows not shown." in page.text


def test_headings_go_down_one_at_a_time_and_tables_have_heads() -> None:
    page = shown(a_report())
    headings = [name for name, _ in page.elements if re.fullmatch(r"h\d", name)]
    assert headings == ["h1"] + ["h2"] * 12
    assert all(attributes.get("scope") in ("col", "row") for name, attributes in page.elements if name == "th")
    assert sum(name == "table" for name, _ in page.elements) == sum(name == "caption" for name, _ in page.elements)


def test_a_page_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older page", encoding="utf-8")
    write_page(a_report(), path, START)
    assert path.read_text(encoding="utf-8") == render(a_report(), START)
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder") as folder:
        write_page(nothing_known(0), tmp_path)
    assert (folder.value.field, folder.value.nearest) == ("html", tmp_path / "report.html")
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing" / "report.html", tmp_path / "file" / "report.html"):
        with pytest.raises(InputError, match="there is no such folder"):
            write_page(nothing_known(0), path)
    with pytest.raises(InputError, match="is no file that could be replaced"):
        write_page(nothing_known(0), os.devnull)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
