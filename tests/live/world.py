"""The live driver in virtual time: whole lives of the service, its crashes and starts, against a bad network.

    python -m tests.live.world --seed 7 --runs 100        (make simulate SEED=7 RUNS=100)

One log, three books: two on exchanges behind a network that loses, doubles and delays (network.py), one on a simulated
exchange that is rebuilt from the log at every start. Several clients trade, cancel, replace, repeat themselves and pull
the kill switch; the queue is short, commits take time, some fail, with and without having become durable. A life ends
by a crash at any callback of the event loop, so between any two awaits and before and after any commit, by a failed
commit, or in good order. A process that is taken for crashed may only be paused: what it had made durable and not sent
yet it sends later, when the next one has taken its log over. The next one starts from what was durable, and its clients
ask again what had not been answered. At the end the network is healed, everything is cancelled, and when nothing is
under way any more the laws are looked at:

- nothing was sent that was not durable before, and nothing twice;
- what a client was told was durable when it was told, and a replay up to there gives the same order;
- a replay gives the state, and `log verify` finds nothing;
- the exchange's trades are the log's fills, to the last digit; nothing that it has was called dead;
- money is what was paid in and what the exchange's own trades made of it, and nothing is left locked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct, field

from orderwright.core import messages as m
from orderwright.core.evolve import evolve
from orderwright.core.model import (
    DONE,
    SECOND,
    Account,
    Action,
    Instruction,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    RiskLimits,
    Settings,
    Signal,
    TradingState,
)
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.recovery import restore
from orderwright.core.state import State
from orderwright.engine import Engine
from orderwright.errors import CommitFailed
from orderwright.journal.reading import LogReader
from orderwright.journal.sqlite import SqliteJournal
from orderwright.journal.verify import verify
from orderwright.live.book import Answer, LiveBook, snapshot
from orderwright.live.desk import Busy, Desk
from orderwright.live.loop import LiveLoop
from orderwright.live.space import SpaceGuard
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import START, random_candles
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.venues.executor import VenueExecutor
from tests.builders import an_instrument
from tests.laws.world import ACCOUNTS
from tests.live.network import Network
from tests.live.virtual import Crash, VirtualClock, VirtualCommitter, VirtualLoop

BEGIN = START + 3_600 * SECOND
SYMBOL = "BTC/USDT"
NETWORKED, PAPER = ("main", "other"), "paper"
BOOKS = (*NETWORKED, PAPER)
CLIENTS = 2
PAPER_ACCOUNT = Account(account="sure", maker_fee=Decimal("0.001"), taker_fee=Decimal("0.001"))
CANDLES = random_candles(1, 240, default_instrument(SYMBOL), start=START)


class Broken(AssertionError):
    """A law does not hold."""


class Told(Struct):
    """An answer, and what it answers."""

    said: m.Input
    answer: Answer


class Life(Struct):
    """How one life of the service is to end: at a callback, or paused when a commit is done and before it acts on it,
    or by a commit that fails, having become durable or not (0: not like that). sayings: commands of each client."""

    crash_at: int = 0
    pause_after: int = 0
    failing: int = 0
    after: bool = False
    sayings: int = 12


class FaultyLog(SqliteJournal):
    """A log on a disk that fails once. Only its own connection can tell whether what it wrote is there."""

    failing = 0
    after = False

    def commit(self) -> None:
        self.failing -= 1
        if self.failing == 0:
            if self.after:
                super().commit()
            raise self._fail(sqlite3.OperationalError("disk I/O error"))
        super().commit()

    @property
    def holder(self) -> str:
        """The same in every process that runs this history."""
        return "a process"

    def abandon(self) -> None:
        """The process is paused: what was not committed never will be, and it still holds the lease."""
        self._lease = None
        self.close()


class World(Struct):
    """One seed's history. steps: callbacks of each life so far; trace: what was sent and answered, in order."""

    random: Random
    path: Path
    at: float = 0.0
    loop: VirtualLoop | None = None
    networks: dict[str, Network] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    pending: dict[tuple[str, int], m.Input] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    made: int = 0
    steps: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    log: FaultyLog | None = None
    desk: Desk | None = None
    committer: VirtualCommitter | None = None
    paused: list[tuple[str, m.VenueAction]] = field(default_factory=list)
    """What a process that was taken for dead still wants to send, by book."""
    free: int = 10_000

    def now(self) -> int:
        return BEGIN + round((self.loop.at if self.loop is not None else self.at) * SECOND)


