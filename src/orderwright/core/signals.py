"""Signals and closing: what a trader's alert becomes.

A buy, sell or target signal becomes one order. `close` cancels the symbol's orders first and closes what is held
once no order of the symbol can still change it: the closing order waits, PENDING, for the cancels, and under HALTED for
its end; what is held is not stripped of its exits then, so a close is refused. A second delivery
of a signal (same `Signal.key`) becomes nothing, however much later it comes.
"""

from __future__ import annotations

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.changing import cancel_all
from orderwright.core.evolve import signal_key
from orderwright.core.lingering import reversed_by
from orderwright.core.model import RECANCEL, Action, Instruction, OrderSide, Signal, TradingState
from orderwright.core.numbers import ONE, ZERO
from orderwright.core.placing import UNPRICED, Decision, closable_of, fresh, market_of, received, submit
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import Sized, closing_order, from_signal, size
from orderwright.core.stakes import Market, plan, standing_of
from orderwright.core.state import State


def receive_signal(state: State, command: m.ReceiveSignal, now: int) -> Decision:
    """A signal becomes one order, or a refusal; the same signal again becomes nothing.

    Where a log was cut between a signal and its order, the verdict is in it already and only the order is made.
    """
    key = signal_key(command.signal.key)
    if key not in state.keys:
        return _take(state, command, key, now)
    order_id = state.keys[key]
    if not order_id or state.find(order_id) is not None:
        return [], [m.Reply(outcome="duplicate", order_id=order_id, refusal=_duplicate(command.signal))]
    (_, *events), actions = _take(state, command, key, now)
    return events, actions


def _take(state: State, command: m.ReceiveSignal, key: str, now: int) -> Decision:
    """The verdict, first, and what follows from it."""
    signal = command.signal
    found = market_of(state, signal.account, signal.symbol)
    if isinstance(found, Refusal):
        return _refuse_signal(signal, key, found, now)
    account, instrument, quote = found
    stake = None
    if signal.terms is not None:
        planned = plan(Market(state, account, instrument, fresh(state, quote, now), now), signal, signal.terms)
        if isinstance(planned, Refusal):
            return _turned_against(state, signal, key, planned, None, now)
        signal, stake = planned
    if signal.action is Action.CLOSE:
        events, actions = close_position(state, _as_close(command), now)
        if not events:
            reply = next(action for action in actions if isinstance(action, m.Reply))
            if reply.refusal is not None:
                return _refuse_signal(command.signal, key, reply.refusal, now)
            closing = _accept(command, key, events, stake, now)
            return [structs.replace(closing, order_id=reply.order_id, detail="closing already")], actions
        return [_accept(command, key, events, stake, now), *events], actions
    instruction = from_signal(
        signal,
        command.order_id,
        standing_of(state, signal.account, signal.symbol) if signal.action is Action.TARGET else ZERO,
        closable_of(state, signal.account, signal.symbol),
        instrument.step_size,
        instrument.linear,
    )
    side = instruction.side if isinstance(instruction, Instruction) else None
    if isinstance(instruction, Refusal):
        return _turned_against(state, command.signal, key, instruction, side, now)
    cancels, sent = reversed_by(state, signal, side, now)
    events, actions = submit(state, instruction, now)
    return [_accept(command, key, events, stake, now), *cancels, *events], [*sent, *actions]


def _turned_against(
    state: State, signal: Signal, key: str, refusal: Refusal, side: OrderSide | None, now: int
) -> Decision:
    """A refused signal has turned all the same: what rules say of that is done."""
    events, actions = _refuse_signal(signal, key, refusal, now)
    cancels, sent = reversed_by(state, signal, side, now)
    return [*events, *cancels], [*actions, *sent]


def _accept(
    command: m.ReceiveSignal, key: str, events: list[m.AnyEvent], stake: m.Stake | None, now: int
) -> m.SignalReceived:
    """The verdict, with the id of the signal's own order; a close that only cancels has none."""
    own = any(isinstance(event, m.OrderReceived) for event in events)
    order_id = command.order_id if own else ""
    return m.SignalReceived(
        time=now, signal=command.signal, key=key, verdict="accepted", order_id=order_id, stake=stake
    )


def _as_close(command: m.ReceiveSignal) -> m.ClosePosition:
    signal = command.signal
    return m.ClosePosition(
        account=signal.account,
        symbol=signal.symbol,
        order_id=command.order_id,
        strategy=signal.strategy,
        signal_id=signal.signal_id,
        user=signal.user,
        source=signal.source,
    )


def _duplicate(signal: Signal) -> Refusal:
    return Refusal(Reason.DUPLICATE_SIGNAL, "this alert was received before", "alert_id", signal.alert_id)


def _refuse_signal(signal: Signal, key: str, refusal: Refusal, now: int) -> Decision:
    event = m.SignalReceived(
        time=now, signal=signal, key=key, verdict="refused", reason=refusal.reason, detail=str(refusal)
    )
    return [event], [m.Reply(outcome="refused", refusal=refusal)]


def close_position(state: State, command: m.ClosePosition, now: int) -> Decision:
    """Cancel the symbol's orders; close what is held, once no order of the symbol can still change it."""
    found = market_of(state, command.account, command.symbol)
    if isinstance(found, Refusal):
        return [], [m.Reply(outcome="refused", refusal=found)]
    account, instrument, quote = found
    closer = state.closing.get((command.account, command.symbol), command.order_id)
    if state.find(closer) is not None:
        return [], [m.Reply(outcome="duplicate", order_id=closer)]
    exposure = state.exposures.get((command.account, command.symbol))
    position = state.positions.get((command.account, command.symbol))
    held = position.size if position is not None else ZERO
    if held and state.controls.trading is TradingState.HALTED:  # its exits would go, and it would stay
        cause = f": {state.controls.cause}" if state.controls.cause else ""
        refusal = Refusal(Reason.HALTED, f"trading is halted{cause}", "trading_state", "halted")
        return [], [m.Reply(outcome="refused", refusal=refusal)]
    everything = m.CancelAll(account=command.account, symbol=command.symbol, cause="close")
    events, actions = cancel_all(state, everything, now)
    working = exposure is not None and exposure.orders > 0
    if not working and abs(held) < instrument.step_size:
        if events:
            return events, actions
        refusal = Refusal(Reason.NOTHING_TO_CLOSE, "no position and no orders", "symbol", command.symbol)
        return [], [m.Reply(outcome="refused", refusal=refusal)]
    if not held:  # what the working orders may still bring is what will have to be closed
        held = ONE if exposure is not None and exposure.buy >= exposure.sell else -ONE
    order = closing_order(
        command.account,
        command.symbol,
        command.order_id,
        held,
        instrument.step_size,
        strategy=command.strategy,
        signal_id=command.signal_id,
        user=command.user,
        episode=command.episode,
        source=command.source,
    )
    if not working:
        placed, sent = submit(state, order, now)
        return events + placed, actions + sent
    sized = size(order, instrument, account, fresh(state, quote, now))
    sized = sized if isinstance(sized, Sized) else UNPRICED
    waiting = received(state, order, account, sized, fresh(state, quote, now), "cancels", now + RECANCEL, now)
    return [*events, waiting], actions
