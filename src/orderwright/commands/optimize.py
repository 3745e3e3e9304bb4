"""`orderwright optimize` searches a strategy's parameters, and says whether to believe what it found."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.options import AsJson
from orderwright.commands.rules import Engine, Step, Tester, check_engine, with_rules, with_step
from orderwright.commands.strategies import (
    Data,
    OfSymbol,
    StrategyName,
    constructor_of,
    data_of,
    hints_of,
    strategy_class,
    value_of,
)
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.result import OptimizationResult
    from orderwright.backtest.strategy import Strategy

app = typer.Typer()

_FORMS = "5:45:2 (a range), 0.1:0.9:0.2 (steps), 5..45 or 0.1..0.9 (from, to), 50,100 (a choice), 20"
_LISTED = 10
_DOMAIN = re.compile(r"(?:Int|Float)\(low=([^,]+), high=([^,]+), step=([^,]+), log=\w+\)")
_RANGE = re.compile(r"range\((-?\d+), (-?\d+)(?:, (-?\d+))?\)")


@app.command()
@with_rules
def optimize(
    strategy: StrategyName,
    data: Data,
    space: Annotated[
        list[str], typer.Option("--space", metavar="NAME=VALUES", help=f"Of a parameter: {_FORMS}; repeatable.")
    ],
    objective: Annotated[
        list[str] | None,
        typer.Option("--objective", help='A figure, such as "minimise turnover"; several make a front. [sharpe_ratio]'),
    ] = None,
    method: Annotated[str, typer.Option(help="grid, tpe or genetic.")] = "grid",
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many. [default: all of a grid, else 100]")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="How many processes.")] = 1,
    study: Annotated[
        str | None, typer.Option("--study", help="Keep trials in this file or database, to go on or to share.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Of the study, where a place has several.")] = None,
    holdout: Annotated[
        str, typer.Option(metavar="<number>", help="The last part of the bars, which the search does not see.")
    ] = "0.2",
    walk_forward: Annotated[
        int | None, typer.Option("--walk-forward", min=1, help="Walk forward too, in so many windows.")
    ] = None,
    anchored: Annotated[
        bool, typer.Option("--anchored", help="Each search of the walk begins at the first bar.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of what is random; one seed, one search.")] = 0,
    symbol: OfSymbol = "BTC/USDT",
    *,
    tester: Tester,
    engine: Engine = None,
    step: Step = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the page.")] = None,
    json: AsJson = False,
) -> None:
    """Search a strategy's parameters: which did best, and whether it was luck."""
    from orderwright.backtest.optimisation.optimizer import optimize as search
    from orderwright.backtest.optimisation.windows import WalkForward
    from orderwright.bootstrap import check_place
    from orderwright.screen import print_json

    check_engine(engine)
    if html is not None:
        check_place(html, "html")
    kind = strategy_class(strategy)
    options: dict[str, Any] = {"method": method, "engine": engine, "holdout": holdout}
    with redirect_stdout(sys.stderr), _as_written():  # what a strategy prints is not the answer
        found = search(
            kind,
            with_step(data_of(data, symbol), symbol, step),
            space_of(kind, space),
            objective or "sharpe_ratio",
            n_trials=trials,
            n_jobs=jobs,
            backtester=tester,
            symbol=symbol,
            study=study,
            name=name,
            walk_forward=WalkForward(walk_forward, anchored) if walk_forward else None,
            seed=seed,
            **options,
        )
    if found.all_trials.already:
        print(f"{found.all_trials.already:,} trials were in the study already", file=sys.stderr)
    if json:
        print_json(found.summary())
    else:
        show(found)
    if html is not None:
        found.report(html)
        if not json:
            print(f"\nthe page: {html}")


def space_of(kind: type[Strategy], texts: Iterable[str]) -> dict[str, Any]:
    """NAME=VALUES texts as a space. Raises InputError for what has no form, and a parameter that comes twice."""
    known, hints = constructor_of(kind), hints_of(kind)
    found: dict[str, Any] = {}
    if not known:
        raise InputError(f"{kind.__name__} has no parameters: there is nothing to search", field="space")
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            message = f"{text!r} is not NAME=VALUES; values are {_FORMS}"
            raise InputError(message, field="space", value=text, nearest="fast_period=5:45:2")
        if name not in known:
            raise UnknownName(f"parameter of {kind.__name__}", name, known, field="space")
        if name in found:
            raise InputError("is there twice", field=f"space.{name}", value=values)
        found[name] = values_of(values, hints.get(name), known[name].default, f"space.{name}")
    return found


