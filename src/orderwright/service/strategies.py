"""The strategies that the service runs: those that the configuration names a class for.

    strategies:
      cross:
        class: my_strategies:SmaCross      # or file.py:Class, or a built-in one such as sma
        symbol: BTC/USDT
        interval: 5m
        params: {fast_period: 10, slow_period: 30}

Each runs on the market of its account's exchange, on a thread of its own (strategy/runner.py). A class that is not
there, a parameter that it does not have, or an interval that the market cannot make is an error at the start. Nothing
of `orderwright.backtest` is imported where no strategy names a class.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never

from orderwright.analytics.windows import parse_length
from orderwright.config import owning
from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.numbers import divided
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.rules import Rules, Sizing
    from orderwright.backtest.strategy import Strategy
    from orderwright.config.owners import SizingKeys, StrategyKeys
    from orderwright.service.books import Books
    from orderwright.service.strategy.records import Progress
    from orderwright.service.strategy.runner import Plan, Runner

HUNDRED = Decimal(100)
Alert = Callable[[str, m.RaiseAlert], None]


class Strategies:
    """books: opened; the loop that runs the desk is in `books.loop` when they start. Raises InputError for what cannot
    be run."""

    def __init__(self, books: Books, *, alert: Alert | None = None) -> None:
        self._books, self._alert = books, alert
        self._plans = list(self._planned())
        self._runners: list[Runner] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._by_book: dict[str, list[Runner]] = {}

    # Its life

    def start(self) -> None:
        """Let all of them run."""
        for runner in self.open():
            self._tasks.append(asyncio.create_task(runner.run(), name=f"strategy {runner.plan.name}"))

    def open(self) -> list[Runner]:
        """Make their runners, for who moves them on by hand."""
        if not self._plans:
            return []
        from orderwright.service.strategy.runner import Runner

        loop = self._books.loop
        assert loop is not None, "the loop that runs the desk is to be put in `books.loop` first"
        self._runners = [Runner(plan, loop, alert=self._alert) for plan in self._plans]
        for runner in self._runners:
            self._by_book.setdefault(runner.plan.book, []).append(runner)
        loop.desk.watchers.append(self)
        return self._runners

    async def stop(self) -> None:
        """No more bars. What a strategy is doing at this moment nobody waits for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for runner in self._runners:
            runner.close()

    @property
    def progress(self) -> list[Progress]:
        """How far each has got."""
        return [runner.progress for runner in self._runners]

    def __len__(self) -> int:
        return len(self._plans)

    # A watcher of the desk

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:  # noqa: ARG002
        """An event was decided."""
        for runner in self._by_book.get(book, ()):
            runner.hear(event, changes)

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:
        """Each waits for that itself."""

    def acted(self) -> None:
        """Nothing to do."""

    # What is configured

    def _planned(self) -> Iterator[Plan]:
        configuration = self._books.configuration
        for name, keys in configuration.strategies.items():
            if keys.class_path is not None:
                field = f"strategies.{name}"
                book = owning.book_of_strategy(configuration, name) or self._books.all()[0]
                user = keys.user or self._books.owner_of(book)
                for account in keys.accounts or [self._books.account_of(book, user).account]:
                    yield self._plan(name, keys, book, account, field)

    def _plan(self, name: str, keys: StrategyKeys, book: str, account: str, field: str) -> Plan:
        from orderwright.service.strategy.runner import Plan

        exchange = _at(f"{field}.accounts", lambda: self._books.account_of(book, account=account)).exchange
        symbol = _at(f"{field}.symbol", lambda: self._books.symbol_of(keys.symbol or "", book, exchange))
        prices = self._books.exchanges_on_paper.feed(exchange, symbol)
        interval = _at(f"{field}.interval", lambda: parse_length(keys.interval, "interval"))
        _at(f"{field}.interval", lambda: prices.candles(interval, 0, 1))
        make = _maker(keys, field)
        return Plan(
            name=name,
            book=book,
            account=account,
            symbol=symbol,
            interval=interval,
            prices=prices,
            make=make,
            rules=_rules(keys, prices.instrument.linear, field),
        )


def _at(field: str, read: Callable[[], Any]) -> Any:
    """What is read, its error told with the key that it stands under."""
    try:
        return read()
    except UnknownName as error:
        error.field = field
        raise
    except InputError as error:
        raise InputError(error.message, field=field, value=error.value, nearest=error.nearest) from None


def _maker(keys: StrategyKeys, field: str) -> Callable[[], Strategy]:
    """What makes the strategy. It is made once here, so that what is wrong with it is known at the start."""
    from orderwright.backtest.checking import has_signals
    from orderwright.backtest.finding import constructor_of, strategy_class
    from orderwright.backtest.strategy import refuse_silent

    kind = _at(f"{field}.class", lambda: strategy_class(keys.class_path or ""))
    _check_params(constructor_of(kind), keys.params, kind.__name__, field)

    def make() -> Strategy:
        return kind(**keys.params)  # type: ignore[no-any-return]

    try:
        strategy = make()
        if not has_signals(strategy):
            refuse_silent(strategy)
    except InputError as error:
        place = f"{field}.params.{error.field}" if error.field in keys.params else f"{field}.class"
        raise InputError(error.message, field=place, value=error.value, nearest=error.nearest) from None
    except Exception as error:  # a class of the user's: whatever it raises
        message = f"{kind.__name__} cannot be made of these: {type(error).__name__}: {error}"
        raise InputError(message, field=f"{field}.params") from error
    return make


def _check_params(known: Mapping[str, Any], given: Mapping[str, Any], kind: str, field: str) -> None:
    for name in given:
        if name not in known:
            raise UnknownName(f"parameter of {kind}", name, known, field=f"{field}.params")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in given:
            raise InputError(f"{kind} needs it", field=f"{field}.params.{name}")


def _rules(keys: StrategyKeys, linear: bool, field: str) -> Rules:
    """How its signals are traded."""
    from orderwright.backtest.rules import Rules

    if keys.allow_short and not linear:
        message = f"{keys.symbol} is not a contract that can be short"
        raise InputError(message, field=f"{field}.allow_short", value=True, nearest=False)
    stop = keys.sizing.stop_percent
    return Rules(
        allow_short=keys.allow_short,
        sizing=_sizing(keys.sizing, f"{field}.sizing"),
        stop_loss=None if stop is None else stop / HUNDRED,
    )


def _sizing(keys: SizingKeys, field: str) -> Sizing:
    """The rule of a backtest that does the same. A stop at so many percent loses `amount` percent of equity where
    amount / stop of it is spent."""
    from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, VolatilityRisk

    match keys.by:
        case "base":
            return FixedQuantity(keys.amount)
        case "equity":
            return PercentOfEquity(keys.amount)
        case "volatility":
            return VolatilityRisk(divided(keys.amount, keys.multiple))
        case "risk" if keys.stop_percent is not None:
            return PercentOfEquity(min(divided(HUNDRED * keys.amount, keys.stop_percent), HUNDRED))
        case "risk":
            raise InputError("a class's signals bring no stop: say how far it is", field=f"{field}.stop_percent")
        case "quote":
            message = "an amount of money is for alerts; a class's signals take base, equity, risk or volatility"
            raise InputError(message, field=f"{field}.by", value="quote", nearest="equity")
    assert_never(keys.by)


__all__ = ["Strategies"]
