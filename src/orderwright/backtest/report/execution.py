"""The page's section on how well orders were executed: what each kind of fill cost, what became of the orders, why some
were refused."""

from __future__ import annotations

from orderwright.analytics.page.html import Column, Html, table, tag
from orderwright.analytics.page.sections import Section
from orderwright.analytics.page.text import count, moment
from orderwright.backtest.metrics import ratio
from orderwright.backtest.quality import Kind
from orderwright.backtest.report.subject import Run
from orderwright.backtest.report.words import NONE, figure, money, percent

MOST_REFUSED = 8
_WORDS = {"denied": "Denied by our checks", "rejected": "Rejected by the exchange"}


def execution(result: Run) -> Section:
    """How the orders of a run were executed; of the kernel, what its fills tell."""
    lead = (
        "Slippage is what a taker paid beyond the market's price when it filled. Against the decision: beyond the "
        "market's price when the order was decided, so what the way from there cost as well; below 0 it came out "
        "better. Exits stood long before, and have none."
    )
    if not result.execution.ended:
        lead += " The kernel sends no orders: what fills tell is here, and how many orders there would have been."
    body: list[Html] = [_costs(result), tag("h3", "Orders"), _orders(result)]
    if result.refused:
        body += [tag("h3", "Refused"), _refused(result)]
    return Section(key="execution", name="Execution", title="Execution quality", lead=lead, body=body, wide=True)


def _costs(result: Run) -> Html:
    kinds = list(result.execution.kinds)
    heads = [
        Column(head="Fills by reason", number=False),
        Column(head="Fills"),
        Column(head=f"Traded, {result.quote}"),
        Column(head="Slippage, bps", hint="beyond the market's price, of the value traded"),
        Column(
            head="Against the decision, bps", hint="beyond the market's price when it was decided, of the value then"
        ),
        Column(head="Fees, bps", hint="of the value traded"),
        Column(head=f"Costs, {result.quote}", hint="slippage and fees"),
    ]
    rows = [_row(one.reason.replace("_", " ").capitalize(), one) for one in kinds]
    if len(kinds) != 1:
        rows.append(_row("All", _all(kinds)))
    return table("What fills cost", heads, rows)


def _row(name: str, one: Kind) -> list[str]:
    return [
        name,
        f"{one.fills:,}",
        money(one.traded),
        figure(10_000 * ratio(one.slippage, one.traded)),
        figure(10_000 * ratio(one.decision_cost, one.decided)),
        figure(10_000 * ratio(one.fees, one.traded)),
        money(one.slippage + one.fees),
    ]


def _all(kinds: list[Kind]) -> Kind:
    return Kind(
        reason="",
        fills=sum(one.fills for one in kinds),
        traded=sum(one.traded for one in kinds),
        fees=sum(one.fees for one in kinds),
        slippage=sum(one.slippage for one in kinds),
        decision_cost=sum(one.decision_cost for one in kinds),
        decided=sum(one.decided for one in kinds),
    )


def _orders(result: Run) -> Html:
    """What became of the orders."""
    found = result.execution
    whole = result.orders + found.ended.get("denied", 0)
    lines = [("Sent, exits included", f"{result.orders:,}"), ("Fill ratio, without exits", percent(found.fill_ratio))]
    lines += [
        (_WORDS.get(status, status.capitalize()), f"{number:,} ({_share(number, whole)})")
        for status, number in sorted(found.ended.items(), key=lambda one: -one[1])
    ]
    if found.live:
        lines.append(("Working at the end", f"{found.live:,} ({_share(found.live, whole)})"))
    rows = (tag("div", tag("dt", name), tag("dd", shown)) for name, shown in lines)
    return tag("dl", *rows, class_="rules")


def _share(some: int, whole: int) -> str:
    return percent(some / whole, places=1) if whole else NONE


def _refused(result: Run) -> Html:
    """The first of those that were refused, and why."""
    shown = result.refused[:MOST_REFUSED]
    heads = [Column(head="Time, UTC", number=False), Column(head="Why", number=False)]
    rows: list[list[str]] = [[moment(round(time.timestamp() * 1_000_000)), why] for time, why in shown]
    left = sum(result.execution.refusals.values()) - len(shown)
    if left > 0:
        rows.append(["", f"and {count(left, 'other')}"])
    return table("Orders that were refused", heads, rows)


__all__ = ["MOST_REFUSED", "execution"]
