"""Which books a service has, whose they are, and what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from orderwright.broker.places import account_name
from orderwright.core import messages as m
from orderwright.core.model import Account, Instruction, OrderSide, OrderStatus, OrderType, RiskLimits
from orderwright.engine import Engine
from orderwright.errors import InputError, UnknownName
from orderwright.journal.memory import MemoryJournal
from orderwright.live.desk import Busy
from orderwright.market.live_prices import live_prices
from orderwright.service.paper import usual_name
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from tests.service.some_books import NOW, Hands, running

PAPER = Decimal(10_000)
SECOND, DAY = 1_000_000, 86_400_000_000


def by_itself(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **words: Any) -> None:
        asyncio.run(test(*args, **words))

    return run


def paper_account(name: str, user: str, exchange: str = "simulated") -> Account:
    fee = Decimal("0.001")
    return Account(account=name, exchange=exchange, user=user, maker_fee=fee, taker_fee=fee, traits=TRAITS)


# Who has what


@by_itself
async def test_a_bare_service_has_one_book_with_a_paper_account() -> None:
    async with running() as service:
        books = service.books

        assert (books.all(), books.users(), books.first_user) == (["main"], ["main", "operator"], "main")
        assert (books.default_book("main"), books.books_of("main")) == ("main", frozenset({"main"}))
        assert books.account_of("main", "main") == paper_account("main@simulated", "main")
        assert service.money("main") == {("main@simulated", "USDT"): PAPER}
        assert list(service.desk.books) == ["system", "main"]


@by_itself
async def test_books_accounts_and_owners_are_as_configured() -> None:
    accounts = {
        "spot": {"book": "desk", "deposits": {"BTC": "2"}, "taker_fee": "0.0005"},
        "other": {"user": "bob", "exchange": "binance", "mode": "simulation"},
    }
    users = {"alice": {"book": "desk", "account": "spot"}, "bob": {}}
    async with running(books={"desk": {}}, users=users, accounts=accounts) as service:
        books = service.books

        assert (books.all(), books.users()) == (["desk", "bob"], ["alice", "bob"])
        assert {book: books.owner_of(book) for book in books.all()} == {"desk": "alice", "bob": "bob"}
        assert books.books_of("alice") == frozenset({"desk"})
        assert books.exchanges() == ["simulated", "binance"]
        assert books.account_of("desk", "alice").taker_fee == Decimal("0.0005")
        assert books.account_of("bob", "bob") == paper_account("other", "bob", "binance")
        assert service.money("desk") == {("spot", "BTC"): Decimal(2)}
        assert service.money("bob") == {("other", "USDT"): PAPER}


@by_itself
async def test_accounts_are_found_by_name_by_exchange_and_by_default() -> None:
    accounts = {
        "one": {"user": "alice"},
        "two": {"user": "alice"},
        "far": {"user": "alice", "exchange": "binance", "mode": "simulation"},
    }
    async with running(users={"alice": {"account": "two"}}, accounts=accounts) as service:
        found = service.books.account_of

        assert found("alice", "alice").account == "two"
        assert found("alice", "alice", account="one").account == "one"
        assert found("alice", "alice", "Binance").account == "far"
        assert found("alice", "alice", "simulated").account == "two"
        for words, told in (
            ({"account": "oen"}, "account: unknown account 'oen' (nearest: one)"),
            ({"exchange": "binanse"}, "exchange: unknown exchange 'binanse' (nearest: binance)"),
            (
                {"exchange": "binance", "account": "one"},
                "exchange: one is an account on simulated (nearest: simulated)",
            ),
        ):
            with pytest.raises(InputError) as refused:
                found("alice", "alice", **words)
            assert str(refused.value) == told


@by_itself
async def test_an_exchange_on_which_a_book_has_no_account_is_refused() -> None:
    accounts = {"far": {"user": "bob", "exchange": "binance", "mode": "simulation"}}
    async with running(users={"alice": {}, "bob": {}}, accounts=accounts) as service:
        with pytest.raises(UnknownName, match="unknown account of alice on 'binance'; known: simulated"):
            service.books.account_of("alice", "alice", "binance")


def test_a_users_own_account_is_called_as_a_broker_calls_it() -> None:
    assert usual_name("eve", "simulated") == account_name("eve", "simulated") == "eve@simulated"


# Symbols


@pytest.mark.parametrize("spelling", ["BTC/USDT", "btcusdt", "BTC-USDT", "BINANCE:BTCUSDT"])
@by_itself
async def test_a_symbol_is_known_in_any_spelling(spelling: str) -> None:
    async with running() as service:
        assert service.books.symbol_of(spelling, "main") == "BTC/USDT"


@by_itself
async def test_a_misspelt_symbol_never_becomes_a_market() -> None:
    async with running() as service:
        with pytest.raises(UnknownName) as refused:
            service.books.symbol_of("BTCUSTD", "main")

        assert (refused.value.field, refused.value.value, refused.value.nearest) == ("symbol", "BTCUSTD", "BTC/USDT")
        assert service.books.symbols() == [
            f"{base}/USDT"
            for base in "BTC ETH SOL BNB XRP ADA DOGE AVAX LINK LTC DOT TRX MATIC".split()  # noqa: SIM905
        ]


@by_itself
async def test_what_is_traded_is_configured() -> None:
    simulation = {"symbols": ["wifusdt", "ETH/BTC"], "seed": 3, "spread_bps": "10", "slippage": "0.01"}
    async with running(execution={"simulation": simulation}) as service:
        answer = await service.order("main", "WIF/USDT", quantity=Decimal(10))
        await service.later(0)
        order = await service.loop.order("main", answer.order.order_id if answer.order is not None else "")
        quote = service.books.quote("simulated", "WIF/USDT", NOW)

        assert service.books.symbols() == ["WIF/USDT", "ETH/BTC"]
        assert order is not None
        assert quote is not None
        assert quote.ask is not None
        assert quote == live_prices(
            "WIF/USDT", "simulated", seed=3, spread_bps=Decimal(10), tick_ms=1_000
        ).quote(NOW)  # fmt: skip
        assert [one.price for one in order.executions.values() if one is not None] == [
            quote.ask + (quote.ask / 100).quantize(Decimal("0.00001"), "ROUND_UP")
        ]


@pytest.mark.parametrize(
    ("symbols", "told"),
    [
        (["BTCUSDT", "BTC/USDT"], "execution.simulation.symbols.2: BTC/USDT is named twice"),
        (["BTC/USDT", "BTC"], "execution.simulation.symbols.2: 'BTC' does not tell its quote asset: write it as"),
    ],
)
@by_itself
async def test_symbols_that_are_none_are_refused_at_the_start(symbols: list[str], told: str) -> None:
    with pytest.raises(InputError) as refused:
        async with running(execution={"simulation": {"symbols": symbols}}):
            raise AssertionError

    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"delay_ms": 5_000}, "delay_ms: a request is dead after 5000 ms: none would come in time (nearest: 4999)"),
        ({"tick_ms": 9_999_999}, "tick_ms: 9999999 is not between 1 and 3600000 ms (nearest: 3600000)"),
    ],
)
@by_itself
async def test_a_market_that_cannot_be_is_refused_by_its_key(keys: dict[str, int], told: str) -> None:
    with pytest.raises(InputError) as refused:
        async with running(execution={"simulation": keys}):
            raise AssertionError

    assert str(refused.value) == f"execution.simulation.{told}"


@by_itself
async def test_a_delay_is_what_a_request_takes_to_the_exchange() -> None:
    async with running(execution={"simulation": {"delay_ms": 2_500}}) as service:
        answer = await service.order("main")
        await service.later(10 * SECOND)
        assert answer.order is not None
        order = await service.loop.order("main", answer.order.order_id)
        there = service.books.quote("simulated", "BTC/USDT", NOW + 2 * SECOND)

        assert order is not None
        assert there is not None
        assert [(one.price, one.time) for one in order.executions.values() if one is not None] == [
            (there.ask, NOW + 2_500_000)
        ]


# New users


@by_itself
async def test_an_unknown_user_is_made_with_a_book_and_a_paper_account_and_can_trade_at_once() -> None:
    async with running() as service:
        book = await service.books.ensure_user("test_user")
        await service.order(book)
        await service.later(SECOND)

        assert (book, service.books.owner_of(book), service.books.default_book("test_user")) == (("test_user",) * 3)
        assert service.books.account_of(book, "test_user") == paper_account("test_user@simulated", "test_user")
        assert service.money(book)["test_user@simulated", "BTC"] == Decimal("0.001")
        assert service.money("main") == {("main@simulated", "USDT"): PAPER}


@by_itself
async def test_a_user_is_made_once_however_many_ask_at_once() -> None:
    async with running() as service:
        assert set(await asyncio.gather(*[service.books.ensure_user("eve") for _ in range(20)])) == {"eve"}
        assert service.money("eve") == {("eve@simulated", "USDT"): PAPER}


@by_itself
async def test_elsewhere_than_local_an_unknown_user_is_refused_unless_somebody_may_make_users() -> None:
    async with running(environment="production", users={"alice": {}}) as service:
        with pytest.raises(UnknownName) as refused:
            await service.books.ensure_user("alcie")

        assert (refused.value.field, refused.value.nearest) == ("user_id", "alice")
        assert service.books.all() == ["alice"]
        assert await service.books.add_user("carol") == "carol"
        assert service.money("carol") == {("carol@simulated", "USDT"): PAPER}


@pytest.mark.parametrize("name", ["system", "", "a b", "x" * 65, "../etc", "ünï", "a\n"])
@by_itself
async def test_what_is_no_name_makes_no_user(name: str) -> None:
    async with running() as service:
        with pytest.raises(InputError) as refused:
            await service.books.ensure_user(name)

        assert refused.value.field == "user_id"
        assert service.books.all() == ["main"]


@by_itself
async def test_a_user_called_like_the_book_of_another_does_not_get_it() -> None:
    async with running(users={"alice": {"book": "desk"}}, books={"desk": {}}) as service:
        assert await service.books.ensure_user("desk") == "desk.2"
        assert service.books.books_of("desk") == frozenset({"desk.2"})
        assert service.books.owner_of("desk") == "alice"


@by_itself
async def test_where_too_much_waits_no_half_of_a_user_is_made() -> None:
    async with running(most_waiting=10) as service:
        with pytest.raises(Busy):
            await service.books.ensure_user("late")

        assert (service.books.all(), service.books.users()) == (["main"], ["main", "operator"])


# The next start


@by_itself
async def test_the_next_start_finds_everybody_again_and_gives_no_money_twice(tmp_path: Path) -> None:
    log, clock = tmp_path / "log.sqlite", Hands()
    async with running(log, clock, users={"alice": {"book": "desk"}}, books={"desk": {}}) as service:
        await service.books.ensure_user("bob")
        await service.books.ensure_user("desk")
        await service.order("bob")
        await service.later(SECOND)
        rows = {name: book.state.sequence for name, book in service.desk.books.items()}
        money = {name: service.money(name) for name in service.books.all()}
    clock.time += 60 * SECOND
    async with running(log, clock, users={"alice": {"book": "desk"}}, books={"desk": {}}) as service:
        assert service.books.all() == ["desk", "bob", "desk.2"]
        assert [service.books.owner_of(book) for book in service.books.all()] == ["alice", "bob", "desk"]
        assert {name: service.money(name) for name in service.books.all()} == money
        told = {
            name: [
                kind
                for _, event in service.desk.journal.events(name, rows[name])
                if (kind := type(event)) is not m.PriceSeen and kind is not m.DayStarted
            ]
            for name in rows
        }
        assert told == {name: [] for name in rows}


@by_itself
async def test_a_changed_configuration_is_told_once() -> None:
    journal, clock = MemoryJournal(), Hands()

    async def start(**sections: Any) -> list[m.AnyEvent]:
        before = journal.open_state("main").sequence
        async with running(journal, clock, **sections) as service:
            await service.later(0)
        wanted = (m.Configured, m.AccountOpened, m.CashMoved, m.InstrumentDefined)
        return [event for _, event in journal.events("main", before) if isinstance(event, wanted)]

    await start()
    stricter: dict[str, Any] = {"account_limits": {"max_order_value": "500"}}
    (configured,) = await start(**stricter)

    assert isinstance(configured, m.Configured)
    assert configured.settings.limits == RiskLimits(max_order_value=Decimal(500))
    assert await start(**stricter) == []


@by_itself
async def test_an_order_that_rested_while_the_service_was_down_has_met_the_prices_of_that_time(tmp_path: Path) -> None:
    log, clock = tmp_path / "log.sqlite", Hands()
    async with running(log, clock) as service:
        quote = service.books.quote("simulated", "BTC/USDT", NOW)
        assert quote is not None
        assert quote.bid is not None
        limit = (quote.bid * Decimal("0.997")).quantize(Decimal("0.01"))
        answer = await service.order("main", price=limit)
        assert answer.order is not None
    clock.time += DAY
    async with running(log, clock) as service:
        await service.later(0)
        order = await service.loop.order("main", answer.order.order_id)
        feed = service.books.exchanges_on_paper.feed("simulated", "BTC/USDT")
        rows = range(feed.row(NOW) + 1, feed.row(NOW + DAY))
        crossed = next(row for row in rows if feed.instrument.price(feed.at(row)[1]) <= limit)

        assert order is not None
        assert order.status is OrderStatus.FILLED
        assert [(one.price, one.time) for one in order.executions.values() if one is not None] == [
            (limit, crossed * SECOND)
        ]


@by_itself
async def test_what_is_held_can_be_sold_though_it_is_configured_no_more() -> None:
    journal, clock = MemoryJournal(), Hands()
    async with running(journal, clock) as service:
        await service.order("main", "DOGE/USDT", quantity=Decimal(100))
        await service.later(SECOND)
    fewer = {"simulation": {"symbols": ["BTC/USDT"]}}
    async with running(journal, clock, execution=fewer) as service:
        await service.order("main", "DOGE/USDT", side=OrderSide.SELL, quantity=Decimal(100))
        await service.later(SECOND)
        await service.books.ensure_user("new")

        assert service.money("main")["main@simulated", "DOGE"] == 0
        with pytest.raises(UnknownName):
            service.books.symbol_of("DOGE/USDT", "new")


def a_log_of_a_run(exchange: str) -> MemoryJournal:
    """A log that the service did not begin: book main, account paper with 500 USDT, one resting order."""
    journal = MemoryJournal()
    prices = live_prices("BTC/USDT", exchange, seed=7, spread_bps=Decimal(2), tick_ms=1_000)
    engine = Engine("main", journal, {exchange: SimulatedExchange([prices])}, start=NOW - SECOND)
    said = Instruction(
        order_id=f"{NOW // 1_000:012x}{1:018x}",
        account="paper",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal("0.001"),
        price=Decimal(10_000),
    )
    engine.tell(
        [
            m.OpenAccount(account=Account(account="paper", exchange=exchange, traits=TRAITS)),
            m.DefineInstrument(instrument=prices.instrument),
            m.MoveCash(account="paper", asset="USDT", amount=Decimal(500), reference="run|paper|USDT"),
        ]
    )
    engine.submit(said)
    engine.advance(NOW - SECOND // 2)
    return journal


@by_itself
async def test_a_log_that_something_else_began_keeps_its_accounts_and_their_money() -> None:
    async with running(a_log_of_a_run("simulated")) as service:
        assert service.books.account_of("main", "main").account == "paper"
        assert service.money("main") == {("paper", "USDT"): Decimal(500)}
        assert [order.status for order in service.desk.books["main"].state.orders.values()] == [OrderStatus.OPEN]


@by_itself
async def test_open_orders_on_an_exchange_that_is_configured_no_more_are_refused_by_name() -> None:
    with pytest.raises(InputError) as refused:
        async with running(a_log_of_a_run("binance")):
            raise AssertionError

    assert str(refused.value) == (
        "book main: exchanges: the log has open orders on binance: name that exchange too (nearest: binance)"
    )


@by_itself
async def test_an_account_cannot_move_to_another_exchange() -> None:
    journal = MemoryJournal()
    account = {"book": "main", "exchange": "simulated"}
    async with running(journal, accounts={"mine": account}):
        pass
    with pytest.raises(InputError) as refused:
        async with running(journal, accounts={"mine": {**account, "exchange": "binance", "mode": "simulation"}}):
            raise AssertionError

    assert refused.value.field == "accounts.mine.exchange"
    assert refused.value.nearest == "simulated"


# Money stays whose it is


@by_itself
async def test_a_configured_user_never_gets_the_book_of_another() -> None:
    with pytest.raises(InputError) as refused:
        async with running(users={"alice": {}, "x": {}}, books={"x": {"user": "alice"}}):
            raise AssertionError

    assert (refused.value.field, refused.value.value) == ("users.x.book", "x")


@by_itself
async def test_a_book_of_the_log_is_not_handed_to_another_user() -> None:
    journal = MemoryJournal()
    sections: dict[str, Any] = {"users": {"alice": {}}, "books": {"x": {"user": "alice"}}}
    async with running(journal, **sections):
        pass
    others: list[dict[str, Any]] = [
        {"users": {"x": {}, "alice": {}}},
        {"users": {"bob": {}}, "books": {"x": {"user": "bob"}}},
    ]
    for changed in others:
        rows = len(list(journal.events("x")))
        with pytest.raises(InputError) as refused:
            async with running(journal, **changed):
                raise AssertionError
        owner = next(iter(changed["users"]))
        assert str(refused.value) == (
            f"books.x.user: in the log its account alice@simulated is alice's, and an account keeps its user: write "
            f"books.x.user: alice (with alice under users), and for {owner} a book of another name (nearest: alice)"
        )
        assert len(list(journal.events("x"))) == rows
    books = {"x": {"user": "alice"}, "x.2": {"user": "x"}}
    async with running(journal, users={"alice": {}, "x": {}}, books=books) as service:
        assert service.books.books_of("x") == frozenset({"x.2"})
        assert service.money("x") == {("alice@simulated", "USDT"): PAPER}


@by_itself
async def test_what_was_traded_before_anybody_was_named_goes_to_the_first_one_and_to_no_other() -> None:
    journal = MemoryJournal()
    async with running(journal) as service:
        await service.order("main")
        await service.later(SECOND)
        money = service.money("main")
    sections: dict[str, Any] = {"users": {"alice": {}}, "books": {"main": {}}}
    async with running(journal, **sections) as service:
        assert service.books.books_of("alice") == frozenset({"main"})
        assert service.money("main") == money
        assert [(one.account, one.user) for one in service.desk.books["main"].state.accounts.values()] == [
            ("main@simulated", "alice")
        ]
    with pytest.raises(InputError) as refused:
        async with running(journal, users={"bob": {}}, books={"main": {}}):
            raise AssertionError
    assert refused.value.nearest == "alice"
