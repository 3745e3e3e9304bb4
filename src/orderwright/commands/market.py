"""`orderwright candles` makes candles of trades, or longer candles of shorter ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.market.candles import Candles

app = typer.Typer()

_STEP = Decimal("0.00000001")  # fine enough for the sizes of any exchange


@app.command()
def candles(
    file: Annotated[Path, typer.Argument(help="Trades or candles: CSV, feather, Parquet or JSON.")],
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write.")],
    interval: Annotated[str, typer.Option(help="How long a candle is: 1m, 15m, 4h, 1d, 1w.")] = "1m",
    symbol: Annotated[str, typer.Option(help="What the file is of.")] = "BTC/USDT",
    fill_gaps: Annotated[
        bool, typer.Option("--fill-gaps", help="Where nothing traded, a candle of volume 0 at the close before.")
    ] = False,
) -> None:
    """Make candles of trades, or longer candles of shorter ones."""
    from orderwright.analytics.windows import parse_length
    from orderwright.bootstrap import check_place
    from orderwright.market.building import candles_from_trades, resample
    from orderwright.market.candles import Candles
    from orderwright.market.files import load_either, write_candles_csv

    length = parse_length(interval, "interval")
    check_place(out, "out")
    if out.exists():
        raise InputError("is there already: name another file", field="out", value=str(out), where=str(out))
    if out.suffix != ".csv":
        raise InputError("candles are written as CSV", field="out", value=str(out), nearest=out.stem + ".csv")
    rows = load_either(file, symbol, step_size=_STEP)
    if isinstance(rows, Candles):
        kind, made = "candles", resample(rows, length, fill_gaps=fill_gaps)
    else:
        kind, made = "trades", candles_from_trades(rows, length, fill_gaps=fill_gaps)
    write_candles_csv(made, out)
    print(f"{out}: {len(made):,} candles of {interval} from {len(rows):,} {kind}; {_gaps(made)}")


def _gaps(made: Candles) -> str:
    """Where candles are missing, in a few words."""
    from orderwright.core.numbers import moment

    gaps = made.gaps()
    if not gaps:
        return "none is missing"
    if len(gaps) == 1:
        return f"{gaps[0][1]:,} missing after {moment(gaps[0][0])}"
    before, longest = max(gaps, key=lambda gap: gap[1])
    missing = sum(count for _, count in gaps)
    return f"{missing:,} missing in {len(gaps):,} gaps, most ({longest:,}) after {moment(before)}"
