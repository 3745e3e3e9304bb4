"""How signals become trades: one set of rules for both engines.

`engine="orders"` sends real orders through the order engine to the simulated exchange, `engine="kernel"` does the same
arithmetic over arrays. What both do is written here, once; a test holds them to the same fills and the same equity.

At the close of bar i, when everything in it has happened, in this order:

1. A trailing stop follows the close: it stands `trailing_stop` behind the best of its entry's fill price and the closes
   since, and is only ever moved nearer.
2. The signal of the bar is read. 1 wants to be long, -1 short (flat, where shorts are off), 0 changes nothing.
   - A resting limit entry of the other direction is cancelled.
   - A position of the other direction is closed: its exits are cancelled, then a market order takes all of it.
   - Where nothing is held and no entry waits, the entry goes out. After a close, the entry goes out when that has
     filled, at the same moment.
   - A position of the same direction is left alone; with `TargetPosition` it is brought to its target.
3. A market order fills at the open of bar i+1 (`fill_at="next_open"`), or at the close of bar i (`"this_close"`:
   decided a microsecond before it, as if the close were known by then). An entry that follows a close fills right
   after it: at the same open; with `this_close`, at the next open.

Prices. A taker pays `slippage` on top of the market's price, rounded to the tick against it. A limit fills at its
price, or at the open where the market jumped past it, without slippage. Every fill pays `commission` of its value, in
quote.

Exits. Where `stop_loss`, `take_profit` or `trailing_stop` are set, they are orders at the exchange from the fill of
the entry on, at fractions of its price, rounded to the tick away from it; of two, the one that fills cancels the
other; a stop loss and a trailing stop are one stop, at the nearer price. A stop fills at its price, or at the open
where the market jumped past it, as a taker. Within a bar the price goes from the open to one extreme, to the other,
to the close (`path`, as in docs/simulation.md). Exits of an entry that filled at the open see all of its bar; of one
that filled inside the bar, its close alone; of one that filled at the close, the next bar.

Limit entries. With `limit_entry` an entry is a limit order so far from the close (below it for a long), for
`limit_bars` bars.

Sizes are decided with the order, at the prices known then (the close; a limit's price), slippage and commission
included, and floored to the step. A buy that meets a dearer open takes what the money pays for; the rest expires.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from orderwright.core.numbers import ONE, ZERO

FillAt = Literal["next_open", "this_close"]
PathName = Literal["nearest", "worst", "high_first", "low_first"]
PATHS: tuple[PathName, ...] = ("nearest", "worst", "high_first", "low_first")


class PercentOfEquity(Struct, frozen=True):
    """An entry takes so many percent of the balance, costs included; 100 is all of it, the default."""

    percent: Decimal = Decimal(100)


class FixedQuantity(Struct, frozen=True):
    """An entry takes a fixed quantity, in base units; less where the money does not pay for it."""

    quantity: Decimal


class TargetPosition(Struct, frozen=True):
    """At every bar with a signal the position is brought to so many percent of equity at the close, long or short, by a
    market order for the difference (no order below one step). Without limit entries."""

    percent: Decimal = Decimal(100)


class VolatilityRisk(Struct, frozen=True):
    """An entry risks so many percent of the balance on a move of one average true range: quantity = balance x percent /
    100 / ATR, at most what the money pays for. ATR: the plain mean of the true ranges of the last `window` bars
    (Wilder, 1978, "New Concepts in Technical Trading Systems"; his own smoothing is not used). No entry before there
    are as many."""

    percent: Decimal = ONE
    window: int = 14


Sizing = PercentOfEquity | FixedQuantity | TargetPosition | VolatilityRisk


class Rules(Struct, frozen=True, kw_only=True):
    """How a backtest trades. initial_balance: quote units. commission, slippage, stop_loss, take_profit, trailing_stop,
    limit_entry: fractions (0.001 is 0.1 %); None is off."""

    initial_balance: Decimal = Decimal(10_000)
    commission: Decimal = ZERO
    slippage: Decimal = ZERO
    allow_short: bool = False
    fill_at: FillAt = "next_open"
    sizing: Sizing = PercentOfEquity()
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None
    limit_entry: Decimal | None = None
    limit_bars: int = 1
    path: PathName = "nearest"
