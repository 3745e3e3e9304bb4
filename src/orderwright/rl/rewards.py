"""What a step is worth to an agent.

- `profit`: the change of the log of equity.
- `differential_sharpe`: what a step adds to the Sharpe ratio of the steps so far, exponentially weighted (Moody and
  Saffell, "Learning to Trade via Direct Reinforcement", IEEE Transactions on Neural Networks 12(4), 2001). With the
  step's return R, and A and B as they stood before it,

      D = (B dA - A dB / 2) / (B - A^2)^(3/2),    dA = R - A,    dB = R^2 - B,

  after which A grows by rate x dA and B by rate x dB. While the returns have no variance D is 0; it is kept within
  [-LARGEST, LARGEST], since where they hardly have any (nothing held for long) the formula knows no bound.
- any function of the step (`Moment`).

From each is taken cost x turnover: the value that the step traded, as a share of equity. Fees are in equity already, so
this is on top: for agents that trade too often.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, log
from typing import Any, Protocol

from msgspec import Struct

from orderwright.errors import InputError, UnknownName

NAMES = ("profit", "differential_sharpe")
LEAST_VARIANCE = 1e-14
LARGEST = 10.0
LEAST_EQUITY = 1e-9


class Moment(Struct, frozen=True):
    """A step, as a reward sees it. equity_before, equity, traded, fees: quote units. position: value of what is held as
    a share of equity, signed. time: microseconds."""

    time: int
    equity_before: float
    equity: float
    position: float
    traded: float
    fees: float
    rejections: int


class Reward(Protocol):
    def reset(self) -> None:
        """An episode begins."""

    def __call__(self, moment: Moment, /) -> float:
        """What the step is worth."""


class Profit:
    """See the head of this file."""

    def reset(self) -> None:
        """It has no memory."""

    def __call__(self, moment: Moment, /) -> float:
        return log(max(moment.equity, LEAST_EQUITY) / max(moment.equity_before, LEAST_EQUITY))


class DifferentialSharpe:
    """See the head of this file. rate: how fast it forgets; 0.01 looks back some hundred steps."""

    def __init__(self, rate: float = 0.01) -> None:
        self.rate = _between(rate, "sharpe_rate")
        self.reset()

    def reset(self) -> None:
        self.mean = self.square = 0.0

    def __call__(self, moment: Moment, /) -> float:
        earned = moment.equity / max(moment.equity_before, LEAST_EQUITY) - 1.0
        mean, square = self.mean, self.square
        more, squarer = earned - mean, earned * earned - square
        variance = square - mean * mean
        self.mean, self.square = mean + self.rate * more, square + self.rate * squarer
        if variance <= LEAST_VARIANCE:
            return 0.0
        added = (square * more - 0.5 * mean * squarer) / variance**1.5
        return float(min(max(added, -LARGEST), LARGEST))


class Own:
    """A user's own function."""

    def __init__(self, function: Callable[[Moment], Any]) -> None:
        self._function = function

    def reset(self) -> None:
        """Forget the episode before, where the function can."""
        if hasattr(self._function, "reset"):
            self._function.reset()

    def __call__(self, moment: Moment, /) -> float:
        value = float(self._function(moment))
        if not isfinite(value):
            raise InputError(f"the reward is {value} at {moment}", field="reward", value=value)
        return value


def reward_of(reward: Any, sharpe_rate: float = 0.01) -> Reward:
    """The reward of a name, or of a function. Raises InputError, UnknownName."""
    if reward == "profit":
        return Profit()
    if reward == "differential_sharpe":
        return DifferentialSharpe(sharpe_rate)
    if callable(reward):
        return Own(reward)
    raise UnknownName("reward", str(reward), NAMES, field="reward")


def _between(value: float, field: str) -> float:
    if not 0 < value < 1:
        raise InputError(f"{value} is not between 0 and 1", field=field, value=value)
    return float(value)
