"""The table of docs/configuration.md, made of the schema: `python -m orderwright.config.page docs/configuration.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from orderwright.config.loading import OF_EXCHANGES
from orderwright.config.reference import Key, keys

BEGIN, END = "<!-- keys: begin (make docs) -->", "<!-- keys: end -->"


def table() -> str:
    """Every key, a table for each section of the first level."""
    lines: list[str] = []
    top = [key for key in keys() if len(key.path) == 1 and not key.section]
    lines += [*_head(), *(_row(key) for key in top)]
    for section in (key for key in keys() if len(key.path) == 1 and key.section):
        under = [key for key in keys() if key.path[0] == section.name and not key.section]
        lines += ["", f"### {section.name}", "", section.meaning, "", *_head(), *(_row(key) for key in under)]
    return "\n".join(lines)


def _head() -> list[str]:
    return ["| key | values | unit | default | variable | meaning |", "| --- | --- | --- | --- | --- | --- |"]


def _row(key: Key) -> str:
    binance = {at: name for name, at in OF_EXCHANGES.items()}
    variable = key.env or binance.get(tuple("binance" if part == "NAME" else part for part in key.path), "")
    cells = (
        f"`{key.name}`",
        key.kind,
        key.unit,
        f"`{key.default}`" if key.default else "",
        _code(variable),
        key.meaning,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def updated(page: str) -> str:
    """A page with the table as it is now, between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
