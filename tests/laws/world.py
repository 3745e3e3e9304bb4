"""A book, a venue that may do anything a venue can do, and a small journal beside them, for the laws.

The venue has a truth of its own: what it holds of each order and every trade it made. What reaches the core of it is
another matter: requests may be lost before or after they are carried out, reports may be held up, overtaken or sent
twice. The venue keeps two promises, those that the core builds on: it does nothing for a request whose signed lifetime
is over, and it answers a question truthfully as of the moment it is asked.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DONE, Account, Balance, Execution, OrderStatus, Position, VenueTraits
from orderwright.core.numbers import ZERO
from orderwright.ports import OpenState
from tests.builders import an_id

SPOT, LINEAR = "BTC/USDT", "ETH/USDT"
S = OrderStatus
Outcome = Literal["carried out", "refused", "lost", "lost without a word", "not sent", "answer lost"]
OUTCOMES: tuple[Outcome, ...] = ("carried out", "refused", "lost", "lost without a word", "not sent", "answer lost")

ACCOUNTS = (
    Account(account="sure", taker_fee=Decimal("0.001"), traits=VenueTraits(final_denial=True)),
    Account(
        account="slow",
        taker_fee=Decimal("0.002"),
        slippage_bps=Decimal(10),
        leverage=Decimal(3),
        fee_in="received",
        traits=VenueTraits(lifetime_ms=2_000, margin_ms=0, denial_gap_ms=1_500),
    ),
    Account(account="open", traits=VenueTraits(lifetime_ms=None, expires_orders=False)),
)


class Held(Struct):
    """An order as the venue has it."""

    account: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    status: OrderStatus = S.OPEN
    filled: Decimal = ZERO
    trades: dict[str, Execution] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.status not in DONE


class Venue:
    """The truth, the requests on their way to it (`inbox`), and the reports on their way back (`mail`)."""

    def __init__(self) -> None:
        self.orders: dict[str, Held] = {}
        self.inbox: list[m.VenueAction] = []
        self.mail: list[m.AnyReport] = []
        self._trades = 0

    def take(self, actions: Iterable[m.AnyAction]) -> None:
        self.inbox += [action for action in actions if not isinstance(action, m.Reply | m.RaiseAlert)]

    def handle(self, number: int, outcome: Outcome, now: int) -> None:
        """Let one request arrive, or not."""
        action = self.inbox.pop(number % len(self.inbox))
        if isinstance(action, m.AskOrder):
            if outcome != "lost without a word":
                self.mail.append(self._answer(action, now))
        elif isinstance(action, m.FetchTrades):
            if outcome != "lost without a word":
                self.mail += self.fills(action.order_id)
        else:
            self._request(action, outcome, now)

    def _request(self, action: m.SendAction, outcome: Outcome, now: int) -> None:
        words: dict[str, Any] = {"order_id": action.order_id, "time": now, "number": action.number}
        dead = action.lifetime_ms is not None and now > action.sign_at + 1_000 * action.lifetime_ms
        if outcome == "not sent":
            self.mail.append(m.NotSentReport(**words))
        elif outcome == "lost":
            self.mail.append(m.UnreachableReport(**words))
        elif outcome == "lost without a word":
            return
        elif outcome == "refused" or dead:
            if action.number == 0:
                self.orders.setdefault(action.order_id, _held(action, S.REJECTED))
            self.mail.append(m.RejectReport(**words, code="-1", message="refused"))
        else:
            reports = self._carry_out(action, now)
            self.mail += [m.UnreachableReport(**words)] if outcome == "answer lost" else reports

    def _carry_out(self, action: m.SendAction, now: int) -> list[m.AnyReport]:
        order_id, number = action.order_id, action.number
        if isinstance(action, m.SendOrder):
            self.orders[order_id] = _held(action, S.OPEN)
            return [m.AckReport(order_id=order_id, time=now, exchange_order_id=f"x{order_id[-3:]}")]
        held = self.orders.get(order_id)
        if held is None or not held.alive:
            return [m.RejectReport(order_id=order_id, time=now, number=number, code="-2", message="unknown order")]
        if isinstance(action, m.SendCancel):
            held.status = S.CANCELLED
            return [m.EndReport(order_id=order_id, time=now, status=S.CANCELLED, cumulative=held.filled)]
        assert isinstance(action, m.SendReplace)
        if action.quantity is not None and action.quantity <= held.filled:
            return [m.RejectReport(order_id=order_id, time=now, number=number, code="-3", message="too late")]
        held.quantity = action.quantity or held.quantity
        held.price = action.price or held.price
        held.stop_price = action.stop_price or held.stop_price
        pending = m.PendingReport(order_id=order_id, time=now, number=number)
        return [pending, m.ReplacedReport(order_id=order_id, time=now, number=number, quantity=held.quantity)]

    def _answer(self, action: m.AskOrder, now: int) -> m.AnyReport:
        held = self.orders.get(action.order_id)
        if held is None:
            return m.NotFoundReport(order_id=action.order_id, time=now, asked_at=now)
        return m.StatusReport(
            order_id=action.order_id,
            time=now,
            status=held.status,
            cumulative=held.filled,
            quantity=held.quantity,
            price=held.price,
            stop_price=held.stop_price,
            exchange_order_id=f"x{action.order_id[-3:]}",
        )

    def fills(self, order_id: str) -> list[m.AnyReport]:
        held = self.orders.get(order_id)
        trades = held.trades.values() if held is not None else ()
        return [m.FillReport(order_id=order_id, time=trade.time, execution=trade) for trade in trades]

    def trade(self, order_id: str, part: int, price: Decimal, fee_asset: str, now: int) -> None:
        """Fill `part` hundredths of what is left, in whole steps; 100 is all of it."""
        held = self.orders[order_id]
        left = held.quantity - held.filled
        quantity = left if part >= 100 else max(left * part // Decimal("0.1") * Decimal("0.001"), Decimal("0.001"))
        quantity = min(quantity, left)
        self._trades += 1
        trade = Execution(
            execution_id=f"t{self._trades}",
            quantity=quantity,
            price=price,
            fee=quantity * price * Decimal("0.001") if fee_asset else ZERO,
            fee_asset=fee_asset,
            time=now,
        )
        held.trades[trade.execution_id] = trade
        held.filled += quantity
        held.status = S.FILLED if held.filled == held.quantity else S.PARTIALLY_FILLED
        self.mail.append(m.FillReport(order_id=order_id, time=now, execution=trade))

    def end(self, order_id: str, status: Any, now: int) -> None:
        """It ends, unasked."""
        held = self.orders[order_id]
        held.status = status
        self.mail.append(m.EndReport(order_id=order_id, time=now, status=status, cumulative=held.filled))

    def withdraw(self, order_id: str, execution_id: str, price: Decimal | None, now: int) -> None:
        """A trade is busted, or (price) corrected."""
        held = self.orders[order_id]
        trade = held.trades.pop(execution_id)
        if price is None:
            held.filled -= trade.quantity
            if held.status is S.FILLED:
                held.status = S.PARTIALLY_FILLED if held.filled else S.OPEN
            self.mail.append(m.BustReport(order_id=order_id, time=now, execution_id=execution_id))
            return
        self._trades += 1
        corrected = Execution(
            execution_id=f"t{self._trades}",
            quantity=trade.quantity,
            price=price,
            fee=trade.fee,
            fee_asset=trade.fee_asset,
            time=now,
        )
        held.trades[corrected.execution_id] = corrected
        report = m.CorrectReport(order_id=order_id, time=now, corrects=execution_id, execution=corrected)
        self.mail.append(report)


def _held(action: m.SendAction, status: OrderStatus) -> Held:
    assert isinstance(action, m.SendOrder)
    said = action.instruction
    return Held(action.account, action.symbol, said.side, action.quantity, said.price, said.stop_price, status)


class SmallJournal:
    """What a journal keeps of a book, in the plainest way: see `orderwright.ports.OpenState`."""

    def __init__(self) -> None:
        self.events: list[m.AnyEvent] = []
        self.orders: dict[str, list[m.AnyOrderEvent]] = {}
        self.done: dict[str, bool] = {}
        self.balances: dict[tuple[str, str], Balance] = {}
        self.positions: dict[tuple[str, str], Position] = {}
        self.controls: dict[tuple[str, ...], m.AnyEvent] = {}
        self.moved: dict[tuple[str, str], Decimal] = {}

    def append(self, event: m.AnyEvent, changes: Changes) -> None:
        self.events.append(event)
        for account, asset, _, total, locked in changes.ledger or ():
            self.balances[account, asset] = Balance(total, locked)
        if changes.position is not None:
            account, symbol, size, cost, realised = changes.position
            self.positions[account, symbol] = Position(size, cost, realised)
        if isinstance(event, m.OrderEvent):
            self.orders.setdefault(event.order_id, []).append(event)
            assert changes.order is not None
            self.done[event.order_id] = changes.order.status in DONE
        if isinstance(event, m.CashMoved):
            key = (event.account, event.asset)
            self.moved[key] = self.moved.get(key, ZERO) + event.amount
        if isinstance(event, m.DayStarted):
            self.moved = {}
        self._control(event)

    def _control(self, event: m.AnyEvent) -> None:
        match event:
            case m.AccountOpened():
                key: tuple[str, ...] = ("account", event.account.account)
            case m.InstrumentDefined():
                key = ("instrument", event.instrument.exchange, event.instrument.symbol)
            case m.PriceSeen():
                key = ("price", event.exchange, event.symbol)
            case m.DeadWatched():
                key = ("dead", str(event.slot))
            case m.Configured() | m.DayStarted() | m.TradingStateSet() | m.EpochBegan():
                key = (m.kind_of(event),)
            case m.OrderReceived() | m.RequestSubmitted() if event.today is not None:
                key = ("went out",)
            case _:
                return
        self.controls.pop(key, None)  # the newest of each, oldest first
        self.controls[key] = event

    def open_state(self) -> OpenState:
        return OpenState(
            sequence=len(self.events),
            time=self.events[-1].time if self.events else 0,
            orders=[events for order_id, events in self.orders.items() if not self.done[order_id]],
            balances={key: Balance(kept.total, kept.locked) for key, kept in self.balances.items()},
            positions={key: Position(kept.size, kept.cost, kept.realised) for key, kept in self.positions.items()},
            controls=list(self.controls.values()),
            moved=dict(self.moved),
            last_order_id=max(self.orders, default=""),
        )


class Numbers:
    """Order ids of the test, one after the other."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last += 1
        return an_id(self._last)
