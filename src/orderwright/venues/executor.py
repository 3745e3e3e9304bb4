"""The VenueExecutor: one policy between the core and any venue's connector.

- It refuses to send a request after its signed lifetime (`sign_at + lifetime_ms`): the venue would refuse it, and every
  reader of the log counts on it being dead by then. That is a known outcome: not sent.
- A connector that raises `Refused` knows the outcome: it becomes a rejection. One that raises `Unreachable` does not:
  it becomes UNKNOWN, and the core asks the venue until the venue has answered for it.
- Neither does one that raises anything else: the log already says that the request went out, and it may have. Only the
  kind of such an error is said, since its text may hold the keys that the request was signed with.
- A question that cannot be asked is no answer; the core asks again by its timers.

It has the `Connector` port's own face, so a driver cannot tell it from a connector.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from orderwright.core import messages as m
from orderwright.core.model import VenueTraits
from orderwright.errors import Refused, Unreachable
from orderwright.ports import Connector

_QUESTIONS = (m.AskOrder, m.FetchTrades)


class VenueExecutor:
    """Policy around one connector. clock: microseconds, the driver's own."""

    def __init__(self, connector: Connector, clock: Callable[[], int]) -> None:
        self.connector, self.clock = connector, clock
        self._known: list[m.AnyReport] = []

    @property
    def traits(self) -> VenueTraits:
        return self.connector.traits

    def send(self, action: m.VenueAction) -> None:
        """Carry out one action, or report at the next poll why it was not."""
        if isinstance(action, _QUESTIONS):
            self._ask(action)
        elif action.lifetime_ms is not None and self.clock() > action.sign_at + 1_000 * action.lifetime_ms:
            text = "not sent: its signed lifetime was over"
            self._report(
                m.NotSentReport(order_id=action.order_id, time=self.clock(), number=action.number, message=text)
            )
        else:
            self._send(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """What is known here first, then what the venue says."""
        if self._known:
            known, self._known = self._known, []
            return min(self.clock(), limit), known
        return self.connector.poll(limit)

    @property
    def has_news(self) -> bool:
        """Whether something is known here that was not told yet."""
        return bool(self._known)

    def _send(self, action: m.SendOrder | m.SendReplace | m.SendCancel) -> None:
        order_id, number = action.order_id, action.number
        try:
            self.connector.send(action)
        except Refused as error:
            refused = m.RejectReport(
                order_id=order_id, time=self.clock(), number=number, code=error.code, message=str(error)
            )
            self._report(refused)
        except Unreachable as error:
            self._lost(action, str(error))
        except Exception as error:  # noqa: BLE001  # whatever it was, the request may have been carried out
            self._lost(action, f"the connector raised {type(error).__name__}")

    def _ask(self, action: m.AskOrder | m.FetchTrades) -> None:
        with contextlib.suppress(Exception):  # a question changes nothing: it is asked again
            self.connector.send(action)

    def _lost(self, action: m.SendOrder | m.SendReplace | m.SendCancel, message: str) -> None:
        self._report(
            m.UnreachableReport(order_id=action.order_id, time=self.clock(), number=action.number, message=message)
        )

    def _report(self, report: m.AnyReport) -> None:
        self._known.append(report)
