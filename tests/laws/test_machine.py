"""Laws of the core, whatever traders, the venue and time do: a state machine that does everything in any order.

- A replay of the events gives the same state; so does a restore from what a journal keeps open.
- Money and quantities are conserved: balances are deposits and trades, what is locked is what live orders reserve.
- The same input twice changes nothing. Where a repeat is a new command of its own, or is written down again, `REPEATS`
  says so.
- No event is made that the lifecycle's table does not have: `lifecycle.apply` would raise.
"""

import decimal
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.deadlines import next_deadline
from orderwright.core.evolve import evolve
from orderwright.core.groups import adopt, brought, gathered, left_of, names_of
from orderwright.core.model import (
    DONE,
    HAS_PRICE,
    HAS_STOP_PRICE,
    SECOND,
    Action,
    Balance,
    Bracket,
    Instruction,
    LingerRule,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    RiskLimits,
    Settings,
    Signal,
    TimeInForce,
    TradingState,
    Trail,
)
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.oms import decide
from orderwright.core.portfolio import unrealised
from orderwright.core.recovery import order_from, restore
from orderwright.core.state import Group, State, deadline_of, is_quiet
from tests.builders import NOW, an_instrument
from tests.laws.world import ACCOUNTS, LINEAR, OUTCOMES, SPOT, Numbers, Outcome, SmallJournal, Venue

accounts = st.sampled_from([account.account for account in ACCOUNTS])
symbols = st.sampled_from([SPOT, LINEAR])
picks = st.integers(0, 1_000)
quantities = st.sampled_from([Decimal(text) for text in ("0.001", "0.5", "1", "2.5", "7")])
prices = st.sampled_from([Decimal(text) for text in ("90", "99.5", "100", "101", "120")])
maybe = st.booleans()
rarely = st.sampled_from([False, False, False, True])
fee_assets = st.sampled_from(["", "USDT", "base", "BNB"])

# Inputs that may be repeated to an effect, and why that is right.
REPEATS = {
    m.MoveCash: "without a reference, two deposits are two deposits",
    m.QuoteSeen: "of several orders whose rules follow the price, one is moved at each look",
}


BRACKETS = (
    Bracket(stop_loss_percent=Decimal(2), take_profit_percent=Decimal(4)),
    Bracket(trail=Trail(percent=Decimal(3)), take_profit=Decimal(130), arm="full"),
    Bracket(stop_loss_percent=Decimal(20), trail=Trail(amount=Decimal(7), activation_price=Decimal(101))),
)
RULES = (
    LingerRule(name="chase", do="nearer", after_ms=7_000, times=2, within_bps=Decimal(2_000)),
    LingerRule(name="chase", do="keep", account="open"),
    LingerRule(name="run away", moved_bps=Decimal(2_000), account="sure"),
    LingerRule(name="follow", do="nearer", moved_bps=Decimal(500), times=3, account="slow"),
    LingerRule(name="enough", do="market", after_ms=40_000),
    LingerRule(name="turned", on_reversal=True),
    LingerRule(name="night", day_end="24:00", order_types=(OrderType.LIMIT, OrderType.STOP_LOSS, OrderType.MARKET)),
    LingerRule(name="stuck", moved_bps=Decimal(300), order_types=(OrderType.MARKET,)),
)


SENDING: tuple[dict[str, Any], ...] = (
    {"max_slippage_bps": Decimal(50), "remainder": "retry", "retry_attempts": 2, "execution_timeout_ms": 20_000},
    {"max_slippage_bps": Decimal(50), "remainder": "rest", "execution_timeout_ms": 9_000},
    {"max_slippage_bps": ZERO, "rate_limit_orders": 2, "rate_limit_window_ms": 3_000, "rate_queue": 4},
)


