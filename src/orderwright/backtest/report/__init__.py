"""A backtest as one page of HTML that needs nothing else: no network, no other file, only a browser.

It looks like the execution report (analytics/page) and is made of its pieces; the big chart has a script of its own.
The same result gives the same bytes. A chart without data is never drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from orderwright.analytics.page import SHEET, html_head, replace_file, scripts
from orderwright.analytics.page.html import Html, tag
from orderwright.backtest.report.run_chart import run_data
from orderwright.backtest.report.sections import drawn, head, key_figures, sections
from orderwright.backtest.report.subject import Run


def page(result: Run, path: str | Path) -> None:
    """Write the page in one step. Raises InputError where the path cannot be written; then nothing has changed."""
    replace_file(path, lambda: render(result))


def render(result: Run) -> str:
    """The page as text."""
    shown = drawn(result)
    title = f"{result.strategy} on {', '.join(result.symbols)}"
    body = tag("main", head(result), *_content(result, shown), _foot())
    whole = tag(
        "html", html_head(title, SHEET, _own("page.css")), tag("body", body, *_scripts(result, shown)), lang="en"
    )
    return f"<!doctype html>\n{whole}\n"


def _content(result: Run, shown: dict[str, dict[str, object]]) -> Iterable[Html]:
    if not len(result.outcome.times):
        empty = tag("p", "There is nothing to draw: the data has no bars.")
        yield tag("section", tag("h2", "No bars"), empty, class_="card empty")
        return
    parts = sections(result, shown)
    links = [tag("a", one.name, href=f"#{one.key}") for one in parts]
    notes = result.notes
    if notes:
        links.append(tag("a", "Notes", href="#notes"))
    yield key_figures(result)
    yield tag("nav", *links, aria_label="Sections")
    yield tag("div", *(one.markup() for one in parts), class_="grid")
    if notes:
        lines = tag("ul", *(tag("li", note) for note in notes))
        yield tag("section", tag("h2", "What to know of this run"), lines, class_="card notes", id="notes")


def _foot() -> Html:
    words = "Times are UTC. A backtest says how the rules would have done on this data, not how they will do."
    return tag("footer", words)


def _scripts(result: Run, shown: dict[str, dict[str, object]]) -> Iterable[Html]:
    if not len(result.outcome.times):
        return
    yield from scripts(shown)
    data = json.dumps(run_data(result), ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    yield tag("script", Html(data.replace("<", "\\u003c")), type="application/json", id="run")
    yield tag("script", _own("page.js"))


def _own(name: str) -> Html:
    """A file that lies beside this one."""
    return Html(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


__all__ = ["page", "render"]
