"""The Exchange: one step of trading after another, for agents, by user, exchange and episode.

    exchange = Exchange(seed=7)
    for _ in range(1_000):
        result = exchange.step(Trade("BTC", "USDT", "buy", "0.001"))   # or step(None), to wait
        if result.done:
            exchange.reset()

- A step is size_order, execute_trade, update: the trade gets its quantity, is submitted, and the market goes on by one
  step. What the step shows is what may be known then, never what lies ahead.
- An episode is a book of its own in one log, and starts where the market starts, with a new account. Time does not go
  back in a book, so an episode is played once. In a log that keeps less than everything (the default one) the books of
  earlier episodes are dropped.
- One seed and the same trades give the same history, to the byte of every event in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orderwright.broker import Broker, Fill
from orderwright.core.collar import collared
from orderwright.core.model import Balance, Instruction, Instrument, OrderSide, Quote
from orderwright.core.numbers import EXACT, ONE, ZERO, floor_to, parse_decimal
from orderwright.core.reasons import Refusal
from orderwright.core.risk import equity, free_of
from orderwright.core.sizing import size as sized_by_core
from orderwright.errors import InputError
from orderwright.executors import Trade
from orderwright.journal.memory import MemoryJournal

if TYPE_CHECKING:
    from orderwright.core.model import Account

KEEP = 1_000


class StepResult(Struct, frozen=True, kw_only=True):
    """What a step has shown. time: microseconds. trade: the step's own, as it stood when it was submitted; None where
    there was none. fills: all that have come since the step before. balances: of the agent's account, by asset. equity:
    in the book's currency, without the `unpriced` assets. done: the market is over."""

    time: int
    trade: Trade | None
    fills: tuple[Fill, ...]
    balances: Mapping[str, Balance]
    equity: Decimal
    unpriced: tuple[str, ...] = ()
    done: bool = False


