"""Alerts to people, by Apprise: mail, SMS, chat, whatever its URLs name.

- What is told: what a book raises (approvals that wait, outcomes that are not known, the day's loss, reports that fit
  nothing), orders that were rejected, and orders that our own risk limits refused. All of it once it is durable.
- A thread of its own sends them: neither a slow mail server nor the import of Apprise holds up a turn. The queue is
  bounded. A notification that cannot be sent is logged, without the URL (it holds the password), and not sent again.
- The same topic of the same book is told at most every EVERY_US; what comes meanwhile is gathered into the next one.
"""

from __future__ import annotations

import logging
import queue
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.errors import InputError
from orderwright.ports import Clock
from orderwright.service.observing.structured import structlog

TOPICS = (
    "approval",
    "daily_loss",
    "disk",
    "fill",
    "group",
    "missing",
    "rejected",
    "report",
    "risk",
    "strategy",
    "unknown",
)
EVERY_US = 10_000_000
MOST_WAITING = 1_000
SHOWN = 5
_RISK = range(300, 400)
Send = Callable[[str, str], bool]


class _Topic(Struct):
    """What was told of a topic of a book, and what waits to be."""

    next_at: int = 0
    texts: list[str] = []
    more: int = 0


class Notifier:
    """A `Watcher` (live/desk.py), and the place to which books raise alerts (`alert`). send: what delivers (title,
    body) and says whether that went well. topics: those that are told; empty tells all."""

    def __init__(self, send: Send, clock: Clock, topics: Iterable[str] = ()) -> None:
        self._send, self._clock, self._topics = send, clock, frozenset(topics)
        self._log = structlog.get_logger()
        self._gathered: dict[tuple[str, str], _Topic] = {}
        self._waiting: list[tuple[str, str, str]] = []
        self._durable: list[tuple[str, str, str]] = []
        self._queue: queue.Queue[tuple[str, str] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def alert(self, book: str, alert: m.RaiseAlert) -> None:
        """What a book raises; it is durable."""
        self._log.warning("alert", book=book, topic=alert.topic, text=alert.text)
        self._take(book, alert.topic, alert.text)

    def tick(self) -> None:
        """Tell what was gathered and has waited long enough; to be called every second or so."""
        now = self._clock.now()
        for (book, topic), found in list(self._gathered.items()):
            if found.next_at <= now:
                if found.texts:
                    self._tell(book, topic, found, now)
                else:
                    del self._gathered[book, topic]

    def close(self) -> None:
        """Tell what is left, and end the thread."""
        for (book, topic), found in self._gathered.items():
            if found.texts:
                self._tell(book, topic, found, 0)
        self._gathered.clear()
        try:
            self._queue.put(None, timeout=5)
        except queue.Full:
            return
        self._thread.join(timeout=10)

    # Watcher

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:  # noqa: ARG002  # the port's
        order = changes.order
        if isinstance(event, m.OrderRejected) and order is not None:
            said = order.instruction
            words = f"order {event.order_id} ({said.side} {said.symbol}) was rejected: {event.message or event.code}"
            self._waiting.append((book, "rejected", words))
        elif isinstance(event, m.OrderDenied) and int(event.reason) in _RISK and order is not None:
            said = order.instruction
            words = f"order {event.order_id} ({said.side} {said.symbol}) was refused by a limit: {event.rule}"
            self._waiting.append((book, "risk", words))

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # the port's
        self._durable, self._waiting = self._waiting, []

    def acted(self) -> None:
        due, self._durable = self._durable, []
        for book, topic, words in due:
            self._take(book, topic, words)

    # Telling

    def _take(self, book: str, topic: str, words: str) -> None:
        if self._topics and topic not in self._topics:
            return
        found = self._gathered.setdefault((book, topic), _Topic())
        if len(found.texts) < SHOWN:
            found.texts.append(words)
        else:
            found.more += 1
        now = self._clock.now()
        if found.next_at <= now:
            self._tell(book, topic, found, now)

    def _tell(self, book: str, topic: str, found: _Topic, now: int) -> None:
        more = [f"and {found.more} more"] if found.more else []
        body = "\n".join([*found.texts, *more])
        found.texts, found.more, found.next_at = [], 0, now + EVERY_US
        try:
            self._queue.put_nowait((f"Orderwright: {topic} ({book})", body))
        except queue.Full:
            self._log.error("alert was not told: too many wait", book=book, topic=topic)

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            title, body = one
            try:
                told = self._send(title, body)
            except Exception as error:  # noqa: BLE001  # a plug-in's fault must not end the alerts; its text may hold the URL
                self._log.error("alert was not told", title=title, error=type(error).__name__)
                continue
            if not told:
                self._log.error("alert was not told", title=title)


def by_apprise(urls: Sequence[str]) -> Send:
    """What sends by Apprise, which is imported with the first alert. Raises InputError, when it is first used, for
    a URL that Apprise does not know."""
    sender: list[Send] = []

    def send(title: str, body: str) -> bool:
        if not sender:
            sender.append(_apprise(urls))
        return sender[0](title, body)

    return send


def check_urls(urls: Sequence[str]) -> None:
    """Raises InputError for a URL that Apprise does not know; the URL is named by its scheme alone."""
    _apprise(urls)


def _apprise(urls: Sequence[str]) -> Send:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some of its plug-ins import what Python will drop
        import apprise

        apprise.Apprise.instantiate("json://localhost")  # that is when it loads them
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs URLs
    found = apprise.Apprise()
    for number, url in enumerate(urls, start=1):
        if not found.add(url):
            scheme = url.partition(":")[0]
            message = f"the URL number {number} ({scheme}://...) is none that Apprise knows"
            raise InputError(message, field=f"alerts.urls.{number - 1}", value=f"{scheme}://...")
    return lambda title, body: bool(found.notify(title=title, body=body))


__all__ = ["TOPICS", "Notifier", "by_apprise", "check_urls"]
