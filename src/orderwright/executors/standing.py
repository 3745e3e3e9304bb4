"""How a trade stands: one frozen record, replaced whole, and the half of `Trade` that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from orderwright.core.model import DONE, Execution, Order, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.errors import InputError
from orderwright.executors.status import Status, fees_of


class TradeState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a trade stands. status None: it was never submitted.

    filled_quote is in quote units; remaining_quantity is what may still fill, None before it was submitted. fees: by
    asset, where they are known. Times in microseconds. id, book, sequence and event are those of the row of the log
    that says so; of a history each row is a trade of its own.
    """

    status: OrderStatus | None = None
    filled_quantity: Decimal = ZERO
    filled_quote: Decimal | None = ZERO
    remaining_quantity: Decimal | None = None
    average_price: Decimal | None = None
    fees: dict[str, Decimal] = {}
    fills: tuple[Execution, ...] = ()
    exchange_order_id: str = ""
    arrival_price: Decimal | None = None
    code: str = ""
    reason: str = ""
    created_at: int | None = None
    updated_at: int | None = None
    filled_at: int | None = None
    id: int | None = None
    book: str = ""
    sequence: int | None = None
    event: str = ""


NEVER_SUBMITTED = TradeState()


class Standing:
    """What a trade says of its order: its id, and its state. quote: the asset that a fee without an asset is in."""

    __slots__ = ("order_id", "state")

    order_id: str
    state: TradeState
    quantity: Decimal | None
    quote: str

    # Ids

    @property
    def is_order_id(self) -> bool:
        """Whether it has an order id, and so can be checked."""
        return bool(self.order_id)

    @property
    def is_trade(self) -> bool:
        """The older name of `is_order_id`."""
        return bool(self.order_id)

    @property
    def executor_id(self) -> str:
        """The older name of `order_id`."""
        return self.order_id

    # How it stands

    @property
    def status(self) -> OrderStatus | None:
        """None before it was submitted."""
        return self.state.status

    @property
    def is_done(self) -> bool:
        """Whether its order has ended."""
        return self.state.status in DONE

    @property
    def filled_quantity(self) -> Decimal:
        return self.state.filled_quantity

    @property
    def filled_quote(self) -> Decimal | None:
        return self.state.filled_quote

    @property
    def remaining_quantity(self) -> Decimal | None:
        """What may still fill; of a trade that was never submitted, all of it."""
        return self.quantity if self.state.status is None else self.state.remaining_quantity

    @property
    def average_price(self) -> Decimal | None:
        """The average price of its fills; None before the first."""
        return self.state.average_price

    @property
    def fees(self) -> dict[str, Decimal]:
        """Fees paid, by asset, where they are known."""
        return self.state.fees

    @property
    def fills(self) -> tuple[Execution, ...]:
        """Its executions, where they are known."""
        return self.state.fills

    @property
    def exchange_order_id(self) -> str:
        return self.state.exchange_order_id

    @property
    def arrival_price(self) -> Decimal | None:
        """The middle of the market when it was decided on."""
        return self.state.arrival_price

    @property
    def code(self) -> str:
        return self.state.code

    @property
    def reason(self) -> str:
        """Why it was refused, in words; empty where it was not."""
        return self.state.reason

    @property
    def created_at(self) -> int | None:
        return self.state.created_at

    @property
    def updated_at(self) -> int | None:
        return self.state.updated_at

    @property
    def filled_at(self) -> int | None:
        """When its last fill was booked."""
        return self.state.filled_at

    @property
    def sequence(self) -> int | None:
        return self.state.sequence

    @property
    def event(self) -> str:
        return self.state.event

    def is_different(self, status: Status) -> bool:
        """Whether a status tells something that this trade does not say yet."""
        mine = self.state
        return (mine.status, mine.filled_quantity, mine.exchange_order_id, mine.reason) != (
            status.status,
            status.filled_quantity,
            status.exchange_order_id or mine.exchange_order_id,
            status.error,
        )

    def take(self, status: Status) -> None:
        """Become what a status says. Raises InputError for the status of another order."""
        if self.order_id and status.order_id not in ("", self.order_id):
            message = f"the status is of another order than {self.order_id}"
            raise InputError(message, field="order_id", value=status.order_id)
        self.order_id = status.order_id or self.order_id
        mine = self.state
        self.state = structs.replace(
            mine,
            status=status.status,
            filled_quantity=status.filled_quantity,
            filled_quote=status.filled_quote,
            remaining_quantity=status.remaining,
            average_price=status.average_price,
            fees=self._in_quote(status.fees) if status.fills else mine.fees,
            fills=status.fills or mine.fills,
            exchange_order_id=status.exchange_order_id or mine.exchange_order_id,
            code=status.code,
            reason=status.error,
            updated_at=status.time or mine.updated_at,
        )

    def take_order(self, order: Order) -> None:
        """Become what an order of the core says."""
        self.order_id = order.order_id
        status = Status.from_order(order)
        self.state = structs.replace(
            self.state,
            status=status.status,
            filled_quantity=status.filled_quantity,
            filled_quote=status.filled_quote,
            remaining_quantity=status.remaining,
            average_price=status.average_price,
            fees=self._in_quote(fees_of(status.fills)),
            fills=status.fills,
            exchange_order_id=status.exchange_order_id,
            arrival_price=order.arrival,
            code=status.code,
            reason=status.error,
            created_at=order.created_at,
            updated_at=order.updated_at,
            filled_at=order.last_fill_at,
        )

    def _in_quote(self, fees: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """A fee without an asset is in quote."""
        return {asset or self.quote: fee for asset, fee in fees.items()}


def state_of_row(row: Mapping[str, Any], fees: Mapping[str, Decimal]) -> TradeState:
    """The state that a row of the `orders` read model tells. fees: by asset."""
    denied = row["risk_check_passed"] == "failed"
    return TradeState(
        status=OrderStatus(row["status"]),
        filled_quantity=row["filled_quantity"],
        filled_quote=row["filled_quote"],
        remaining_quantity=row["remaining_quantity"],
        average_price=row["average_fill_price"],
        fees=dict(fees),
        exchange_order_id=row["exchange_order_id"] or "",
        arrival_price=row["arrival_price"],
        code=row["error_code"] or "",
        reason=(row["risk_check_reason"] or "") if denied else "",
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        filled_at=row["filled_at"],
        id=row["id"],
        book=row["book"],
        sequence=row["sequence"],
        event=row["event"],
    )
