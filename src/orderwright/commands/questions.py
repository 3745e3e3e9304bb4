"""What people ask of a log: orders, fills, one order's story, positions."""

from __future__ import annotations

from typing import Annotated

import typer

from orderwright.commands.options import (
    AsJson,
    AsOf,
    Limit,
    Log,
    OnlyBook,
    Symbol,
    moment_of,
    reading,
    symbol_of,
)

app = typer.Typer()


@app.command()
def orders(
    log: Log,
    status: Annotated[str | None, typer.Option(help="A status or a group: open, pending, closed, cancelled.")] = None,
    symbol: Symbol = None,
    book: OnlyBook = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """Orders, the newest last, each as its latest row says."""
    from orderwright.analytics.questions import find_orders
    from orderwright.screen import show_orders

    with reading(log, book) as journal:
        rows = find_orders(journal, status=status, symbol=symbol_of(symbol), book=book, as_of=moment_of(as_of, "as-of"))
    show_orders(rows[-limit:], total=len(rows), as_json=json)


@app.command()
def fills(log: Log, symbol: Symbol = None, book: OnlyBook = None, limit: Limit = 50, json: AsJson = False) -> None:
    """Fills, the newest last."""
    from orderwright.analytics.questions import find_fills
    from orderwright.screen import show_fills

    with reading(log, book) as journal:
        rows = find_fills(journal, symbol=symbol_of(symbol), book=book)
    show_fills(rows[-limit:], total=len(rows), as_json=json)


@app.command()
def history(
    order: Annotated[str, typer.Argument(help="An order: its id, or its number in `orders`.")],
    log: Log,
    json: AsJson = False,
) -> None:
    """Everything that ever happened to one order."""
    from orderwright.analytics.questions import order_history
    from orderwright.screen import show_history

    with reading(log) as journal:
        rows = order_history(journal, order)
    show_history(rows, as_json=json)


@app.command()
def positions(log: Log, book: OnlyBook = None, as_of: AsOf = None, json: AsJson = False) -> None:
    """Positions: size, cost, profit."""
    from orderwright.analytics.questions import find_positions
    from orderwright.screen import show_positions

    with reading(log, book) as journal:
        rows = find_positions(journal, book=book, as_of=moment_of(as_of, "as-of"))
    show_positions(rows, as_json=json)
