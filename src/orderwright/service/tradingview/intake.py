"""The way of one alert: from bytes to an answer, with everything on disk before it is given.

    fields ─► allowed? ─► for whom? ─► what? ─► too old? ─► one turn of the book: the alert, its verdict, its signals

Whatever comes of it, the alert is stored (secrets taken out) with what became of it, its signals and their orders in
one commit, and only then is it answered, with what is stored. What cannot be stored (the service is stopping, too much
waits) is a 5xx, and TradingView sends it again. What belongs to no book is stored in `system`: of senders who prove
nothing only so many a minute, since anybody can be one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct, structs

from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import SECOND, Action, Alert, Order, OrderSide, Signal
from orderwright.core.numbers import text
from orderwright.core.state import State
from orderwright.errors import InputError
from orderwright.live.book import snapshot
from orderwright.live.loop import LiveLoop
from orderwright.ports import Clock
from orderwright.service.parts import Problem
from orderwright.service.tradingview.body import Body, Pairs, is_pairs
from orderwright.service.tradingview.guard import Denied, Guard, Seen
from orderwright.service.tradingview.reading import Reading, read
from orderwright.service.tradingview.signals import signals_of
from orderwright.service.tradingview.strategies import Strategy, check_named, notes_on, strategy_of
from orderwright.service.tradingview.words import field_of

SYSTEM = "system"
STRANGERS_A_MINUTE = 60
"""How many alerts of senders who prove nothing are stored; above it they are answered 429 and forgotten."""
_MOST_SHOWN, _MOST_NAMED = 200, 100

_SIDES = {Action.BUY: OrderSide.BUY, Action.SELL: OrderSide.SELL}


class AlertOrder(Struct, frozen=True, kw_only=True):
    """An order that came of an alert, as it stood when that was decided. reason: why it was denied."""

    order_id: str
    account: str
    symbol: str
    side: str
    quantity: str
    status: str
    reason: str | None = None


class AlertAnswer(Struct, frozen=True, kw_only=True):
    """What became of an alert, as it is stored. alert: the id under which it is. verdict: accepted (what it wants is
    under way), denied (its order was, by our own checks), nothing (there was nothing to do) or duplicate. order_id: of
    its order, or of the first delivery's where it is a duplicate (duplicate_of: that alert). reason, detail: why there
    is no order, or a denied one. notes: what the alert said that was not used, or not as it says. replay_of: the alert
    that was played again."""

    alert: str
    book: str
    verdict: str
    duplicate: bool
    order_id: str | None = None
    orders: tuple[AlertOrder, ...] = ()
    duplicate_of: str | None = None
    reason: str | None = None
    detail: str | None = None
    notes: tuple[str, ...] = ()
    replay_of: str | None = None


class Rules(Struct, frozen=True, kw_only=True):
    """max_age_s: an older alert is refused, by its own time; None for any age. dedupe_window_s: within it a body
    without an id that came before is a duplicate. shorts: by account, whether it may be short."""

    max_age_s: int | None = 300
    dedupe_window_s: int = 60
    shorts: Mapping[str, bool] = {}


class Intake:
    """home: fills in the book and the accounts of a strategy that names none. measured: a signal with the volatility of
    its market (exchange, time), where its size needs one that it does not say."""

    def __init__(
        self,
        loop: LiveLoop,
        clock: Clock,
        guard: Guard,
        strategies: Mapping[str, Strategy],
        rules: Rules,
        home: Callable[[Strategy], Strategy],
        measured: Callable[[Signal, str, int], Signal] = lambda signal, *_: signal,
    ) -> None:
        self.loop, self.clock, self.guard, self.strategies, self.rules = loop, clock, guard, strategies, rules
        self._home, self._measured = home, measured
        self._strangers: tuple[int, int] = (0, 0)

    async def receive(self, raw: bytes, seen: Seen) -> AlertAnswer:
        """One delivery. Raises Problem where the alert is refused (it is stored), Busy or Stopping where it was not
        taken."""
        body = Body(raw)
        try:
            token = self.guard.check(structs.replace(seen, secrets=body.secrets))
        except Denied as denied:
            raise await self._strange(body, seen, denied) from None
        strategy = self.strategies[token] if token is not None else None
        return await self._take(body, seen.address, strategy)

    async def replay(self, alert: Alert, book: str, key: str = "") -> AlertAnswer:
        """Play a stored alert again by hand: as a new one, of any age, in the book that it is in. key: the same one
        plays it once; without, it is played once within the window in which a text is a duplicate. Raises Problem (409
        where its strategy trades in another book by now, which may be somebody else's), InputError."""
        body = Body(alert.body.encode())
        known = self.strategies.get(alert.strategy)
        strategy = self._home(known or Strategy(name=alert.strategy, user=alert.user, book=book))
        if strategy.book != book:
            detail = f"the strategy {alert.strategy} trades in another book by now: send the alert anew"
            raise Problem(409, "strategy_moved", detail, field="alert", value=alert.alert)
        return await self._take(body, "", strategy, replay_of=alert.alert, key=key)

    # The way of an alert whose sender is known

    async def _take(
        self, body: Body, sender: str, strategy: Strategy | None, *, replay_of: str = "", key: str = ""
    ) -> AlertAnswer:
        now = self.clock.now()
        alert = _alert(body, now, sender, replay_of)
        reading = None
        if strategy is not None:
            alert = structs.replace(alert, strategy=strategy.name, user=strategy.user)
        try:
            if body.pairs is None:
                raise body.problem or InputError("cannot be read", field="body")
            symbol = strategy.symbol if strategy is not None else ""
            reading = read(body.pairs, now=now, has_exchange_keys=body.has_exchange_keys, symbol=symbol)
            alert = _described(alert, reading)
            if strategy is not None and not replay_of:
                check_named(self.strategies, strategy, reading.strategy)
            strategy = self._home(strategy or strategy_of(self.strategies, reading.strategy))
            alert = structs.replace(alert, strategy=strategy.name, user=strategy.user)
            state = self._state(strategy.book)
            signals, more = signals_of(reading, strategy, state, alert.alert, shorts=self.rules.shorts)
            signals = [self._measured(one, state.accounts[one.account].exchange, now) for one in signals]
            named = notes_on(self.strategies, strategy, reading.strategy)
            alert = structs.replace(alert, notes=(*reading.notes, *named, *more))
        except InputError as error:
            if reading is None and body.pairs is not None:
                alert = _glimpsed(alert, body.pairs)
            raise await self._refuse(alert, strategy, error) from None
        return await self._put(alert, strategy, reading, signals, now, key=key)

    async def _put(
        self, alert: Alert, strategy: Strategy, reading: Reading, signals: list[Signal], now: int, *, key: str
    ) -> AlertAnswer:
        """One turn: the alert's signals, and what became of it."""
        again = bool(alert.replay_of)
        if again:
            signals = [structs.replace(signal, alert_id="", time=now) for signal in signals]
        stale = None if again else self._age(reading, now)
        ordered = tuple((signal, order_id_of(now, strategy.book, alert.alert, signal.account)) for signal in signals)
        known, windowed = signals[0].key, not (key if again else reading.alert_id)
        if again:
            known = f"replay|{alert.replay_of}|{key}"
        elif windowed:
            known = f"{strategy.name}|{alert.digest}"
        command = m.ReceiveAlert(
            alert=alert,
            key=known,
            window_us=self.rules.dedupe_window_s * SECOND if windowed else None,
            signals=ordered,
            refused=("stale", stale.message) if stale is not None else None,
            meant=_SIDES.get(reading.action) if reading.target_position is not None else None,
        )
        answer = await self.loop.ask(strategy.book, command)
        row = answer.reply.alert if answer.reply is not None else None
        if row is None:
            raise _problem(alert, stale or InputError("was refused"), "stale")
        if row.verdict == "duplicate":
            return _answer(answer.book, row)
        found = [answer.order] if answer.order is not None else []
        if len(ordered) > 1:
            found = await self.loop.read(lambda: self._orders(strategy.book, ordered))
        return _answer(answer.book, row, tuple(order for order in found if order.instruction.signal_id == alert.alert))

    def _age(self, reading: Reading, now: int) -> InputError | None:
        """What is wrong with its time: too old, or of the future."""
        most = self.rules.max_age_s if reading.max_age_s is None else reading.max_age_s
        if self.rules.max_age_s is not None and most is not None:
            most = min(most, self.rules.max_age_s)
        if most is None or reading.time is None:
            return None
        age = Decimal(now - reading.time) / SECOND
        if age - reading.bar_us // SECOND > most:
            rule = f"the alert is {text(age.quantize(Decimal(1)))} s old, and {most} s is the most"
            return InputError(f"{rule} (send {{{{timenow}}}} as its timestamp)", field="timestamp")
        if -age > most:
            return InputError("the alert is of the future: one of the clocks is wrong", field="timestamp")
        return None

    # Answers

    def _orders(self, book: str, ordered: tuple[tuple[Signal, str], ...]) -> list[Order]:
        """The orders that have come of an alert's signals."""
        state = self._state(book)
        return [snapshot(order) for _, order_id in ordered if (order := state.find(order_id)) is not None]

    async def _refuse(self, alert: Alert, strategy: Strategy | None, error: InputError) -> Problem:
        """Store what is wrong with it; the problem to answer with. What names no book is the default one's."""
        try:
            book = self._home(strategy or Strategy(name="")).book
        except InputError:
            book = SYSTEM
        await self._store(alert, book, "invalid", error)
        return _problem(alert, error, "invalid")

    async def _strange(self, body: Body, seen: Seen, denied: Denied) -> Problem:
        """An alert of somebody who proves nothing: kept in `system`, so many a minute."""
        now = self.clock.now()
        minute, stored = self._strangers
        if minute != now // (60 * SECOND):
            minute, stored = now // (60 * SECOND), 0
        self._strangers = (minute, stored + 1)
        if stored >= STRANGERS_A_MINUTE:
            return Problem(
                429, "too_many", "too many alerts that prove nothing; none is stored", headers={"Retry-After": "60"}
            )
        alert = _alert(body, now, seen.address, "")
        if body.pairs is not None:
            alert = _glimpsed(alert, body.pairs)
        alert = structs.replace(alert, body=alert.body[: 4 * _MOST_SHOWN])
        await self._store(alert, SYSTEM, denied.code, InputError(str(denied)))
        extra = {"alert": alert.alert}
        return Problem(denied.status, denied.code, str(denied), extra=extra)

    async def _store(self, alert: Alert, book: str, code: str, error: InputError) -> None:
        detail = str(error)[:_MOST_SHOWN]
        await self.loop.ask(book, m.ReceiveAlert(alert=alert, refused=(code, detail)))

    def _state(self, book: str) -> State:
        return self.loop.desk.books[book].state


def _alert(body: Body, now: int, sender: str, replay_of: str) -> Alert:
    alert = f"{now // 1_000:012x}{secrets.token_hex(9)}"
    return Alert(alert=alert, body=body.text, digest=body.digest, sender=sender, replay_of=replay_of)


def _described(alert: Alert, reading: Reading) -> Alert:
    action = reading.said or reading.action.value
    return structs.replace(alert, ticker=reading.symbol, action=action, alert_id=reading.alert_id, notes=reading.notes)


def _glimpsed(alert: Alert, found: Pairs) -> Alert:
    """What an alert that cannot be read says of itself, so that it is found again by it."""
    said: dict[str, str] = {}
    order = next((value for name, value in found if name.lower() == "order" and is_pairs(value)), ())
    for name, value in (*found, *order):  # type: ignore[misc]
        field = field_of(name)
        if field is not None and isinstance(value, str) and value.strip():
            said.setdefault(field, str(value).strip()[:_MOST_NAMED])
    return structs.replace(
        alert,
        strategy=alert.strategy or said.get("strategy", ""),
        ticker=said.get("ticker", "").rpartition(":")[2],
        action=said.get("action", "").lower(),
        alert_id=said.get("alert_id") or said.get("timestamp", ""),
    )


def _answer(book: str, row: m.AlertReceived, orders: tuple[Order, ...] = ()) -> AlertAnswer:
    """The answer that a stored alert comes to."""
    return AlertAnswer(
        alert=row.alert.alert,
        book=book,
        verdict=row.verdict,
        duplicate=row.verdict == "duplicate",
        order_id=row.order_id or None,
        orders=tuple(_order(order) for order in orders),
        duplicate_of=row.duplicate_of or None,
        reason=row.reason or None,
        detail=row.detail or None,
        notes=row.alert.notes,
        replay_of=row.alert.replay_of or None,
    )


def _order(order: Order) -> AlertOrder:
    instruction = order.instruction
    return AlertOrder(
        order_id=order.order_id,
        account=instruction.account,
        symbol=instruction.symbol,
        side=instruction.side.value,
        quantity=text(order.quantity),
        status=order.status.value,
        reason=order.reason or None,
    )


def _problem(alert: Alert, error: InputError, code: str) -> Problem:
    """The answer to an alert that was stored and refused."""
    value = None if error.value is None else str(error.value)[:_MOST_SHOWN]
    return Problem(
        422,
        code,
        error.message,
        field=error.field,
        value=value,
        nearest=error.nearest,
        extra={"alert": alert.alert},
    )


__all__ = ["AlertAnswer", "AlertOrder", "Intake", "Rules"]
