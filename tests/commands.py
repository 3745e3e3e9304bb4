"""The command line as a test calls it, and a small made-up market to call it on."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orderwright import cli
from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

MINUTES = 60


class Ran(NamedTuple):
    """What a command left behind: its exit code, what it printed, what it complained of."""

    code: int
    out: str
    err: str


def orderwright(*words: object) -> Ran:
    """Run a command in this process, by the entry point itself."""
    before, sys.argv = sys.argv, ["orderwright", *map(str, words)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.argv = before
    return Ran(code, out.getvalue(), err.getvalue())


def at(minute: int) -> str:
    """A minute of the made-up market, which begins with the year 2024."""
    return f"2024-01-01T00:{minute:02d}:00Z"


def an_alert(minute: int = 2, **words: Any) -> dict[str, Any]:
    """Buy 0.02 BTC at the market, unless told otherwise."""
    return {"time": at(minute), "ticker": "BTCUSDT", "action": "buy", "quantity": "0.02", **words}


def write_alerts(path: Path, *alerts: Mapping[str, Any] | str) -> Path:
    """A signals file; what is text already is written as it stands."""
    lines = [alert if isinstance(alert, str) else json.dumps(alert) for alert in alerts]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_market(path: Path) -> Path:
    """An hour of one-minute candles of BTC/USDT, from 50,000; one seed, one history."""
    write_candles_csv(random_candles(7, MINUTES, default_instrument("BTC/USDT")), path)
    return path