def a_world(seed: int, folder: Path) -> World:
    random = Random(seed)
    world = World(random=random, path=folder / f"world-{seed}.sqlite")
    for book in NETWORKED:
        world.networks[book] = Network(Random(random.random()), world.now, _check_durable(world, book))
    return world


# The laws that are looked at while it runs


def _durable(world: World, book: str) -> int:
    """The newest row of a book that is committed."""
    assert world.log is not None
    if book not in world.log.books():
        return 0
    base = world.log.number_of(book) << 40
    sql = "SELECT max(position) FROM log WHERE position BETWEEN ? AND ?"
    found = world.log.connection.execute(sql, (base, base + (1 << 40) - 1)).fetchone()[0]
    return (found or base) - base


def _check_durable(world: World, book: str) -> Callable[[m.VenueAction], None]:
    def check(action: m.VenueAction) -> None:
        if not isinstance(action, m.SendAction):
            return
        assert world.log is not None
        world.trace.append(f"{world.now()} send {action}")
        intents = [
            event.number if isinstance(event, m.RequestSubmitted) else 0
            for event in world.log.recall_order(book, action.order_id)
            if isinstance(event, m.RequestSubmitted | m.OrderReceived) and event.sign_at == action.sign_at
        ]
        if action.number not in intents:
            world.broken.append(f"sent before it was durable: {action}")
        world.sent[action.client_id] = world.sent.get(action.client_id, 0) + 1
        if world.sent[action.client_id] > 1:
            world.broken.append(f"sent twice: {action}")

    return check


def _heard(world: World, said: m.Input, answer: Answer) -> None:
    world.trace.append(f"{world.now()} {answer.book} {answer.sequence} {answer.reply} {answer.order}")
    if _durable(world, answer.book) < answer.sequence:
        world.broken.append(f"told before it was durable: {answer}")
    world.told.append(Told(said, answer))


# What people want


def _opening(book: str) -> list[m.Input]:
    limits = RiskLimits(max_open_orders_per_symbol=30, max_order_value=Decimal(200_000))
    instrument = default_instrument(SYMBOL) if book == PAPER else an_instrument(SYMBOL, step_size=Decimal("0.001"))
    accounts = (PAPER_ACCOUNT,) if book == PAPER else ACCOUNTS
    said: list[m.Input] = [m.Configure(settings=Settings(limits=limits)), m.DefineInstrument(instrument=instrument)]
    for account in accounts:
        name = account.account
        said.append(m.OpenAccount(account=account))
        said.append(m.MoveCash(account=name, asset="USDT", amount=Decimal(1_000_000), reference=f"{name} usdt"))
        said.append(m.MoveCash(account=name, asset="BTC", amount=Decimal(100), reference=f"{name} btc"))
    return said


def _invent(world: World, book: str) -> m.Input:
    random, ids = world.random, world.ids.setdefault(book, [])
    chance = random.random()
    if chance < 0.5 or not ids:
        return _submit(world, book)
    order_id = random.choice(ids[-8:] if random.random() < 0.8 else ids)
    if chance < 0.65:
        return m.CancelOrder(order_id=order_id, cause="a client")
    if chance < 0.75:
        price = _price(world, book)
        return m.ReplaceOrder(order_id=order_id, quantity=Decimal(random.choice(("0.5", "2", "4"))), price=price)
    if chance < 0.80:
        said = [told.said for told in world.told[-30:] if told.answer.book == book]
        return random.choice(said) if said else _submit(world, book)
    if chance < 0.88:
        return _signal(world, book)
    if chance < 0.91:
        return m.CancelAll(cause="a client")
    if chance < 0.94:
        return m.RefreshOrder(order_id=order_id)
    if chance < 0.96:
        world.made += 1
        return m.ClosePosition(account="sure", symbol=SYMBOL, order_id=_new_id(world))
    state = random.choice((TradingState.ACTIVE, TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED))
    until = None if state is TradingState.ACTIVE else world.now() + 5 * SECOND
    return m.SetTradingState(state=state, cause="a client", until=until)