def values_of(text: str, hint: Any, default: Any, field: str) -> Any:
    """5:45:2 a range, 0.1:0.9:0.2 steps, 5..45 and 0.1..0.9 from and to, 50,100 a choice, anything else one value.
    Raises InputError."""
    if ".." in text:
        low, _, high = text.partition("..")
        return (_number(low, field), _number(high, field))
    parts = text.split(":")
    if len(parts) in (2, 3) and all(part.lstrip("-").isdecimal() for part in parts):
        numbers = [int(part) for part in parts]
        if len(numbers) == 3 and not numbers[2]:
            raise InputError("a step of 0 leads nowhere", field=field, value=text, nearest=f"{parts[0]}:{parts[1]}:1")
        return range(*numbers)
    if len(parts) == 3 and all(map(_is_number, parts)):
        from orderwright.backtest.optimisation.space import Float

        first, last, each = map(float, parts)
        return Float(first, last, each)
    return [value_of(part.strip(), hint, default, field) for part in text.split(",")]


@contextmanager
def _as_written() -> Iterator[None]:
    """Errors of a space say ranges as the command line writes them, not as Python does."""
    try:
        yield
    except InputError as error:
        if (error.field or "").startswith("space"):
            error.message = written_here(error.message)
            error.nearest = None if error.nearest is None else written_here(error.nearest)
        raise


def written_here(said: object) -> str:
    """A range, a pair or a domain as --space takes it."""
    if isinstance(said, tuple) and len(said) == 2:
        return f"{said[0]}..{said[1]}"

    def domain(found: re.Match[str]) -> str:
        low, high, step = found.groups()
        return f"{low}..{high}" if step in ("None", "1") else f"{low}:{high}:{step}"

    def counted(found: re.Match[str]) -> str:
        return ":".join(part for part in found.groups() if part is not None)

    return _RANGE.sub(counted, _DOMAIN.sub(domain, str(said))).replace("[...]", "VALUES")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, field: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise InputError(f"{text!r} is not a number", field=field, value=text, nearest="0.1..0.9")


def show(found: OptimizationResult) -> None:
    """The best parameters, both parts beside each other, and what to make of it."""
    from rich.table import Table
    from rich.text import Text

    from orderwright.backtest.optimisation.words import comparison, told, verdict, walk_words
    from orderwright.screen import console

    screen = console()
    screen.print(
        Text(f"{found.strategy} on {', '.join(found.best.symbols)}: {told(found.best_parameters)}", style="bold")
    )
    refused = f", {found.refused:,} refused" if found.refused else ""
    screen.print(
        Text(f"{len(found.all_trials) - found.refused:,} trials{refused}, method {found.method}\n", style="italic")
    )
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    shown.add_column("")
    for head in ("optimised", "held out")[: 1 + (found.held_out is not None)]:
        shown.add_column(head, justify="right")
    for row in comparison(found):
        shown.add_row(*row)
    screen.print(shown)
    if len(found.objectives) > 1:
        _show_front(found)
    screen.print(Text(f"\n{verdict(found)}"))
    if found.walk_forward is not None:
        screen.print(Text(f"\nWalk-forward: {walk_words(found.walk_forward)}"))


def _show_front(found: OptimizationResult) -> None:
    """The Pareto front: parameters and objectives, the best by the first objective first."""
    from rich.table import Table
    from rich.text import Text

    from orderwright.backtest.optimisation.words import written
    from orderwright.backtest.report.words import figure
    from orderwright.screen import console

    first, front = found.best_trial, found.pareto
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in (*first.parameters, *first.values):
        shown.add_column(name, justify="right")
    for one in front[:_LISTED]:
        shown.add_row(
            *map(written, one.parameters.values()),
            *(f"{value:,.0f}" if value.is_integer() else figure(value) for value in one.values.values()),
        )
    several = f", {_LISTED} of {len(front):,}" if len(front) > _LISTED else ""
    console().print(Text(f"\nThe Pareto front{several}\n", style="bold"))
    console().print(shown)
