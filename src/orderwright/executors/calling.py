"""Calling an executor, and what counts as no answer.

- Refused and Unreachable pass. Anything else that is raised, and anything that is no Status of the order, is no answer:
  Unreachable, since the request may have been carried out.
- Where a question, a cancel or a replace is refused with `order_not_found`, the exchange denies the order: a Status of
  that code. A submit that is refused is refused, whatever the code.
- What is said of an error has the user's secrets struck out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from orderwright.errors import Refused, Unreachable
from orderwright.executors.api import NOT_FOUND
from orderwright.executors.credentials import without_secrets
from orderwright.executors.executor import Executor
from orderwright.executors.known import Known
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade
from orderwright.ports import Clock


class Calls:
    """The calls of an executor."""

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self.executor, self.clock = executor, clock

    def submit(self, known: Known) -> Status:
        return self._call(known, lambda: self.executor.submit(known.trade))

    def about(self, known: Known, ask: Callable[[Trade], Status], *, renames: bool = False) -> Status:
        """A call about an order that was sent. Where it is denied under the one id it is asked under the other, until
        it is clear which of them the executor wants."""
        status = self._ask(known, lambda: ask(known.trade), renames)
        if known.other_id and is_denied(status):
            other = copy.copy(known.trade)
            other.order_id = known.other_id
            status = self._ask(known, lambda: ask(other), renames)
            if not status.unknown:
                known.trade.order_id = other.order_id
        if not status.unknown:
            known.other_id = ""
        return status

    def by_id(self, order_id: str) -> Status:
        """How an order stands of which nothing is known here."""
        return self._ask(None, lambda: self.executor.get_status(order_id))

    def _ask(self, known: Known | None, call: Callable[[], Status], renames: bool = False) -> Status:
        try:
            return self._call(known, call, renames)
        except Refused as error:
            if error.code != NOT_FOUND:
                raise
            return Status(code=NOT_FOUND, error=str(error))

    def _call(self, known: Known | None, call: Callable[[], Status], renames: bool = False) -> Status:
        if known is not None:
            known.asked_at = self.clock.now()
        try:
            status = call()
        except Refused as error:
            raise Refused(self._without_secrets(known, str(error), str(error)), error.code) from None
        except Unreachable as error:
            raise Unreachable(self._without_secrets(known, str(error), str(error))) from None
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have been carried out
            kind = type(error).__name__
            raise Unreachable(self._without_secrets(known, f"{kind}: {error}", kind)) from None
        if not isinstance(status, Status):
            raise Unreachable(f"the executor answered with {type(status).__name__}, not with a Status")
        if known is not None and not status.unknown:
            known.hear(status, renames=renames)
        return status

    def _without_secrets(self, known: Known | None, message: str, otherwise: str) -> str:
        """An error's text may hold the keys it was signed with. otherwise: said where the keys are not known."""
        if known is None:
            return otherwise
        return without_secrets(self.executor, known.trade.user_id, known.trade.exchange, message, otherwise)


def is_denied(status: Status) -> bool:
    """Whether the exchange says that it does not know the order."""
    return status.unknown and status.code == NOT_FOUND


__all__ = ["Calls", "is_denied"]
