"""Runs the benchmarks, each in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import difflib
import subprocess
import sys

BENCHES = {
    "core-lifecycle": "benchmarks.core_lifecycle",
    "durable-lifecycle": "benchmarks.durable_lifecycle",
    "open-log": "benchmarks.open_log",
    "latest-query": "benchmarks.latest_query",
    "portfolio-query": "benchmarks.portfolio_query",
    "analytics-10m": "benchmarks.analytics_10m",
    "candle-replay": "benchmarks.candle_replay",
    "exchange-step": "benchmarks.exchange_step",
    "sma-warm": "benchmarks.sma_warm",
    "sma-cold": "benchmarks.sma_cold",
    "sma-first-use": "benchmarks.sma_first_use",
    "on-bar": "benchmarks.on_bar",
    "limit-cancel": "benchmarks.limit_cancel",
    "sweep": "benchmarks.sweep",
    "webhook-burst": "benchmarks.webhook_burst",
    "http-create": "benchmarks.http_create",
    "batch-entry": "benchmarks.batch_entry",
    "rl-env": "benchmarks.rl_env",
    "rl-vector": "benchmarks.rl_vector",
    "submit-latency": "benchmarks.submit_latency",
    "submit-throughput": "benchmarks.submit_throughput",
    "soak-million": "benchmarks.soak_million",
    "start-million": "benchmarks.start_million",
}


def main(names: list[str]) -> int:
    """Run the named benches, or all of them. The exit code is the first failing one's."""
    for name in names or list(BENCHES):
        if name not in BENCHES:
            near = difflib.get_close_matches(name, BENCHES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            print(f"no bench {name!r}{hint} There are: {', '.join(BENCHES)}", file=sys.stderr)
            return 2
        code = subprocess.run([sys.executable, "-m", BENCHES[name]], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