def _new_id(world: World) -> str:
    world.made += 1
    return f"{world.now() // 1_000:012x}{world.made:018x}"


def _price(world: World, book: str) -> Decimal:
    near = Decimal(50_000) if book == PAPER else world.networks[book].price
    return (near * (100 + world.random.randrange(-2, 3)) / 100).quantize(Decimal("0.01"))


def _submit(world: World, book: str) -> m.SubmitOrder:
    random, order_id = world.random, _new_id(world)
    world.ids.setdefault(book, []).append(order_id)
    accounts = ("sure",) if book == PAPER else tuple(account.account for account in ACCOUNTS)
    kind = random.choice((OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET))
    instruction = Instruction(
        order_id=order_id,
        account=random.choice(accounts),
        symbol=SYMBOL,
        side=random.choice((OrderSide.BUY, OrderSide.SELL)),
        type=kind,
        quantity=Decimal(random.choice(("0.5", "1", "2.5"))),
        price=_price(world, book) if kind is OrderType.LIMIT else None,
        idempotency_key=f"key {order_id}" if random.random() < 0.3 else "",
    )
    return m.SubmitOrder(instruction=instruction)


def _signal(world: World, book: str) -> m.ReceiveSignal:
    order_id = _new_id(world)
    world.ids.setdefault(book, []).append(order_id)
    signal = Signal(
        signal_id=f"signal {world.made}",
        symbol=SYMBOL,
        action=world.random.choice((Action.BUY, Action.SELL, Action.CLOSE)),
        account="sure",
        quantity=Decimal(1),
        time=world.now(),
    )
    return m.ReceiveSignal(signal=signal, order_id=order_id)


# One life of the service


async def _live(world: World, life: Life, *, last: bool) -> None:
    assert world.loop is not None
    random = world.random
    clock = VirtualClock(world.loop, BEGIN)
    log = world.log = FaultyLog(world.path, clock=clock.now, take_over=True)
    log.failing, log.after = life.failing, life.after
    desk = Desk(log, most_waiting=15)
    for book in BOOKS:
        desk.open(LiveBook(_engine(world, desk, book, clock)))
    committer = VirtualCommitter(world.loop, lambda: random.random() * 0.01, life.pause_after)
    world.desk, world.committer = desk, committer
    for one in world.paused:
        world.loop.call_later(random.random() * 8, _send_late, world, one)
    guard = SpaceGuard(lambda: world.free, 1_000)
    live = LiveLoop(desk, clock=clock, committer=committer, guard=guard, stopwatch=world.loop.time)
    running = asyncio.create_task(live.run())
    try:
        await live.started()
        clients = [_client(world, live, book, number, life.sayings) for book in BOOKS for number in range(CLIENTS)]
        await asyncio.gather(*clients, _reader(world, live))
        if last:
            await _calm_down(world, live)
        if last or random.random() < 0.5:
            live.stop(random.choice((None, 0.01, 3)))
        else:
            live.stop()
    except CommitFailed:
        if not life.failing:
            raise
    await running


def _send_late(world: World, one: tuple[str, m.VenueAction]) -> None:
    """A process that was paused goes on, once."""
    world.paused.remove(one)
    VenueExecutor(world.networks[one[0]], world.now).send(one[1])


def _engine(world: World, desk: Desk, book: str, clock: VirtualClock) -> Engine:
    journal: Any = desk.journal
    if book == PAPER:
        return Engine(book, journal, {"simulated": SimulatedExchange([CANDLES])}, start=clock.now())
    network = world.networks[book]
    return Engine(book, journal, {"simulated": network}, markets={"simulated": network}, clock=clock)


