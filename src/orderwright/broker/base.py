"""What a broker is made with, and what it stands on: its log, its exchanges, its book, from opening to closing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from msgspec import structs

from orderwright.broker.arguments import check_real, deposits_of, price_of, settings_of
from orderwright.broker.checks import Checks
from orderwright.broker.executor import BrokerExecutor, GetsStatus
from orderwright.broker.mirroring import EVERY_MS, BrokersMirror
from orderwright.broker.opened import OpenedBook, Terms
from orderwright.broker.places import RANDOM_SYMBOLS, journal_of, markets_of
from orderwright.broker.query import FindParams
from orderwright.broker.shown import shown_by
from orderwright.broker.times import TimeSettings
from orderwright.config import not_negative, one_of, rate_of
from orderwright.core import messages as m
from orderwright.core.model import Instrument, Quote, Settings
from orderwright.errors import InputError, LogError
from orderwright.executors.executor import Executor
from orderwright.live.clock import SystemClock
from orderwright.simulation.models import Models

if TYPE_CHECKING:
    from orderwright.analytics.running import RunningExecution
    from orderwright.broker.places import AnyFeed, Market
    from orderwright.core.state import State
    from orderwright.engine import Engine
    from orderwright.mirror import Refreshed
    from orderwright.ports import Clock, Connector, Feed, Journal

SIMULATED = "simulated"
FEE_IN = ("quote", "received")
PAPER = {"USDT": 10_000}


class OpenBroker:
    """One book of orders and the exchanges it trades on.

    executor: a seed's `Executor`, a `Connector`, or None for simulated exchanges. log: None (memory), a path, a URL
    (`sqlite:///orders.sqlite`) or a `Journal`. exchange: the name of the one exchange; `exchanges` names several, each
    with its feeds. feeds: the Candles, Quotes and Trades that a simulated exchange replays, one a symbol; None: a
    random market of `symbols`, by `seed`. models: its spread, slippage, latency and fees (docs/simulation.md).
    deposits: what a new account has; fees are fractions of value (0.001 is 10 bps), slippage_bps is allowed for in
    estimates. settings: limits and the rest, a `Settings` or a JSON file; None keeps what the log has. instruments,
    prices, clock: for real exchanges; without instruments any symbol is taken. mirror: the path of a DuckDB file or a
    Parquet folder, in which a copy of the log is kept for analytics; `update` refreshes it, at most every
    mirror_every_ms of the broker's time. url, key: of a running service instead of all this (remote.py). Raises
    InputError, LogError.
    """

    def __init__(
        self,
        executor: Any = None,
        log: Journal | str | Path | None = None,
        *,
        book: str = "main",
        exchange: str = SIMULATED,
        exchanges: Mapping[str, Iterable[AnyFeed] | AnyFeed | None] | None = None,
        feeds: Iterable[AnyFeed] | AnyFeed | None = None,
        symbols: Sequence[str] = RANDOM_SYMBOLS,
        seed: int = 0,
        models: Models | None = None,
        deposits: Mapping[str, Any] | None = None,
        maker_fee: Any = "0.001",
        taker_fee: Any = "0.001",
        fee_in: str = "quote",
        slippage_bps: Any = 0,
        settings: Settings | str | Path | None = None,
        instruments: Iterable[Instrument] = (),
        prices: Feed | None = None,
        clock: Clock | None = None,
        mirror: str | Path | None = None,
        mirror_every_ms: int = EVERY_MS,
        url: str | None = None,
        key: str | None = None,
    ) -> None:
        if key is not None or url is not None:
            raise InputError("is for a broker over a service: it goes with a url", field="key")
        self._terms = Terms(
            deposits=deposits_of(PAPER if deposits is None else deposits),
            maker_fee=rate_of(str(maker_fee), "maker_fee"),
            taker_fee=rate_of(str(taker_fee), "taker_fee"),
            fee_in=one_of(FEE_IN, fee_in, "fee_in"),
            slippage_bps=not_negative(str(slippage_bps), "slippage_bps"),
            settings=settings_of(settings),
            models=models or Models(),
        )
        self._given = executor
        self._exchange, self._instruments = exchange, tuple(instruments)
        self._prices = prices if prices is not None else shown_by(executor)
        self._markets: list[Market] = []
        self._clock = clock
        if executor is None:
            if clock is not None:
                message = "simulated exchanges have their own time: a clock is for an executor"
                raise InputError(message, field="clock", value=clock)
            self._markets = markets_of(exchange, feeds, exchanges, symbols, seed)
        else:
            check_real(feeds=feeds, exchanges=exchanges, models=models)
            self._clock = clock if clock is not None else SystemClock()
        self._closed = False
        self._mirror = BrokersMirror(mirror, mirror_every_ms)
        self.journal, self._owns_log = journal_of(log)
        try:
            self._begin(book)
        except BaseException:
            self.close()
            raise

    def open_book(self, book: str) -> None:
        """Go on in another book of the same log: a new one, or one as it was left. Simulated markets start from their
        beginning, or where the book had got to. What was set (`find_params`, `time_settings`) is set anew."""
        self._check_open()
        self._engine.driver.flush()
        self._begin(book)

    def _begin(self, book: str) -> None:
        """Open a book; a fresh set of simulated exchanges goes with it."""
        if not book:
            raise InputError("a book has a name", field="book", value=book)
        connectors: dict[str, Connector] | None = None
        if self._given is not None:
            connectors = {self._exchange: self._connector()}
        self.book = book
        self._opened = OpenedBook(
            book,
            self.journal,
            self._terms,
            self._markets,
            connectors=connectors,
            feeds={self._exchange: self._prices} if self._prices is not None else None,
            instruments=[structs.replace(one, exchange=self._exchange) for one in self._instruments],
            any_symbol=connectors is not None and not self._instruments,
            clock=self._clock,
        )
        self._params, self._time, self._checks = FindParams(), TimeSettings(), Checks()
        self._running: RunningExecution | None = None
        own = self._given if hasattr(self._given, "get_status") else None
        self.executor: GetsStatus = own if own is not None else BrokerExecutor(self._opened)

    def _connector(self) -> Connector:
        """The executor as a connector: it is one, or a seed's `Executor` is made one."""
        given = self._given
        if all(hasattr(given, name) for name in ("send", "poll", "traits")):
            return cast("Connector", given)
        if not isinstance(given, Executor):
            message = f"{given!r} is neither an Executor nor a Connector"
            raise InputError(message, field="executor", value=given)
        from orderwright.executors import ExecutorConnector

        assert self._clock is not None
        return ExecutorConnector(given, self._clock)

    # Accounts, prices, and what is asked of the book

    def open_account(
        self, user_id: str = "", exchange: str = "", *, account: str = "", deposits: Mapping[str, Any] | None = None
    ) -> str:
        """Open a user's account on an exchange, with money in it; its name. Not needed for a user's first account on an
        exchange: it opens itself. Opening one again changes nothing. Raises InputError."""
        opened, exchange = self._opened, self._opened.exchange_of(exchange)
        money = None if deposits is None else deposits_of(deposits)
        if not account and (money is None or opened.is_open(user_id, exchange)):
            return opened.account_of(user_id, exchange)
        return opened.open_account(account or opened.name_of(user_id, exchange), user_id, exchange, money)

    def see(self, symbol: str, price: Any = None, *, bid: Any = None, ask: Any = None, exchange: str = "") -> None:
        """Tell the book a price, where its executor has none to show: a market order is decided on by it."""
        exchange = self._opened.exchange_of(exchange)
        symbol = self._opened.symbol_of(symbol)
        self._opened.define(symbol, exchange)
        given = {"price": price, "bid": bid, "ask": ask}
        numbers = {name: price_of(value, name) for name, value in given.items() if value is not None}
        if "price" not in numbers and len(numbers) < 2:
            raise InputError("a price, or bid and ask", field="price", value=price)
        last = numbers.get("price", numbers.get("bid"))
        assert last is not None
        quote = Quote(last, self.now, numbers.get("bid"), numbers.get("ask"))
        self._engine.session.deliver([m.QuoteSeen(exchange=exchange, symbol=symbol, quote=quote)], self.now)

    @property
    def now(self) -> int:
        """Microseconds UTC: virtual time, or the clock's."""
        return self._engine.now

    @property
    def done(self) -> bool:
        """Whether the simulated market is over."""
        return self._opened.end is not None and self.now >= self._opened.end

    @property
    def state(self) -> State:
        """The book as it stands. To be read, never changed."""
        return self._engine.state

    @property
    def exchanges(self) -> list[str]:
        """The exchanges' names, the default one first."""
        return list(self._opened.exchanges)

    @property
    def alerts(self) -> list[str]:
        """What the book has raised (the newest of it): approvals that wait, limits that were reached."""
        return [alert.text for alert in self._opened.alerts]

    @property
    def _engine(self) -> Engine:
        return self._opened.engine

    @property
    def opened(self) -> OpenedBook:
        """The book behind this broker, for what stands on it: strategies, executors."""
        self._check_open()
        return self._opened

    @property
    def markets(self) -> Sequence[Market]:
        """What its simulated exchanges replay; none for real ones."""
        return self._markets

    # The mirror

    def refresh_mirror(self) -> Refreshed:
        """Bring the mirror up to date with the log, now; how many rows it gained. Raises InputError for a broker that
        was given none, LogError where it cannot be written (LogLocked: another process has it open)."""
        self._check_open()
        if not self._mirror.is_kept:
            raise InputError("no mirror is kept: give its path to the broker", field="mirror")
        self._engine.driver.flush()
        return self._mirror.refresh(self.journal)

    def _try_to_mirror(self) -> None:
        """Refresh it; that it cannot be written is no reason to stop trading, and the next time catches up."""
        try:
            self._mirror.refresh(self.journal)
        except (LogError, OSError) as error:
            self._opened.alerts.append(m.RaiseAlert(topic="mirror", text=f"the mirror is behind the log: {error}"))

    # The end

    def close(self) -> None:
        """Act on what is durable, bring a mirror that is kept up to date, and close the log if it was opened here. A
        second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            if hasattr(self, "_opened") and self._engine.driver.failure is None:
                self._engine.driver.flush()
                if self._mirror.is_kept:
                    self._try_to_mirror()
        finally:
            self._mirror.close()
            if self._owns_log:
                self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the broker is closed")
