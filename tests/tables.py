"""Text tables: scenarios that a trader can read, with named columns and the expected outcome at the end of the row.

An order is written as side, quantity and type, then what else it says: `buy 1 limit price=100 gtd expire=+60`.
"""

from decimal import Decimal
from typing import Any

from orderwright.core.model import SECOND, Instruction, OrderSide, OrderType, TimeInForce
from tests.builders import NOW, an_instruction

_MONEY = {"quote_quantity", "price", "stop_price"}
_SECONDS = {"expire": "expire_at", "execute": "execute_at"}
_FLAGS = {"post_only", "reduce_only"}


class Row(dict[str, str]):
    """One line of a table, by column; an empty cell is ''. It shows as its cells."""

    def __str__(self) -> str:
        return ", ".join(cell for cell in self.values() if cell)


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table: cells between `|`, the names of the columns in the first line, comments from `#` on."""
    lines = [line.split("#")[0].strip() for line in table.splitlines()]
    names, *body = [[cell.strip() for cell in line.split("|")] for line in lines if line]
    for cells in body:
        assert len(cells) <= len(names), f"more cells than columns: {cells}"
    return [Row(zip(names, cells + [""] * (len(names) - len(cells)), strict=True)) for cells in body]


def words(cell: str) -> dict[str, str]:
    """`name=value` and plain words of a cell; a plain word's value is ''."""
    return {name: value for name, _, value in (word.partition("=") for word in cell.split())}


def order_of(cell: str, number: int = 1, now: int = NOW) -> Instruction:
    """The instruction that a cell says. Quantity `-` is none; expire and execute are seconds from now."""
    side, quantity, kind, *rest = cell.split()
    changes: dict[str, Any] = {
        "side": OrderSide(side),
        "quantity": None if quantity == "-" else Decimal(quantity),
        "type": OrderType(kind),
        "price": None,
    }
    for name, value in words(" ".join(rest)).items():
        if name in _MONEY:
            changes[name] = Decimal(value)
        elif name in _SECONDS:
            changes[_SECONDS[name]] = now + int(value) * SECOND
        elif name in _FLAGS:
            changes[name] = True
        elif value:
            changes[name] = value
        else:
            changes["time_in_force"] = TimeInForce(name)
    return an_instruction(number, **changes)