class Machine(RuleBasedStateMachine):
    """One book with three accounts, on spot and futures."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(book="main")
        self.journal, self.venue, self.numbers = SmallJournal(), Venue(), Numbers()
        self.now = NOW
        self.deposited: dict[tuple[str, str], Decimal] = {}
        self.heard: list[m.Input] = []
        self.signals: list[m.ReceiveSignal] = []

    # How inputs go in.

    def run(self, said: m.Input) -> list[m.AnyEvent]:
        """Decide, evolve and keep one input; then say it again: nothing may come of it."""
        events = self._once(said)
        again = self._once(said)
        if type(said) not in REPEATS or (isinstance(said, m.MoveCash) and said.reference):
            assert self._silent(again), f"{said} again: {again}"
        return events

    def _once(self, said: m.Input) -> list[m.AnyEvent]:
        with decimal.localcontext(EXACT):
            events, actions = decide(self.state, said, self.now)
            for event in events:
                self.journal.append(event, evolve(self.state, event))
                if isinstance(event, m.CashMoved):
                    key = (event.account, event.asset)
                    self.deposited[key] = self.deposited.get(key, ZERO) + event.amount
        self.venue.take(actions)
        if is_quiet(self.state, self.now):
            assert not any(isinstance(action, m.SendAction) for action in actions), "the log was just taken over"
        return events

    @staticmethod
    def _silent(events: list[m.AnyEvent]) -> bool:
        """What could not be placed is written down each time it comes, and changes nothing."""
        return all(isinstance(event, m.ReportParked) for event in events)

    def _pass_time(self, until: int, *, asleep: bool = False) -> None:
        """Deadline by deadline, or all at once when the clock has run on without us."""
        self.now = until if asleep else self.now
        for _ in range(200):
            with decimal.localcontext(EXACT):
                deadline = next_deadline(self.state)
            if deadline is None or deadline > until:
                self.now = until
                return
            self.now = max(self.now, deadline)
            before = self.state.sequence
            self._once(m.TimePassed())
            assert self.state.sequence > before, f"{deadline} is due, and nothing came of it"
        raise AssertionError("time does not pass")

    # How it begins.

    @initialize(
        approval=st.sampled_from(["none", "none", "none", "all", "above"]),
        collar=st.sampled_from([None, None, Decimal(5_000)]),
        limited=rarely,
        patient=maybe,
        sending=st.sampled_from([{}, {}, *SENDING]),
    )
    def begin(
        self, approval: Any, collar: Decimal | None, limited: bool, patient: bool, sending: dict[str, Any]
    ) -> None:
        limits = RiskLimits(
            max_order_value=Decimal(500),
            max_position_value=Decimal(5_000),
            max_symbol_position_value=Decimal(2_000),
            max_daily_loss=Decimal(300),
            max_open_orders_per_symbol=6,
            max_daily_orders=40,
            max_orders_per_second=3,
        )
        self.run(
            m.Configure(
                settings=Settings(
                    limits=limits if limited else RiskLimits(),
                    approval=approval,
                    approval_above=Decimal(200),
                    collar_bps=collar,
                    linger=RULES if patient else (),
                    **sending,
                )
            )
        )
        step = Decimal("0.001")
        self.run(m.DefineInstrument(instrument=an_instrument(SPOT, step_size=step)))
        self.run(m.DefineInstrument(instrument=an_instrument(LINEAR, step_size=step, linear=True)))
        for account in ACCOUNTS:
            self.run(m.OpenAccount(account=account))
            self.run(
                m.MoveCash(account=account.account, asset="USDT", amount=Decimal(2_000), reference=account.account)
            )
        self.run(m.MoveCash(account="sure", asset="BTC", amount=Decimal(3), reference="btc"))
        self.quote(SPOT, Decimal(100))
        self.quote(LINEAR, Decimal(100))
        self._pass_time(self.now)
        for account in ACCOUNTS:
            self._submit(account.account, SPOT, OrderSide.BUY, OrderType.LIMIT, Decimal(3), Decimal(100))
            self._submit(account.account, LINEAR, OrderSide.SELL, OrderType.LIMIT, Decimal(2), Decimal(100))
            self._pass_time(self.now + SECOND)
        self.the_venue_keeps_up()
        for order_id in self._alive()[::2]:
            self.venue.trade(order_id, 100, Decimal(100), "", self.now)
        self.all_reports_come()

    # What people want.

    @rule(
        account=accounts,
        symbol=symbols,
        side=st.sampled_from(OrderSide),
        kind=st.sampled_from([*OrderType, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT]),
        quantity=quantities,
        price=prices,
        force=st.sampled_from([*TimeInForce, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD]),
        reduce_only=rarely,
        wait=st.sampled_from([None, None, None, 0, 30, "next_open"]),
        group=st.sampled_from(["", "", "one", "other"]),
        bracket=st.sampled_from([None, None, *BRACKETS]),
        trails=maybe,
    )
    def submit(
        self,
        account: str,
        symbol: str,
        side: OrderSide,
        kind: OrderType,
        quantity: Decimal,
        price: Decimal,
        force: TimeInForce,
        reduce_only: bool,
        wait: Any,
        group: str,
        bracket: Bracket | None,
        trails: bool,
    ) -> None:
        self._refresh()
        self._submit(
            account,
            symbol,
            side,
            kind,
            quantity,
            price,
            time_in_force=force,
            expire_at=self.now + 40 * SECOND if force is TimeInForce.GTD else None,
            reduce_only=reduce_only,
            execute_at=self.now + wait * SECOND if isinstance(wait, int) else wait,
            idempotency_key=f"key {self.state.sequence}" if reduce_only else "",
            group=group,
            bracket=bracket,
            trail=Trail(percent=Decimal(5)) if trails and kind is OrderType.STOP_LOSS else None,
        )

    @rule(
        account=accounts,
        symbol=symbols,
        side=st.sampled_from(OrderSide),
        quantity=quantities,
        bracket=st.sampled_from(BRACKETS),
        part=st.sampled_from([1, 30, 100]),
    )
    def enter(self, account: str, symbol: str, side: OrderSide, quantity: Decimal, bracket: Bracket, part: int) -> None:
        """An entry that fills, at least in part, and whose exits come to stand."""
        self._refresh()
        side = OrderSide.BUY if symbol == SPOT else side
        if side is OrderSide.SELL and bracket.take_profit is not None:
            bracket = structs.replace(bracket, take_profit=Decimal(70))
        self._submit(account, symbol, side, OrderType.LIMIT, quantity, Decimal(100), bracket=bracket)
        entry = list(self.state.orders)[-1:]
        self._pass_time(self.now + 1)
        self.the_venue_keeps_up()
        if entry and entry[0] in self._alive():
            self.venue.trade(entry[0], part, Decimal(100), "", self.now)
            self.all_reports_come()
            self._pass_time(self.now + 1)
            self.the_venue_keeps_up()

    @rule(account=accounts, side=st.sampled_from(OrderSide), quantity=quantities, more=quantities)
    def one_or_the_other(self, account: str, side: OrderSide, quantity: Decimal, more: Decimal) -> None:
        """Two orders of a group of their own."""
        self._refresh()
        name = f"pair {self.state.sequence}"
        for size, price in ((quantity, Decimal(99)), (more, Decimal(101))):
            self._submit(account, LINEAR, side, OrderType.LIMIT, size, price, group=name)
        self.the_venue_keeps_up()

    def _submit(
        self,
        account: str,
        symbol: str,
        side: OrderSide,
        kind: OrderType,
        quantity: Decimal,
        price: Decimal,
        **more: Any,
    ) -> None:
        instruction = Instruction(
            order_id=self.numbers.next(),
            account=account,
            symbol=symbol,
            side=side,
            type=kind,
            quantity=quantity,
            price=price if kind in HAS_PRICE else None,
            stop_price=price if kind in HAS_STOP_PRICE else None,
            **more,
        )
        self._placed(self.run(m.SubmitOrder(instruction=instruction)))

    def _placed(self, events: list[m.AnyEvent]) -> None:
        """What has just gone out is covered: nobody's free balance is below nothing for it."""
        for event in events:
            if isinstance(event, m.OrderReceived) and event.sign_at is not None and event.unit_cost:
                balance = self.state.balances[event.instruction.account, event.reserved_asset]
                assert balance.free >= 0

    @rule(
        account=accounts,
        symbol=symbols,
        action=st.sampled_from(Action),
        quantity=quantities,
        bar=st.integers(1, 4),
        sized=maybe,
    )
    def alert(self, account: str, symbol: str, action: Action, quantity: Decimal, bar: int, sized: bool) -> None:
        self._refresh()
        signal = Signal(
            signal_id=f"s{self.state.sequence}",
            symbol=symbol,
            action=action,
            account=account,
            quantity=quantity if sized and action in (Action.BUY, Action.SELL) else None,
            quote_quantity=Decimal(250) if not sized and action is Action.BUY else None,
            target_quantity=quantity - 2 if action is Action.TARGET else None,
            alert_id=f"{account} {bar}",
        )
        said = m.ReceiveSignal(signal=signal, order_id=self.numbers.next())
        self._placed(self.run(said))
        self.signals.append(said)

    @rule(account=accounts, symbol=symbols)
    def close(self, account: str, symbol: str) -> None:
        self.run(m.ClosePosition(account=account, symbol=symbol, order_id=self.numbers.next()))

    @precondition(lambda self: self.state.orders)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        self.run(m.CancelOrder(order_id=self._live(pick).order_id))

    @precondition(lambda self: self.state.orders)
    @rule(pick=picks, quantity=st.none() | quantities, price=st.none() | prices)
    def replace(self, pick: int, quantity: Decimal | None, price: Decimal | None) -> None:
        order = self._live(pick)
        if order.price is None:
            price = None
        self.run(m.ReplaceOrder(order_id=order.order_id, quantity=quantity, price=price))

    @rule(account=accounts | st.just(""), symbol=symbols | st.just(""))
    def cancel_all(self, account: str, symbol: str) -> None:
        self.run(m.CancelAll(account=account, symbol=symbol))

    @precondition(lambda self: any(order.wait_for == "approval" for order in self.state.orders.values()))
    @rule(pick=picks, yes=maybe)
    def answer_approval(self, pick: int, yes: bool) -> None:
        waiting = [order.order_id for order in self.state.orders.values() if order.wait_for == "approval"]
        order_id = waiting[pick % len(waiting)]
        self.run(m.ApproveOrder(order_id=order_id) if yes else m.DenyOrder(order_id=order_id))

    @precondition(lambda self: self._unknown())
    @rule(pick=picks)
    def operator_closes_an_unknown_request(self, pick: int) -> None:
        """He has seen that the venue does not have it; so has the test."""
        order_id, number = self._unknown()[pick % len(self._unknown())]
        self.run(m.ResolveUnknown(order_id=order_id, number=number, by="ann"))

    def _unknown(self) -> list[tuple[str, int]]:
        return [
            (order.order_id, request.number)
            for order in self.state.orders.values()
            for request in order.requests
            if request.state == "unknown" and (request.number or order.order_id not in self.venue.orders)
        ]

    @rule(account=accounts, asset=st.sampled_from(["USDT", "BTC"]), amount=st.sampled_from([-700, -1, 1, 50, 0]))
    def move_cash(self, account: str, asset: str, amount: int) -> None:
        kind: Any = "deposit" if amount > 0 else "withdrawal"
        reference = f"ref {self.state.sequence}" if amount % 2 else ""
        command = m.MoveCash(account=account, asset=asset, amount=Decimal(amount), kind=kind, reference=reference)
        self.run(command)

    @rule(trading=st.sampled_from(TradingState), seconds=st.integers(1, 20))
    def set_trading_state(self, trading: TradingState, seconds: int) -> None:
        """For a while; it does not end by itself where it is set twice."""
        stays = self.state.controls.until is not None or trading is TradingState.ACTIVE
        until = None if stays else self.now + seconds * SECOND
        self.run(m.SetTradingState(state=trading, cause="test", until=until))

    @rule(really=rarely)
    def another_process_takes_over(self, really: bool) -> None:
        if really:
            self.run(m.BeginEpoch(epoch=self.state.controls.epoch + 1, by="b"))
            quiet_until = self.state.controls.quiet_until
            assert quiet_until is None or quiet_until > self.now

    def _refresh(self) -> None:
        """New prices, where the last ones are too old to decide on; most of the time."""
        for (_, symbol), quote in list(self.state.market.items()):
            if self.now - quote.time > 50 * SECOND and self.state.sequence % 8:
                self.quote(symbol, quote.last)

    @rule(symbol=symbols, price=prices)
    def quote(self, symbol: str, price: Decimal) -> None:
        seen = Quote(last=price, time=self.now, bid=price - Decimal("0.01"), ask=price + Decimal("0.01"))
        self.run(m.QuoteSeen(exchange="simulated", symbol=symbol, quote=seen))

    @rule(microseconds=st.sampled_from([1, 400_000, SECOND, 7 * SECOND, 45 * SECOND]))
    def time_passes(self, microseconds: int) -> None:
        self._pass_time(self.now + microseconds)

    @rule(seconds=st.sampled_from([30, 1_000, 86_400]), really=rarely)
    def the_process_sleeps(self, seconds: int, really: bool) -> None:
        if really:
            self._pass_time(self.now + seconds * SECOND, asleep=True)

    # What the venue does.

    @precondition(lambda self: self.venue.inbox)
    @rule(pick=picks, outcome=st.sampled_from([*OUTCOMES, "carried out", "carried out", "carried out"]))
    def a_request_arrives(self, pick: int, outcome: Outcome) -> None:
        self.venue.handle(pick, outcome, self.now)

    @rule()
    def the_venue_keeps_up(self) -> None:
        """Every request is carried out and every report comes, in order."""
        for _ in range(5):
            while self.venue.inbox:
                self.venue.handle(0, "carried out", self.now)
            self.all_reports_come()

    @precondition(lambda self: self._alive())
    @rule(pick=picks, part=st.sampled_from([1, 30, 50, 100, 100]), price=prices, fee_in=fee_assets)
    def the_venue_trades(self, pick: int, part: int, price: Decimal, fee_in: str) -> None:
        order_id = self._alive()[pick % len(self._alive())]
        symbol = self.venue.orders[order_id].symbol
        if fee_in == "base":
            fee_in = "BTC" if symbol == SPOT else "USDT"
        self.venue.trade(order_id, part, price, fee_in, self.now)

    @precondition(lambda self: self._alive())
    @rule(pick=picks, status=st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED]))
    def the_venue_ends_an_order(self, pick: int, status: OrderStatus) -> None:
        self.venue.end(self._alive()[pick % len(self._alive())], status, self.now)

    @precondition(lambda self: self._booked())
    @rule(pick=picks, price=st.none() | prices)
    def the_venue_takes_a_trade_back(self, pick: int, price: Decimal | None) -> None:
        order_id, execution_id = self._booked()[pick % len(self._booked())]
        self.venue.withdraw(order_id, execution_id, price, self.now)

    @precondition(lambda self: self.venue.mail)
    @rule(pick=picks, kept=st.sampled_from([False, False, False, True]))
    def a_report_comes(self, pick: int, kept: bool) -> None:
        """Any of them: reports overtake one another. One that is kept comes again later."""
        at = pick % len(self.venue.mail)
        said = self.venue.mail[at] if kept else self.venue.mail.pop(at)
        self.run(said)
        self.heard.append(said)

    @rule()
    def all_reports_come(self) -> None:
        while self.venue.mail:
            self.a_report_comes(0, kept=False)

    @precondition(lambda self: self.heard)
    @rule(pick=picks)
    def an_old_fill_or_acknowledgement_comes_again(self, pick: int) -> None:
        said = self.heard[pick % len(self.heard)]
        if isinstance(said, m.FillReport | m.AckReport | m.CorrectReport | m.BustReport):
            assert self._silent(self._once(said)), said

    @precondition(lambda self: self.signals)
    @rule(pick=picks)
    def an_old_alert_comes_again(self, pick: int) -> None:
        assert self._once(self.signals[pick % len(self.signals)]) == []

    def _live(self, pick: int) -> Order:
        live = list(self.state.orders.values())
        return live[pick % len(live)]

    def _alive(self) -> list[str]:
        return [order_id for order_id, held in self.venue.orders.items() if held.alive]

    def _booked(self) -> list[tuple[str, str]]:
        """Trades that the book has, and whose bust or correction is not on its way already."""
        return [
            (order_id, execution_id)
            for order_id, held in self.venue.orders.items()
            if (order := self.state.find(order_id)) is not None
            for execution_id in held.trades
            if order.executions.get(execution_id) is not None
        ]

    # What must hold.

    @invariant()
    def every_order_is_the_sum_of_its_executions(self) -> None:
        for order in [*self.state.orders.values(), *self.state.finished.values()]:
            standing = [execution for execution in order.executions.values() if execution is not None]
            assert order.filled == sum((execution.quantity for execution in standing), ZERO)
            assert order.filled_quote == sum((execution.quantity * execution.price for execution in standing), ZERO)
            if order.status in DONE:
                assert order.leaves == order.exposed == order.reserved == 0
            else:
                whole = order.quantity if order.ending is None else order.reported
                assert order.filled + order.leaves == max(whole, order.filled)
            assert (order.status in DONE) == (order.order_id in self.state.finished)

    @invariant()
    def exposures_and_reservations_are_those_of_the_live_orders(self) -> None:
        state = self.state
        sums: dict[tuple[str, str], list[Any]] = {}
        locked: dict[tuple[str, str], Decimal] = {}
        for order in state.orders.values():
            said = order.instruction
            key, asset = (said.account, said.symbol), (said.account, order.reserved_asset)
            buy, sell, orders = sums.setdefault(key, [ZERO, ZERO, 0])
            assert all(name in state.groups for name in names_of(said))
            mine = order.exposed
            sums[key] = [
                buy + (mine if said.side is OrderSide.BUY else 0),
                sell + (mine if said.side is OrderSide.SELL else 0),
                orders + bool(order.requests),
            ]
            locked[asset] = locked.get(asset, ZERO) + order.reserved
            assert mine >= 0
            assert order.reserved >= 0
        for group in state.groups.values():  # orders of a group share what the largest of them needs
            live = [order for order in group.members.values() if order.status not in DONE]
            if not live:
                continue
            said = live[0].instruction
            side = 0 if said.side is OrderSide.BUY else 1
            exposed = [min(order.exposed, room_of(state, group, order)) for order in live]
            sums[said.account, said.symbol][side] -= sum((order.exposed for order in live), ZERO) - max(exposed)
            for name in {order.reserved_asset for order in live if order.reserved}:
                reserved = [
                    order.reserved * part / order.exposed if part != order.exposed else order.reserved
                    for order, part in zip(live, exposed, strict=True)
                ]
                locked[said.account, name] -= sum((order.reserved for order in live), ZERO) - max(reserved)
        for key, exposure in state.exposures.items():
            assert [exposure.buy, exposure.sell, exposure.orders] == sums.pop(key, [0, 0, 0])
        assert not any(any(rest) for rest in sums.values())
        for asset, balance in state.balances.items():
            assert balance.locked == locked.pop(asset, ZERO) >= 0
        assert not any(locked.values())

    @invariant()
    def balances_are_deposits_and_trades(self) -> None:
        expected = dict(self.deposited)

        def add(account: str, asset: str, amount: Decimal) -> None:
            expected[account, asset] = expected.get((account, asset), ZERO) + amount

        sizes: dict[tuple[str, str], Decimal] = {}
        cash: dict[tuple[str, str], Decimal] = {}
        taken_back: set[tuple[str, str]] = set()
        with decimal.localcontext(EXACT):
            for order in [*self.state.orders.values(), *self.state.finished.values()]:
                account, symbol = order.instruction.account, order.instruction.symbol
                key, sign = (account, symbol), 1 if order.instruction.side is OrderSide.BUY else -1
                if None in order.executions.values():
                    taken_back.add(key)
                for execution in filter(None, order.executions.values()):
                    sizes[key] = sizes.get(key, ZERO) + sign * execution.quantity
                    cash[key] = cash.get(key, ZERO) - sign * execution.quantity * execution.price
                    if execution.fee:
                        add(account, execution.fee_asset, -execution.fee)
            for key, position in self.state.positions.items():
                account, symbol = key
                assert position.cost >= 0
                if not position.size:
                    assert position.cost == 0
                if symbol == LINEAR:
                    assert position.size == sizes.get(key, ZERO)
                    worth = cash.get(key, ZERO) + sizes.get(key, ZERO) * 77
                    assert position.realised + unrealised(position, Decimal(77)) == worth
                    add(account, "USDT", position.realised)
                else:
                    assert position.size >= 0 or key in taken_back  # more was sold than was bought after all
                    add(account, "BTC", sizes.get(key, ZERO))
                    add(account, "USDT", cash.get(key, ZERO))
        for key, balance in self.state.balances.items():
            assert balance.total == expected.pop(key, ZERO), key
        assert not any(expected.values())

    @rule()
    def a_replay_gives_the_same_state(self) -> None:
        replayed = State(book="main")
        with decimal.localcontext(EXACT):
            for event in self.journal.events:
                evolve(replayed, event)

        assert_same(replayed, self.state)
        assert dict(replayed.finished) == dict(self.state.finished)
        assert dict(replayed.keys) == dict(self.state.keys)

    @rule()
    def a_restore_gives_the_same_state(self) -> None:
        with decimal.localcontext(EXACT):
            restored = restored_from(self.journal)

        assert_same(restored, self.state)
        assert woken_in_time(restored)
        assert woken_in_time(self.state)

    @rule(pick=picks)
    def a_log_cut_anywhere_can_be_gone_on_from(self, pick: int) -> None:
        """What its last row left half done is taken up again; a second look at the same moment finds nothing to do."""
        journal, cut = SmallJournal(), State(book="main")
        with decimal.localcontext(EXACT):
            for event in self.journal.events[: pick % len(self.journal.events) + 1]:
                journal.append(event, evolve(cut, event))
            state = restored_from(journal)
            assert_same(state, cut)
            assert woken_in_time(state)
            for _ in range(200):
                deadline = next_deadline(state)
                if deadline is None or deadline > self.now:
                    return
                before = state.sequence
                for event in decide(state, m.TimePassed(), self.now)[0]:
                    evolve(state, event)
                assert state.sequence > before
        raise AssertionError("time does not pass")

    def teardown(self) -> None:
        if self.journal.events:
            self.a_replay_gives_the_same_state()
            self.a_restore_gives_the_same_state()


