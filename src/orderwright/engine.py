"""The wiring of one book: its log, a driver, its exchanges, and the session that moves them on.

`orderwright run`, `Broker` and all that stands on it come through here, so a start is the same for all of them:

1. the driver restores the book from the log;
2. each simulated exchange becomes what the log says (its orders, its balances, the time it had got to); a connector
   that has `watch` is handed its open orders;
3. the driver asks every exchange about what was in flight, before anything new is sent;
4. accounts, instruments, settings and cash are told by `tell`; telling them again changes nothing.

Simulated exchanges run on virtual time, several of them in step (simulation/several.py). Real ones run on a clock; each
is asked in turn for what has come, and none is waited for. The two do not mix in one book: they have no common time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import localcontext

from orderwright.core import groups
from orderwright.core import messages as m
from orderwright.core.evolve import order_key
from orderwright.core.model import MINUTE, Instruction, Order, Signal
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.recovery import order_from
from orderwright.core.state import State
from orderwright.driver import Driver
from orderwright.errors import InputError
from orderwright.ports import Clock, Connector, Feed, Journal
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.session import Session
from orderwright.simulation.several import SeveralExchanges
from orderwright.venues.executor import VenueExecutor

Handler = Callable[[m.RaiseAlert | m.Reply], None]


class Engine:
    """One book, ready for commands.

    connectors: by the name of the exchange, all simulated or all real. markets: what the core is shown of each, for
    real ones; a simulated exchange is its own. clock: what real exchanges run by. start: microseconds, before which
    virtual time does not begin. handler: takes replies and alerts. marks: whether the market is looked at after each
    fill. Raises InputError for connectors that do not mix.
    """

    def __init__(
        self,
        book: str,
        journal: Journal,
        connectors: Mapping[str, Connector],
        *,
        markets: Mapping[str, Feed] | None = None,
        clock: Clock | None = None,
        start: int = 0,
        handler: Handler | None = None,
        marks: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.simulated = {name: one for name, one in connectors.items() if isinstance(one, SimulatedExchange)}
        if not connectors or (self.simulated and (len(self.simulated) < len(connectors) or clock is not None)):
            message = "one exchange at least, all of them simulated (on virtual time) or all real (by a clock)"
            raise InputError(message, field="exchanges", value=", ".join(connectors))
        self.clock = clock
        venues, self.venue = self._venues(connectors)
        self.driver = Driver(book, journal, venues, handler=handler)
        self._check_open_orders(connectors)
        began = max(start, self.driver.state.now)
        for name, exchange in self.simulated.items():
            self._restore(name, exchange, began)
        for name, connector in connectors.items():
            if hasattr(connector, "watch"):
                connector.watch(self._orders_on(name), name)
        self.driver.recover()
        self.session = Session(self.driver, self.venue, self.simulated or markets or {}, marks=marks, progress=progress)
        self.session.now = began
        self.look_out_for(order.instruction for order in self.state.orders.values())

    @property
    def state(self) -> State:
        """The book as it stands. To be read, never changed."""
        return self.driver.state

    @property
    def now(self) -> int:
        """Microseconds: virtual time, or the clock's; never goes back."""
        return self.session.now if self.clock is None else max(self.session.now, self.clock.now())

    def tell(self, commands: Iterable[m.Input]) -> None:
        """Accounts, instruments, settings, cash: to the book, and what of it concerns a simulated exchange to that."""
        said, state = list(commands), self.state
        owned = {key: balance.total for key, balance in state.balances.items()}
        self.session.deliver(said, self.now)
        for command in said:
            if isinstance(command, m.OpenAccount) and command.account.exchange in self.simulated:
                self.simulated[command.account.exchange].open_account(command.account)
        for (account, asset), balance in state.balances.items():
            moved = EXACT.subtract(balance.total, owned.get((account, asset), ZERO))
            exchange = self.simulated.get(state.accounts[account].exchange)
            if exchange is not None and moved:
                exchange.deposit(account, asset, moved)
        self.look_out_for(())

    def do(self, command: m.Input) -> None:
        """One command, durable when this returns, and what the exchanges answer to it at once."""
        self.session.deliver([command], self.now)
        self.session.advance(self.session.now)
        self.driver.flush()

    def submit(self, instruction: Instruction) -> None:
        """One order, durable when this returns; what the exchange says to it comes with the next `advance`."""
        if _follows(instruction):
            self.look_out_for([instruction])
        self.session.deliver([m.SubmitOrder(instruction=instruction)], self.now)

    def advance(self, until: int) -> None:
        """Take in what happens up to a time (a real exchange: what has come), and let the core see the market then."""
        self.session.advance(until)
        if self.clock is None:
            self.session.show(until)
        else:
            self.session.deliver((), until)  # an empty turn keeps the lease of the log

    def order(self, order_id: str) -> Order | None:
        """An order as it stands, from memory or the log; None where the book has none of that id."""
        found = self.state.find(order_id)
        if found is None:
            events = self.events_of(order_id)
            found = order_from(events) if events else None
        return found

    def events_of(self, order_id: str) -> list[m.AnyOrderEvent]:
        """Everything that has happened to an order, oldest first."""
        return self.driver.journal.recall_order(self.state.book, order_id)

    def find_key(self, idempotency_key: str) -> str | None:
        """The id of the order that came under a caller's own key; None where none did."""
        key = order_key(idempotency_key)
        return self.state.keys.get(key) or self.driver.journal.recall_key(self.state.book, key)

    def look_out_for(self, wanted: Iterable[Instruction | Signal]) -> None:
        """Look at the market every minute, whatever happens, where rules follow the price."""
        settings = self.state.settings
        rules = settings.limits.max_daily_loss is not None or settings.linger
        if rules or any(_follows(one) for one in wanted):
            self.session.watch = MINUTE

    def _venues(self, connectors: Mapping[str, Connector]) -> tuple[Mapping[str, Connector], Connector]:
        """What carries out requests on each exchange, and what is asked for reports."""
        if self.clock is not None:
            real = {name: VenueExecutor(connector, self.clock.now) for name, connector in connectors.items()}
            return real, _InTurn(list(real.values()))
        exchange = SeveralExchanges(self.simulated) if len(self.simulated) > 1 else next(iter(self.simulated.values()))
        venue = VenueExecutor(exchange, lambda: exchange.now)
        return dict.fromkeys(connectors, venue), venue

    def _restore(self, name: str, exchange: SimulatedExchange, time: int) -> None:
        """Let a simulated exchange become what the log says of it."""
        state = self.state
        here = {account.account for account in state.accounts.values() if account.exchange == name}
        for account in here:
            exchange.open_account(state.accounts[account])
        balances = {key: balance for key, balance in state.balances.items() if key[0] in here}
        positions = {key: position for key, position in state.positions.items() if key[0] in here}
        with localcontext(EXACT):
            left = groups.left_of_each(state)
        exchange.restore(self._orders_on(name), balances, time, positions, left)

    def _check_open_orders(self, connectors: Mapping[str, Connector]) -> None:
        """Every open order is on an exchange that is there: nothing is lost sight of."""
        state = self.state
        for order in state.orders.values():
            account = state.accounts.get(order.instruction.account)
            if account is not None and account.exchange not in connectors:
                message = f"the log has open orders on {account.exchange}: name that exchange too"
                raise InputError(message, field="exchanges", value=", ".join(connectors), nearest=account.exchange)

    def _orders_on(self, name: str) -> list[Order]:
        """The open orders of an exchange."""
        state = self.state
        return [order for order in state.orders.values() if state.accounts[order.instruction.account].exchange == name]


def _follows(said: Instruction | Signal) -> bool:
    """Whether something of it, or of its exits, follows the price or the time."""
    bracket = said.bracket
    patient = isinstance(said, Instruction) and bool(said.linger)
    return patient or said.trail is not None or (bracket is not None and bracket.trail is not None)


class _InTurn:
    """Real exchanges, asked in turn: the one that has told something, or cannot be asked, is asked last the next
    time."""

    def __init__(self, venues: Sequence[VenueExecutor]) -> None:
        self._venues = list(venues)
        self.traits = self._venues[0].traits

    def send(self, action: m.VenueAction) -> None:
        raise AssertionError(f"requests go to their exchange, not here: {action}")

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        for venue in list(self._venues):
            try:
                time, reports = venue.poll(limit)
            except BaseException:
                self._ask_last(venue)
                raise
            if reports:
                self._ask_last(venue)
                return time, reports
        return limit, ()

    def _ask_last(self, venue: VenueExecutor) -> None:
        self._venues.remove(venue)
        self._venues.append(venue)


__all__ = ["Engine", "Handler"]
