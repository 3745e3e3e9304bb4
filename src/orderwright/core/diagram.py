"""Draws the lifecycle from its table: `python -m orderwright.core.diagram docs/order_states.md` (`make docs`).

Between the two markers of that file stand a picture (mermaid) and the table. The picture leaves out what does not
change the status, and shows statuses in groups: arrows between two groups are drawn once, whatever status they lead
from and to; those inside a group are drawn for orders in flight and working. The table has every row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from orderwright.core.messages import kind_of
from orderwright.core.model import DONE, WORKING, OrderStatus
from orderwright.core.transitions import IN_FLIGHT, ROWS

BEGIN = "<!-- drawn from the table in src/orderwright/core/transitions.py by `make docs` -->"
END = "<!-- end of what is drawn -->"
GROUPS: dict[str, frozenset[OrderStatus]] = {
    "waiting": frozenset({OrderStatus.PENDING}),
    "in_flight": IN_FLIGHT,
    "working": WORKING,
    "ended": DONE,
}
DRAWN_INSIDE = ("in_flight", "working")
WORDS_A_LINE = 3

Arrow = tuple[str, str]


def redrawn(page: str) -> str:
    """The page with picture and table drawn anew. Raises ValueError where it lacks a marker."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page needs the two markers\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n```mermaid\n{picture()}```\n\n{table()}\n{END}{after}"


def picture() -> str:
    """The lifecycle as a mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    arrows = _arrows()
    for group, statuses in GROUPS.items():
        if len(statuses) == 1:
            continue
        inside = [arrow for arrow in arrows if set(arrow) <= {status.name for status in statuses}]
        lines.append(f'    state "{group.replace("_", " ")}" as {group} {{')
        lines += [f"        {status.name}" for status in OrderStatus if status in statuses]
        lines += [f"        {_line(arrow, arrows[arrow])}" for arrow in inside]
        lines.append("    }")
    groups = {*(_node(group) for group in GROUPS), "[*]"}
    lines += [f"    {_line(arrow, words)}" for arrow, words in arrows.items() if set(arrow) <= groups]
    return "\n".join(lines) + "\n"


def _line(arrow: Arrow, words: Iterable[str]) -> str:
    said = list(words)
    lines = [", ".join(said[first : first + WORDS_A_LINE]) for first in range(0, len(said), WORDS_A_LINE)]
    return f"{arrow[0]} --> {arrow[1]} : {',<br/>'.join(lines)}"


def _arrows() -> dict[Arrow, dict[str, None]]:
    """(from, to) of each arrow, and the events that it stands for, in the order of the table."""
    arrows: dict[Arrow, dict[str, None]] = {}
    for row in ROWS:
        event = kind_of(row.event).removeprefix("order_").removeprefix("request_").replace("_", " ")
        sources = [(status.name, group_of(status)) for status in OrderStatus if status in row.before]
        for source, group in sources or [("[*]", "[*]")]:
            for after in (status for status in OrderStatus if status in row.after):
                if group != group_of(after):
                    arrows.setdefault((_node(group), _node(group_of(after))), {})[event] = None
                elif source != after.name and group in DRAWN_INSIDE:
                    arrows.setdefault((source, after.name), {})[event] = None
    return arrows


def group_of(status: OrderStatus) -> str:
    """The group of a status."""
    return next(group for group, statuses in GROUPS.items() if status in statuses)


def _node(group: str) -> str:
    """A group of one status is drawn as that status."""
    statuses = GROUPS.get(group, frozenset())
    return next(iter(statuses)).name if len(statuses) == 1 else group


def table() -> str:
    """Every row of the lifecycle, as a table in Markdown."""
    lines = ["| event | comes in | leads to | |", "| --- | --- | --- | --- |"]
    for row in ROWS:
        comes_in = named(row.before) if row.before else "(new)"
        leads_to = named(row.after) if row.after else "(the same)"
        lines.append(f"| `{kind_of(row.event)}` | {comes_in} | {leads_to} | {row.note} |")
    return "\n".join(lines) + "\n"


def named(statuses: frozenset[OrderStatus]) -> str:
    """A set of statuses, whole groups by their name."""
    whole = [group for group, members in GROUPS.items() if len(members) > 1 and members <= statuses]
    rest = statuses.difference(*(GROUPS[group] for group in whole))
    names = [f"*{group.replace('_', ' ')}*" for group in whole]
    return ", ".join(names + [status.name for status in OrderStatus if status in rest])


def main(path: str) -> None:
    """Redraw the page at `path`."""
    page = Path(path)
    page.write_text(redrawn(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m orderwright.core.diagram docs/order_states.md")
    main(sys.argv[1])
