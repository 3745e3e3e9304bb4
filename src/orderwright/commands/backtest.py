"""`orderwright backtest` runs a strategy over history: a table for the terminal, a page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.options import AsJson
from orderwright.commands.rules import Engine, Step, Tester, check_engine, with_rules, with_step
from orderwright.commands.strategies import Data, OfSymbol, StrategyName, data_of, strategy_of
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.backtest.result import BacktestResult

app = typer.Typer()


@app.command()
@with_rules
def backtest(
    strategy: StrategyName,
    data: Data,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Of the strategy, repeatable.")
    ] = None,
    symbol: OfSymbol = "BTC/USDT",
    *,
    tester: Tester,
    engine: Engine = None,
    step: Step = None,
    log: Annotated[Path | None, typer.Option("--log", help="Keep the orders engine's log.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the page.")] = None,
    json: AsJson = False,
) -> None:
    """Run a strategy over history: what it would have come to."""
    from orderwright.bootstrap import check_place
    from orderwright.screen import print_json, progress_bar

    check_engine(engine)
    if log is not None:
        check_log(log, engine)
        engine = "orders"
    if html is not None:
        check_place(html, "html")
    made, _ = strategy_of(strategy, param or ())
    with progress_bar("backtest", describe="{:,} bars".format) as progress:
        told = None if progress is None else lambda done, whole: progress(0, done, whole)
        result = tester.run(
            made, with_step(data_of(data, symbol), symbol, step), symbol, engine=engine, log=log, progress=told
        )
    if json:
        print_json(result.to_dict())
    else:
        show(result)
    if html is not None:
        result.report(html)
        if not json:
            print(f"\nthe page: {html}")


def check_log(log: Path, engine: str | None) -> None:
    """The log of a backtest is a new one, of the orders engine. Raises InputError."""
    from orderwright.bootstrap import check_place

    if engine == "kernel":
        raise InputError("the kernel sends no orders: there is nothing to log", field="log", nearest="--engine orders")
    check_place(log, "log")
    if log.exists():
        raise InputError("is there already: a backtest begins a new log", field="log", value=str(log), where=str(log))


def show(result: BacktestResult) -> None:
    """The figures as a table, two groups beside each other where there is room; then what to know of the run."""
    from rich.table import Table
    from rich.text import Text

    from orderwright.backtest.report.words import groups, parameters, period
    from orderwright.screen import console

    screen = console()
    told = parameters(result)
    screen.print(Text(f"{result.strategy}{f' ({told})' if told else ''} on {', '.join(result.symbols)}", style="bold"))
    screen.print(Text(f"{period(result)}, engine {result.engine}\n", style="italic"))
    returns, risk, trades, costs = (_group(one.name, one.lines) for one in groups(result))
    if screen.width >= 100:
        grid = Table.grid(padding=(0, 6, 0, 0))
        grid.add_row(returns, risk)
        grid.add_row("", "")
        grid.add_row(trades, costs)
        screen.print(grid)
    else:
        for one in (returns, risk, trades, costs):
            screen.print(one)
    for note in result.notes:
        screen.print(Text.assemble(("note", "yellow"), " ", note))


def _group(name: str, lines: Sequence[Any]) -> Any:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column(name, no_wrap=True)
    shown.add_column("", justify="right", no_wrap=True)
    for line in lines:
        shown.add_row(line.name, line.shown)
    return shown
