"""What the benchmarks share: printing a figure, a book to trade in, and the inputs of an order's life."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from orderwright.core import messages as m
from orderwright.core.model import (
    Account,
    Execution,
    Instruction,
    Instrument,
    Liquidity,
    OrderSide,
    OrderType,
    Quote,
    RiskLimits,
    Settings,
    VenueTraits,
)
from orderwright.journal.schema import VERSION
from orderwright.ports import Connector

START = 1_700_000_000_000_000
PRICE = Decimal("50000.01")
TICK = Decimal("0.01")
QUANTITY, FIRST, SECOND_PART = Decimal("0.01"), Decimal("0.004"), Decimal("0.006")
INSTRUMENT = Instrument(
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    tick_size=TICK,
    step_size=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
)
LIMITS = RiskLimits(
    max_order_value=Decimal(10_000),
    min_order_value=Decimal(10),
    max_position_value=Decimal(10**9),
    max_symbol_position_value=Decimal(10**9),
    max_daily_loss=Decimal(10**8),
    max_open_orders_per_symbol=5_000,
    max_daily_orders=10**9,
    max_orders_per_second=10**7,
)


def emit(bench: str, key: str, value: float, unit: str, target: float | None = None, **more: object) -> None:
    """Print one figure as a JSON line; the first line of a bench is its main one."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figure = {"bench": bench, "key": key, "value": round(value, 4), "unit": unit, "target": target}
    print(json.dumps({**figure, **more, "peak_rss_mb": round(peak, 1), "python": sys.version.split()[0]}), flush=True)


def rss_mb() -> float:
    """This process's resident memory now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def calibration() -> float:
    """Seconds of a fixed loop over globals (0.235 on a quiet machine of this kind): two sittings compare by it."""
    began = time.perf_counter()
    exec("x = 0\nfor i in range(3_000_000): x += i * i % 7", {})  # a constant, run as a module's own code
    return time.perf_counter() - began


class Sink:
    """A venue that takes everything and says nothing: its reports are made by the bench."""

    traits = VenueTraits()

    last: m.VenueAction | None = None

    def send(self, action: m.VenueAction) -> None:
        self.last = action

    def poll(self, limit: int) -> tuple[int, tuple[m.AnyReport, ...]]:
        return limit, ()


SINK: Connector = Sink()


def opening() -> list[m.Input]:
    """A book with every limit set, one account with fees, and enough of both assets."""
    account = Account(account="main", maker_fee=Decimal("0.001"), taker_fee=Decimal("0.001"))
    return [
        m.Configure(settings=Settings(limits=LIMITS, collar_bps=Decimal(500))),
        m.DefineInstrument(instrument=INSTRUMENT),
        m.OpenAccount(account=account),
        m.MoveCash(account="main", asset="USDT", amount=Decimal(10**10), reference="start"),
        m.MoveCash(account="main", asset="BTC", amount=Decimal(10**6), reference="start btc"),
    ]


def quote(now: int) -> m.QuoteSeen:
    return m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=Quote(PRICE, now, PRICE, PRICE + TICK))


def order_id(now: int, number: int) -> str:
    return f"{now // 1_000:012x}{number:018x}"


def submit(now: int, number: int, side: OrderSide) -> m.SubmitOrder:
    instruction = Instruction(
        order_id=order_id(now, number),
        account="main",
        symbol="BTC/USDT",
        side=side,
        type=OrderType.LIMIT,
        quantity=QUANTITY,
        price=PRICE,
    )
    return m.SubmitOrder(instruction=instruction)


def fill(order: str, now: int, quantity: Decimal, execution_id: str) -> m.FillReport:
    fee = quantity * PRICE * Decimal("0.001")
    execution = Execution(
        execution_id=execution_id,
        quantity=quantity,
        price=PRICE,
        fee=fee,
        fee_asset="USDT",
        liquidity=Liquidity.MAKER,
        time=now,
    )
    return m.FillReport(order_id=order, time=now, execution=execution)


def lifecycles(first: int, count: int, now: int) -> Iterator[list[m.Input]]:
    """The inputs of `count` whole order lives, stage by stage: submits, acknowledgements, first fills, second fills.

    Buys and sells alternate after the first hundred buys, so that the position is never flat.
    """
    numbers = range(first, first + count)
    ids = [order_id(now, number) for number in numbers]
    sides = [OrderSide.BUY if number < 100 or number % 2 == 0 else OrderSide.SELL for number in numbers]
    yield [submit(now, number, side) for number, side in zip(numbers, sides, strict=True)]
    yield [m.AckReport(order_id=order, time=now, exchange_order_id=order[-12:]) for order in ids]
    yield [fill(order, now, FIRST, f"{order[-12:]}a") for order in ids]
    yield [fill(order, now, SECOND_PART, f"{order[-12:]}b") for order in ids]


def made_once(label: str, module: str, size: int, what: str) -> Path:
    """The path of a log that `module` makes, in a process of its own, if it is not there: so that the bench's memory is
    the bench's. Kept in ORDERWRIGHT_BENCH_HOME, by default the temporary folder."""
    folder = Path(os.environ.get("ORDERWRIGHT_BENCH_HOME", tempfile.gettempdir()))
    path = folder / f"orderwright-bench-{label}-v{VERSION}.sqlite"
    if not path.exists():
        print(f"making a log of {size:,} {what} in {folder} ...", file=sys.stderr)
        unfinished = path.with_suffix(".making")
        unfinished.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", module, str(unfinished), str(size)], check=True)
        unfinished.rename(path)
    return path
