"""A limit order placed and cancelled on every bar, on the orders engine, with limits and log on: the order path."""

from __future__ import annotations

import time

from benchmarks.common import emit
from benchmarks.on_bar import RULES, SETTINGS, peers_bars
from benchmarks.peers import emit_peer
from orderwright.backtest import orders
from orderwright.backtest.context import Context
from orderwright.backtest.records import Bar, OrderHandle
from orderwright.backtest.strategy import Strategy

BARS, QUANTITY = 100_000, 10


class Resting(Strategy):
    """At each bar the order of the bar before is cancelled, and another one placed far below the market."""

    live: OrderHandle | None = None

    def on_bar(self, context: Context, bar: Bar) -> None:
        if self.live is not None:
            self.live.cancel()
        self.live = context.buy(QUANTITY, price=bar.close * 0.5)


def main() -> None:
    orders.run(Resting(), [peers_bars(2_000)], RULES, settings=SETTINGS)
    bars = peers_bars(BARS)
    began = time.perf_counter()
    outcome = orders.run(Resting(), [bars], RULES, settings=SETTINGS)
    took = time.perf_counter() - began
    if outcome.orders != BARS or len(outcome.fills):
        raise SystemExit(f"{outcome.orders} orders and {len(outcome.fills)} fills on {BARS} bars")
    emit("limit-cancel", "orders", BARS / took, "orders/s", 25_000, orders=outcome.orders)
    for case in ("ord_naut_limit_cancel", "ord_btpy_limit_cancel", "ord_bt_limit_cancel"):
        emit_peer("limit-cancel", case, "orders_per_s", "orders/s")


if __name__ == "__main__":
    main()
