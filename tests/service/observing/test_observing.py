"""What happens on a desk, as figures, lines, spans and alerts: each only once it is durable."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from orderwright.core import messages as m
from orderwright.core.model import Account, OrderStatus, Quote, RiskLimits, Settings, VenueTraits
from orderwright.engine import Engine
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.live.book import LiveBook
from orderwright.live.desk import Desk
from orderwright.service.observing import logs
from orderwright.service.observing.assembly import Observing, Seen
from orderwright.service.observing.counting import Counting
from orderwright.service.observing.gauges import Gauges
from orderwright.service.observing.logs import LineWriter, Masking, set_up
from orderwright.service.observing.notifying import EVERY_US, SHOWN, TOPICS, Notifier, check_urls
from orderwright.service.observing.telling import Telling
from tests.builders import NOW, a_limit_buy, a_market_buy, an_execution, an_id, an_instrument

MONEY = Decimal(100_000)


class ByHand:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> int:
        return self.time


class Silent:
    """A venue that says what a test has put into `words`, and nothing to what it is sent."""

    traits = VenueTraits()

    def __init__(self) -> None:
        self.sent: list[m.VenueAction] = []
        self.words: list[m.AnyReport] = []

    def send(self, action: m.VenueAction) -> None:
        self.sent.append(action)

    def poll(self, limit: int) -> tuple[int, list[m.AnyReport]]:
        words, self.words = self.words, []
        return limit, words

    def symbols(self) -> list[str]:
        return [an_instrument().symbol]

    def quote(self, symbol: str, time: int) -> Quote:
        return Quote(Decimal(100), time, Decimal("99.99"), Decimal("100.01"))


class World:
    """A desk of one book that is turned by hand."""

    def __init__(self, *watchers: Any, limits: RiskLimits | None = None, clock: ByHand | None = None) -> None:
        self.clock = clock or ByHand()
        self.venue = Silent()
        self.desk = Desk(MemoryJournal(), watchers=watchers)
        engine = Engine(
            "main", self.desk.journal, {"simulated": self.venue}, markets={"simulated": self.venue}, clock=self.clock
        )
        self.alerts: list[str] = []
        self.desk.open(LiveBook(engine, alert=lambda _, alert: self.alerts.append(alert.text)))
        opening: list[m.Input] = [
            m.Configure(settings=Settings(limits=limits or RiskLimits())),
            m.DefineInstrument(instrument=an_instrument()),
            m.OpenAccount(account=Account(account="main", traits=VenueTraits())),
            m.MoveCash(account="main", asset="USDT", amount=MONEY),
        ]
        self.do(*opening)
        self.do()

    def decide(self, *said: m.Input) -> None:
        """Decided, and not durable yet."""
        for one in said:
            self.desk.put("main", one)
        self.desk.decide(self.clock.now())

    def settle(self, after: int = 0) -> None:
        self.desk.write()
        self.desk.commit()
        self.clock.time += after
        self.desk.perform(after / 1e6)

    def do(self, *said: m.Input, after: int = 0) -> None:
        self.decide(*said)
        self.settle(after)

    def hear(self, *words: m.AnyReport) -> None:
        self.venue.words += words
        self.desk.look_at("main")
        self.do()


def submitted(number: int = 1, quantity: int = 1, **changes: Any) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_limit_buy(quantity, 100, number, **changes))


def acknowledged(number: int, time: int) -> m.AckReport:
    return m.AckReport(order_id=an_id(number), time=time, exchange_order_id=str(number))


def filled(number: int, time: int, price: str = "100.01") -> m.FillReport:
    return m.FillReport(order_id=an_id(number), time=time, execution=an_execution(1, price, f"e{number}", time=time))


def counted() -> tuple[Counting, CollectorRegistry, ByHand]:
    clock, registry = ByHand(), CollectorRegistry()
    return Counting(registry, clock), registry, clock


def test_an_order_counts_once_in_each_status_it_comes_to() -> None:
    counting, registry, clock = counted()
    world = World(counting, clock=clock)
    world.do(submitted(1), submitted(2))
    world.hear(acknowledged(1, NOW), m.RejectReport(order_id=an_id(2), time=NOW, code="-2010", message="no"))
    world.hear(filled(1, NOW))
    world.hear(filled(1, NOW))

    found = {
        (sample.labels["status"], sample.labels["reason"]): sample.value
        for metric in registry.collect()
        if metric.name == "orderwright_orders"
        for sample in metric.samples
        if sample.name.endswith("_total")
    }

    assert found == {("submitted", ""): 2, ("open", ""): 1, ("filled", ""): 1, ("rejected", "-2010"): 1}


def test_latencies_are_measured_by_the_desks_clock() -> None:
    counting, registry, clock = counted()
    world = World(counting, clock=clock)
    world.do(submitted(1), after=2_000)
    clock.time += 30_000
    world.hear(acknowledged(1, clock.time))
    clock.time += 68_000
    world.hear(filled(1, clock.time))

    def seconds(name: str) -> float | None:
        return registry.get_sample_value(f"orderwright_{name}_seconds_sum")

    assert seconds("decision_durable") == pytest.approx(0.002)
    assert seconds("decision_sent") == pytest.approx(0.002)
    assert seconds("sent_ack") == pytest.approx(0.032)
    assert seconds("sent_fill") == pytest.approx(0.1)


def test_slippage_is_a_cost_against_arrival_and_can_be_left_out() -> None:
    registry, bare, clock = CollectorRegistry(), CollectorRegistry(), ByHand()
    world = World(Counting(registry, clock), Counting(bare, clock, derived=False), clock=clock)
    world.do(submitted(1))
    world.hear(acknowledged(1, NOW), filled(1, NOW, "100.04"))

    def at_most(bps: str) -> float | None:
        return registry.get_sample_value("orderwright_slippage_bps_bucket", {"side": "buy", "le": bps})

    assert (at_most("2.0"), at_most("5.0")) == (0, 1)
    assert registry.get_sample_value("orderwright_fill_ratio_sum") == 1
    assert bare.get_sample_value("orderwright_fill_ratio_sum") == 0


def test_gauges_tell_orders_money_and_the_use_of_limits() -> None:
    clock, registry = ByHand(), CollectorRegistry()
    limits = RiskLimits(max_position_value=Decimal(900), max_daily_orders=10, max_open_orders_per_symbol=4)
    world = World(limits=limits, clock=clock)
    registry.register(Gauges(world.desk, clock, ready=lambda: True))
    world.do(submitted(1), submitted(2))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("orderwright_ready") == 1
    assert value("orderwright_open_orders", book="main") == 2
    assert value("orderwright_trading_state", book="main") == 0
    assert value("orderwright_equity", book="main", currency="USD") == 100_000
    assert value("orderwright_exposure", book="main", currency="USD") == 200
    assert value("orderwright_limit_use", book="main", limit="max_position_value") == pytest.approx(2 / 9)
    assert value("orderwright_limit_use", book="main", limit="max_daily_orders") == 0.2
    assert value("orderwright_limit_use", book="main", limit="max_open_orders_per_symbol") == 0.5


def lines_of(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_written_once_its_row_is_durable_and_not_before() -> None:
    stream = io.BytesIO()
    close = set_up("json", "INFO", stream=stream)
    try:
        world = World()
        world.desk.watchers.append(Telling())
        world.decide(submitted(1, quantity=2_000, signal_id="s1", strategy="dip"))
    finally:
        close()
    assert lines_of(stream) == []

    stream = io.BytesIO()
    close = set_up("json", "INFO", stream=stream)
    try:
        world.desk.watchers[-1] = told = Telling()
        world.settle()
        world.do(submitted(2, quantity=2_000, signal_id="s2", strategy="dip"))
        assert told is not None
    finally:
        close()
    (line,) = lines_of(stream)
    wanted = {"event": "order_denied", "level": "warning", "book": "main", "order": an_id(2), "signal": "s2"}
    assert {name: line[name] for name in wanted} == wanted
    assert (line["strategy"], line["status"], line["reason"]) == ("dip", "denied", "buying_power")


def test_secrets_are_masked_by_name_by_shape_and_by_value() -> None:
    stream = io.BytesIO()
    close = set_up("json", "INFO", stream=stream, secrets=["hunter2-hunter2"])
    try:
        structlog.get_logger().info("asked", key_id="7", api_key="k", text="ow_AAAABBBBCCCC and hunter2-hunter2")
        logging.getLogger("uvicorn.error").warning("from elsewhere: %s", "hunter2-hunter2")
    finally:
        close()
    first, second = lines_of(stream)
    assert (first["key_id"], first["api_key"], first["text"]) == ("7", "***", "*** and ***")
    assert (second["event"], second["logger"]) == ("from elsewhere: ***", "uvicorn.error")


def test_masking_keeps_what_is_no_secret() -> None:
    assert Masking(["abc"]).mask("abc ow_1 abc") == "abc ow_1 abc"


class Stuck(io.BytesIO):
    """A pipe that nobody reads until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def write(self, data: Any) -> int:
        self.entered.set()
        self.go_on.wait(10)
        return super().write(data)


