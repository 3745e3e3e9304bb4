"""`make demo`: a seeded random market, the sample signals, the order engine; then the same signals again.

It runs the commands that a user would type, in a folder of its own that is removed at the end; the page stays.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SEED = 7


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="orderwright-demo-") as folder:
        candles, log = Path(folder) / "candles.csv", Path(folder) / "demo.sqlite"
        if not tell("A random market:", ["random-market", candles, "--seed", SEED]):
            return 1
        run = [
            "run",
            *("--signals", HERE / "signals.jsonl", "--candles", candles, "--symbol", "BTC/USDT"),
            *("--settings", HERE / "settings.json", "--log", log, "--slippage-bps", "2", "--spread-bps", "1"),
        ]
        if not tell("Every signal through the whole pipeline, into a log:", run):
            return 1
        if not tell("The newest orders:", ["orders", "--log", log, "--limit", "8"]):
            return 1
        if not tell("How well they were executed:", ["stats", "--log", log, "--by", "strategy"]):
            return 1
        page = Path(tempfile.gettempdir()) / "orderwright-report.html"
        if not tell(
            "The same as a page to look at:",
            ["report", "--log", log, "--html", page, "--candles", candles, "--symbol", "BTC/USDT"],
        ):
            return 1
        before = head(log)
        if not tell("The same signals again, into the same log:", run):
            return 1
        if head(log) != before:
            print("The log has changed: that must not happen.")
            return 1
        print("\nThe log's head is the same: a replay doubles nothing.")
        if not tell("And every row of it is what was written:", ["log", "verify", "--log", log]):
            return 1
        backtest = ["backtest", "--strategy", "sma", "--data", candles, "--engine", "orders"]
        if not tell("A strategy over the same candles, through the same order engine:", backtest):
            return 1
        return subprocess.run([sys.executable, HERE / "live_service.py"], check=False).returncode


def tell(what: str, arguments: list[object]) -> bool:
    """Say what comes, show the command as one would type it, and run it."""
    words = [str(word) for word in arguments]
    print(f"\n{what}\n$ orderwright {shlex.join(words)}\n", flush=True)
    return subprocess.run([sys.executable, "-m", "orderwright.cli", *words], check=False).returncode == 0


def head(log: Path) -> str:
    """The head of the log, as `orderwright log head` prints it."""
    command = [sys.executable, "-m", "orderwright.cli", "log", "head", "--log", str(log)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
