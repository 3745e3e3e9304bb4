"""An optimisation as one page of HTML that needs nothing else. It looks like the other pages (analytics/page) and is
made of their pieces. The same result gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from orderwright.analytics.page import SHEET, html_head, replace_file, scripts
from orderwright.analytics.page.html import Html, tag
from orderwright.backtest.optimisation.sections import drawn, head, key_figures, sections

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.found import Found

_SHEET = Html(
    ".verdict { margin: 1rem 0; border-left: 5px solid var(--plain); }\n"
    ".verdict.good { border-left-color: var(--gain); color: inherit; }\n"
    ".verdict.bad { border-left-color: var(--cost); color: inherit; }\n"
    ".verdict p { max-width: 120ch; font-size: 1.02rem; }\n"
    ".verdict p + p { margin-top: 0.45rem; }\n"
)


def write_page(result: Found, path: str | Path) -> None:
    """Write the page in one step. Raises InputError where the path cannot be written; then nothing has changed."""
    replace_file(path, lambda: render(result))


def render(result: Found) -> str:
    """The page as text."""
    charts = drawn(result)
    title = f"{result.strategy}: optimisation"
    body = tag("main", head(result), *_content(result, charts), _foot())
    page = tag("html", html_head(title, SHEET, _SHEET), tag("body", body, *scripts(charts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _content(result: Found, charts: dict[str, dict[str, object]]) -> Iterable[Html]:
    parts = sections(result, charts)
    yield key_figures(result)
    yield tag("nav", *(tag("a", one.name, href=f"#{one.key}") for one in parts), aria_label="Sections")
    yield tag("div", *(one.markup() for one in parts), class_="grid")


def _foot() -> Html:
    words = (
        "Times are UTC. The best of many trials on old data is the least believable figure on this page; the held-out "
        "part and the walk-forward are the most."
    )
    return tag("footer", words)