async def _client(world: World, live: LiveLoop, book: str, number: int, sayings: int) -> None:
    """Asks again what it was not answered in the life before, then says new things."""
    if number == 0:
        for said in _opening(book):
            await _say(world, live, book, said)
    else:
        await asyncio.sleep(0.3)
    unanswered = world.pending.get((book, number))
    if unanswered is not None:
        await _say(world, live, book, unanswered)
    for _ in range(sayings):
        await asyncio.sleep(world.random.expovariate(4))
        if world.random.random() < 0.02:
            world.free = world.random.choice((500, 1_100, 5_000))
        said = world.pending[book, number] = _invent(world, book)
        await _say(world, live, book, said)
        del world.pending[book, number]


async def _say(world: World, live: LiveLoop, book: str, said: m.Input) -> None:
    while True:
        try:
            return _heard(world, said, await live.ask(book, said))
        except Busy as busy:
            await asyncio.sleep(busy.retry_after / 10)


async def _reader(world: World, live: LiveLoop) -> None:
    """Looks at books and orders now and then: what it sees is durable."""
    for _ in range(12):
        await asyncio.sleep(world.random.random() / 2)
        book = world.random.choice(BOOKS)
        state = live.desk.books[book].state
        sequence = await live.read(lambda state=state: state.sequence)  # type: ignore[misc]  # bound now, not later
        if sequence and _durable(world, book) < sequence:
            world.broken.append(f"read before it was durable: {book} {sequence}")
        ids = world.ids.get(book)
        if ids:
            found = await live.order(book, world.random.choice(ids[-5:]))
            world.trace.append(f"{world.now()} read {found}")


# The end


async def _calm_down(world: World, live: LiveLoop) -> None:
    """The network is healed, everything is cancelled, and time goes by until nothing is under way."""
    world.free = 10_000
    for network in world.networks.values():
        network.faults, network.trades = 0.0, False
    looked_up = False
    for _ in range(40):
        await asyncio.sleep(20)
        quiet = all(network.is_quiet for network in world.networks.values())
        if quiet and all(not book.state.orders for book in live.desk.books.values()):
            if looked_up:
                return _check_simulated(world, live.desk.books[PAPER])
            looked_up = True
            await _look_up_what_was_replaced(world, live)
        for name, book in live.desk.books.items():
            if book.state.controls.trading is not TradingState.ACTIVE:
                await _say(world, live, name, m.SetTradingState(state=TradingState.ACTIVE, cause="calm"))
            for order in list(book.state.orders.values()):
                await _resolve(world, live, name, order, quiet=quiet)
    left = [order_id for book in live.desk.books.values() for order_id in book.state.orders]
    raise Broken(f"some orders do not end: {left}")


async def _look_up_what_was_replaced(world: World, live: LiveLoop) -> None:
    """What an order that has ended was of, nobody may have heard: what was said of its replaces may all be lost."""
    for book in NETWORKED:
        for order_id in world.networks[book].truth.orders:
            order = await live.order(book, order_id)
            if order is not None and any(request.kind == "replace" for request in order.requests):
                await _say(world, live, book, m.RefreshOrder(order_id=order_id))


def _check_simulated(world: World, book: LiveBook) -> None:
    """The simulated exchange, rebuilt from the log at each start, has what the log says."""
    kept = book.engine.simulated["simulated"].balances
    for key, balance in book.state.balances.items():
        if kept[key] != balance:
            world.broken.append(f"{key}: the simulated exchange has {kept[key]}, the log {balance}")


async def _resolve(world: World, live: LiveLoop, book: str, order: Order, *, quiet: bool) -> None:
    """Ask, cancel, and (where a request lives for ever) let an operator say what the exchange knows."""
    order_id = order.order_id
    if order.instruction.account == "open" and quiet:
        held = world.networks[book].truth.orders.get(order_id)
        for request in list(order.requests):
            if request.state == "unknown" and (held is None or request.number):
                await _say(world, live, book, m.ResolveUnknown(order_id=order_id, number=request.number, by="ann"))
    await _say(world, live, book, m.RefreshOrder(order_id=order_id))
    await _say(world, live, book, m.CancelOrder(order_id=order_id, cause="calm"))


def _check(world: World) -> None:
    """The laws, when nothing is under way any more."""
    found = verify(world.path)
    broken = world.broken + [str(problem) for problem in found.problems]
    connection = sqlite3.connect(world.path)
    log = LogReader(connection)
    try:
        with localcontext(EXACT):
            for book in BOOKS:
                broken += _check_book(world, log, book)
    finally:
        connection.close()
    if broken:
        raise Broken("\n".join(broken[:10]))


