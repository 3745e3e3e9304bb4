"""What an execution report says, as records. The formulas are in `execution`; the page draws these.

Costs are positive when they are a cost, in basis points (bps) of the arrival price unless said otherwise. Ratios are
between 0 and 1. Money is Decimal in the report's currency; None means that it cannot be known from what was recorded.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from orderwright.core.model import MARK_OUTS


class Estimate(Struct, frozen=True, kw_only=True):
    """A mean or a ratio over `count` values and its 95 % confidence interval; low and high are None where there are
    too few values for one."""

    count: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Quantiles(Struct, frozen=True, kw_only=True):
    """The 5th, 25th, 50th, 75th and 95th percentile; None where there are no values."""

    p05: float | None = None
    p25: float | None = None
    p50: float | None = None
    p75: float | None = None
    p95: float | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """How well a group of orders was executed. name: what its orders have in common ("binance", "BTC/USDT", "13")."""

    name: str
    orders: int = 0
    filled: int = 0  # whole
    traded: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    cost: Decimal | None = None  # against arrival, fees included
    cost_bps: float | None = None
    success: Estimate = Estimate()  # filled whole, of those that ended
    rejected: Estimate = Estimate()  # rejected or denied
    cancelled: Estimate = Estimate()  # cancelled or expired
    fill_ratio: Estimate = Estimate()
    slippage: Estimate = Estimate()  # bps against arrival, each order alike
    slippage_quantiles: Quantiles = Quantiles()
    fill_time: Estimate = Estimate()  # ms from creation to the last fill
    fill_time_quantiles: Quantiles = Quantiles()
    ack_time_quantiles: Quantiles = Quantiles()  # ms from sending to the acknowledgement
    effective_spread_bps: float | None = None
    improvement_bps: float | None = None
    maker_share: float | None = None  # of what was traded
    mark_outs: dict[str, float | None] = {}  # bps in our favour, by horizon of MARK_OUTS
    retries: int = 0
    unknown_ms: float = 0.0


class Shortfall(Struct, frozen=True, kw_only=True):
    """Implementation shortfall in money and in bps of the paper value (Perold 1988), and its four parts, which add up
    to it."""

    paper: Decimal = Decimal(0)  # decision price x quantity, of the orders that could be priced
    total: Decimal = Decimal(0)
    delay: Decimal = Decimal(0)
    impact: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    opportunity: Decimal = Decimal(0)
    total_bps: float | None = None
    orders: int = 0


class ReasonCount(Struct, frozen=True, kw_only=True):
    """Why orders were denied, rejected, cancelled or expired, and how often."""

    status: str
    code: str
    count: int
    example: str = ""


class Bins(Struct, frozen=True, kw_only=True):
    """A histogram: counts[i] values were in [edges[i], edges[i + 1])."""

    edges: list[float] = []
    counts: list[int] = []


class Step(Struct, frozen=True, kw_only=True):
    """One line of an order's story. time: microseconds."""

    time: int
    text: str


class Story(Struct, frozen=True, kw_only=True):
    """One of the worst orders, and what happened to it. time: microseconds."""

    order_id: str
    number: int
    time: int
    exchange: str
    symbol: str
    side: str
    order_type: str
    status: str
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    arrival_price: Decimal | None
    cost: Decimal | None
    cost_bps: float | None
    strategy: str = ""
    steps: list[Step] = []


class Drift(Struct, frozen=True, kw_only=True):
    """How far the simulated slippage is from the live one, in bps (live less simulated), and a fitted model of the
    live one: base_bps + root_bps x sqrt(quantity / volume)."""

    live: Estimate
    simulated: Estimate
    difference: Estimate
    base_bps: float | None = None
    root_bps: float | None = None
    model: str = ""  # how to give it back to a simulation


class ExecutionReport(Struct, frozen=True, kw_only=True):
    """The whole report. start and end are the window in microseconds, end not included; None is unbounded.

    by: groups of each kind (exchange, symbol, strategy, order_type, hour, day), the largest first, hours in order.
    notes: what had to be left out, and why.
    """

    title: str
    start: int | None
    end: int | None
    first_time: int | None
    last_time: int | None
    currency: str
    totals: Figures
    shortfall: Shortfall
    by: dict[str, list[Figures]]
    reasons: list[ReasonCount]
    slippage_bins: Bins
    fill_time_bins: Bins
    cost_by_hour: dict[str, list[float | None]]  # exchange -> 24 costs in bps
    worst: list[Story]
    drift: Drift | None = None
    notes: list[str] = []


__all__ = [
    "MARK_OUTS",
    "Bins",
    "Drift",
    "Estimate",
    "ExecutionReport",
    "Figures",
    "Quantiles",
    "ReasonCount",
    "Shortfall",
    "Step",
    "Story",
]
