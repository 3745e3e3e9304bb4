"""Markets in a line each, and a trader who writes down what the exchange says. Prices and quantities are text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from orderwright.core import messages as m
from orderwright.core.model import (
    HAS_PRICE,
    HAS_STOP_PRICE,
    Account,
    Instruction,
    Instrument,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from orderwright.core.numbers import text
from orderwright.market.candles import Candles, candles_from_floats
from orderwright.market.feeds import Quotes, Trades, quotes_from_floats, trades_from_floats
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
SYMBOL = "BTC/USDT"
LIFETIME_MS = 10_000_000
RICH = Decimal(1_000_000_000)

WORDS = {
    m.AckReport: "accepted",
    m.FillReport: "filled",
    m.RejectReport: "rejected",
    m.ReplacedReport: "replaced",
    m.TriggerReport: "triggered",
    m.StatusReport: "status",
    m.NotFoundReport: "not found",
}


def an_instrument(**changes: Any) -> Instrument:
    values: dict[str, Any] = {"tick_size": Decimal("0.01"), "step_size": Decimal("0.001")}
    return Instrument(**{"symbol": SYMBOL, "base": "BTC", "quote": "USDT", **values, **changes})


def some_candles(
    *rows: Sequence[float], instrument: Instrument | None = None, minutes: Sequence[int] | None = None
) -> Candles:
    """One candle a minute from START: (open, high, low, close) or (open, high, low, close, volume); volume 1000."""
    table = np.array([(*row, 1000.0)[:5] for row in rows])
    times = START + MINUTE * np.array(minutes if minutes is not None else range(len(rows)))
    prices = (table[:, 0], table[:, 1], table[:, 2], table[:, 3])
    return candles_from_floats(instrument or an_instrument(), times, prices, table[:, 4], interval=MINUTE)


def flat(*prices: float) -> list[tuple[float, float, float, float]]:
    """Candles that stand still at these prices."""
    return [(price, price, price, price) for price in prices]


def some_quotes(*rows: Sequence[float], instrument: Instrument | None = None) -> Quotes:
    """(minute, bid, ask, bid size, ask size)."""
    table = np.array(rows)
    times = (START + MINUTE * table[:, 0]).astype(np.int64)
    return quotes_from_floats(instrument or an_instrument(), times, table[:, 1], table[:, 2], table[:, 3], table[:, 4])


def some_trades(*rows: Sequence[float], instrument: Instrument | None = None) -> Trades:
    """(minute, price, size, aggressor)."""
    table = np.array(rows)
    times = (START + MINUTE * table[:, 0]).astype(np.int64)
    return trades_from_floats(
        instrument or an_instrument(), times, table[:, 1], table[:, 2], table[:, 3].astype(np.int8)
    )


def order_id(number: int) -> str:
    return f"{number:030x}"


def an_order(number: int = 1, side: str = "buy", quantity: str = "1", kind: str = "market", **more: Any) -> m.SendOrder:
    """A new order. price, stop_price: text; time_in_force, expire_at, post_only, reduce_only, sign_at as they are."""
    sign_at, lifetime_ms = more.pop("sign_at", START), more.pop("lifetime_ms", LIFETIME_MS)
    account, symbol = more.pop("account", "main"), more.pop("symbol", SYMBOL)
    for name in ("price", "stop_price"):
        if name in more:
            more[name] = Decimal(more[name])
    more["time_in_force"] = TimeInForce(more.get("time_in_force", "gtc"))
    instruction = Instruction(
        order_id=order_id(number),
        account=account,
        symbol=symbol,
        side=OrderSide(side),
        type=OrderType(kind),
        quantity=Decimal(quantity),
        **more,
    )
    return m.SendOrder(
        order_id=order_id(number),
        account=account,
        exchange="simulated",
        symbol=symbol,
        number=0,
        sign_at=sign_at,
        lifetime_ms=lifetime_ms,
        instruction=instruction,
        quantity=Decimal(quantity),
        expire_at=more.get("expire_at"),
    )


def order_in(words: str) -> dict[str, Any]:
    """ "sell 2 stop_loss_limit 95 94 gtd": side, quantity, type, stop price, price, and what else is true of it."""
    side, quantity, kind, *rest = words.split()
    order: dict[str, Any] = {"side": side, "quantity": quantity, "kind": kind}
    for name, needed in (("stop_price", HAS_STOP_PRICE), ("price", HAS_PRICE)):
        if kind in needed:
            order[name] = rest.pop(0)
    for word in rest:
        order |= {word: True} if word.endswith("_only") else {"time_in_force": word}
    return order


def rows(table: str) -> list[tuple[str, ...]]:
    """A text table as rows of cells; its first line names the columns."""
    lines = [line for line in table.strip().splitlines() if line.strip()]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines[1:]]


def candles_in(text: str) -> list[tuple[float, ...]]:
    """ "100 103 99 102, 95 96 94 95": candles as open, high, low, close and maybe volume."""
    return [tuple(float(number) for number in candle.split()) for candle in text.split(",")]


class Trader:
    """Sends requests at chosen minutes and keeps every report, with the time at which it came."""

    def __init__(
        self,
        *feeds: Candles | Quotes | Trades,
        models: Models | None = None,
        accounts: Iterable[Account] = (),
        deposits: dict[str, str] | None = None,
    ) -> None:
        self.exchange = SimulatedExchange(feeds, models, accounts)
        for asset, amount in (deposits or {"BTC": str(RICH), "USDT": str(RICH)}).items():
            self.exchange.deposit("main", asset, Decimal(amount))
        self.reports: list[tuple[int, m.AnyReport]] = []

    def run(self, minute: float) -> Trader:
        """Let the market go on up to this minute."""
        limit = START + round(minute * MINUTE)
        while (answer := self.exchange.poll(limit))[1]:
            self.reports += [(answer[0], report) for report in answer[1]]
        return self

    def send(self, action: m.VenueAction, minute: float = 0) -> Trader:
        self.run(minute)
        self.exchange.send(action)
        return self

    def place(self, number: int = 1, minute: float = 0, **order: Any) -> Trader:
        return self.send(an_order(number, sign_at=START + round(minute * MINUTE), **order), minute)

    def cancel(self, number: int = 1, minute: float = 0, request: int = 1) -> Trader:
        return self.send(m.SendCancel(**_request(number, request, minute)), minute)

    def replace(self, number: int = 1, minute: float = 0, request: int = 1, **values: Any) -> Trader:
        changes: dict[str, Any] = {name: Decimal(value) for name, value in values.items()}
        return self.send(m.SendReplace(**_request(number, request, minute), **changes), minute)

    def said(self, number: int = 1) -> list[str]:
        """What became of an order, a word for each report."""
        return [_word(report) for report in self.about(number)]

    def about(self, number: int = 1) -> list[m.AnyReport]:
        return [report for _, report in self.reports if report.order_id == order_id(number)]

    def fills(self, number: int = 1) -> list[tuple[float, float]]:
        """(price, quantity) of each fill."""
        return [(float(e.price), float(e.quantity)) for e in self.executions(number)]

    def executions(self, number: int = 1) -> list[Any]:
        return [report.execution for report in self.about(number) if isinstance(report, m.FillReport)]

    def minutes(self, number: int = 1) -> list[float]:
        """The minute of each fill."""
        return [round((execution.time - START) / MINUTE, 4) for execution in self.executions(number)]

    def story(self, number: int = 1) -> str:
        """Its fills as "100x1 @0.5": price, quantity, minute; "-" where there are none."""
        told = [
            f"{text(execution.price)}x{text(execution.quantity)} @{minute:g}"
            for execution, minute in zip(self.executions(number), self.minutes(number), strict=True)
        ]
        return ", ".join(told) or "-"

    def refusal(self, number: int = 1) -> tuple[str, str]:
        """(code, message) of the latest report that has them."""
        found = [report for report in self.about(number) if isinstance(report, m.RejectReport | m.EndReport)]
        return found[-1].code, found[-1].message

    def balance(self, asset: str) -> tuple[float, float]:
        """(total, locked)."""
        balance = self.exchange.balances["main", asset]
        return float(balance.total), float(balance.locked)


def _word(report: m.AnyReport) -> str:
    if isinstance(report, m.EndReport):
        return {OrderStatus.EXPIRED: "expired", OrderStatus.CANCELLED: "cancelled"}.get(report.status, "rejected")
    return WORDS[type(report)]


def _request(number: int, request: int, minute: float) -> dict[str, Any]:
    return {
        "order_id": order_id(number),
        "account": "main",
        "exchange": "simulated",
        "symbol": SYMBOL,
        "number": request,
        "sign_at": START + round(minute * MINUTE),
        "lifetime_ms": LIFETIME_MS,
        "exchange_order_id": "",
    }