def _check_book(world: World, log: LogReader, book: str) -> list[str]:
    state, broken, orders = State(book=book), [], dict[str, Order]()
    told = sorted((one for one in world.told if one.answer.book == book), key=lambda one: one.answer.sequence)
    deposits: dict[tuple[str, str], Decimal] = {}
    for sequence, event in log.events(book):
        evolve(state, event)
        if isinstance(event, m.CashMoved):
            key = (event.account, event.asset)
            deposits[key] = deposits.get(key, ZERO) + event.amount
        if isinstance(event, m.OrderEvent):
            order = state.find(event.order_id)
            assert order is not None
            orders[event.order_id] = order
        while told and told[0].answer.sequence <= sequence:
            broken += _check_told(state, told.pop(0))
    broken += [f"not in the log: {one}" for one in told]
    restored = restore(book, log.open_state(book))
    for word in ("sequence", "balances", "positions", "orders", "accounts", "settings"):
        kept, replayed = getattr(restored, word), getattr(state, word)
        if kept != replayed:
            broken.append(f"{book}: restored {word} {kept} is not the replayed {replayed}")
    if book != PAPER:
        broken += _check_venue(world.networks[book], orders) + _check_money(world.networks[book], state, deposits)
    broken += [f"{key} has {balance.locked} locked" for key, balance in state.balances.items() if balance.locked]
    return broken


def _check_told(state: State, told: Told) -> list[str]:
    answer = told.answer
    if answer.order is None or answer.sequence != state.sequence:
        return []
    now = state.find(answer.order.order_id)
    return [] if now is not None and snapshot(now) == answer.order else [f"told {answer.order}, replayed {now}"]


def _check_venue(network: Network, orders: dict[str, Order]) -> list[str]:
    """The exchange's orders and trades are the log's."""
    strange = network.truth.orders.keys() - orders.keys()
    broken = [f"the exchange has {order_id}, and the log has not" for order_id in sorted(strange)]
    for order_id, order in orders.items():
        held = network.truth.orders.get(order_id)
        trades = held.trades if held is not None else {}
        if order.status not in DONE:
            broken.append(f"not over: {order}")
        if {name: one for name, one in order.executions.items() if one is not None} != trades:
            broken.append(f"{order_id}: the log has {order.executions}, the exchange {trades}")
        if held is not None and held.alive:
            broken.append(f"{order_id} is {order.status} here and lives at the exchange: {held}")
        accepted = held is not None and held.status is not OrderStatus.REJECTED
        if order.status in (OrderStatus.REJECTED, OrderStatus.DENIED) and accepted:
            broken.append(f"{order_id} is {order.status} here, and the exchange took it: {held}")
        if held is not None and accepted and (held.status, held.quantity) != (order.status, order.quantity):
            broken.append(f"{order_id} is {order.status} of {order.quantity} here, at the exchange it is {held}")
    return broken


def _check_money(network: Network, state: State, deposits: dict[tuple[str, str], Decimal]) -> list[str]:
    """What was paid in, and what the exchange's own trades made of it."""
    money = dict(deposits)
    for held in network.truth.orders.values():
        base, quote = (held.account, "BTC"), (held.account, "USDT")
        for trade in held.trades.values():
            sign = 1 if held.side == OrderSide.BUY else -1
            money[base] = money[base] + sign * trade.quantity
            money[quote] = money[quote] - sign * trade.quantity * trade.price - trade.fee
    found = {key: balance.total for key, balance in state.balances.items()}
    return [] if found == money else [f"{state.book}: balances are {found}, the exchange makes them {money}"]


# Whole histories


def history(seed: int, folder: Path, lives: list[Life] | None = None) -> World:
    """A whole history, its laws looked at. lives: how each but the last ends; drawn from the seed where not given.
    Raises Broken."""
    world = a_world(seed, folder)
    if lives is None:
        lives = [_a_life(world.random) for _ in range(world.random.randrange(1, 5))]
    for number, life in enumerate([*lives, Life(sayings=4)]):
        _run_life(world, life, last=number == len(lives))
    _check(world)
    return world


