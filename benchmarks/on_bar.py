"""`on_bar` in Python on the orders engine: an SMA cross of market orders over a million bars, limits and log on.

The same bars, costs and sizes as the peers' (../shared/peers): long 100 units while the average of 20 closes is above
that of 50, flat otherwise; 0.1 % commission, 0.05 % slippage.
"""

from __future__ import annotations

import time
from decimal import Decimal

from msgspec import structs

from benchmarks.common import LIMITS, emit
from benchmarks.peers import emit_peer, shared_module
from orderwright.backtest import orders
from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.indicators import sma
from orderwright.backtest.records import Bar
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import Instrument, RiskLimits, Settings
from orderwright.market.candles import candles_from_floats

BARS, QUANTITY, MINUTE_US = 1_000_000, 100, 60_000_000
RULES = Rules(initial_balance=Decimal(10**8), commission=Decimal("0.001"), slippage=Decimal("0.0005"))
SETTINGS = Settings(limits=structs.replace(LIMITS, max_order_value=Decimal(10**9)))
"""Every limit that there is, wide enough that nothing is refused."""


class Crossing(Strategy):
    warm_up = 50

    def on_start(self, context: Context) -> None:
        self.fast, self.slow = context.indicator(sma, 20), context.indicator(sma, 50)

    def on_bar(self, context: Context, bar: Bar) -> None:  # noqa: ARG002 - a hook
        if self.fast[-1] > self.slow[-1]:
            if not context.position():
                context.buy(QUANTITY)
        elif context.position():
            context.sell(QUANTITY)


def peers_bars(n: int) -> Bars:
    """n minutes of the peers' seeded random walk."""
    columns = shared_module("common").bars(n)
    instrument = Instrument(
        symbol="X/USDT", base="X", quote="USDT", tick_size=Decimal("0.01"), step_size=Decimal("0.001")
    )
    open_, high, low, close = (columns[name] for name in ("open", "high", "low", "close"))
    times = columns["ts"] // 1_000 - MINUTE_US
    candles = candles_from_floats(instrument, times, (open_, high, low, close), columns["volume"])
    return Bars(candles, open_, high, low, close, columns["volume"])


def every_limit() -> int:
    """How many limits are set."""
    return sum(getattr(SETTINGS.limits, name) is not None for name in RiskLimits.__struct_fields__)


def main() -> None:
    orders.run(Crossing(), [peers_bars(20_000)], RULES, settings=SETTINGS)
    bars = peers_bars(BARS)
    began = time.perf_counter()
    outcome = orders.run(Crossing(), [bars], RULES, settings=SETTINGS)
    took = time.perf_counter() - began
    if len(outcome.fills) != outcome.orders:
        raise SystemExit(f"{outcome.orders} orders, {len(outcome.fills)} fills: something was refused")
    emit("on-bar", "bars", BARS / took, "bars/s", 500_000, orders=outcome.orders, limits=every_limit())
    emit("on-bar", "order", 1e6 * took / outcome.orders, "us/order", note="with the bars between the orders")
    for case in ("sma_btpy_1M_long", "sma_naut_1M_long", "sma_bt_1M_long"):
        emit_peer("on-bar", case, "bars_per_s", "bars/s")


if __name__ == "__main__":
    main()
