"""The command line: `orderwright run` drives signals through the order engine, the others read a log.

Errors go to stderr in one line. Exit code 2 is the user's input, 1 is ours (a log that is damaged, locked or full).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright.errors import InputError, OrderwrightError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the rich one costs 0.2 s of imports
    help="The order layer for algorithmic traders.",
)
log_app = typer.Typer(no_args_is_help=True, help="Verify, seal, rebuild, back up and restore a log.")
app.add_typer(log_app, name="log")

Log = Annotated[Path, typer.Option("--log", help="The log: a SQLite file.")]
Book = Annotated[str, typer.Option("--book", help="The book: one owner's money.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="As of a past moment, such as 2024-08-05T12:00:00Z.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows, the newest.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
DEFAULT_LOG = Path("orderwright.sqlite")


def main() -> None:
    """The entry point: runs a command and turns errors into a line and an exit code."""
    try:
        app(prog_name="orderwright")
    except OrderwrightError as error:
        print(f"orderwright: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        raise SystemExit(1) from None


@app.command()
def run(
    signals: Annotated[Path, typer.Option(help="Signals: JSON lines in the words of TradingView alerts.")],
    candles: Annotated[Path, typer.Option(help="Candles: CSV, feather, Parquet or JSON.")],
    symbol: Annotated[str, typer.Option(help="What the candles are of, such as BTC/USDT.")],
    log: Log = DEFAULT_LOG,
    book: Book = "main",
    account: Annotated[str, typer.Option(help="The paper account that trades.")] = "paper",
    deposit: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET=AMOUNT", help="What it starts with, repeatable. [default: 10000 of the quote]"),
    ] = None,
    instruments: Annotated[Path | None, typer.Option(help="Binance exchangeInfo, or our own JSON.")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Limits and settings, JSON. [default: the log's; none in a new one]")
    ] = None,
    maker_fee: Annotated[str, typer.Option(help="A fraction: 0.001 is 10 bps.")] = "0.001",
    taker_fee: Annotated[str, typer.Option(help="A fraction: 0.001 is 10 bps.")] = "0.001",
    fee_in: Annotated[str, typer.Option(help="quote, or received (the asset that an order brings in).")] = "quote",
    slippage_bps: Annotated[str, typer.Option(help="Against every taker.")] = "0",
    spread_bps: Annotated[str, typer.Option(help="Between bid and ask.")] = "0",
    latency_ms: Annotated[str, typer.Option(help="To the exchange, and back: 50, or 20-80 at random.")] = "0",
    volume_share: Annotated[
        str | None, typer.Option(help="The share of a candle's volume that may fill, such as 0.1.")
    ] = None,
    path: Annotated[str, typer.Option(help="The way within a candle; see docs/simulation.md.")] = "nearer-first",
    intrabar: Annotated[
        bool, typer.Option("--intrabar", help="Let an order fill in the candle it was placed in.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of what is random; one seed, one history.")] = 0,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the log from a process that still holds it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Drive signals over candles, into a log."""
    from orderwright.bootstrap import RunOptions
    from orderwright.bootstrap import run as run_signals
    from orderwright.screen import progress_bar, show_run

    options = RunOptions(
        signals=signals,
        candles=candles,
        symbol=symbol,
        log=log,
        book=book,
        account=account,
        deposits=tuple(deposit or ()),
        instruments=instruments,
        settings=settings,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        fee_in=fee_in,
        slippage_bps=slippage_bps,
        spread_bps=spread_bps,
        latency_ms=latency_ms,
        volume_share=volume_share,
        path=path,
        intrabar=intrabar,
        seed=seed,
        take_over=take_over,
    )
    with progress_bar("replaying") as progress:
        result = run_signals(options, progress)
    show_run(result, _summary(log, book), as_json=json)


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
    from orderwright.alerts import parse_time
    from orderwright.analytics.questions import find_orders
    from orderwright.screen import show_orders

    with _reading(log) as journal:
        rows = find_orders(journal, status=status, symbol=_symbol(symbol), as_of=parse_time(as_of, "as-of"))
    show_orders(rows[-limit:], total=len(rows), as_json=json)


@app.command()
def fills(log: Log = DEFAULT_LOG, symbol: Symbol = None, limit: Limit = 50, json: AsJson = False) -> None:
    """Fills, the newest last."""
    from orderwright.analytics.questions import find_fills
    from orderwright.screen import show_fills

    with _reading(log) as journal:
        rows = find_fills(journal, symbol=_symbol(symbol))
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

    with _reading(log) as journal:
        rows = order_history(journal, order)
    show_history(rows, as_json=json)


@app.command()
def positions(log: Log = DEFAULT_LOG, as_of: AsOf = None, json: AsJson = False) -> None:
    """Positions: size, cost, profit."""
    from orderwright.alerts import parse_time
    from orderwright.analytics.questions import find_positions
    from orderwright.screen import show_positions

    with _reading(log) as journal:
        rows = find_positions(journal, as_of=parse_time(as_of, "as-of"))
    show_positions(rows, as_json=json)


