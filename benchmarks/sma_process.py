"""What `sma-cold` and `sma-first-use` time: a whole process that makes the bars, imports, runs once and ends."""

from __future__ import annotations

from benchmarks.sma_warm import columns, run


def main() -> None:
    result = run(columns())
    if not result.total_trades:
        raise SystemExit("no trades: nothing was measured")


if __name__ == "__main__":
    main()
