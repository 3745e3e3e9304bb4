"""The top of the report page: what it is about, and the row of key figures."""

from __future__ import annotations

from orderwright.analytics.page.html import Html, tag
from orderwright.analytics.page.text import (
    NOT_RECORDED,
    between,
    bps,
    count,
    finite,
    moment,
    money,
    number,
    share,
    span,
)
from orderwright.analytics.records import ExecutionReport


def head(report: ExecutionReport) -> Html:
    """What it is about: the title, the window that was asked for, and what is in it."""
    if report.start is None and report.end is None:
        window = "Everything recorded"
    else:
        start = "the beginning" if report.start is None else moment(report.start)
        window = f"{start} to {'now' if report.end is None else moment(report.end)} UTC"
    lines = [tag("p", "Execution report", class_="kind"), tag("h1", report.title), tag("p", window, class_="window")]
    if report.first_time is not None and report.last_time is not None:
        seen = f"First order {moment(report.first_time)}, last event {moment(report.last_time)} UTC. "
        lines.append(tag("p", f"{seen}Money in {report.currency}.", class_="aside"))
    return tag("header", *lines)


def key_figures(report: ExecutionReport) -> Html:
    """The row of figures under the head."""
    totals, currency = report.totals, report.currency
    maker = "" if finite(totals.maker_share) is None else f"{share(totals.maker_share)} of it as maker"
    most = finite(totals.fill_time_quantiles.p95)
    median = finite(totals.slippage_quantiles.p50)
    cost = NOT_RECORDED if totals.cost is None else money(totals.cost, currency)
    ended = "" if totals.success.value is None else f"{share(totals.success.value)} of those that ended"
    cards: list[tuple[str, ...]] = [
        ("Orders", f"{totals.orders:,}", _spread(report)),
        ("Filled whole", f"{totals.filled:,}", ended),
        ("Traded", money(totals.traded, currency), maker),
        ("Fees", money(totals.fees, currency), _of_traded(report)),
        (
            "Slippage against arrival",
            bps(totals.slippage.value),
            "" if finite(totals.slippage.value) is None else between(totals.slippage, number),
            "" if median is None else f"median {number(median)}",
        ),
        ("Cost, fees included", cost, "" if totals.cost is None else bps(totals.cost_bps)),
        (
            "Median fill time",
            span(totals.fill_time_quantiles.p50),
            "" if most is None else f"95 of 100 within {span(most)}",
        ),
        (
            "Rejected or denied",
            share(totals.rejected.value),
            "" if finite(totals.rejected.value) is None else between(totals.rejected, share),
        ),
    ]
    return tag("dl", *(_card(*card) for card in cards), class_="key-figures")


def _card(name: str, shown: str, *under: str) -> Html:
    missing = " missing" if shown == NOT_RECORDED else ""
    small = [tag("dd", line, class_="under") for line in under if line]
    return tag("div", tag("dt", name), tag("dd", shown, class_=f"figure{missing}"), *small)


def _spread(report: ExecutionReport) -> str:
    """Over how many exchanges, symbols."""
    kinds = [(len(report.by.get(kind, [])), kind) for kind in ("exchange", "symbol")]
    return ", ".join(count(many, kind) for many, kind in kinds if many)


def _of_traded(report: ExecutionReport) -> str:
    traded = report.totals.traded
    return f"{number(float(report.totals.fees) / float(traded) * 10_000)} bps of what was traded" if traded else ""