class Exchange:
    """The step function. user, exchange, episode: whose trades, where, and which history. size: the share of what is
    free that a trade without a quantity takes. step_ms: how far the market goes in a step; None for one candle. keep:
    how many finished orders the default log remembers. options: for `Broker`, where none is given. Raises InputError.
    """

    def __init__(
        self,
        user: str = "agent",
        exchange: str | None = None,
        episode: str | int = "",
        *,
        broker: Broker | None = None,
        seed: int = 0,
        feeds: Any = None,
        size: Any = 1,
        step_ms: int | None = None,
        keep: int = KEEP,
        **options: Any,
    ) -> None:
        self.user, self.episode, self.size, self.step_ms = user, str(episode), _share(size), step_ms
        if broker is None:
            log = options.pop("log", None)
            journal = MemoryJournal(keep) if log is None else log
            book = options.pop("book", None) or _book(user, self.episode)
            if exchange is not None and "exchanges" not in options:
                options["exchange"] = exchange
            self.broker = Broker(log=journal, book=book, seed=seed, feeds=feeds, **options)
        else:
            _check_no_options(options, feeds)
            self.broker = broker
            if self.episode:
                broker.open_book(_book(user, self.episode))
        self.exchange = exchange or self.broker.exchanges[0]
        self._enter()

    def _enter(self) -> None:
        """Open the agent's account, if it is not there yet."""
        self._account = self.broker.open_account(self.user, self.exchange)

    # A step

    def step(self, trade: Trade | None = None, *, size: Any = None) -> StepResult:
        """Let an agent act once and the market go on by a step. The trade itself is left as it is, so that one can be
        given again; the result has the one that was submitted. None only waits. Raises InputError as `submit` does."""
        submitted = None
        if trade is not None:
            order = self.size_order(trade, size)
            submitted = self.execute_trade(order)
        return self._result(submitted, self.update())

    def size_order(self, trade: Trade, size: Any = None) -> Trade:
        """A copy of the trade with a quantity: its own, left alone; else the share `size` of what is free, less fees
        (a buy) or of what is held (a sell), in whole steps."""
        order = _copy(trade)
        if order.quantity is not None or order.quote_quantity is not None:
            return order
        share = self.size if size is None else _share(size)
        found = self._market(order)
        if found is not None:
            with localcontext(EXACT):
                order.quantity = self._quantity(order, share, *found)
        return order

    def execute_trade(self, order: Trade) -> Trade:
        """Submit it to the broker, as the agent's own unless it says otherwise."""
        order.user_id, order.episode = order.user_id or self.user, order.episode or self.episode
        if not order.account:
            order.exchange = order.exchange or self.exchange
        return self.broker.submit(order)

    def update(self) -> list[Fill]:
        """Let the market go on by a step, and bring up to date what depends on it; the new fills."""
        return self.update_trades()

    def update_trades(self) -> list[Fill]:
        """Bring the state of all trades up to date; the new fills."""
        return self.broker.update(self.step_ms)

    def reset(self, episode: str | int | None = None) -> StepResult:
        """Begin an episode at the market's start, with a new account; None: the next number that is free. Raises
        InputError for an episode that was played before."""
        name = self._next_episode() if episode is None else str(episode)
        book = _book(self.user, name)
        journal, before = self.broker.journal, self.broker.book
        if book == before or journal.open_state(book).sequence:
            message = f"the episode {name!r} was played: time does not go back in a book"
            raise InputError(message, field="episode", value=name, nearest=self._next_episode())
        self.broker.open_book(book)
        if isinstance(journal, MemoryJournal) and not journal.whole:
            journal.forget(before)
        self.episode = name
        self._enter()
        return self._result(None, [])

    # Behind it

    def _next_episode(self) -> str:
        number = int(self.episode) + 1 if self.episode.isascii() and self.episode.isdigit() else 1
        while self.broker.journal.open_state(_book(self.user, str(number))).sequence:
            number += 1
        return str(number)

    def _market(self, order: Trade) -> tuple[Account, Instrument, Quote | None] | None:
        """Where the trade goes; None where it goes nowhere, which is for `submit` to say."""
        state = self.broker.state
        account = state.accounts.get(order.account or self._account)
        if account is None:
            return None
        instrument = state.instruments.get((account.exchange, order.symbol))
        if instrument is None:
            return None
        return account, instrument, self._quote(account.exchange, order.symbol)

    def _quote(self, exchange: str, symbol: str) -> Quote | None:
        """The market as the book will see it when the trade is submitted."""
        return self.broker.state.quote(exchange, symbol, self.broker.now)

    def _quantity(
        self, order: Trade, share: Decimal, account: Account, instrument: Instrument, quote: Quote | None
    ) -> Decimal:
        state = self.broker.state
        if order.side is OrderSide.SELL and not instrument.linear:
            return floor_to(max(free_of(state, account, instrument.base), ZERO) * share, instrument.step_size)
        money = max(free_of(state, account, instrument.quote), ZERO) * share
        asked = Instruction(
            order_id="",
            account=account.account,
            symbol=order.symbol,
            side=order.side,
            type=order.order_type,
            quote_quantity=money,
            price=order.price,
            stop_price=order.stop_price,
        )
        asked = collared(state.settings, asked, instrument, quote)  # so much may it cost, and so much is locked for it
        sized = sized_by_core(asked, instrument, account, quote)
        return ZERO if isinstance(sized, Refusal) else sized.quantity

    def _result(self, trade: Trade | None, fills: list[Fill]) -> StepResult:
        broker = self.broker
        state, now, account = broker.state, broker.now, self._account
        with localcontext(EXACT):
            worth, unpriced = equity(state, now)
        return StepResult(
            time=now,
            trade=trade,
            fills=tuple(fills),
            balances={
                asset: Balance(balance.total or ZERO, balance.locked or ZERO)
                for (name, asset), balance in state.balances.items()
                if name == account
            },
            equity=worth,
            unpriced=unpriced,
            done=broker.done,
        )


def _book(user: str, episode: str) -> str:
    """The book of a user's episode. A slash in the user's name is quoted: no two owners share a book."""
    owner = user.replace("%", "%25").replace("/", "%2F")
    return f"{owner}/{episode}" if episode else owner


_FIELDS = tuple(name for kind in Trade.__mro__ for name in getattr(kind, "__slots__", ()))


def _copy(trade: Trade) -> Trade:
    """The same trade once more; what it was made of has been checked."""
    made = Trade.__new__(Trade)
    for name in _FIELDS:
        setattr(made, name, getattr(trade, name))
    return made


def _share(size: Any) -> Decimal:
    share = parse_decimal(size, "size")
    if not ZERO < share <= ONE:
        message = f"{size} is not a share above 0 and up to 1"
        raise InputError(message, field="size", value=size, nearest=1 if share > ONE else None)
    return share


def _check_no_options(options: Mapping[str, object], feeds: object) -> None:
    """What a broker is made with cannot be said once there is one."""
    for field in (*options, *(("feeds",) if feeds is not None else ())):
        message = "belongs to the broker, and one is given: leave one of the two out"
        raise InputError(message, field=field, value=field)
