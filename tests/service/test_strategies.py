"""Strategies that the service runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from orderwright.backtest.overheard import StrategyError
from orderwright.core import messages as m
from orderwright.core.model import OrderSide, OrderStatus
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.service.parts import Call, Principal, Service
from orderwright.service.strategies import Strategies
from orderwright.service.strategy import runner as running_one
from orderwright.service.strategy.routes import strategies as strategies_route
from orderwright.service.strategy.runner import Runner
from tests.service import classes
from tests.service.some_books import NOW, Hands, Running, running

SECOND, MINUTE = 1_000_000, 60_000_000
HERE = "tests.service.classes"


def by_itself(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **words: Any) -> None:
        asyncio.run(test(*args, **words))

    return run


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    classes.SEEN.clear()
    classes.GATE.clear()
    classes.ASKED.clear()
    yield
    classes.GATE.set()


class Trading(Running):
    """A service with strategies that go on when the test says so."""

    runners: list[Runner]
    alerts: list[tuple[str, m.RaiseAlert]]

    async def until(self, time: int) -> None:
        """Let the time be so late, and every strategy and book do what is then to be done."""
        self.clock.time = time
        await self.later(0)
        for _ in range(3):  # what a strategy does is answered, and it answers that
            for runner in self.runners:
                if not runner.problem:
                    await runner.go_on(self.clock.time)
            await self.later(0)

    async def minutes(self, count: int) -> None:
        """The next closes, a second after each."""
        for _ in range(count):
            await self.until((self.clock.time // MINUTE + 1) * MINUTE + SECOND)

    def orders(self, book: str = "main") -> list[tuple[str, str, str]]:
        """(side, type, status) of each, oldest first."""
        state = self.desk.books[book].state
        found = sorted(
            [*state.orders.values(), *state.finished.values()], key=lambda one: (one.created_at, one.order_id)
        )
        return [(str(one.instruction.side), str(one.instruction.type), str(one.status)) for one in found]


@asynccontextmanager
async def trading(
    name: str, log: Any = None, clock: Hands | None = None, *, strategy: Any = None, **sections: Any
) -> AsyncIterator[Trading]:
    """A service with one strategy of `classes`."""
    keys = {"class": f"{HERE}:{name}", "symbol": "BTCUSDT", **(strategy or {})}
    async with running(log, clock, strategies={"mine": keys}, **sections) as service:
        alerts: list[tuple[str, m.RaiseAlert]] = []
        strategies = Strategies(service.books, alert=lambda book, alert: alerts.append((book, alert)))
        found = Trading(service.desk, service.books, service.loop, service.clock)
        found.runners, found.alerts = strategies.open(), alerts
        try:
            yield found
        finally:
            await strategies.stop()


def events_of(service: Running, kind: type[m.AnyEvent]) -> list[Any]:
    return [event for _, event in service.desk.journal.events("main") if isinstance(event, kind)]


# From bar to bar


@by_itself
async def test_each_close_is_asked_about_once_and_its_orders_are_durable_when_it_is_told() -> None:
    async with trading("BuysEachBar") as service:
        await service.until(NOW + SECOND)
        await service.minutes(2)
        fills = [event.execution for event in events_of(service, m.OrderFilled)]
        asked = [one for one in classes.SEEN if one[0] != "fill"]
        told = [one for one in classes.SEEN if one[0] == "fill"]

        assert [time for time, *_ in asked] == [NOW, NOW + MINUTE, NOW + 2 * MINUTE]
        assert {tuple(rest) for _, *rest in asked} == {(False, "", "strategy mine")}
        assert [price for _, price, _ in told] == [float(one.price) for one in fills]
        assert [position for *_, position in told] == [0.001, 0.002, 0.003]
        assert [one.time for one in fills] == [time + SECOND for time, *_ in asked]


@by_itself
async def test_an_order_names_the_strategy_and_where_it_comes_from() -> None:
    async with trading("BuysEachBar") as service:
        await service.until(NOW)
        (received,) = events_of(service, m.OrderReceived)
        said = received.instruction

        assert (said.strategy, said.account, said.symbol, said.source, said.side, said.user) == (
            "mine", "main@simulated", "BTC/USDT", "strategy", OrderSide.BUY, "main",
        )  # fmt: skip
        assert said.idempotency_key == f"mine|main@simulated|BTC/USDT|{NOW}|1"


@by_itself
async def test_it_sees_a_history_and_bars_of_the_market_that_it_trades_on() -> None:
    async with trading("Looks") as service:
        await service.until(NOW)
        await service.minutes(2)
        prices = service.books.exchanges_on_paper.feed("simulated", "BTC/USDT")
        closes = [float(prices.instrument.price(int(c))) for c in prices.candles(MINUTE, NOW // MINUTE - 1, 3).close]

        assert [
            ("start", 500, 10_000.0, 10_000.0),
            *[(NOW + n * MINUTE, 500 + n, close, 0.0, 0) for n, close in enumerate(closes)],
        ] == classes.SEEN


@by_itself
async def test_all_that_a_context_can_do_can_be_done() -> None:
    async with trading("Orders") as service:
        await service.until(NOW)
        await service.minutes(7)
        half, far, replaced, cancelled, (above, below), none, closing, end = classes.SEEN

        assert half.filled == pytest.approx(5_000 / half.average_price, rel=0.01)
        assert (half.status, far.status, replaced, cancelled) == (OrderStatus.FILLED, OrderStatus.CANCELLED, "", "")
        assert (above.status, below.status) == (OrderStatus.CANCELLED, OrderStatus.CANCELLED)
        assert none.refused
        assert "quantity" in none.reason
        assert (closing.filled, closing.status) == (half.filled, OrderStatus.FILLED)
        assert end == (0.0, [])
        assert service.alerts == []


@by_itself
async def test_signals_are_traded_by_the_configured_size() -> None:
    async with trading("Signals", strategy={"sizing": {"by": "base", "amount": "0.01"}}) as service:
        await service.until(NOW)  # the bar that closes at 00:00 opened in minute 59
        await service.minutes(4)

        assert [(e.execution.quantity, e.order_id) for e in events_of(service, m.OrderFilled)] == [
            (Decimal("0.01"), one.instruction.order_id if hasattr(one, "instruction") else one.order_id)
            for one in events_of(service, m.OrderReceived)
        ]
        assert [side for side, *_ in service.orders()] == ["buy", "sell", "buy", "sell"]


@by_itself
async def test_a_size_of_everything_leaves_room_for_the_spread_and_the_collar() -> None:
    sizing = {"sizing": {"by": "equity", "amount": "100"}}
    async with trading("Signals", strategy=sizing, order_params={"max_slippage_bps": 50}) as service:
        await service.until(NOW)
        await service.minutes(2)

        assert [(side, status) for side, _, status in service.orders()] == [("buy", "filled"), ("sell", "filled")]


# What goes wrong


@by_itself
async def test_what_a_strategy_raises_stops_it_and_nothing_else() -> None:
    async with trading("Raises") as service:
        await service.until(NOW)
        await service.minutes(2)
        await service.order("main")
        await service.later(SECOND)
        (runner,) = service.runners
        problem = "mine.on_bar at bar 500 of BTC/USDT (2026-01-01T00:00:00Z): ZeroDivisionError: by nothing"

        assert runner.problem == problem
        assert (runner.progress.state, runner.progress.bar, runner.progress.problem) == ("stopped", NOW, problem)
        assert service.alerts == [
            ("main", m.RaiseAlert(topic="strategy", text=f"strategy mine is stopped: {problem}; open orders of it: 1"))
        ]
        assert service.orders() == [("buy", "limit", "open"), ("buy", "market", "filled")]


@by_itself
async def test_the_end_of_the_service_is_no_fault_of_a_strategy() -> None:
    async with trading("BuysEachBar") as service:
        (runner,) = service.runners
        await service.until(NOW)
        service.loop.stop()
        with pytest.raises(StrategyError, match="Stopping"):
            await runner.go_on(NOW + MINUTE)
        service.clock.time = NOW + 2 * MINUTE
        await runner.run()

        assert (runner.problem, service.alerts) == ("", [])


@by_itself
async def test_a_strategy_waits_where_the_service_is_busy_for_a_while_and_then_is_stopped() -> None:
    async with trading("BuysEachBar") as service:
        pauses: list[float] = []
        desk = service.desk
        desk.most_waiting = 0

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            desk.most_waiting = 10 if len(pauses) == 2 else desk.most_waiting

        patient = Runner(service.runners[0].plan, service.loop, pause=pause)
        await patient.go_on(NOW)
        assert (pauses, patient.problem) == ([0.1, 0.3], "")

        desk.most_waiting = 0
        await patient.go_on(NOW + MINUTE)
        assert "Busy: " in patient.problem
        desk.most_waiting = 10


@by_itself
async def test_a_slow_strategy_keeps_nobody_waiting_and_what_it_missed_is_history() -> None:
    async with trading("Waits") as service:
        (runner,) = service.runners
        service.clock.time = NOW
        slow = asyncio.create_task(runner.go_on(NOW))
        assert await asyncio.to_thread(classes.ASKED.wait, 10)
        await service.order("main")
        await service.later(SECOND)
        classes.GATE.set()
        await slow
        await service.until(NOW + 3 * MINUTE + 40 * SECOND)
        await service.minutes(1)

        assert service.orders() == [("buy", "market", "filled")]
        assert classes.SEEN == [NOW, NOW + 4 * MINUTE]
        assert (runner.progress.asked, runner.progress.late, runner.progress.state) == (2, 3, "running")


# Again


@by_itself
async def test_a_bar_that_is_asked_about_again_after_a_restart_is_not_traded_twice(tmp_path: Path) -> None:
    log, clock = tmp_path / "log.sqlite", Hands()
    async with trading("BuysEachBar", log, clock) as service:
        await service.until(NOW + SECOND)
    clock.time += SECOND
    async with trading("BuysEachBar", log, clock) as service:
        await service.until(NOW + 3 * SECOND)
        asked = [one for one in classes.SEEN if one[0] != "fill"]

        assert [one[:3] for one in asked] == [(NOW, False, ""), (NOW, False, "")]
        assert service.money("main")["main@simulated", "BTC"] == Decimal("0.001")
        await service.minutes(1)
        assert service.money("main")["main@simulated", "BTC"] == Decimal("0.002")


@by_itself
async def test_bars_of_a_time_when_the_service_was_down_are_history() -> None:
    journal, clock = MemoryJournal(), Hands()
    async with trading("BuysEachBar", journal, clock) as service:
        await service.until(NOW + SECOND)
    clock.time += 10 * MINUTE + 30 * SECOND
    async with trading("BuysEachBar", journal, clock) as service:
        await service.until(clock.time)
        await service.minutes(1)
        asked = [time for time, *_ in classes.SEEN if time != "fill"]

        assert asked == [NOW, NOW + 11 * MINUTE]


@by_itself
async def test_one_that_has_run_for_very_long_begins_anew_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_one, "MOST_BARS", 22)
    async with trading("Looks") as service:
        await service.until(NOW)
        await service.minutes(13)
        starts = [one[1] for one in classes.SEEN if one[0] == "start"]
        asked = [one[0] for one in classes.SEEN if one[0] != "start"]

        assert starts == [11, 11]  # the second time with half of what it keeps
        assert asked == [NOW + n * MINUTE for n in range(14)]
        assert {one[3] for one in classes.SEEN if one[0] != "start"} == {0.0}


@by_itself
async def test_the_tasks_of_a_service_go_on_by_themselves_and_stop() -> None:
    keys = {"class": f"{HERE}:BuysEachBar", "symbol": "BTCUSDT"}
    async with running(strategies={"mine": keys}) as service:
        strategies = Strategies(service.books)
        strategies.start()
        assert await asyncio.to_thread(classes.ASKED.wait, 10)
        await strategies.stop()

        assert [one.state for one in strategies.progress] == ["running"]


# What is configured


@pytest.mark.parametrize(
    ("keys", "field", "told", "nearest"),
    [
        (
            {"class": f"{HERE}:BuysEchBar"},
            "class",
            "unknown strategy of tests.service.classes 'BuysEchBar'",
            "BuysEachBar",
        ),
        ({"class": "tests.service.nowhere:It"}, "class", "tests.service.nowhere cannot be imported: No module", None),
        ({"class": "smaa"}, "class", "unknown strategy 'smaa'", "sma"),
        ({"class": f"{HERE}:Silent"}, "class", "Silent has neither generate_signals nor on_bar", None),
        ({"params": {"quantty": 1}}, "params", "unknown parameter of BuysEachBar 'quantty'", "quantity"),
        ({"class": "sma", "params": {"fast_period": 0}}, "params.fast_period", "0 is", 1),
        ({"class": "dca", "params": {"amount": [1]}}, "params.amount", "", None),
        ({"symbol": "BTCUSD"}, "symbol", "unknown symbol 'BTCUSD'", "BTC/USDT"),
        ({"interval": "1500ms"}, "interval", "candles are made of whole ticks of 1000 ms", 1),
        ({"accounts": ["nobody"]}, "accounts", "unknown account 'nobody'", None),
        ({"allow_short": "on"}, "allow_short", "BTCUSDT is not a contract that can be short", False),
        ({"sizing": {"by": "quote"}}, "sizing.by", "an amount of money is for alerts", "equity"),
        ({"sizing": {"by": "risk"}}, "sizing.stop_percent", "a class's signals bring no stop", None),
    ],
)
@by_itself
async def test_what_cannot_run_is_an_error_at_the_start(keys: Any, field: str, told: str, nearest: object) -> None:
    with pytest.raises(InputError) as refused:
        async with trading("BuysEachBar", strategy=keys):
            raise AssertionError

    assert refused.value.field == f"strategies.mine.{field}"
    assert refused.value.message.startswith(told)
    assert refused.value.nearest == nearest


@by_itself
async def test_a_strategy_trades_in_each_of_its_accounts_by_itself() -> None:
    accounts = {"one": {"user": "main"}, "two": {"user": "main"}}
    async with trading("BuysEachBar", strategy={"accounts": ["one", "two"]}, accounts=accounts) as service:
        await service.until(NOW)

        assert service.money("main")["one", "BTC"] == service.money("main")["two", "BTC"] == Decimal("0.001")
        assert len(classes.SEEN) == 4


@by_itself
async def test_orders_of_which_one_cancels_the_other_are_each_accounts_own() -> None:
    accounts = {"one": {"user": "main"}, "two": {"user": "main"}}
    async with trading("Pairs", strategy={"accounts": ["one", "two"]}, accounts=accounts) as service:
        await service.until(NOW)

        groups = {order.said.account: {one.said.group for one in pair} for pair in classes.SEEN for order in pair}
        assert [order.status for pair in classes.SEEN for order in pair] == [OrderStatus.OPEN] * 4
        assert [len(names) for names in groups.values()] == [1, 1]
        assert groups["one"].isdisjoint(groups["two"])


@by_itself
async def test_the_route_tells_of_the_strategies_of_the_callers_books_alone() -> None:
    keys = {"class": f"{HERE}:BuysEachBar", "symbol": "BTCUSDT"}
    strategies = {"hers": {**keys, "user": "alice"}, "his": {**keys, "user": "bob", "interval": "5m"}}
    async with running(users={"alice": {}, "bob": {}}, strategies=strategies) as service:
        found = Strategies(service.books)
        hers, his = found.open()
        await hers.go_on(NOW)
        await his.go_on(NOW + MINUTE)
        whole = Service(service.desk, service.loop)
        whole.strategies = found

        async def told(books: frozenset[str] | None) -> list[tuple[str, str, str | None]]:
            asking = Principal(user="alice", books=books)
            nothing: Any = None
            call: Any = Call(service=whole, principal=asking, body=None, query=None, path={}, request=nothing)
            view = await strategies_route(call)
            return [(one.name, one.state, one.bar) for one in view.strategies]

        assert await told(frozenset({"alice"})) == [("hers", "running", "2026-01-01T00:00:00.000000Z")]
        assert await told(None) == [("hers", "running", "2026-01-01T00:00:00.000000Z"), ("his", "waiting", None)]
        await found.stop()


def test_nothing_of_backtests_is_imported_where_no_strategy_runs() -> None:
    code = (
        "import sys, orderwright.service.books, orderwright.service.strategies;"
        "print([name for name in ('pandas', 'numba', 'orderwright.backtest') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
