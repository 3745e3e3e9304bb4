"""How long a request takes to the exchange, and a report back.

- Times are virtual microseconds; the exchange's own work takes none.
- Requests travel alone: a later one with a shorter draw overtakes an earlier one. Reports keep their order.
- Draws are keyed (`chance`): a request's by its client id, a report's by its order and the time of what it reports.
- Nothing is lost on the way. Loss is a fault, and faults are no part of latency.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Protocol

from orderwright.simulation.models.chance import normal, uniform


class LatencyModel(Protocol):
    """Delays in microseconds, never negative. `event` names the message."""

    def request(self, symbol: str, event: str) -> int:
        """From `send` to the exchange."""

    def report(self, symbol: str, event: str) -> int:
        """From the exchange to `poll`."""


@dataclass(frozen=True, slots=True)
class ConstantLatency:
    """Always the same."""

    request_us: int = 0
    report_us: int = 0

    def request(self, symbol: str, event: str) -> int:  # noqa: ARG002  # the same for every message
        return self.request_us

    def report(self, symbol: str, event: str) -> int:  # noqa: ARG002
        return self.report_us


@dataclass(frozen=True, slots=True)
class UniformLatency:
    """Evenly spread from least_us to most_us, each way."""

    seed: int
    least_us: int
    most_us: int

    def request(self, symbol: str, event: str) -> int:
        return self.least_us + int(uniform(self.seed, symbol, event) * (self.most_us - self.least_us + 1))

    def report(self, symbol: str, event: str) -> int:
        return self.request(symbol, event)


@dataclass(frozen=True, slots=True)
class LognormalLatency:
    """Mostly around median_us, now and then much longer, each way; sigma is the standard deviation of its logarithm."""

    seed: int
    median_us: int
    sigma: float = 0.5

    def request(self, symbol: str, event: str) -> int:
        return round(self.median_us * exp(self.sigma * normal(self.seed, symbol, event)))

    def report(self, symbol: str, event: str) -> int:
        return self.request(symbol, event)