def room_of(state: State, group: Group, order: Order) -> Decimal:
    """How much more a group may fill through this order: what is left, and what the venue has announced."""
    if order.ending is not None or order.has_gap:
        return order.exposed
    if group.entry is None:
        return max(left_of(state, order, group), ZERO)
    return max(brought(group.entry, state.instrument_of(group.entry)) - group.filled, ZERO)


def restored_from(journal: SmallJournal) -> State:
    """A restored book with the kin of what is alive, as a driver brings it back."""
    state = restore("main", journal.open_state())

    def find(order_id: str) -> Order | None:
        if state.find(order_id) is None and order_id in journal.orders:
            state.recall(order_from(journal.orders[order_id]))
        return state.find(order_id)

    for order in list(state.orders.values()):
        if names_of(order.instruction):
            gathered(order, find)
            adopt(state, order)
    return state


def assert_same(one: State, other: State) -> None:
    """Equal in all that is durable or derived; timers apart, for which see `woken_in_time`."""
    ours, theirs = durable(one), durable(other)
    differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert not differing, differing


def woken_in_time(state: State) -> bool:
    """Whether each order that has a deadline has a timer by then."""
    return all(
        any(time <= deadline and name == order.order_id for time, name in state.timers)
        for order in state.orders.values()
        if (deadline := deadline_of(state, order)) is not None
    )


