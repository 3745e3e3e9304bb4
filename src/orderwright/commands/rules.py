"""The rules of a backtest as options, written once for every command that trades over history: the parameters of
`backtester_of`, which `with_rules` gives to a command in place of its parameter `tester`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

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
_SIZES = ("50%", "0.25", "target=50%", "risk=1%", "risk=1%/20")


def backtester_of(
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
) -> Tester:
    """The backtester of these rules. Raises InputError, naming the option."""
    from orderwright.backtest.backtester import Backtester

    words: dict[str, Any] = {"fill_at": fill_at, "path": path}  # checked where they are taken
    return Backtester(
        balance,
        commission,
        slippage,
        allow_short=short,
        sizing=sizing_of(size),
        stop_loss=stop_loss,
        take_profit=take_profit,
        trailing_stop=trailing_stop,
        limit_entry=limit_entry,
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


def check_engine(engine: str | None) -> None:
    """Raises UnknownName for an engine that there is not."""
    from orderwright.config import one_of

    if engine is not None:
        one_of(ENGINES, engine, "engine")


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
