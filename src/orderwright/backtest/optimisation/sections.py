"""What the page of an optimisation says: its head, its key figures, and each section with how to read it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from orderwright.analytics.page.html import Column, Html, table, tag
from orderwright.analytics.page.look import Figure
from orderwright.analytics.page.sections import Section
from orderwright.analytics.page.text import count, moment
from orderwright.backtest.optimisation import pictures, timelines
from orderwright.backtest.optimisation.words import comparison, kept, told, verdict, walk_words, written
from orderwright.backtest.report.words import figure, percent, period

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.found import Found

_TOP = 10
_CARDS = ("total_return_pct", "sharpe_ratio", "max_drawdown", "total_trades")
METHODS = {"grid": "every combination of a grid", "tpe": "the tree-structured Parzen estimator", "genetic": "NSGA-II"}


def head(result: Found) -> Html:
    """What was searched, on what, and how."""
    best = result.best
    tried = result.all_trials.count("done") + result.all_trials.count("undefined")
    refused = f", {result.refused:,} refused" if result.refused else ""
    aims = " and ".join(f"{'the most' if one.large_is_good else 'the least'} {one.name}" for one in result.objectives)
    searched = f"{count(tried, 'trial')}{refused}, by {METHODS[result.method]}, for {aims}."
    lines = [
        tag("p", "Optimisation", class_="kind"),
        tag("h1", f"{result.strategy} on {', '.join(best.symbols)}"),
        tag("p", f"Searched {period(best)}", class_="window"),
        tag("p", searched, class_="aside"),
    ]
    return tag("header", *lines)


def key_figures(result: Found) -> Html:
    """The row of figures under the head."""
    best, held, walk = result.best, result.held_out, result.walk_forward
    aim = result.objectives[0].name
    return_under = "" if held is None else f"held out {percent(held.total_return_pct / 100, sign=True)}"
    cards = [
        ("Best parameters", told(result.best_parameters), ""),
        *([] if aim in _CARDS else [(f"Best {aim}", figure(result.best_value), "over the optimised part")]),
        ("Return, optimised part", percent(best.total_return_pct / 100, sign=True), return_under),
        ("Sharpe ratio", figure(best.sharpe_ratio), "" if held is None else f"held out {figure(held.sharpe_ratio)}"),
        (
            "Deepest drawdown",
            percent(best.max_drawdown / 100),
            "" if held is None else f"held out {percent(held.max_drawdown / 100)}",
        ),
        ("Deflated Sharpe ratio", percent(result.deflated_sharpe_ratio, places=1), "that it is more than luck"),
        (
            "Walk-forward efficiency",
            "not walked" if walk is None else percent(walk.efficiency, places=0),
            "" if walk is None else f"{walk.winning_windows} of {len(walk.steps)} windows gained",
        ),
        ("Trades", f"{best.total_trades:,}", "" if held is None else f"held out {held.total_trades:,}"),
    ]
    return tag("dl", *(_card(*card) for card in cards), class_="key-figures")


def _card(name: str, shown: str, under: str) -> Html:
    missing = " missing" if shown in ("–", "not walked") else ""
    small = [tag("dd", under, class_="under")] if under else []
    return tag("div", tag("dt", name), tag("dd", shown, class_=f"figure{missing}"), *small)


def drawn(result: Found) -> dict[str, Figure]:
    """Every chart that there is something for, by the id of its element."""
    made: dict[str, Figure | None] = {
        "luck": pictures.sharpes(result),
        "held-out": timelines.held_out(result),
        "history": pictures.history(result),
        "importance": pictures.importance(result),
    }
    if len(result.all_trials.names) > 1:
        made["heat"] = pictures.heat_map(result, *result.axes(None, None))
    if len(result.objectives) > 1:
        made["front"] = pictures.pareto(result)
    if result.walk_forward is not None:
        made["walk"] = timelines.walked(result.walk_forward)
        made["growth"] = timelines.growth(result.walk_forward)
    return {f"chart-{name}": found for name, found in made.items() if found is not None}


def sections(result: Found, charts: dict[str, Figure]) -> list[Section]:
    """The sections in their order; what was not done is left out."""
    parts = [_luck(result, charts), _held(result, charts), _walk(result, charts), _heat(result, charts)]
    parts += [_front(result, charts), _importance(charts), _history(result, charts), _trials(result)]
    return [part for part in parts if part is not None]


# --- is it luck? ---


def _luck(result: Found, charts: dict[str, Figure]) -> Section:
    found = result.deflated
    rows = [
        ("Deflated Sharpe ratio", percent(found.value, places=1), "that it beats what luck shows"),
        (
            "Probabilistic Sharpe ratio",
            percent(found.probabilistic, places=1),
            "that it is above zero",
        ),
        ("Sharpe ratio of the best", figure(found.of.sharpe * result.root), "a year"),
        ("Luck alone would show", figure(found.threshold * result.root), "a year"),
        ("Returns", f"{found.of.count:,}", "bars"),
        ("Skewness, kurtosis", f"{figure(found.of.skew)}, {figure(found.of.kurtosis)}", "normal: 0 and 3"),
    ]
    facts = table(
        "What the deflated Sharpe ratio is made of",
        [Column(head="", number=False), Column(head=""), Column(head="", number=False)],
        [[name, shown, tag("small", what)] for name, shown, what in rows],
    )
    chart = _chart(charts, "luck", "Histogram of the Sharpe ratios of all trials, with what luck alone would show")
    body = [tag("div", *chart, facts, class_="beside")] if chart else [facts]
    return Section(key="luck", name="Luck", title="Is it luck?", lead=verdict(result), body=body, wide=True)


# --- does it hold? ---


def _held(result: Found, charts: dict[str, Figure]) -> Section | None:
    held = result.held_out
    if held is None:
        return None
    lead = (
        f"The search never saw the last part: {period(held)}. {kept(result.best, held)} The right line goes on with "
        "the balance of the left one."
    )
    body = [
        *_chart(charts, "held-out", "The balance over the optimised part and over the held-out part"),
        compared(result),
    ]
    return Section(key="held-out", name="Held out", title="Held out", lead=lead, body=body, wide=True)


def compared(result: Found) -> Html:
    heads = [Column(head="", number=False), Column(head="Optimised"), Column(head="Held out")]
    return table("The optimised and the held-out part", heads, comparison(result))


def _walk(result: Found, charts: dict[str, Figure]) -> Section | None:
    walk = result.walk_forward
    if walk is None:
        return None
    lead = (
        f"Parameters were chosen in sample, then traded in the window after. {walk_words(walk)} Grey bars are growth "
        "in sample, blue and orange ones out of sample."
    )
    body = [
        *_chart(charts, "walk", "The stitched out-of-sample balance, window by window"),
        tag(
            "div",
            *_chart(charts, "growth", "Growth a year in sample and out of sample"),
            walked(result),
            class_="beside",
        ),
    ]
    return Section(key="walk", name="Walk-forward", title="Walk-forward", lead=lead, body=body, wide=True)


def walked(result: Found) -> Html:
    """A row a window: what was chosen, and what came of it."""
    assert result.walk_forward is not None
    heads = [
        Column(head="", number=False),
        Column(head="From", number=False),
        Column(head="Chosen", number=False, hint=", ".join(result.all_trials.names)),
        Column(head="In sample", hint="return of the best trial over the window's search"),
        Column(head="Out of sample", hint="return in the window after"),
        Column(head="Trades"),
    ]
    rows = [
        [
            str(at + 1),
            moment(step.start)[:10],
            tag("span", ", ".join(map(written, step.parameters.values())), title=told(step.parameters)),
            percent(step.in_sample_return_pct / 100, sign=True),
            tag("span", percent(step.return_pct / 100, sign=True), class_="good" if step.return_pct > 0 else "bad"),
            f"{step.trades:,}",
        ]
        for at, step in enumerate(result.walk_forward.steps)
    ]
    return table("The windows of the walk", heads, rows)


# --- what was searched ---


def _heat(result: Found, charts: dict[str, Figure]) -> Section | None:
    if "chart-heat" not in charts:
        return None
    x, y = result.axes(None, None)
    others = len(result.all_trials.names) - 2
    rest = " At each place the best of all other parameters." if others else ""
    lead = (
        f"{result.objectives[0].name} by {x} and {y}; the ring is the best.{rest} A broad field of good values can be "
        "trusted more than a lone peak: a peak is easily found by chance."
    )
    words = f"Heat map of {result.objectives[0].name} by {x} and {y}"
    return Section(
        key="heat", name="Map", title="Where it did well", lead=lead, body=_chart(charts, "heat", words), wide=True
    )


def _front(result: Found, charts: dict[str, Figure]) -> Section | None:
    if "chart-front" not in charts:
        return None
    names = [one.name for one in result.objectives]
    lead = (
        f"{_unbeaten(len(result.pareto))} in one of {', '.join(names)} without losing in another. "
        "Which to take is a matter of taste."
    )
    heads = [Column(head="Parameters", number=False), *(Column(head=name) for name in names)]
    rows = [[told(one.parameters), *map(figure, one.values.values())] for one in result.pareto[:_TOP]]
    body = [
        *_chart(charts, "front", f"Trials by {names[0]} and {names[1]}, and their front"),
        table("The front", heads, rows),
    ]
    return Section(key="front", name="Front", title="Pareto front", lead=lead, body=body, wide=True)


def _importance(charts: dict[str, Figure]) -> Section | None:
    if "chart-importance" not in charts:
        return None
    lead = "How much of the differences between trials each parameter's value alone tells; the rest is in combinations."
    body = _chart(charts, "importance", "Bars of how much each parameter tells of the objective")
    return Section(key="importance", name="Parameters", title="What mattered", lead=lead, body=body)


def _history(result: Found, charts: dict[str, Figure]) -> Section:
    lead = "Each dot is a trial; the line is the best so far. A line that still climbs at the end asks for more trials."
    if result.method == "grid":
        lead = "Each dot is a combination, in the order of the grid; the line is the best so far."
    body = _chart(charts, "history", "Trials over time, and the best so far")
    return Section(
        key="history",
        name="Trials",
        title="Trial by trial",
        lead=lead,
        body=body,
        wide="chart-importance" not in charts,
    )


def _unbeaten(count: int) -> str:
    return "No trial beats this one" if count == 1 else f"No trial beats one of these {count:,}"


def _trials(result: Found) -> Section:
    trials, aims = result.all_trials, result.objectives
    values = trials.values() * (1 if aims[0].large_is_good else -1)
    ranked = [at for at in np.argsort(-values, kind="stable").tolist() if not math.isnan(values[at])]
    places = list({repr(trials[at].parameters): at for at in reversed(ranked[: 5 * _TOP])}.values())[::-1][:_TOP]
    names = [one.name for one in aims]
    more = [(name, label) for name, label in _FIGURES.items() if name not in names]
    heads = [
        *(Column(head=name, number=at > 0) for at, name in enumerate(trials.names)),
        *(Column(head=name) for name in names),
        *(Column(head=label) for _, label in more),
    ]
    rows = []
    for at in places:
        one = trials[at]
        shown = [written(value) for value in one.parameters.values()]
        rows.append(
            [*shown, *map(figure, one.values.values()), *(_figure(name, one.figures[name]) for name, _ in more)]
        )
    lead = f"The best {len(rows)} of {count(len(trials) - result.refused, 'trial')}, over the optimised part." + (
        f" {result.refused:,} combinations were refused: {trials.refusal}." if result.refused else ""
    )
    return Section(
        key="best", name="Best", title="Best trials", lead=lead, body=[table("The best trials", heads, rows)], wide=True
    )


_FIGURES = {
    "total_return_pct": "Return",
    "sharpe_ratio": "Sharpe ratio",
    "max_drawdown": "Deepest drawdown",
    "total_trades": "Trades",
}


def _figure(name: str, value: float) -> str:
    if name == "total_trades":
        return "–" if math.isnan(value) else f"{value:,.0f}"
    return (
        percent(value / 100, sign=name == "total_return_pct")
        if name in ("total_return_pct", "max_drawdown")
        else figure(value)
    )


def _chart(charts: dict[str, Figure], name: str, words: str) -> list[Html]:
    """The place of a chart, as high as the chart will be; none where there is no chart."""
    found = charts.get(f"chart-{name}")
    if found is None:
        return []
    height = found["layout"]["height"]
    return [tag("div", id=f"chart-{name}", class_="chart", role="img", aria_label=words, style=f"height:{height}px")]