def _a_life(random: Random) -> Life:
    how = random.random()
    if how < 0.4:
        return Life(crash_at=random.randrange(20, 1_800))
    if how < 0.6:
        return Life(pause_after=random.randrange(4, 150))
    if how < 0.85:
        return Life(failing=random.randrange(1, 60), after=random.random() < 0.5)
    return Life()


def _run_life(world: World, life: Life, *, last: bool) -> None:
    world.log, world.desk, world.committer = None, None, None
    loop = world.loop = VirtualLoop(life.crash_at)
    loop.at = world.at + 0.05
    loop.on_crash = lambda: _crashed(world, surely_paused=bool(life.pause_after))
    try:
        loop.run(_live(world, life, last=last))
        world.ends.append("stopped")
    except Crash:
        pass
    except CommitFailed:
        world.ends.append("the commit failed")
    finally:
        world.steps.append(loop.steps)
        world.at = loop.at
        for network in world.networks.values():
            network.cut()
        _close(world)
        asyncio.set_event_loop(None)
    if loop.errors and not life.crash_at and not life.failing and not life.pause_after:
        raise Broken(f"an error that nobody took: {loop.errors[0]}")


def _close(world: World) -> None:
    if world.log is not None:
        world.log.close()


def _crashed(world: World, *, surely_paused: bool) -> None:
    """What looks like a crash may be a process that goes on later: it cannot write any more, but it can send."""
    world.paused = []
    if world.log is None or world.desk is None or world.committer is None:
        world.ends.append("crashed at the start")
    elif world.random.random() < 0.6 and not surely_paused:
        world.ends.append("crashed")
    else:
        if world.committer.is_unheard:
            for name in NETWORKED:
                due = world.desk.books[name]._committing
                world.paused += [(name, one) for one in due if isinstance(one, m.SendAction)]
        world.ends.append(f"paused with {len(world.paused)} requests" if world.paused else "paused")
        world.log.abandon()


def digest(world: World) -> str:
    """What has happened, every byte of it: the log, what was sent, what was told."""
    connection = sqlite3.connect(world.path)
    with contextlib.closing(connection):
        rows = connection.execute("SELECT position, time, kind, body, digest FROM log ORDER BY position").fetchall()
    return hashlib.sha256(repr((rows, world.trace, world.steps, world.ends)).encode()).hexdigest()


def run_seed(seed: int, lives: list[Life] | None = None) -> World:
    """One history in a folder of its own. Raises Broken with what it takes to run it again."""
    with tempfile.TemporaryDirectory(prefix="orderwright-simulate-") as folder:
        try:
            world = history(seed, Path(folder), lives)
            world.trace = [digest(world)]
            return world
        except Exception as error:
            raise Broken(f"seed {seed}, lives {lives if lives is not None else 'drawn'}: {error}"[:4_000]) from error


def crash_everywhere(seed: int, *, stride: int = 1, sayings: int = 2) -> Iterator[int]:
    """One short life, cut at each of its callbacks in turn (every `stride`-th), and the one after it: which one was."""
    whole = run_seed(seed, [Life(sayings=sayings)]).steps[0]
    for crash_at in range(1, whole + 1, stride):
        run_seed(seed, [Life(crash_at=crash_at, sayings=sayings)])
        yield crash_at


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description="The live driver, in virtual time, by seed.")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--runs", type=int, default=20, help="how many seeds")
    parser.add_argument("--every", type=int, default=0, help="cut one life of the seed at every n-th callback instead")
    asked = parser.parse_args(arguments)
    say = sys.stdout.write
    if asked.every:
        cuts = sum(1 for _ in crash_everywhere(asked.seed, stride=asked.every))
        say(f"seed {asked.seed}: cut at {cuts} callbacks, every law holds\n")
        return 0
    for seed in range(asked.seed, asked.seed + asked.runs):
        world = run_seed(seed)
        say(f"seed {seed}: {len(world.told)} answers, {len(world.sent)} requests, {', '.join(world.ends)}: ")
        say(f"{world.trace[0]}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