def durable(state: State) -> dict[str, Any]:
    """A state's durable fields and what is derived of them, in a form in which equal states are equal."""
    none = Balance()
    return {
        "sequence": (state.sequence, state.now, state.last_order_id),
        "settings": state.settings,
        "controls": state.controls,
        "day": state.day and (state.day.start, state.day.equity, state.day.unpriced),
        "moved": state.day and {key: amount for key, amount in state.day.moved.items() if amount},
        "accounts": state.accounts,
        "instruments": state.instruments,
        "orders": state.orders,
        "balances": {key: balance for key, balance in state.balances.items() if balance != none},
        "positions": state.positions,
        "priced": state.priced,
        "exposures": {
            key: exposure
            for key, exposure in state.exposures.items()
            if exposure.buy or exposure.sell or exposure.orders
        },
        "closing": state.closing,
        "succeeded": state.succeeded,
        "groups": {
            name: (
                {order.order_id for order in live},
                group.entry is not None and group.entry.status not in DONE,
                group.reserved,
                group.exposed,
            )
            for name, group in state.groups.items()
            if (live := [order for order in group.members.values() if order.status not in DONE])
        },
        "trailing": {key: set(trailing) for key, trailing in state.trailing.items() if trailing},
        "interest": {key: interest.orders for key, interest in state.interest.items() if interest.orders},
        "watched": {key: set(watched) for key, watched in state.watched.items() if watched},
        "routes": (state.routes, state.futures),
    }


TestTheCore = Machine.TestCase
TestTheCore.settings = settings(max_examples=150, stateful_step_count=60)
