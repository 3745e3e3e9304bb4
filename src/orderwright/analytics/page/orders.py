"""The worst orders of the report page: a line each, which opens to show what the order was and what happened to it."""

from __future__ import annotations

from collections.abc import Sequence

from orderwright.analytics.page.html import Html, joined, tag
from orderwright.analytics.page.text import NOT_RECORDED, bps, finite, moment, money, price, span
from orderwright.analytics.records import Step, Story


def stories(worst: Sequence[Story], currency: str) -> Html:
    """The orders in the order in which they are given; the first stands open."""
    return joined(_story(one, currency, is_open=at == 0) for at, one in enumerate(worst))


def _story(one: Story, currency: str, *, is_open: bool) -> Html:
    """A line with the order and its cost, and under it the facts beside the timeline."""
    what = tag("span", tag("b", f"{one.side.upper()} "), price(one.quantity), f" {one.symbol}", class_="what")
    where = tag("span", f"{_words(one.order_type)} on {one.exchange}, {_words(one.status)}", class_="where")
    summary = tag(
        "summary",
        tag("span", f"#{one.number}", class_="order"),
        what,
        where,
        tag("span", bps(one.cost_bps, sign=True), class_=f"cost{_leaning(one.cost_bps)}"),
        tag("span", NOT_RECORDED if one.cost is None else money(one.cost, currency), class_="sum"),
    )
    inside = tag("div", _facts(one, currency), _timeline(one.steps, one.time), class_="story")
    return tag("details", summary, inside, class_="order-story", open="" if is_open else None)


def _facts(one: Story, currency: str) -> Html:
    facts: dict[str, str] = {
        "Order": tag("code", one.order_id),
        "Created": f"{moment(one.time, exact=True)} UTC",
        "Strategy": one.strategy or NOT_RECORDED,
        "Filled": joined([price(one.filled_quantity), " of ", price(one.quantity)]),
        "Average price": NOT_RECORDED if one.average_price is None else price(one.average_price),
        "Arrival price": NOT_RECORDED if one.arrival_price is None else price(one.arrival_price),
        "Cost": NOT_RECORDED if one.cost is None else money(one.cost, currency),
    }
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts.items()))


def _timeline(steps: Sequence[Step], start: int) -> Html:
    """What happened, each with the time since the order was created; the moment itself on hover."""
    if not steps:
        return tag("p", "What happened to it step by step is not recorded.", class_="aside")
    return tag("ol", *(_step(one, start) for one in steps))


def _step(one: Step, start: int) -> Html:
    since = one.time - start
    shown = "start" if since == 0 else f"{'+' if since > 0 else ''}{span(since / 1_000)}"
    at = tag(
        "time",
        shown,
        datetime=moment(one.time, exact=True).replace(" ", "T") + "Z",
        title=f"{moment(one.time, exact=True)} UTC",
    )
    return tag("li", at, tag("span", one.text))


def _words(code: str) -> str:
    return code.replace("_", " ").lower()


def _leaning(cost_bps: float | None) -> str:
    value = finite(cost_bps)
    return "" if value is None else " bad" if value > 0 else " good"
