"""Alerts in the core: each delivery is a row, only the first becomes signals, and all of them are in one commit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.evolve import signal_key
from orderwright.core.model import SECOND, Account, Action, Alert, Signal
from orderwright.core.recovery import restore
from orderwright.driver import Driver
from orderwright.errors import CommitFailed
from orderwright.journal import open_log
from orderwright.journal.maintenance import rebuild, verify
from orderwright.journal.memory import MemoryJournal
from orderwright.ports import Journal
from tests.builders import NOW, SYMBOL, a_quote, an_id, an_instrument
from tests.test_driver import Venue

ACCOUNTS = ("one", "two")


def a_book(journal: Journal) -> Driver:
    """A book with two accounts that have 1,000 USDT each."""
    driver = Driver("main", journal, {"simulated": Venue([])})
    if driver.state.sequence:
        return driver
    begun: list[m.Input] = [m.DefineInstrument(instrument=an_instrument())]
    begun += [m.OpenAccount(account=Account(account=name)) for name in ACCOUNTS]
    begun += [m.MoveCash(account=name, asset="USDT", amount=Decimal(1_000)) for name in ACCOUNTS]
    driver.turn(begun, NOW)
    return driver


def an_alert(
    number: int = 1, key: str = "", *, accounts: tuple[str, ...] = ACCOUNTS, window: int | None = None
) -> m.ReceiveAlert:
    """Delivery `number` of an alert to buy 1 BTC in each account."""
    signals = tuple(
        (
            Signal(
                signal_id=f"alert {number}",
                symbol=SYMBOL,
                action=Action.BUY,
                account=account,
                quantity=Decimal(1),
                alert_id="" if window is not None else key,
                apart="" if place == 0 else account,
            ),
            an_id(10 * number + place),
        )
        for place, account in enumerate(accounts)
    )
    window_us = None if window is None else window * SECOND
    alert = Alert(alert=f"alert {number}", body='{"a": 1}', digest="d", ticker="BTCUSDT")
    return m.ReceiveAlert(alert=alert, key=key, window_us=window_us, signals=signals)


def take(driver: Driver, said: m.Input, now: int = NOW) -> list[str]:
    """The kinds of what was received with an input: alerts, signals, orders."""
    before = driver.state.sequence
    driver.turn([m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote(time=now)), said], now)
    kinds = [m.kind_of(event) for _, event in driver.journal.events("main", before)]
    return [kind for kind in kinds if kind.endswith("_received")]


ACCEPTED = ["signal_received", "order_received", "signal_received", "order_received", "alert_received"]


def test_the_signals_of_an_alert_are_decided_one_after_the_other_on_the_same_book() -> None:
    driver = a_book(MemoryJournal())

    assert take(driver, an_alert()) == ACCEPTED
    events = [event for _, event in driver.journal.events("main")]
    assert [event.today for event in events if isinstance(event, m.OrderReceived)] == [1, 2]


def test_a_second_delivery_is_a_row_and_nothing_else_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    journal = open_log(path)
    driver = a_book(journal)
    assert take(driver, an_alert(1, "bar 7")) == ACCEPTED
    assert take(driver, an_alert(2, "bar 7")) == ["alert_received"]
    journal.close()

    journal = open_log(path)
    assert take(a_book(journal), an_alert(3, "bar 7"), NOW + 10**12)[-1] == "alert_received"
    rows = journal.latest("alerts")
    assert [(row["verdict"], row["duplicate_of"], row["order_id"]) for row in rows] == [
        ("accepted", None, an_id(10)),
        ("duplicate", "alert 1", an_id(10)),
        ("duplicate", "alert 1", an_id(10)),
    ]
    journal.close()
    assert verify(path).problems == []
    assert rebuild(path) > 0
    assert verify(path).problems == []


def test_a_signal_that_came_another_way_counts_as_the_first_delivery() -> None:
    driver = a_book(MemoryJournal())
    ((signal, order_id), _) = an_alert(1, "bar 7").signals

    assert take(driver, m.ReceiveSignal(signal=signal, order_id=order_id)) == ["signal_received", "order_received"]
    assert take(driver, an_alert(2, "bar 7")) == ["alert_received"]


def test_where_the_log_was_cut_before_the_order_of_a_signal_the_alert_makes_it() -> None:
    driver = a_book(MemoryJournal())
    (first, _) = an_alert(1, "bar 7").signals
    driver.state.keys[signal_key(first[0].key)] = an_id(10)

    assert take(driver, an_alert(2, "bar 7")) == ACCEPTED[1:]


@pytest.mark.parametrize(("after", "comes_of_it"), [(59, ["alert_received"]), (60, ACCEPTED)])
def test_a_text_without_an_id_is_known_for_a_window(after: int, comes_of_it: list[str]) -> None:
    driver = a_book(MemoryJournal())
    take(driver, an_alert(1, "|digest", window=60))
    driver.state.keys.clear()  # memory may forget: the log does not

    assert take(driver, an_alert(2, "|digest", window=60), NOW + after * SECOND) == comes_of_it


def test_a_text_that_comes_again_after_its_window_begins_another_one(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    journal = open_log(path)
    driver = a_book(journal)
    for number, after in enumerate((0, 70, 100, 140), start=1):
        take(driver, an_alert(number, "|digest", window=60, accounts=("one",)), NOW + after * SECOND)
        driver.state.keys.clear()

    assert [row["verdict"] for row in journal.latest("alerts")] == ["accepted", "accepted", "duplicate", "accepted"]
    journal.close()
    assert verify(path).problems == []


def test_what_is_refused_is_a_row_unless_it_is_a_second_delivery() -> None:
    driver = a_book(MemoryJournal())
    stale = ("stale", "too old")
    late = an_alert(2, "bar 7")

    assert take(driver, m.ReceiveAlert(alert=Alert(alert="x", body="?", digest=""), refused=stale)) == [
        "alert_received"
    ]
    assert take(driver, an_alert(1, "bar 7")) == ACCEPTED
    take(driver, m.ReceiveAlert(alert=late.alert, key=late.key, signals=late.signals, refused=stale))
    assert [row["verdict"] for row in driver.journal.latest("alerts")] == ["refused", "accepted", "duplicate"]


def test_a_commit_that_fails_leaves_nothing_of_an_alert(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    journal = open_log(path)
    driver = a_book(journal)
    before = driver.state.sequence

    def full() -> None:
        raise CommitFailed("disk is full")

    journal.commit = full  # type: ignore[method-assign]
    with pytest.raises(CommitFailed):
        driver.turn([an_alert(1, "bar 7")], NOW)
    journal.close()

    journal = open_log(path)
    assert restore("main", journal.open_state("main")).sequence == before
    assert take(a_book(journal), an_alert(2, "bar 7"))[-5:] == ACCEPTED
    journal.close()


def test_one_reply_tells_what_did_not_become_of_each_signal() -> None:
    driver = a_book(MemoryJournal())
    replies: list[m.Reply | m.RaiseAlert] = []
    driver.handler = replies.append
    command = an_alert()
    sells = tuple(
        (structs.replace(signal, action=Action.SELL, quantity=None), order_id) for signal, order_id in command.signals
    )

    take(driver, m.ReceiveAlert(alert=command.alert, signals=sells))

    (reply,) = replies
    assert isinstance(reply, m.Reply)
    why = "quantity: there is no long position to sell"
    assert (reply.outcome, reply.text) == ("nothing", f"one: {why}; two: {why}")
    (row,) = driver.journal.latest("alerts")
    assert (row["verdict"], row["order_id"], row["reason"]) == ("nothing", None, "nothing_to_close")
    assert row["detail"] == reply.text
