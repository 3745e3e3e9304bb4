"""What the backtest page says: its head, its key figures, and each section with a sentence of how to read it."""

from __future__ import annotations

import numpy as np

from orderwright.analytics.page.html import Html, tag
from orderwright.analytics.page.look import Figure
from orderwright.analytics.page.sections import Section
from orderwright.analytics.page.text import count, span
from orderwright.backtest.report import charts
from orderwright.backtest.report.calendar import Calendar, calendar_of
from orderwright.backtest.report.execution import execution
from orderwright.backtest.report.run_chart import in_parts
from orderwright.backtest.report.subject import Run
from orderwright.backtest.report.tables import MOST_TRADES, ends, extremes, figures, rules
from orderwright.backtest.report.words import bars, days, figure, money, parameters, percent, period, won

_SPANS = {"1 y": 365.25, "3 m": 91.3, "1 m": 30.4, "1 w": 7.0, "1 d": 1.0, "4 h": 1 / 6, "1 h": 1 / 24}
_DAY_MS = 86_400_000
_MOST_SPANS = 5
_PERIODS = {"month": "month", "day": "day", "hour": "hour"}


def head(result: Run) -> Html:
    """What ran on what."""
    told = parameters(result)
    engine = {"kernel": "the kernel", "orders": "the order engine"}.get(result.engine, result.engine)
    lines = [
        tag("p", "Backtest", class_="kind"),
        tag("h1", f"{result.strategy} on {', '.join(result.symbols)}"),
        tag("p", period(result), class_="window"),
        tag("p", f"{told + '. ' if told else ''}Run by {engine}. Money in {result.quote}.", class_="aside"),
    ]
    return tag("header", *lines)


def key_figures(result: Run) -> Html:
    """The row of figures under the head."""
    found, quote = result.metrics, result.quote
    luck = _luck(result)
    cards = [
        (
            "Total return",
            percent(found["total_return"], sign=True),
            f"{money(result.total_return, sign=True)} {quote}",
            f"buy and hold {percent(found['buy_and_hold'], sign=True)}",
        ),
        ("Final balance", f"{money(result.final_balance)} {quote}", f"from {money(result.initial_balance)}"),
        ("Sharpe ratio", figure(found["sharpe"]), f"Sortino {figure(found['sortino'])}", luck),
        (
            "Deepest drawdown",
            percent(found["max_drawdown"]),
            f"the longest {days(found['longest_drawdown_days'])}" if found["longest_drawdown_days"] else "",
        ),
        ("Trades", f"{result.total_trades:,}", _still(result), _held(result)),
        ("Won", won(result), f"{result.winning_trades:,} of {result.total_trades:,}" if result.total_trades else ""),
        (
            "Profit factor",
            figure(found["trade_profit_factor"]),
            f"{money(found['expectancy'], sign=True)} {quote} a trade" if result.total_trades else "",
        ),
        (
            "Costs",
            f"{money(found['fees'] + found['slippage'])} {quote}",
            f"fees {money(found['fees'])}, slippage {money(found['slippage'])}",
        ),
    ]
    return tag("dl", *(_card(*card) for card in cards), class_="key-figures")


def _card(name: str, shown: str, *under: str) -> Html:
    small = [tag("dd", line, class_="under") for line in under if line]
    return tag("div", tag("dt", name), tag("dd", shown, class_="figure"), *small)


def _luck(result: Run) -> str:
    """One of many trials: how likely its Sharpe ratio is more than the best of them by luck."""
    deflated = result.deflated_sharpe
    return "" if deflated is None else f"best of {result.trials or 1:,} trials; deflated {percent(deflated, places=1)}"


def _still(result: Run) -> str:
    return f"and {result.open_count} still open" if result.open_count else ""


def _held(result: Run) -> str:
    return f"held {bars(result.metrics['average_bars'], result.bars_per_year)}" if result.total_trades else ""


def drawn(result: Run) -> dict[str, Figure]:
    """The small charts that there is something for, by the id of their element."""
    found = calendar_of(result)
    made = {
        "chart-calendar": charts.calendar(found) if found else None,
        "chart-spread": charts.spread(np.array([one.return_pct for one in result.trades])),
    }
    return {name: figure for name, figure in made.items() if figure is not None}


def sections(result: Run, shown: dict[str, Figure]) -> list[Section]:
    """The sections in their order."""
    parts = [_run(result), _calendar(result, shown)]
    if result.trades:
        parts += [_spread(result, shown), _extremes(result)]
    if result.orders or result.refused:
        parts.append(execution(result))
    return [*parts, _figures(result), _rules(result)]


