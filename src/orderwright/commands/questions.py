"""What people ask of a log: orders, fills, one order's story, positions."""

from __future__ import annotations

from typing import Annotated

import typer

from orderwright.commands.options import (
    DEFAULT_LOG,
    AsJson,
    AsOf,
    Limit,
    Log,
    Symbol,
    moment_of,
    reading,
    symbol_of,
)

app = typer.Typer()


@app.command()
def orders(
    log: Log = DEFAULT_LOG,
    status: Annotated[str | None, typer.Option(help="A status or a group: open, pending, closed, cancelled.")] = None,
    symbol: Symbol = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """Orders, the newest last, each as its latest row says."""
    from orderwright.analytics.questions import find_orders
    from orderwright.screen import show_orders

    with reading(log) as journal:
        rows = find_orders(journal, status=status, symbol=symbol_of(symbol), as_of=moment_of(as_of, "as-of"))
    show_orders(rows[-limit:], total=len(rows), as_json=json)


@app.command()
def fills(log: Log = DEFAULT_LOG, symbol: Symbol = None, limit: Limit = 50, json: AsJson = False) -> None:
    """Fills, the newest last."""
    from orderwright.analytics.questions import find_fills
    from orderwright.screen import show_fills

    with reading(log) as journal:
        rows = find_fills(journal, symbol=symbol_of(symbol))
    show_fills(rows[-limit:], total=len(rows), as_json=json)


@app.command()
def history(
    order: Annotated[str, typer.Argument(help="An order: its id, or its number in `orders`.")],
    log: Log = DEFAULT_LOG,
    json: AsJson = False,
) -> None:
    """Everything that ever happened to one order."""
    from orderwright.analytics.questions import order_history
    from orderwright.screen import show_history

    with reading(log) as journal:
        rows = order_history(journal, order)
    show_history(rows, as_json=json)


@app.command()
def positions(log: Log = DEFAULT_LOG, as_of: AsOf = None, json: AsJson = False) -> None:
    """Positions: size, cost, profit."""
    from orderwright.analytics.questions import find_positions
    from orderwright.screen import show_positions

    with reading(log) as journal:
        rows = find_positions(journal, as_of=moment_of(as_of, "as-of"))
    show_positions(rows, as_json=json)
