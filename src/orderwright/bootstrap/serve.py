"""`orderwright serve`: configuration, log, desk, books, door, keys and application put together, and run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from orderwright.backtest.announcing import told_by
from orderwright.config import mapping
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.live import garbage
from orderwright.live.clock import SystemClock
from orderwright.live.desk import Desk
from orderwright.live.loop import CommitInThread, LiveLoop
from orderwright.live.space import SpaceGuard
from orderwright.service.app import App
from orderwright.service.books import OPERATOR, Books
from orderwright.service.configured import mirror_of, seen_of
from orderwright.service.door import Door
from orderwright.service.keys import Keys, NewKey
from orderwright.service.observing.assembly import Observing
from orderwright.service.observing.structured import structlog
from orderwright.service.parts import Service
from orderwright.service.questions.execution import Execution
from orderwright.service.questions.reads import Reads
from orderwright.service.serving import Life, address_of, bind, runner
from orderwright.service.strategies import Strategies

if TYPE_CHECKING:
    import socket

    from orderwright.config.schema import Configuration
    from orderwright.ports import Journal

MEMORY_KEEPS = 100_000
"""Finished orders that a log in memory keeps."""
TICK_S = 1.0


class Started(Struct, frozen=True, kw_only=True):
    """What is told once requests are taken in. key: of the first start, the only copy of it."""

    address: str
    log: Path | None
    needs_key: bool
    key: NewKey | None = None
    warnings: list[str] = []


def serve(
    configuration: Configuration, *, take_over: bool = False, told: Callable[[Started], None] = lambda _: None
) -> None:
    """Run the service until SIGTERM or SIGINT. Raises what has ended it: InputError, LogLocked, CommitFailed ..."""
    place = mapping.log_place(configuration)
    listener = bind(configuration.service.host, configuration.service.port)
    try:
        place.prepare()
        with runner() as running:
            running.run(_live(configuration, place, listener, take_over, told))
    finally:
        listener.close()


async def _live(
    configuration: Configuration,
    place: mapping.LogPlace,
    listener: socket.socket,
    take_over: bool,
    told: Callable[[Started], None],
) -> None:
    with assembled(configuration, place, take_over=take_over) as service:
        app = App(service)
        mirror = mirror_of(configuration, structlog.get_logger().warning)
        made = list[NewKey]()

        async def begin() -> None:
            await service.keys.settle_users()
            service.strategies.start()
            if configuration.service.auth and not service.keys.has_admin:
                made.append(await service.keys.issue(OPERATOR, "admin", label="the first key", by="the start"))

        def ready() -> None:
            told(
                Started(
                    address=address_of(listener),
                    log=place.log,
                    needs_key=configuration.service.auth,
                    key=made[0] if made else None,
                    warnings=[*mapping.warnings_of(configuration), *service.keys.warnings()],
                )
            )
            garbage.settle()
            if mirror is not None:
                mirror.start()

        ticking = asyncio.create_task(_tick(service), name="tick")
        try:
            await Life(service, app.asgi, listener).run(begin, ready)
        finally:
            ticking.cancel()
            await service.strategies.stop()
            app.close()
            if mirror is not None:
                structlog.get_logger().info("the DuckDB copy takes in what is new")
                await asyncio.to_thread(mirror.stop, float(configuration.service.stop_timeout_s))


@contextlib.contextmanager
def assembled(configuration: Configuration, place: mapping.LogPlace, *, take_over: bool = False) -> Iterator[Service]:
    """Every part of the service over its log, books open and told what is configured; the loop is still to be run."""
    clock = SystemClock()
    with contextlib.ExitStack() as at_end:
        observing = Observing(seen_of(configuration), clock)
        at_end.callback(observing.close)
        at_end.enter_context(told_by(structlog.get_logger().info))
        journal: Journal = open_log(place.log, take_over=take_over) if place.log else MemoryJournal(MEMORY_KEEPS)
        at_end.callback(journal.close)
        desk = Desk(journal, most_waiting=configuration.service.most_waiting, watchers=observing.watchers)
        books = Books(desk, configuration, clock, alert=observing.alert)
        books.open()
        clock.not_before(max(book.state.now for book in desk.books.values()))
        committer = CommitInThread()
        at_end.callback(committer.close)
        loop = LiveLoop(desk, clock=clock, committer=committer, guard=_guard(configuration, place, observing))
        books.loop = loop
        service = Service(desk, loop)
        service.clock, service.config, service.books, service.observing = clock, configuration, books, observing
        params = configuration.order_params
        service.door = Door(
            loop, books, clock, order_type=params.default_order_type, time_in_force=params.time_in_force
        )
        service.reads, service.execution = Reads(loop, desk.journal), Execution(desk.journal)
        at_end.callback(service.execution.close)
        at_end.callback(service.reads.close)
        service.keys = Keys(desk, loop, books, clock)
        service.strategies = Strategies(books, alert=observing.alert)
        observing.look_at(desk, log=place.log, ready=lambda: service.ready)
        yield service


def _guard(configuration: Configuration, place: mapping.LogPlace, observing: Observing) -> SpaceGuard | None:
    """What watches the disk that the log is on; a log in memory has none."""
    floor = configuration.service.free_disk_mb * 2**20
    if place.log is None or not floor:
        return None
    folder = place.log.absolute().parent
    return SpaceGuard(lambda: shutil.disk_usage(folder).free, floor, alert=observing.alert)


async def _tick(service: Service) -> None:
    """What is to be looked after every second or so."""
    while True:
        await asyncio.sleep(TICK_S)
        if service.observing is not None:
            service.observing.tick()


__all__ = ["Started", "assembled", "serve"]
