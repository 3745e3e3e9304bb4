"""The execution report as one page of HTML that needs nothing else: no network, no other file, only a browser.

The page's own policy (Content-Security-Policy) forbids any load from elsewhere. The same report gives the same bytes.
What was not recorded is said in words; a chart without data is never drawn.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

from orderwright.analytics.page.charts import figures
from orderwright.analytics.page.head import head, key_figures
from orderwright.analytics.page.html import Html, joined, tag
from orderwright.analytics.page.look import Figure
from orderwright.analytics.page.sections import sections
from orderwright.analytics.page.text import moment
from orderwright.analytics.records import ExecutionReport
from orderwright.errors import InputError

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def render(report: ExecutionReport, generated: int | None = None) -> str:
    """The page as text. generated: when it is made, in microseconds; it is left out where that is None."""
    charts = figures(report) if report.totals.orders else {}
    body = tag("main", head(report), *_content(report, charts), _foot(generated))
    page = tag("html", html_head(report.title, SHEET), tag("body", body, *scripts(charts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def write_page(report: ExecutionReport, path: str | Path, generated: int | None = None) -> None:
    """Write the page in one step: a reader sees the old file or the new one, never a half.

    Raises InputError where the path cannot be written; then nothing has changed.
    """
    replace_file(path, lambda: render(report, generated))


def replace_file(path: str | Path, render: Callable[[], str]) -> None:
    """Write a page in one step, once it is known that it can be written there. Raises InputError as `write_page`."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder", field="html", value=str(path), nearest=path / "report.html")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file that could be replaced", field="html", value=str(path))
    if not path.parent.is_dir():
        raise InputError("there is no such folder", field="html", value=str(path), where=str(path.parent))
    page = render()
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fresh.write_text(page, encoding="utf-8", errors="replace", newline="\n")
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where it could not even be begun, there is nothing to remove
            fresh.unlink()
        message = f"{path} cannot be written: {error.strerror or error}"
        raise InputError(message, field="html", value=str(path)) from None


def html_head(title: str, *sheets: Html) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", *sheets),
    )


def _content(report: ExecutionReport, charts: dict[str, Figure]) -> Iterable[Html]:
    notes = _notes(report.notes)
    if not report.totals.orders:
        empty = tag("p", "There is nothing to draw: no order was created in it. Try a longer window, or another book.")
        yield tag("section", tag("h2", "No orders in this window"), empty, class_="card empty")
        yield notes
        return
    shown = sections(report, charts)
    links = [tag("a", one.name, href=f"#{one.key}") for one in shown]
    if report.notes:
        links.append(tag("a", "Notes", href="#notes"))
    yield key_figures(report)
    yield tag("nav", *links, aria_label="Sections")
    yield tag("div", *(one.markup() for one in shown), class_="grid")
    yield notes


def _notes(notes: list[str]) -> Html:
    if not notes:
        return Html("")
    lines = tag("ul", *(tag("li", note) for note in notes))
    return tag("section", tag("h2", "What was left out, and why"), lines, class_="card notes", id="notes")


def _foot(generated: int | None) -> Html:
    made = f"Made {moment(generated)} UTC. " if generated is not None else ""
    words = "A cost is positive. Times are UTC. Money is exact to the last digit: hover over a sum to see it."
    return tag("footer", f"{made}{words}")


def scripts(charts: dict[str, Figure]) -> Iterable[Html]:
    """Plotly, the charts' data, and the script that draws them; none of them where there is no chart."""
    if not charts:
        return
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # it ships no types

    data = json.dumps(charts, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    yield tag("noscript", tag("p", "The charts need JavaScript. The tables do without.", class_="aside"))
    yield tag("script", Html(data.replace("<", "\\u003c")), type="application/json", id="figures")
    yield tag("script", Html(get_plotlyjs()))
    yield tag("script", _own("page.js"))


def _own(name: str) -> Html:
    """A file that lies beside this one."""
    return joined([Html(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))])


SHEET = _own("page.css")
