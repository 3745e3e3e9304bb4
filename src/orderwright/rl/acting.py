"""What an agent can do at the close of a candle.

- `discrete`: 0 hold; 1 be long; 2 be flat, or short where shorts are allowed. An entry takes `size` of equity; who is
  on that side already does nothing.
- `target`: a number from 0 (flat) to 1 (all of equity), from -1 where shorts are allowed: the position is brought
  there.
- `orders`: a dictionary, for one order or cancel at a time:
    kind    none, market, limit, cancel (the order in `slot`), cancel_all
    side    buy, sell
    size    the share of the money that a buy can spend, or of the holding that a sell can deliver
    offset  from -1 to 1, of `furthest`: how far behind the last close a limit is; below 0 it is beyond it
    slot    which of the open orders, as they are observed
  A limit order for which no slot is free is not sent, and counts as a rejection.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from orderwright.core.model import OrderSide
from orderwright.core.numbers import ONE, ZERO, parse_decimal
from orderwright.errors import InputError, UnknownName
from orderwright.rl.episode import Episode

NAMES = ("discrete", "target", "orders")
KINDS = ("none", "market", "limit", "cancel", "cancel_all")
SMALLEST = 1e-6
"""A share below it is none."""


class Acting(Protocol):
    @property
    def space(self) -> spaces.Space[Any]:
        """Every action there is."""

    def act(self, episode: Episode, action: Any) -> int:
        """Carry it out; how many orders were refused here. Raises InputError for what is no action."""


class Discrete:
    """See the head of this file."""

    def __init__(self, size: Decimal, *, shorts: bool) -> None:
        self.space = spaces.Discrete(3)
        self._size, self._other = size, -size if shorts else ZERO

    def act(self, episode: Episode, action: Any) -> int:
        wanted = _whole(action, 3, "action")
        if wanted == 1:
            if episode.leans() <= 0:
                episode.hold(self._size)
        elif wanted == 2 and (episode.leans() >= 0 if self._other else episode.leans() > 0):
            episode.hold(self._other)
        return 0


class Target:
    """See the head of this file."""

    def __init__(self, *, shorts: bool) -> None:
        self._least = -1.0 if shorts else 0.0
        self.space = spaces.Box(self._least, 1.0, (1,), np.float32)

    def act(self, episode: Episode, action: Any) -> int:
        share = number_of(action, "action", self._least, 1.0)
        episode.hold(exact(share) if abs(share) >= SMALLEST else ZERO)
        return 0


class Orders:
    """See the head of this file."""

    def __init__(self, furthest: Decimal, slots: int) -> None:
        self.furthest, self.slots = furthest, slots
        self.space = spaces.Dict(
            {
                "kind": spaces.Discrete(len(KINDS)),
                "side": spaces.Discrete(2),
                "size": spaces.Box(0.0, 1.0, (1,), np.float32),
                "offset": spaces.Box(-1.0, 1.0, (1,), np.float32),
                "slot": spaces.Discrete(max(slots, 1)),
            }
        )

    def act(self, episode: Episode, action: Any) -> int:
        if not isinstance(action, Mapping):
            message = f"{action!r} is not a dictionary with kind, side, size, offset and slot"
            raise InputError(message, field="action", value=action)
        kind = KINDS[_whole(_part(action, "kind"), len(KINDS), "kind")]
        if kind == "cancel_all":
            episode.cancel(episode.working())
        elif kind == "cancel":
            slot = _whole(_part(action, "slot"), max(self.slots, 1), "slot")
            episode.cancel(episode.working()[slot : slot + 1])
        elif kind != "none":
            return self._order(episode, action, limit=kind == "limit")
        return 0

    def _order(self, episode: Episode, action: Mapping[str, Any], *, limit: bool) -> int:
        side = OrderSide.SELL if _whole(_part(action, "side"), 2, "side") else OrderSide.BUY
        size = number_of(_part(action, "size"), "size", 0.0, 1.0)
        offset = number_of(_part(action, "offset"), "offset", -1.0, 1.0) if limit else 0.0
        if size < SMALLEST:
            return 0
        if limit and len(episode.working()) >= self.slots:
            return 1
        price = episode.limit_price(side, exact(offset) * self.furthest) if limit else None
        episode.take(side, exact(size), price)
        return 0


def acting_of(actions: str, size: Any, furthest: Any, slots: int, *, shorts: bool) -> Acting:
    """The way to act of a name. Raises InputError, UnknownName."""
    share, far = parse_decimal(size, "size"), parse_decimal(furthest, "furthest")
    if not 0 < share <= 1:
        message = f"{size} is not a share above 0 and up to 1"
        raise InputError(message, field="size", value=size, nearest=1 if share > ONE else None)
    if not 0 < far < 1:
        raise InputError(f"{furthest} is not a fraction above 0 and below 1", field="furthest", value=furthest)
    if actions == "discrete":
        return Discrete(share, shorts=shorts)
    if actions == "target":
        return Target(shorts=shorts)
    if actions == "orders":
        if not slots:
            message = "orders that rest need a slot each to be seen and cancelled"
            raise InputError(message, field="slots", value=slots, nearest=1)
        return Orders(far, slots)
    raise UnknownName("kind of actions", str(actions), NAMES, field="actions")


def exact(number: float) -> Decimal:
    """A float as the decimal that it is written as."""
    return Decimal(repr(number))


def number_of(value: Any, field: str, least: float, most: float) -> float:
    """One number within bounds, of a number or an array of one."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise InputError(f"{value!r} is not one number", field=field, value=value)
    number = float(array.reshape(())) if array.ndim == 0 else float(array.flat[0])
    if not least <= number <= most:
        nearest = None if number != number else min(max(number, least), most)
        raise InputError(f"{number} is not from {least:g} to {most:g}", field=field, value=value, nearest=nearest)
    return number


def at_least(value: Any, least: int, field: str) -> int:
    """A whole number that is not below a bound."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        message = f"{value!r} is not a whole number from {least} up"
        raise InputError(message, field=field, value=value, nearest=least)
    return int(value)


def _whole(value: Any, count: int, field: str) -> int:
    kind = type(value)
    if kind is not int and not isinstance(value, np.integer):
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "iu":
            raise InputError(f"{value!r} is not a whole number", field=field, value=value)
        value = array.flat[0]
    if not 0 <= value < count:
        nearest = min(max(int(value), 0), count - 1)
        raise InputError(f"{value} is not from 0 to {count - 1}", field=field, value=value, nearest=nearest)
    return int(value)


def _part(action: Mapping[str, Any], name: str) -> Any:
    if name not in action:
        raise InputError("is not in the action", field=name, value=", ".join(map(str, action)))
    return action[name]
