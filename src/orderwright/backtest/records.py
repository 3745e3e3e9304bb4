"""What a strategy is shown: bars, its orders, its fills. Floats to reckon with; the exact record is behind each."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from msgspec import Struct

from orderwright.core.model import DONE, WORKING, Execution, Instruction, Order, OrderSide, OrderStatus
from orderwright.core.numbers import divided

if TYPE_CHECKING:
    from orderwright.backtest.outcome import Floats, Ints


class Bar(Struct, frozen=True, gc=False):
    """A bar that has just closed. index: its row in its symbol's data. time: its close, microseconds UTC. Prices in
    quote units, volume in base units."""

    symbol: str
    index: int
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Place(Struct, frozen=True, gc=False):
    """A bar, by its symbol, its index and its close (microseconds)."""

    symbol: str
    index: int
    time: int


class History(NamedTuple):
    """The last n closed bars of a symbol, oldest first, the current one last. time: int64[n], close times. The rest:
    float64[n]. Views that cannot be written to."""

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Indicator(list[float]):
    """An indicator's values up to the current bar: [-1] is the current bar's, [-2] the one before. What lies ahead is
    not in it: an index beyond the current bar is an IndexError. NaN where there are too few bars.

    A list, since a strategy reads it at every bar: an item costs no call. `array` has the same as float64.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Floats) -> None:
        super().__init__()
        self._values = values

    def grow(self, values: Floats) -> None:
        """Another bar has closed where bars come one by one: float64[n], the newest last."""
        self._values = values
        self.append(float(values[-1]))

    @property
    def array(self) -> Floats:
        """float64[as many as bars have closed], a view that cannot be written to."""
        return self._values[: len(self)]


class ChangesOrders(Protocol):
    """Who carries out what is asked of an order."""

    waiting: list[Any]

    def flush(self) -> None:
        """Let the book decide on what was asked so far."""

    def cancel(self, order: OrderHandle) -> None:
        """Ask for a cancel."""

    def replace(
        self, order: OrderHandle, *, quantity: object = None, price: object = None, stop_price: object = None
    ) -> None:
        """Ask for other values."""


class OrderHandle:
    """An order of the strategy's, as it stands now. said: what was asked for, as it was given."""

    __slots__ = ("_desk", "_problem", "_record", "said")

    def __init__(self, said: Instruction, desk: ChangesOrders, record: Order | None = None) -> None:
        self.said, self._desk, self._record = said, desk, record
        self._problem = ""

    @property
    def record(self) -> Order:
        """The engine's own record, with exact numbers; to be read only."""
        if self._desk.waiting:
            self._desk.flush()
        assert self._record is not None
        return self._record

    @property
    def problem(self) -> str:
        """Why the last `cancel` or `replace` was refused; empty where it was not."""
        if self._desk.waiting:
            self._desk.flush()
        return self._problem

    def decided(self, record: Order) -> None:
        """The book has it; or, under its key, the one that came before."""
        self.said, self._record = record.instruction, record

    def answered(self, problem: str) -> None:
        """What the book had against the last wish."""
        self._problem = problem

    @property
    def order_id(self) -> str:
        return self.said.order_id

    @property
    def symbol(self) -> str:
        return self.said.symbol

    @property
    def side(self) -> OrderSide:
        return self.said.side

    @property
    def tag(self) -> str:
        """What the strategy called it."""
        return tag_of(self.said)

    @property
    def status(self) -> OrderStatus:
        return self.record.status

    @property
    def done(self) -> bool:
        """Whether nothing more can come of it."""
        return self.record.status in DONE

    @property
    def working(self) -> bool:
        """Whether it is at the exchange and may fill."""
        return self.record.status in WORKING

    @property
    def refused(self) -> bool:
        """Whether our checks (`denied`) or the exchange (`rejected`) would not have it; `reason` says why."""
        return self.record.status in (OrderStatus.DENIED, OrderStatus.REJECTED)

    @property
    def reason(self) -> str:
        """Why it ended other than by filling, with the value that was wrong and the nearest good one."""
        return self.record.reason

    @property
    def quantity(self) -> float:
        return float(self.record.quantity)

    @property
    def filled(self) -> float:
        return float(self.record.filled)

    @property
    def price(self) -> float | None:
        """Its limit, as it is now."""
        return _float(self.record.price)

    @property
    def stop_price(self) -> float | None:
        return _float(self.record.stop_price)

    @property
    def average_price(self) -> float | None:
        """Of its fills, quote units; None before the first."""
        order = self.record
        return float(divided(order.filled_quote, order.filled)) if order.filled else None

    def cancel(self) -> None:
        """Ask for its cancel. `problem` says why not, where it cannot be asked."""
        self._problem = ""
        self._desk.cancel(self)

    def replace(self, *, quantity: object = None, price: object = None, stop_price: object = None) -> None:
        """Ask for another whole quantity (what has filled included) or other prices. `problem` says why not, where it
        cannot be asked. Raises InputError for what is no number."""
        self._problem = ""
        self._desk.replace(self, quantity=quantity, price=price, stop_price=stop_price)

    def __repr__(self) -> str:
        order, said = self.record, self.said
        at = f" at {order.price}" if order.price is not None else ""
        return f"<{said.side} {order.quantity} {said.symbol}{at}: {order.status}, {order.filled} filled>"


class Fill(Struct, frozen=True, gc=False):
    """A fill of one of the strategy's orders. order: as it stands now. execution: the exact record."""

    order: OrderHandle
    execution: Execution

    @property
    def symbol(self) -> str:
        return self.order.symbol

    @property
    def side(self) -> OrderSide:
        return self.order.side

    @property
    def tag(self) -> str:
        return self.order.tag

    @property
    def time(self) -> int:
        """Microseconds, the exchange's."""
        return self.execution.time

    @property
    def quantity(self) -> float:
        return float(self.execution.quantity)

    @property
    def price(self) -> float:
        return float(self.execution.price)

    @property
    def fee(self) -> float:
        return float(self.execution.fee)


def tag_of(said: Instruction) -> str:
    """What a strategy called an order; one that closes a position bears its name as a signal's id."""
    return said.metadata.get("tag", "") if said.metadata else said.signal_id


def frozen(values: Any, dtype: Any = np.float64) -> Any:
    """A view of an array that cannot be written to."""
    array = np.asarray(values, dtype=dtype).view()
    array.flags.writeable = False
    return array


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