@app.command()
def balances(log: Log = DEFAULT_LOG, as_of: AsOf = None, json: AsJson = False) -> None:
    """Balances: total, locked by working orders, free."""
    from orderwright.alerts import parse_time
    from orderwright.analytics.questions import find_balances
    from orderwright.screen import show_balances

    with _reading(log) as journal:
        rows = find_balances(journal, as_of=parse_time(as_of, "as-of"))
    show_balances(rows, as_json=json)


@app.command()
def report(log: Log = DEFAULT_LOG, book: Book = "main", json: AsJson = False) -> None:
    """What a book amounts to, in one table."""
    from orderwright.screen import show_summary

    show_summary(_summary(log, book), as_json=json)


@app.command("random-market")
def random_market(
    candles: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    symbol: Annotated[str, typer.Option(help="Of which symbol.")] = "BTC/USDT",
    seed: Annotated[int, typer.Option(min=0, help="One seed, one market.")] = 0,
    minutes: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many one-minute candles.")] = 2_880,
) -> None:
    """Write candles of a seeded random market."""
    from orderwright.bootstrap import check_place
    from orderwright.market.files import write_candles_csv
    from orderwright.market.instruments import default_instrument
    from orderwright.market.random_market import random_candles
    from orderwright.market.symbols import parse_symbol

    check_place(candles, "candles")
    if candles.exists():
        raise InputError("is there already: name another file", field="candles", value=str(candles), where=str(candles))
    if candles.suffix != ".csv":
        raise InputError(
            "a random market is written as CSV", field="candles", value=str(candles), nearest="candles.csv"
        )
    made = random_candles(seed, minutes, default_instrument(parse_symbol(symbol)))
    write_candles_csv(made, candles)
    print(f"{candles}: {minutes:,} one-minute candles of {made.symbol} from 2024-01-01")


@log_app.command("verify")
def log_verify(
    log: Log = DEFAULT_LOG,
    head: Annotated[str | None, typer.Option(help="A head kept elsewhere: as `log head` prints it.")] = None,
    json: AsJson = False,
) -> None:
    """Find any changed, missing, reordered or cut-off row, and prove the read models by a replay."""
    from orderwright.journal.maintenance import verify
    from orderwright.screen import show_verification

    found = verify(existing(log), head=head)
    show_verification(found, as_json=json)
    if not found.ok:
        raise SystemExit(1)


@log_app.command("head")
def log_head(log: Log = DEFAULT_LOG, json: AsJson = False) -> None:
    """Print each book's head: kept elsewhere, it shows a tail that was cut off."""
    from orderwright.journal.maintenance import head
    from orderwright.screen import show_head

    show_head(head(existing(log)), as_json=json)


@log_app.command("rebuild")
def log_rebuild(log: Log = DEFAULT_LOG) -> None:
    """Make the read models again from the log."""
    from orderwright.journal.maintenance import rebuild

    print(f"{log}: read models rebuilt from {rebuild(existing(log)):,} rows")


@log_app.command("backup")
def log_backup(target: Annotated[Path, typer.Argument(help="The copy to write.")], log: Log = DEFAULT_LOG) -> None:
    """Copy a log that is in use, and verify the copy."""
    from orderwright.bootstrap import check_place
    from orderwright.journal.maintenance import backup

    check_place(target, "target")
    copied = backup(existing(log), target)
    print(f"{target}: a verified copy of {log}, {copied.rows:,} rows")


@log_app.command("restore")
def log_restore(
    backup: Annotated[Path, typer.Argument(help="A copy made by `log backup`.")],
    log: Log = DEFAULT_LOG,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Put it in the place of a log that is there.")] = False,
) -> None:
    """Verify a backup and put it in a log's place."""
    from orderwright.bootstrap import check_place
    from orderwright.journal.maintenance import restore

    check_place(log, "log")
    copied = restore(existing(backup), log, overwrite=overwrite)
    print(f"{log}: restored from {backup}, {copied.rows:,} rows")


def existing(log: Path) -> Path:
    """The path of a log that is there; the user's mistake where it is not."""
    if not log.is_file():
        what = "is a folder, not a log" if log.is_dir() else "there is no such file"
        raise InputError(what, field="log", value=str(log), where=str(log))
    return log


def _reading(log: Path, book: str | None = None) -> Any:
    """The log, open for reading, as a context manager."""
    from orderwright.bootstrap import opened

    return opened(existing(log), book=book, read_only=True)


def _symbol(text: str | None) -> str | None:
    """A symbol in any of its spellings, as the log has it."""
    from orderwright.market.symbols import parse_symbol

    return None if text is None else parse_symbol(text)


def _summary(log: Path, book: str) -> Any:
    from orderwright.analytics.summary import summarise

    with _reading(log, book) as journal:
        return summarise(journal, book)


if __name__ == "__main__":
    main()
