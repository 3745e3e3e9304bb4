"""The rules of a backtest as options, written once for every command that trades over history: the parameters of
`backtester_of`, which `with_rules` gives to a command in place of its parameter `tester`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from orderwright.core.numbers import parse_decimal, text
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.backtest.backtester import Backtester
    from orderwright.backtest.rules import Sizing

    Tester: TypeAlias = Backtester
else:
    Tester = Any  # its module is heavy, and annotations of commands are looked up

ENGINES = ("kernel", "orders")
Engine = Annotated[
    str | None,
    typer.Option("--engine", help="kernel (arrays) or orders (real ones). [default: the one that fits]"),
]
Step = Annotated[
    str | None,
    typer.Option("--step", metavar="<number>", help="The lot: quantities are whole steps of it, 1 for shares."),
]
_NUMBER = "<number>"
_SIZES = ("50%", "0.25", "target=50%", "risk=1%", "risk=1%/20")


def backtester_of(
    balance: Annotated[str, typer.Option(metavar=_NUMBER, help="What it begins with, in quote.")] = "10000",
    commission: Annotated[
        str, typer.Option(metavar=_NUMBER, help="A fraction of each fill: 0.001, or 0.1%.")
    ] = "0.001",
    slippage: Annotated[str, typer.Option(metavar=_NUMBER, help="A fraction, against every taker.")] = "0.0005",
    size: Annotated[
        str,
        typer.Option(
            metavar="<size>", help="Of an entry: 50% of the balance, 0.25 units, target=50%, risk=1% (of one ATR)."
        ),
    ] = "100%",
    short: Annotated[bool, typer.Option("--short", help="A sell signal opens a short too.")] = False,
    stop_loss: Annotated[
        str | None, typer.Option(metavar=_NUMBER, help="A fraction of the entry's price: 0.02, or 2%.")
    ] = None,
    take_profit: Annotated[str | None, typer.Option(metavar=_NUMBER, help="A fraction of the entry's price.")] = None,
    trailing_stop: Annotated[
        str | None, typer.Option(metavar=_NUMBER, help="A fraction behind the best close.")
    ] = None,
    limit_entry: Annotated[
        str | None, typer.Option(metavar=_NUMBER, help="Enter by limits, this fraction from the close.")
    ] = None,
    limit_bars: Annotated[int, typer.Option(metavar=_NUMBER, min=1, help="How many bars a limit entry waits.")] = 1,
    fill_at: Annotated[str, typer.Option(help="next_open, or this_close.")] = "next_open",
    path: Annotated[str, typer.Option(help="Within a bar: nearest, worst, high_first, low_first.")] = "nearest",
) -> Tester:
    """The backtester of these rules. Raises InputError, naming the option."""
    from orderwright.backtest.backtester import Backtester

    words: dict[str, Any] = {"fill_at": fill_at, "path": path}  # checked where they are taken
    return Backtester(
        _number(balance, "balance", "10000"),
        _fraction(commission, "commission", "0.001"),
        _fraction(slippage, "slippage", "0.0005"),
        allow_short=short,
        sizing=sizing_of(size),
        stop_loss=_optional(stop_loss, "stop_loss"),
        take_profit=_optional(take_profit, "take_profit"),
        trailing_stop=_optional(trailing_stop, "trailing_stop"),
        limit_entry=_optional(limit_entry, "limit_entry"),
        limit_bars=limit_bars,
        **words,
    )


def with_rules(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `tester`, a Backtester, is made of the options of the rules."""
    rules = inspect.signature(backtester_of, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True)
    shown = [one for name, part in own.parameters.items() for one in (rules.values() if name == "tester" else [part])]

    @functools.wraps(command)
    def run(**words: Any) -> None:
        tester = backtester_of(**{name: words.pop(name) for name in rules})
        command(tester=tester, **words)

    by_name = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in shown]
    vars(run)["__signature__"] = own.replace(parameters=by_name)
    run.__annotations__ = {one.name: one.annotation for one in by_name}
    return run


def _number(said: str, field: str, nearest: str) -> Decimal:
    try:
        return parse_decimal(said, field)
    except InputError as error:
        raise InputError(error.message, field=field, value=said, nearest=error.nearest or nearest) from None


def _fraction(said: str, field: str, nearest: str) -> Decimal:
    """0.02, or 2%, which is the same."""
    number = _number(said.strip().removesuffix("%"), field, nearest)
    return number / 100 if said.strip().endswith("%") else number


def _optional(said: str | None, field: str) -> Decimal | None:
    return None if said is None else _fraction(said, field, "0.02")


def with_step(data: Any, symbol: str, step: str | None) -> Any:
    """The data, read where a step is given: its instruments have that step, and no smaller quantity.

    Raises InputError (field `step`) for a step that is no number above 0."""
    if step is None:
        return data
    from msgspec import structs

    from orderwright.backtest.bars import read_bars

    size = _number(step, "step", "1")
    if size <= 0:
        raise InputError(f"{text(size)} is not above 0", field="step", value=step, nearest=1)
    found = {}
    for name, place in data.items() if isinstance(data, Mapping) else [(symbol, data)]:
        known = read_bars(place, name).candles.instrument
        instrument = structs.replace(known, step_size=size, min_quantity=max(size, known.min_quantity))
        found[name] = read_bars(place, name, instrument=instrument)
    return found if isinstance(data, Mapping) else found[symbol]


def check_engine(engine: str | None) -> None:
    """Raises UnknownName for an engine that there is not."""
    from orderwright.config import one_of

    if engine is not None:
        one_of(ENGINES, engine, "engine")


def sizing_of(said: str) -> Sizing:
    """50%, 0.25, target=50%, risk=1%, risk=1%/20 as a sizing. Raises InputError for what is none of them."""
    from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, TargetPosition, VolatilityRisk

    kind, equals, rest = said.partition("=") if "=" in said else ("", "", said)
    share, slash, window = rest.partition("/")
    whole = share.removesuffix("%")
    if not equals and not slash:
        number = _size(whole, said)
        return PercentOfEquity(number) if share.endswith("%") else FixedQuantity(number)
    if not share.endswith("%") or kind not in ("target", "risk") or (slash and kind == "target"):
        message = f"{said!r} is not a size: one of {', '.join(_SIZES)}"
        raise InputError(message, field="size", value=said, nearest=f"risk={whole}%" if kind == "risk" else "100%")
    number = _size(whole, said)
    if kind == "target":
        return TargetPosition(number)
    if slash and not (window.isdecimal() and int(window)):
        raise InputError(f"{window!r} is not a number of bars", field="size", value=said, nearest=f"risk={whole}%/14")
    return VolatilityRisk(number, int(window) if slash else 14)


def _size(number: str, said: str) -> Decimal:
    try:
        return parse_decimal(number, "size")
    except InputError:
        message = f"{said!r} is not a size: one of {', '.join(_SIZES)}"
        raise InputError(message, field="size", value=said, nearest="100%") from None
