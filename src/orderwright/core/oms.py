"""The order management service: one pure state machine for backtest, paper and live.

    signal / command ──►┐                                     ┌──► events ──► evolve ──► state, and what the log holds
    venue's report   ──►├─►  decide(state, input, now)  ──────┤
    time, quotes     ──►┘         (reads only)                └──► actions, performed once the events are durable

`decide` reads the state and says what happened (events) and what is to be done (actions). `evolve` changes the state
by one event and decides nothing, so a replay gives the same state again. Time and ids come in with the input; `now`
never goes back. Nothing here touches the world.

The pipeline of an order is in `placing`, the venue's answers in `reports`, time in `deadlines`, the lifecycle table
in `lifecycle`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orderwright.core import messages as m
from orderwright.core.alerts import receive_alert
from orderwright.core.changing import (
    approve_order,
    cancel_all,
    cancel_order,
    deny_order,
    refresh_order,
    replace_order,
    resolve_unknown,
)
from orderwright.core.deadlines import loss_breach, next_deadline, time_passed
from orderwright.core.evolve import Changes, cash_key, evolve
from orderwright.core.lingering import moved
from orderwright.core.model import Hold, TradingState
from orderwright.core.numbers import PLACES, ZERO, fits, text
from orderwright.core.order_params import problem_of_sending
from orderwright.core.patience import problem_of
from orderwright.core.placing import Decision, submit_order
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.reports import REPORTS, report
from orderwright.core.risk import free_of
from orderwright.core.signals import close_position, receive_signal
from orderwright.core.state import State, is_quiet
from orderwright.core.taking_over import begin_epoch
from orderwright.core.trailing import followed
from orderwright.errors import nearest_name

PATIENT = 60
"""An order that has rested for long is looked at so many times less often."""


def decide(state: State, said: m.Input, now: int) -> Decision:
    """What happened and what is to be done about it. Changes nothing durable; the same input a second time makes
    nothing."""
    return _HANDLERS[type(said)](state, said, now)


def _quote_seen(state: State, command: m.QuoteSeen, now: int) -> Decision:
    """The market view is not durable: it is brought up to date here. Now and then a price goes into the log."""
    key = (command.exchange, command.symbol)
    state.market[key] = command.quote
    events, actions = loss_breach(state, now)
    quiet = is_quiet(state, now)
    if (
        key in state.watched and not events and not quiet
    ):  # a breach of the day's loss is taken in before anything else is decided
        acts, sent = moved(state, command.exchange, command.symbol, now)
        events, actions = [*events, *acts], [*actions, *sent]
    if key in state.trailing and not quiet and not any(isinstance(event, m.TradingStateSet) for event in events):
        acts, sent = followed(state, command.exchange, command.symbol, now)
        events, actions = [*events, *acts], [*actions, *sent]
    pause = 1 if command.log else 1_000 * _price_pause_ms(state, key, now)
    logged = state.priced.get(key, -pause)
    if command.quote.time >= logged + pause and key in state.instruments:
        seen = m.PriceSeen(time=now, exchange=command.exchange, symbol=command.symbol, quote=command.quote)
        events = [*events, seen]
    return events, actions


def _price_pause_ms(state: State, key: tuple[str, str], now: int) -> int:
    """How long to wait until a price is logged again: less while it says how well an order was executed."""
    interest, settings = state.interest.get(key), state.settings
    if interest is None or not (interest.orders or now <= interest.until):
        return settings.price_every_ms
    often = settings.execution_price_every_ms
    return min(often if now <= interest.until else PATIENT * often, settings.price_every_ms)


def _open_account(state: State, command: m.OpenAccount, now: int) -> Decision:
    if state.accounts.get(command.account.account) == command.account:
        return [], []
    return [m.AccountOpened(time=now, account=command.account)], []


def _define_instrument(state: State, command: m.DefineInstrument, now: int) -> Decision:
    instrument = command.instrument
    if state.instruments.get((instrument.exchange, instrument.symbol)) == instrument:
        return [], []
    tick, step = instrument.tick_size, instrument.step_size
    if not (tick > 0 and step > 0 and fits(tick) and fits(step) and fits(tick * step)):
        rule = f"tick and step size are above 0 and have at most {PLACES} decimal places together"
        refusal = Refusal(Reason.UNKNOWN_SYMBOL, rule, "symbol", instrument.symbol)
        return [], [m.Reply(outcome="refused", refusal=refusal)]
    return [m.InstrumentDefined(time=now, instrument=instrument)], []


def _configure(state: State, command: m.Configure, now: int) -> Decision:
    if state.settings == command.settings:
        return [], []
    if (problem := problem_of(command.settings.linger) or problem_of_sending(command.settings)) is not None:
        return [], [m.Reply(outcome="refused", refusal=problem)]
    return [m.Configured(time=now, settings=command.settings)], []


def _move_cash(state: State, command: m.MoveCash, now: int) -> Decision:
    if command.reference and cash_key(command.reference) in state.keys:
        return [], [m.Reply(outcome="duplicate", text=command.reference)]
    if command.account not in state.accounts:
        nearest = nearest_name(command.account, state.accounts)
        refusal = Refusal(Reason.UNKNOWN_ACCOUNT, "unknown account", "account", command.account, nearest)
        return [], [m.Reply(outcome="refused", refusal=refusal)]
    wrong = _cash_refusal(state, command)
    if wrong is not None:
        return [], [m.Reply(outcome="refused", refusal=wrong)]
    event = m.CashMoved(
        time=now,
        account=command.account,
        asset=command.asset,
        amount=command.amount,
        cause=command.kind,
        reference=command.reference,
    )
    return [event], []


def _cash_refusal(state: State, command: m.MoveCash) -> Refusal | None:
    amount = command.amount
    if not fits(amount):
        rule = f"not a number with at most {PLACES} digits on each side of the point"
        return Refusal(Reason.QUANTITY_TOO_LARGE, rule, "amount", str(amount))
    if command.kind == "deposit" and amount <= 0:
        return Refusal(Reason.QUANTITY_NOT_POSITIVE, "a deposit is above 0", "amount", text(amount))
    if command.kind != "withdrawal":
        return None
    if amount >= 0:
        return Refusal(Reason.QUANTITY_NOT_POSITIVE, "a withdrawal is below 0", "amount", text(amount))
    free = max(free_of(state, state.accounts[command.account], command.asset), ZERO)
    if -amount <= free:
        return None
    rule = f"only {text(free)} {command.asset} is free"
    return Refusal(Reason.BUYING_POWER, rule, "amount", text(amount), text(-free) if free else None)


def _add_user(state: State, command: m.AddUser, now: int) -> Decision:
    if command.user.user in state.users:
        return [], [m.Reply(outcome="duplicate", text=command.user.user)]
    return [m.UserAdded(time=now, user=command.user)], []


def _issue_key(state: State, command: m.IssueKey, now: int) -> Decision:
    """A key id once given is never given to another key, not after its end either."""
    if command.key.key_id in state.api_keys:
        return [], [m.Reply(outcome="duplicate", text=command.key.key_id)]
    return [m.KeyIssued(time=now, key=command.key)], []


def _revoke_key(state: State, command: m.RevokeKey, now: int) -> Decision:
    if command.key_id not in state.api_keys or command.key_id in state.revoked:
        return [], [m.Reply(outcome="nothing", text=command.key_id)]
    return [m.KeyRevoked(time=now, key_id=command.key_id, by=command.by)], []


def _set_trading_state(state: State, command: m.SetTradingState, now: int) -> Decision:
    """An owner tightens what an operator has set and never loosens it; all others set what they say."""
    controls = state.controls
    held = controls.held(now) if command.role == "owner" else None
    if held is not None and command.state.strictness < held.state.strictness:
        rule = f"an operator has set this book {held.state.value}: only an operator loosens that"
        refusal = Refusal(Reason.HELD, rule, "state", command.state.value, held.state.value)
        return [], [m.Reply(outcome="refused", refusal=refusal)]
    if command.role == "operator" and command.state is not TradingState.ACTIVE:
        held = Hold(state=command.state, cause=command.cause, until=command.until, by=command.by)
    event = m.TradingStateSet(
        time=now, state=command.state, cause=command.cause, until=command.until, by=command.by, hold=held
    )
    was = (controls.trading, controls.cause, controls.until, controls.by, controls.hold)
    return ([], []) if was == (event.state, event.cause, event.until, event.by, event.hold) else ([event], [])


_HANDLERS: dict[type[m.Message], Callable[[State, Any, int], Decision]] = {
    m.OpenAccount: _open_account,
    m.DefineInstrument: _define_instrument,
    m.Configure: _configure,
    m.MoveCash: _move_cash,
    m.SetTradingState: _set_trading_state,
    m.BeginEpoch: begin_epoch,
    m.AddUser: _add_user,
    m.IssueKey: _issue_key,
    m.RevokeKey: _revoke_key,
    m.ReceiveSignal: receive_signal,
    m.ReceiveAlert: receive_alert,
    m.SubmitOrder: submit_order,
    m.CancelOrder: cancel_order,
    m.ReplaceOrder: replace_order,
    m.CancelAll: cancel_all,
    m.ClosePosition: close_position,
    m.ApproveOrder: approve_order,
    m.DenyOrder: deny_order,
    m.ResolveUnknown: resolve_unknown,
    m.RefreshOrder: refresh_order,
    m.TimePassed: time_passed,
    m.QuoteSeen: _quote_seen,
    **dict.fromkeys(REPORTS, report),
}


class OrderManagementService:
    """The seeds' name for the core: a book's state, and the three functions over it."""

    def __init__(self, state: State) -> None:
        self.state = state

    def decide(self, said: m.Input, now: int) -> Decision:
        return decide(self.state, said, now)

    def evolve(self, event: m.AnyEvent) -> Changes:
        return evolve(self.state, event)

    def next_deadline(self) -> int | None:
        return next_deadline(self.state)


__all__ = ["Changes", "Decision", "OrderManagementService", "decide", "evolve", "next_deadline"]
