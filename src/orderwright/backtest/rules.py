"""How signals become trades: one set of rules for both engines.

`engine="orders"` sends real orders through the order engine to the simulated exchange, `engine="kernel"` does the same
arithmetic over arrays. What both do is written here, once; a test holds them to the same fills and the same equity.

Bar i opens at t(i) and closes at u(i). Its decision is made at u(i), when everything in it has happened
(`fill_at="next_open"`), or a microsecond before u(i), as if the close were known by then (`"this_close"`): before the
last leg of the bar, from its second extreme to its close. In this order:

1. A limit entry that has waited `limit_bars` bars is cancelled: one decided at bar j, at the decision of bar
   j + limit_bars.
2. A trailing stop follows the close: it stands `trailing_stop` behind the best of its entry's fill price and the closes
   since (that of the entry's own bar too), and is only ever moved nearer.
3. The signal of the bar is read. 1 wants to be long, -1 short (flat, where shorts are off), 0 changes nothing.
   - A resting limit entry of the other direction is cancelled.
   - A position of the other direction is closed: its exits are cancelled, then a market order takes all of it.
   - Where nothing is held and no entry waits, the entry goes out. After a close, the entry goes out when that has
     filled, at the same moment.
   - A position of the same direction is left alone; with `TargetPosition` it is brought to its target.

A market order fills at the open of bar i+1 (`next_open`), or at the close of bar i (`this_close`). An entry that
follows a close fills right after it: with `next_open` at the same open, as an order that came just after it; with
`this_close` at the next open. After the last bar nothing fills, and what is held is held.

Prices. A taker pays `slippage` on top of the market's price, rounded to the tick against it; never below one tick. A
limit fills at its price, or at the open where the market jumped past it, without slippage. A limit that is already
crossed when it arrives is a taker at the first price it sees, at its limit at worst. Every fill pays `commission` of
its value, in quote.

Exits. Where `stop_loss`, `take_profit` or `trailing_stop` are set, they are orders at the exchange from the fill of
the entry on, at fractions of its price, rounded to the tick away from it and never below one tick; of two, the one
that fills cancels the other, and a take profit that is already reached when it arrives is taken at the first price that
it sees, before a stop can be; a stop loss and a trailing stop are one stop, at the nearer price (named a trailing stop
where that one is strictly nearer, else a stop loss), from the fill on. A stop fills at its price, or at the open where
the market jumped past it, as a taker; one that is already reached when it arrives, at the next price that it sees and
that reaches it. Within a bar the price goes from the open to one extreme, to the other, to the close (`path`, as in
docs/simulation.md; `worst` knows the stops that are there once the open has passed). An entry that filled

- at the open: its exits see all of its bar;
- inside its bar, which is where one that follows a close at the same open counts as filled: they see its close alone,
  and a take profit that the bar's open was already beyond is a taker there;
- on the last leg or at the close: they see the next bar.

Limit entries. With `limit_entry` an entry is a limit order so far from the decision's close (below it for a long,
above it for a short), rounded to the tick away from it, for `limit_bars` bars of the data.

Sizes are decided with the order, at the price known then (the close; a limit's price; of an entry that follows a close
at an open, that open), slippage and commission included, and floored to the step: one function for both engines
(backtest/sizes.py). Nothing goes out below one step. A buy that meets a dearer open takes what the money pays for; the
rest expires. With shorts allowed the instrument is a linear contract, margined 1 to 1 in quote as in
docs/simulation.md: there a dearer open is paid whole.

Several symbols (orders engine) are each traded on their own signals, with one balance. They are decided on in order of
their closes, at one close in the order given. An entry's balance is then equity, at the prices known then, and
PercentOfEquity and TargetPosition take their percent of each symbol's equal share of it: of n symbols, an nth. So
without a sizing each entry takes an nth of what the account is worth. Whatever the sizing, an entry takes no more than
is free: what the others neither hold nor have ordered. What is held is not sold for the sake of another symbol.
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
    """An entry takes so many percent of the balance (of several symbols: of its symbol's share), costs included; 100 is
    all of it, the default."""

    percent: Decimal = Decimal(100)


class FixedQuantity(Struct, frozen=True):
    """An entry takes a fixed quantity, in base units; less where the money does not pay for it."""

    quantity: Decimal


class TargetPosition(Struct, frozen=True):
    """At every bar with a signal the position is brought to so many percent of equity at the close, long or short, by a
    market order for the difference (no order below one step), at most what the money pays for. Without limit entries
    and exits, which belong to one entry."""

    percent: Decimal = Decimal(100)


class VolatilityRisk(Struct, frozen=True):
    """An entry risks so many percent of the balance on a move of one average true range: quantity = balance x percent /
    100 / ATR, at most what the money pays for. ATR: the plain mean of the true ranges of the last `window` bars
    up to the decision (Wilder, 1978, "New Concepts in Technical Trading Systems"; his own smoothing is not used; the
    first bar's range is high - low). No entry before there are as many."""

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
