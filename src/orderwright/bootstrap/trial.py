"""A start that stays on trial: the books, markets and strategies of a configuration made in memory, for `config check`.

What only shows when the parts are made (a symbol that is none, a class that cannot be found, a parameter that it does
not have, an address of an alert that cannot be read) is so known before the service is started. No file is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration


def trial_problems(configuration: Configuration) -> list[InputError]:
    """What would stop the service from starting, as far as it gets."""
    found = []
    for part in (_make_books, _make_alerts):
        try:
            part(configuration)
        except InputError as error:
            found.append(error)
    return found


def _make_books(configuration: Configuration) -> None:
    from orderwright.journal.memory import MemoryJournal
    from orderwright.live.clock import SystemClock
    from orderwright.live.desk import Desk
    from orderwright.service.books import Books
    from orderwright.service.strategies import Strategies

    books = Books(Desk(MemoryJournal()), configuration, SystemClock())
    books.open()
    for name, keys in configuration.strategies.items():
        if keys.symbol is not None and keys.class_path is None:
            try:
                books.symbol_of(keys.symbol)
            except InputError as error:
                error.field = f"strategies.{name}.symbol"
                raise
    Strategies(books)


def _make_alerts(configuration: Configuration) -> None:
    if not configuration.alerts.urls:
        return
    from orderwright.service.observing.notifying import check_urls

    check_urls([url.get_secret_value() for url in configuration.alerts.urls])


__all__ = ["trial_problems"]