def test_a_pipe_that_nobody_reads_holds_nothing_up_and_says_what_was_dropped() -> None:
    stream = Stuck()
    writer = LineWriter(stream, most=2)
    writer.msg(b'{"event": "1"}')
    assert stream.entered.wait(10)
    for number in range(2, 7):
        writer.msg(b'{"event": "%d"}' % number)
    stream.go_on.set()
    writer.close()
    assert [line.get("count", line["event"]) for line in lines_of(stream)] == ["1", "2", "3", 3]


def test_the_end_does_not_wait_for_a_pipe_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PATIENCE", 0.0)
    stream = Stuck()
    writer = LineWriter(stream, most=2)
    writer.msg(b"1")
    assert stream.entered.wait(10)
    for _ in range(5):
        writer.msg(b"more")
    writer.close()
    stream.go_on.set()


class Closed(io.BytesIO):
    """A pipe whose reader has gone."""

    def write(self, data: Any) -> int:
        raise BrokenPipeError


def test_lines_for_a_reader_that_has_gone_are_counted_and_the_end_comes() -> None:
    writer = LineWriter(Closed(), most=2)
    for _ in range(50):
        writer.msg(b"line")
    writer.close()
    assert not writer._thread.is_alive()
    assert writer.dropped > 0


class Told:
    """What people were told: (title, body)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, title: str, body: str) -> bool:
        self.said.append((title, body))
        return True


@pytest.fixture(autouse=True)
def silence() -> Any:
    """Log lines of these tests go nowhere."""
    close = set_up("json", "INFO", stream=io.BytesIO())
    yield
    close()


def test_people_are_told_of_rejections_and_of_orders_that_a_limit_refused() -> None:
    told, clock = Told(), ByHand()
    notifier = Notifier(told, clock)
    world = World(notifier, limits=RiskLimits(max_order_value=Decimal(500)), clock=clock)
    world.do(submitted(1), m.SubmitOrder(instruction=a_market_buy(9, number=2)))
    world.hear(m.RejectReport(order_id=an_id(1), time=NOW, code="-2010", message="no balance"))
    notifier.close()

    first = f"order {an_id(2)} (buy BTC/USDT) was refused by a limit: "
    assert [title for title, _ in told.said] == ["Orderwright: risk (main)", "Orderwright: rejected (main)"]
    assert told.said[0][1].startswith(first)
    assert told.said[1][1] == f"order {an_id(1)} (buy BTC/USDT) was rejected: no balance"
    assert OrderStatus.REJECTED is world.desk.books["main"].state.finished[an_id(1)].status


def test_what_comes_in_a_flood_is_gathered_into_one_message() -> None:
    told, clock = Told(), ByHand()
    notifier = Notifier(told, clock)
    for number in range(SHOWN + 4):
        notifier.alert("main", m.RaiseAlert(topic="unknown", text=f"order {number}"))
    clock.time += EVERY_US
    notifier.tick()
    notifier.close()
    gathered = [*(f"order {number}" for number in range(1, SHOWN + 1)), "and 3 more"]
    assert told.said == [
        ("Orderwright: unknown (main)", "order 0"),
        ("Orderwright: unknown (main)", "\n".join(gathered)),
    ]


def test_only_the_topics_asked_for_are_told() -> None:
    told = Told()
    notifier = Notifier(told, ByHand(), topics=["approval"])
    notifier.alert("main", m.RaiseAlert(topic="unknown", text="no answer"))
    notifier.alert("main", m.RaiseAlert(topic="approval", text="waits"))
    notifier.close()
    assert told.said == [("Orderwright: approval (main)", "waits")]


def test_a_plug_in_that_fails_ends_nothing() -> None:
    told: list[str] = []

    def fail(title: str, body: str) -> bool:
        told.append(body)
        raise OSError("mailto://user:password@example.com")

    notifier = Notifier(fail, clock := ByHand())
    notifier.alert("main", m.RaiseAlert(topic="unknown", text="one"))
    clock.time += EVERY_US
    notifier.alert("main", m.RaiseAlert(topic="unknown", text="two"))
    notifier.close()
    assert told == ["one", "two"]


def test_a_url_that_apprise_does_not_know_is_refused_without_showing_it() -> None:
    with pytest.raises(InputError) as caught:
        check_urls(["json://localhost", "nosuch://user:password@example.com"])
    assert "password" not in str(caught.value)
    assert caught.value.field == "alerts.urls.1"


def test_observing_puts_all_of_it_together() -> None:
    stream, told, clock = io.BytesIO(), Told(), ByHand()
    observing = Observing(Seen(log_format="json"), clock, send=told, stream=stream)
    world = World(*observing.watchers, clock=clock)
    observing.look_at(world.desk, log=None, ready=lambda: True)
    world.do(submitted(1))
    world.hear(m.RejectReport(order_id=an_id(1), time=NOW, code="-1", message="no"))
    figures = observing.metrics().decode()
    observing.close()

    assert 'orderwright_orders_total{reason="-1",status="rejected"} 1.0' in figures
    assert "order_rejected" in [line["event"] for line in lines_of(stream)]
    assert [title for title, _ in told.said] == ["Orderwright: rejected (main)"]


def test_a_span_tells_an_orders_life() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from orderwright.service.observing.tracing import Tracing

    kept, provider, clock = InMemorySpanExporter(), TracerProvider(), ByHand()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    world = World(Tracing(provider.get_tracer("test")), clock=clock)
    world.do(submitted(1))
    clock.time += 5_000
    world.hear(acknowledged(1, clock.time), filled(1, clock.time))
    provider.shutdown()

    (span,) = kept.get_finished_spans()
    assert (span.start_time, span.end_time) == (1_000 * NOW, 1_000 * (NOW + 5_000))
    assert [event.name for event in span.events] == ["decided", "sent", "acknowledged", "first fill", "last fill"]
    assert span.attributes is not None
    assert span.attributes["orderwright.status"] == "filled"


def test_the_documented_figures_are_those_that_there_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "observing.md").read_text()
    documented = set(re.findall(r"`(orderwright_[a-z_]+)`", page))
    observing = Observing(Seen(log_format="json"), clock := ByHand(), stream=io.BytesIO())
    world = World(*observing.watchers, limits=RiskLimits(max_daily_orders=10), clock=clock)
    observing.look_at(world.desk, log=Path("no.sqlite"), ready=lambda: True)
    found = {metric.name + "_total" * (metric.type == "counter") for metric in observing.registry.collect()}
    observing.close()
    assert documented == found


def test_the_documented_topics_are_those_that_there_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "observing.md").read_text()
    table = page[page.index("| topic |") : page.index("One topic")]
    assert sorted(re.findall(r"`([a-z_]+)`", table)) == sorted(TOPICS)
