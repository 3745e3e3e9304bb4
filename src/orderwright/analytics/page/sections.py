"""What the report page says: each section with its chart and a sentence or two of how to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from orderwright.analytics.page.charts import HORIZONS, PARTS
from orderwright.analytics.page.html import Html, tag
from orderwright.analytics.page.look import Figure
from orderwright.analytics.page.orders import stories
from orderwright.analytics.page.tables import KINDS, groups, league, mark_outs, parts, rates, reasons
from orderwright.analytics.page.text import (
    amount,
    bps,
    count,
    finite,
    number,
    span,
)
from orderwright.analytics.records import MARK_OUTS, Drift, Estimate, ExecutionReport, Quantiles

_FEW = 20  # fewer orders than this have no twentieth part


class Section(Struct, frozen=True, kw_only=True):
    """A part of the page. key: its id; name: in the list of sections; lead: how to read it, and what it says."""

    key: str
    name: str
    title: str
    lead: str
    body: Sequence[Html]
    wide: bool = False

    def markup(self) -> Html:
        heading = tag("h2", self.title, id=f"{self.key}-title")
        look = "card wide" if self.wide else "card"
        lead = tag("p", self.lead, class_="lead")
        return tag("section", heading, lead, *self.body, class_=look, id=self.key, aria_labelledby=f"{self.key}-title")


def sections(report: ExecutionReport, charts: dict[str, Figure]) -> list[Section]:
    """The sections in their order; one that has nothing to say at all is left out."""
    makers: tuple[Callable[[ExecutionReport, dict[str, Figure]], Section | None], ...] = (
        _slippage,
        _fill_times,
        _shortfall,
        _mark_outs,
        _hours,
        _league,
        _rates,
        _reasons,
        _groups,
        _drift,
        _worst,
    )
    return [section for make in makers if (section := make(report, charts)) is not None]


def _slippage(report: ExecutionReport, charts: dict[str, Figure]) -> Section:
    lead = "Not recorded: no order here has both a fill and an arrival price."
    if "chart-slippage" in charts:
        read = "Right of zero is worse than the mid at the decision, left of zero better. "
        lead = read + _half(
            report.totals.slippage, report.totals.slippage_quantiles, "lie between", bps, "cost more than"
        )
    body = _chart(charts, "slippage", "Histogram of the slippage of each order against its arrival price, in bps")
    return Section(key="slippage", name="Slippage", title="Slippage against arrival", lead=lead, body=body)


def _fill_times(report: ExecutionReport, charts: dict[str, Figure]) -> Section:
    lead = "Not recorded: no order was filled."
    if "chart-fill-times" in charts:
        edges = report.fill_time_bins.edges
        longer = "; bars further right span longer times" if edges[-1] - edges[-2] > 1.5 * (edges[1] - edges[0]) else ""
        lead = f"From an order's creation to its last fill{longer}. "
        lead += _half(
            report.totals.fill_time, report.totals.fill_time_quantiles, "took between", span, "took longer than"
        )
    body = _chart(charts, "fill-times", "Histogram of the time from creation to the last fill")
    return Section(key="fill-times", name="Fill times", title="Time to fill", lead=lead, body=body)


def _half(mean: Estimate, found: Quantiles, verb: str, form: Callable[[float | None], str], beyond: str) -> str:
    """Half of the orders ..., one in twenty ...; nothing where there are too few orders for that."""
    if mean.count < _FEW or finite(found.p25) is None or finite(found.p75) is None:
        return ""
    middle = f"Half of the orders {verb} {form(found.p25)} and {form(found.p75)}"
    return f"{middle}; one in twenty {beyond} {form(found.p95)}." if finite(found.p95) is not None else f"{middle}."


def _shortfall(report: ExecutionReport, charts: dict[str, Figure]) -> Section:
    found, body = report.shortfall, _chart(charts, "shortfall", _shortfall_words(report))
    lead = "Not recorded: no order here could be priced at its decision."
    if found.orders:
        paid = "cost" if found.total >= 0 else "gained"
        whole = f"{paid} {amount(abs(found.total))} {report.currency}"
        biggest = max(PARTS, key=lambda part: abs(getattr(found, part)))
        read = "Each bar begins where the last one ended: orange adds to the cost, blue takes from it. "
        lead = f"{read}Against the prices decided on, {count(found.orders, 'order')} {whole}; {biggest} moved it most."
        body = [_beside(*body, parts(found, report.currency))]
    title = "Implementation shortfall"
    return Section(key="shortfall", name="Shortfall", title=title, lead=lead, body=body, wide=True)


def _shortfall_words(report: ExecutionReport) -> str:
    sums = [f"{part} {amount(getattr(report.shortfall, part))}" for part in (*PARTS, "total")]
    return f"Waterfall of the implementation shortfall in {report.currency}: {', '.join(sums)}"


def _mark_outs(report: ExecutionReport, charts: dict[str, Figure]) -> Section:
    lead = "Not recorded: no prices were logged after the fills (the setting execution_price_every_ms says how often)."
    words = ""
    recorded = "chart-mark-outs" in charts
    if recorded:
        known = {HORIZONS.get(name, name): finite(report.totals.mark_outs.get(name)) for name in MARK_OUTS}
        words = ", ".join(f"{bps(value, sign=True)} after {name}" for name, value in known.items())
        lead = (
            "Where the market stood after a fill, on average. Above zero it moved in our favour; below, whoever took "
            "the other side knew better."
        )
    body = _chart(charts, "mark-outs", f"Bars of the mean mark-out, in our favour: {words}")
    if recorded:
        body = [_beside(*body, mark_outs(report.totals, report.by.get("exchange", [])))]
    return Section(key="mark-outs", name="Mark-outs", title="Mark-outs", lead=lead, body=body, wide=True)


def _hours(report: ExecutionReport, charts: dict[str, Figure]) -> Section:
    lead = "Not recorded: no order here has a cost against arrival."
    if "chart-hours" in charts:
        costs = [
            (cost, name, hour)
            for name, row in report.cost_by_hour.items()
            for hour, cost in enumerate(row)
            if cost is not None and finite(cost) is not None
        ]
        worst, name, hour = max(costs)
        read = "Orange hours cost money, blue ones gained it, blank ones saw no fill. "
        lead = f"{read}The dearest was {name} at {hour:02d}:00: {bps(worst)}."
    body = _chart(charts, "hours", "Heat map of the cost in bps by exchange and hour of the day, UTC")
    return Section(key="hours", name="Hours", title="Cost by hour and exchange", lead=lead, body=body, wide=True)


def _league(report: ExecutionReport, _: dict[str, Figure]) -> Section | None:
    exchanges = report.by.get("exchange")
    if not exchanges:
        return None
    lead = (
        "The cheapest first, by cost against arrival with fees. Where the intervals under the slippage overlap, "
        "chance may have ranked them."
    )
    body = [league(exchanges, report.currency)]
    return Section(key="exchanges", name="Exchanges", title="Exchanges compared", lead=lead, body=body, wide=True)


def _rates(report: ExecutionReport, _: dict[str, Figure]) -> Section:
    lead = "The dot is what was seen, the band where the true rate lies with 95 % confidence: few orders, wide band."
    body = [rates(report.totals, report.by.get("exchange", []))]
    return Section(key="rates", name="Rates", title="How orders ended", lead=lead, body=body, wide=True)


def _reasons(report: ExecutionReport, _: dict[str, Figure]) -> Section:
    lead = "No order here was denied, rejected, cancelled or expired with a reason on record."
    if report.reasons:
        whole = sum(one.count for one in report.reasons)
        lead = f"{count(whole, 'order')} denied, rejected, cancelled or expired, by the reason on record."
    body = [reasons(report.reasons)] if report.reasons else []
    return Section(key="reasons", name="Reasons", title="Why orders did not fill", lead=lead, body=body, wide=True)


def _groups(report: ExecutionReport, _: dict[str, Figure]) -> Section | None:
    kinds = [
        kind for kind in (*KINDS, *sorted(set(report.by) - set(KINDS))) if report.by.get(kind) and kind != "exchange"
    ]
    if not kinds:
        return None
    folds = [
        tag(
            "details",
            tag(
                "summary",
                f"By {KINDS.get(kind, kind).split(',')[0].lower()}",
                tag("small", f"{len(report.by[kind]):,}"),
            ),
            groups(kind, report.by[kind], report.currency),
            class_="fold",
            open="" if at == 0 else None,
        )
        for at, kind in enumerate(kinds)
    ]
    lead = "Open one to see the same figures for each of its kind. Bps are positive where they cost."
    return Section(key="groups", name="Groups", title="In detail", lead=lead, body=folds, wide=True)


def _drift(report: ExecutionReport, charts: dict[str, Figure]) -> Section | None:
    if report.drift is None:
        return None
    body = [*_chart(charts, "drift", "Live and simulated slippage with intervals, in bps"), *_model(report.drift)]
    return Section(
        key="drift",
        name="Simulation",
        title="Simulation against live",
        lead=_drift_words(report.drift),
        body=body,
        wide=True,
    )


def _drift_words(found: Drift) -> str:
    if finite(found.difference.value) is None or found.difference.value is None:
        return "Not recorded: there are not both live and simulated fills to compare."
    low, high = finite(found.difference.low), finite(found.difference.high)
    if low is None or high is None:
        return f"Live fills cost {bps(found.difference.value, sign=True)} more than simulated ones; too few to be sure."
    if low <= 0 <= high:
        return "Live and simulated slippage cannot be told apart: the interval of their difference holds zero."
    kind = "optimistic" if found.difference.value > 0 else "pessimistic"
    by = bps(abs(found.difference.value))
    return f"The simulation is too {kind} by {by}: the interval of the difference leaves zero out."


def _model(found: Drift) -> list[Html]:
    if found.base_bps is None or found.root_bps is None:
        return []
    fitted = f"Fitted to live fills: {number(found.base_bps)} + {number(found.root_bps)} × √(quantity / volume) bps."
    back = [" Give it back to a simulation with ", tag("code", found.model), "."] if found.model else []
    return [tag("p", fitted, *back, class_="model")]


def _worst(report: ExecutionReport, _: dict[str, Figure]) -> Section | None:
    if not report.worst:
        return None
    lead = "The orders that cost the most against arrival. Open one to read what happened to it."
    body = [stories(report.worst, report.currency)]
    return Section(key="worst", name="Worst orders", title="Worst orders", lead=lead, body=body, wide=True)


def _chart(charts: dict[str, Figure], name: str, words: str) -> list[Html]:
    """The place of a chart, as high as the chart will be, so that nothing jumps; none where there is no chart."""
    figure = charts.get(f"chart-{name}")
    if figure is None:
        return []
    height = figure["layout"]["height"]
    place = tag("div", id=f"chart-{name}", class_="chart", role="img", aria_label=words, style=f"height:{height}px")
    return [place]


def _beside(*parts_of_it: Html) -> Html:
    """Two things side by side, one under the other where it is narrow."""
    return tag("div", *parts_of_it, class_="beside")