def _run(result: Run) -> Section:
    lead = (
        "Triangles are entries, in the direction of the trade; dots are exits, blue where it won and orange where it "
        "lost. Drag across the chart to look closer, double-click to see all."
    )
    if in_parts(result):
        lead = (
            "Blue triangles are purchases, orange ones sales: positions were built in parts, so each fill is drawn. "
            "Drag across the chart to look closer, double-click to see all."
        )
    elif not result.trades:
        lead = "No trade was closed in this run. Drag across the chart to look closer, double-click to see all."
    words = f"Candles of {result.symbols[0]} with entries and exits, equity beside buy and hold, and the drawdown"
    place = tag("div", id="chart-run", class_="chart", role="img", aria_label=words)
    return Section(key="chart", name="Chart", title="The run", lead=lead, body=[_controls(result), place], wide=True)


def _controls(result: Run) -> Html:
    times = result.outcome.times
    whole = float(times[-1] - times[0]) / 1_000 if len(times) else 0.0
    least = 20 * result.interval / 1_000
    lengths = {name: part * _DAY_MS for name, part in _SPANS.items() if least <= part * _DAY_MS < whole * 0.9}
    chosen = dict([*lengths.items()][:_MOST_SPANS])
    zooms = [_button("All", data_span=0, pressed=True)]
    zooms += [_button(name, data_span=round(length)) for name, length in chosen.items()]
    moves = [_button("◀", data_move=-1, label="Earlier"), _button("▶", data_move=1, label="Later")]
    parts = [tag("span", *zooms), tag("span", *moves)]
    if len(result.symbols) > 1:
        names = [_button(name, data_market=at, pressed=at == 0) for at, name in enumerate(result.symbols)]
        parts.insert(0, tag("span", *names, class_="markets"))
    return tag("div", *parts, tag("p", class_="aside", id="run-note", aria_live="polite"), class_="controls")


def _button(name: str, *, pressed: bool | None = None, label: str | None = None, **data: int) -> Html:
    state = None if pressed is None else str(pressed).lower()
    words: dict[str, str | int | None] = {"type": "button", "aria_pressed": state, "aria_label": label, **data}
    return tag("button", name, **words)


def _calendar(result: Run, shown: dict[str, Figure]) -> Section:
    found = calendar_of(result)
    unit = _PERIODS[found.unit] if found else "month"
    lead = "There are no bars."
    if found is not None:
        lead = _periods(found)
    body = _chart(shown, "calendar", f"Heat map of the returns by {unit}, in percent")
    return Section(key="returns", name="Returns", title=f"Returns by {unit}, %", lead=lead, body=body, wide=True)


def _periods(found: Calendar) -> str:
    """How many periods gained, and the best and the worst of them."""
    cells = [
        (cell, name)
        for row, names in zip(found.cells, found.names, strict=True)
        for cell, name in zip(row[:12] if found.unit == "month" else row, names, strict=False)
        if cell is not None
    ]
    gained, (best, best_name), (worst, worst_name) = sum(cell > 0 for cell, _ in cells), max(cells), min(cells)
    left = f" {count(found.left_out, 'older row')} not shown." if found.left_out else ""
    if len(cells) == 1:
        return f"One {found.unit}, {best_name}: {percent(best, sign=True)}."
    return (
        f"{gained:,} of {len(cells):,} {found.unit}s gained. The best was {best_name} with {percent(best, sign=True)}, "
        f"the worst {worst_name} with {percent(worst, sign=True)}.{left}"
    )


def _spread(result: Run, shown: dict[str, Figure]) -> Section:
    found, median = result.metrics, float(np.median([one.return_pct for one in result.trades])) / 100
    lead = (
        "Blue trades won, orange ones lost. On average a trade came to "
        f"{percent(found['average_trade'], sign=True)} of what it was entered with, after fees; half of them to more "
        f"than {percent(median, sign=True)}."
    )
    chart = _chart(shown, "spread", "Histogram of the returns of the trades, in percent")
    body = [tag("div", *chart, ends(result), class_="beside")]
    return Section(key="trades", name="Trades", title="How trades came out", lead=lead, body=body, wide=True)


def _extremes(result: Run) -> Section:
    lead = "By return, after fees. Press a trade to see it in the chart."
    title = "Best and worst trades" if len(result.trades) > 2 * MOST_TRADES else "Every trade"
    return Section(key="extremes", name="Best and worst", title=title, lead=lead, body=extremes(result), wide=True)


def _figures(result: Run) -> Section:
    lead = (
        f"Returns and risk are of bars of {span(result.interval / 1_000)}, a year being "
        f"{result.bars_per_year:,.0f} of them; those of trades are after fees. Hover over a name to see what it means."
    )
    return Section(key="all-figures", name="Figures", title="All figures", lead=lead, body=[figures(result)], wide=True)


def _rules(result: Run) -> Section:
    lead = "What the run was told. The same rules hold for both engines."
    return Section(key="rules", name="Rules", title="Rules", lead=lead, body=[rules(result)], wide=True)


def _chart(shown: dict[str, Figure], name: str, words: str) -> list[Html]:
    """The place of a chart, as high as the chart will be; none where there is no chart."""
    found = shown.get(f"chart-{name}")
    if found is None:
        return []
    height = found["layout"]["height"]
    place = tag("div", id=f"chart-{name}", class_="chart", role="img", aria_label=words, style=f"height:{height}px")
    return [place]
