"""Markup as a value. Text is escaped where it enters the page, so nobody's name or message can become markup.

`Html` is text that is markup already; `tag` escapes every other text, and every attribute.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from msgspec import Struct

_VOID = ("meta",)


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escaped(content: str) -> Html:
    """Text as markup that shows it to the letter; markup as it is."""
    return content if isinstance(content, Html) else Html(html.escape(content))


def joined(parts: Iterable[str]) -> Html:
    """Parts one after the other, plain text escaped."""
    return Html("".join(map(escaped, parts)))


def tag(name: str, /, *children: str, **attributes: str | int | None) -> Html:
    """An element. Attributes: class_ is class, aria_label aria-label; None leaves one out, "" has no value."""
    words = [name, *(_attribute(key, value) for key, value in attributes.items() if value is not None)]
    opened = f"<{' '.join(words)}>"
    return Html(opened if name in _VOID else f"{opened}{joined(children)}</{name}>")


def _attribute(key: str, value: str | int) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f'{name}="{html.escape(str(value))}"' if value != "" else name


class Column(Struct, frozen=True, kw_only=True):
    """A column of a table: its head, what it means (shown on hover), and whether it holds numbers."""

    head: str
    hint: str | None = None
    number: bool = True


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Html:
    """A table with a row head each, in a frame of its own that scrolls sideways where the screen is narrow."""
    heads = [
        tag("th", one.head, scope="col", title=one.hint, class_="number" if one.number else None) for one in columns
    ]
    body = joined(_row(columns, row) for row in rows)
    whole = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", body),
    )
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _row(columns: Sequence[Column], cells: Sequence[str]) -> Html:
    first, *others = (
        tag("th", cell, scope="row") if at == 0 else tag("td", cell, class_="number" if columns[at].number else None)
        for at, cell in enumerate(cells)
    )
    return tag("tr", first, *others)
