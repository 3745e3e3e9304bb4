"""`orderwright run` drives signals through the order engine; `random-market` makes something to run them on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderwright.commands.options import DEFAULT_LOG, AsJson, summary_of
from orderwright.errors import InputError

app = typer.Typer()


@app.command()
def run(
    signals: Annotated[Path, typer.Option(help="Signals: JSON lines in the words of TradingView alerts.")],
    candles: Annotated[Path, typer.Option(help="Candles: CSV, feather, Parquet or JSON.")],
    symbol: Annotated[str, typer.Option(help="What the candles are of, such as BTC/USDT.")],
    log: Annotated[Path, typer.Option("--log", help="The log: a SQLite file.")] = DEFAULT_LOG,
    book: Annotated[str, typer.Option("--book", help="The book: one owner's money.")] = "main",
    account: Annotated[str, typer.Option(help="The paper account that trades.")] = "paper",
    deposit: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET=AMOUNT", help="A new book's money, repeatable. [default: 10000 of the quote]"),
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
    show_run(result, summary_of(log, book), as_json=json)


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
