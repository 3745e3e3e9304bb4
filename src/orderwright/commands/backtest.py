"""`orderwright backtest` runs a strategy over history: a table for the terminal, a page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.options import AsJson
from orderwright.commands.strategies import Data, OfSymbol, StrategyName, data_of, strategy_of
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.backtest.result import BacktestResult
    from orderwright.backtest.rules import Sizing

app = typer.Typer()

ENGINES = ("kernel", "orders")
_SIZES = ("50%", "0.25", "target=50%", "risk=1%", "risk=1%/20")


@app.command()
def backtest(
    strategy: StrategyName,
    data: Data,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Of the strategy, repeatable.")
    ] = None,
    symbol: OfSymbol = "BTC/USDT",
    balance: Annotated[str, typer.Option(help="What it begins with, in quote.")] = "10000",
    commission: Annotated[str, typer.Option(help="A fraction of each fill: 0.001 is 0.1 %.")] = "0.001",
    slippage: Annotated[str, typer.Option(help="A fraction, against every taker.")] = "0.0005",
    size: Annotated[
        str, typer.Option(help="Of an entry: 50% of the balance, 0.25 units, target=50%, risk=1% (of one ATR).")
    ] = "100%",
    short: Annotated[bool, typer.Option("--short", help="A sell signal opens a short too.")] = False,
    stop_loss: Annotated[str | None, typer.Option(help="A fraction of the entry's price, such as 0.02.")] = None,
    take_profit: Annotated[str | None, typer.Option(help="A fraction of the entry's price.")] = None,
    trailing_stop: Annotated[str | None, typer.Option(help="A fraction behind the best close.")] = None,
    limit_entry: Annotated[str | None, typer.Option(help="Enter by limits, this fraction from the close.")] = None,
    limit_bars: Annotated[int, typer.Option(min=1, help="How many bars a limit entry waits.")] = 1,
    fill_at: Annotated[str, typer.Option(help="next_open, or this_close.")] = "next_open",
    path: Annotated[str, typer.Option(help="Within a bar: nearest, worst, high_first, low_first.")] = "nearest",
    engine: Annotated[
        str | None, typer.Option(help="kernel (arrays) or orders (real ones). [default: the one that fits]")
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", help="Keep the orders engine's log.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the page.")] = None,
    json: AsJson = False,
) -> None:
    """Run a strategy over history: what it would have come to."""
    from orderwright.backtest.backtester import Backtester
    from orderwright.bootstrap import check_place
    from orderwright.config import one_of
    from orderwright.screen import print_json, progress_bar

    if engine is not None:
        one_of(ENGINES, engine, "engine")
    if log is not None:
        check_log(log, engine)
        engine = "orders"
    if html is not None:
        check_place(html, "html")
    made, _ = strategy_of(strategy, param or ())
    words: dict[str, Any] = {"fill_at": fill_at, "path": path}  # checked where they are taken
    tester = Backtester(
        balance,
        commission,
        slippage,
        allow_short=short,
        sizing=sizing_of(size),
        limit_entry=limit_entry,
        limit_bars=limit_bars,
        stop_loss=stop_loss,
        take_profit=take_profit,
        trailing_stop=trailing_stop,
        **words,
    )
    with progress_bar("backtest", describe="{:,} bars".format) as progress:
        told = None if progress is None else lambda done, whole: progress(0, done, whole)
        result = tester.run(made, data_of(data, symbol), symbol, engine=engine, log=log, progress=told)
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


def sizing_of(text: str) -> Sizing:
    """50%, 0.25, target=50%, risk=1%, risk=1%/20 as a sizing. Raises InputError for what is none of them."""
    from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, TargetPosition, VolatilityRisk
    from orderwright.core.numbers import parse_decimal

    kind, equals, rest = text.partition("=") if "=" in text else ("", "", text)
    share, slash, window = rest.partition("/")
    whole = share.removesuffix("%")
    if not equals and not slash:
        number = parse_decimal(whole, "size")
        return PercentOfEquity(number) if share.endswith("%") else FixedQuantity(number)
    if not share.endswith("%") or kind not in ("target", "risk") or (slash and kind == "target"):
        message = f"{text!r} is not a size: one of {', '.join(_SIZES)}"
        raise InputError(message, field="size", value=text, nearest=f"risk={whole}%" if kind == "risk" else "100%")
    number = parse_decimal(whole, "size")
    if kind == "target":
        return TargetPosition(number)
    if slash and not (window.isdecimal() and int(window)):
        raise InputError(f"{window!r} is not a number of bars", field="size", value=text, nearest=f"risk={whole}%/14")
    return VolatilityRisk(number, int(window) if slash else 14)


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
