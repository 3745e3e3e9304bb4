"""The commands of the portfolio questions: prices, balances, what is locked, totals, profit, exposure, equity.

A time has to say its zone here, for a day's profit hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from orderwright.commands.options import (
    AsJson,
    AsOf,
    Currency,
    Exchange,
    Log,
    Since,
    Until,
    User,
    moment_of,
    reading,
    step_of,
)

app = typer.Typer()


@app.command()
def prices(log: Log, user: User = None, exchange: Exchange = None, as_of: AsOf = None, json: AsJson = False) -> None:
    """The newest prices of a user's symbols."""
    from orderwright.analytics.portfolio import latest_prices

    with reading(log) as journal:
        rows = latest_prices(journal, user=user, exchange=exchange, as_of=moment_of(as_of, "as-of"))
    _show("prices", ("exchange", "symbol", "last", "bid", "ask", "mid", "time"), rows, "no prices", json)


@app.command()
def balances(
    log: Log,
    user: User = None,
    exchange: Annotated[list[str] | None, typer.Option(help="On which exchanges, repeatable.")] = None,
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """Balances: total, locked by working orders, free."""
    from orderwright.analytics.portfolio import latest_balances

    with reading(log) as journal:
        rows = latest_balances(journal, user=user, exchanges=exchange or None, as_of=moment_of(as_of, "as-of"))
    names = ("account", "asset", "total", "locked", "free")
    several = len({row.exchange for row in rows}) > 1 or user is not None
    _show("balances", (*(("user", "exchange") if several else ()), *names), rows, "no balances", json)


@app.command("open")
def open_(log: Log, user: User = None, exchange: Exchange = None, as_of: AsOf = None, json: AsJson = False) -> None:
    """What is not free: locked by each order, and in open positions."""
    from orderwright.analytics.portfolio import open_balances
    from orderwright.screen import print_json

    with reading(log) as journal:
        found = open_balances(journal, user=user, exchange=exchange, as_of=moment_of(as_of, "as-of"))
    if json:
        print_json(found)
        return
    orders = ("exchange", "account", "symbol", "side", "status", "price", "exposed", "asset", "locked")
    _show("working orders", orders, found.orders, "no working orders", False)
    positions = ("exchange", "account", "symbol", "size", "cost", "price", "value", "unrealised")
    _show("open positions", positions, found.positions, "no open positions", False)


@app.command()
def portfolio(
    log: Log,
    user: User = None,
    exchange: Exchange = None,
    currency: Currency = "USD",
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """What everything is worth, and what of it is locked in orders and in positions."""
    from orderwright.analytics.portfolio import total_balance
    from orderwright.screen import print_json

    with reading(log) as journal:
        found = total_balance(
            journal, user=user, exchange=exchange, currency=currency.upper(), as_of=moment_of(as_of, "as-of")
        )
    if json:
        print_json(found)
        return
    assets = ("exchange", "asset", "total", "locked", "free", "price", "value")
    _show("assets", assets, found.assets, "no balances", False)
    names = ("total", "available", "in_orders", "in_positions", "unrealised")
    _show(f"worth in {found.currency}", ("exchange", *names), found.exchanges, "nothing to value", False)
    _show(f"in all, {found.currency}", names, [found], "", False)
    _say_missing(found.missing)


@app.command()
def profit(
    log: Log,
    by: Annotated[
        str, typer.Option(help="Grouped by any of day, user, account, exchange, strategy, symbol, commas between.")
    ] = "day",
    user: User = None,
    exchange: Exchange = None,
    since: Since = None,
    until: Until = None,
    currency: Currency = "USD",
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """What fills made: brought in, what they hold has gained, less fees."""
    from orderwright.analytics.portfolio import profit as ask

    period: dict[str, Any] = {"start": moment_of(since, "since"), "end": moment_of(until, "until")}
    with reading(log) as journal:
        rows = ask(
            journal,
            by,
            user=user,
            exchange=exchange,
            currency=currency.upper(),
            as_of=moment_of(as_of, "as-of"),
            **period,
        )
    words = tuple(word for word in ("day", "user", "account", "exchange", "strategy", "symbol") if word in by)
    names = (*words, "profit", "brought", "inventory", "fees", "fills")
    _show(f"profit in {currency.upper()}", names, rows, "no profit and no loss", json)
    _say_missing([name for row in rows for name in row.missing], json)


@app.command()
def exposure(
    log: Log,
    by: Annotated[str, typer.Option(help="Grouped by any of user, account, exchange, symbol.")] = "exchange,symbol",
    user: User = None,
    exchange: Exchange = None,
    currency: Currency = "USD",
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """What positions and working orders stake on the market."""
    from orderwright.analytics.portfolio import exposure as ask

    with reading(log) as journal:
        rows = ask(
            journal, by, user=user, exchange=exchange, currency=currency.upper(), as_of=moment_of(as_of, "as-of")
        )
    words = tuple(word for word in ("user", "account", "exchange", "symbol") if word in by)
    names = (*words, "long", "short", "gross", "net", "buying", "selling", "worst")
    _show(f"exposure in {currency.upper()}", names, rows, "no positions and no working orders", json)
    _say_missing([name for row in rows for name in row.missing], json)


@app.command("balance-history")
def balance_history(
    log: Log,
    user: User = None,
    exchange: Exchange = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    since: Since = None,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many changes, the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """Every change of the balances, the newest last."""
    from orderwright.analytics.portfolio import balance_history as ask

    times: dict[str, Any] = {"start": moment_of(since, "since"), "as_of": moment_of(as_of, "as-of")}
    with reading(log) as journal:
        rows = ask(journal, user=user, exchange=exchange, asset=asset and asset.upper(), limit=limit, **times)
    names = ("time", "exchange", "account", "asset", "change", "total", "locked", "free", "event")
    _show("changes of balances", names, rows, "no changes", json)


@app.command()
def equity(
    log: Log,
    every: Annotated[str, typer.Option(help="The step: 1h, 1d, 1w; s, m, h, d or w.")] = "1d",
    user: User = None,
    exchange: Exchange = None,
    since: Since = None,
    until: Until = None,
    currency: Currency = "USD",
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """Equity over time."""
    from orderwright.analytics.portfolio import equity_curve

    period: dict[str, Any] = {
        "start": moment_of(since, "since"),
        "end": moment_of(until, "until"),
        "as_of": moment_of(as_of, "as-of"),
    }
    with reading(log) as journal:
        rows = equity_curve(
            journal, user=user, exchange=exchange, currency=currency.upper(), every=step_of(every), **period
        )
    _show(f"equity in {currency.upper()}", ("time", "equity"), rows, "no equity", json)
    _say_missing([name for row in rows for name in row.missing], json)


def _show(title: str, names: Sequence[str], rows: Sequence[Any], empty: str, as_json: bool) -> None:
    """Records as a table of some of their fields, or all of them as JSON."""
    from orderwright.screen import print_json, table

    if as_json:
        print_json(rows)
        return
    heads = [f"{name} (UTC)" if name in ("time", "day") else name.replace("_", " ") for name in names]
    table(title, heads, [[_cell(name, getattr(row, name)) for name in names] for row in rows], empty)


def _cell(name: str, value: Any) -> object:
    """A value as a table shows it: times as people write them, money to 8 places."""
    from decimal import Decimal

    from orderwright.screen import moment, number

    if name in ("time", "day"):
        return moment(value)[: 10 if name == "day" else None]
    return Decimal(number(value, 8)) if isinstance(value, Decimal) else value


def _say_missing(names: Sequence[str], as_json: bool = False) -> None:
    """What was left out of the sums, in a line."""
    from orderwright.screen import console

    if names and not as_json:
        console().print(f"incomplete: no price for {', '.join(sorted(set(names)))}")
