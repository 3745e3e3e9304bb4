"""What an agent sees at the close of a candle. All of it float32 within [-BOUND, BOUND]:

- candles [columns, window], the oldest first: see market.py;
- position [1]: the value of what is held as a share of equity, signed;
- balances [2]: what is free of the money, as a share of equity; equity as a multiple of what it began with;
- orders [slots, 3]: of each order that is open, or may be, the oldest first: its side (1 buy, -1 sell), how far its
  price is from the last close (in the units of the candles; 0 for a market order), and what of it has not filled, as a
  share of equity. An empty slot is 0, 0, 0.

One array is made for each observation, in this order; the parts of the dictionary are views of it.
"""

from __future__ import annotations

from math import log, prod
from typing import Any

import numpy as np
from gymnasium import spaces

from orderwright.core.model import OrderSide
from orderwright.rl.episode import Episode
from orderwright.rl.market import BOUND, PRICES, Small, Strip

LEAST_EQUITY = 1e-9


class Observer:
    """Makes observations. flat: one vector instead of a dictionary."""

    def __init__(self, window: int, columns: tuple[str, ...], slots: int, *, flat: bool) -> None:
        self.window, self.slots, self.flat = window, slots, flat
        self.shapes: dict[str, tuple[int, ...]] = {
            "candles": (len(columns), window),
            "position": (1,),
            "balances": (2,),
        }
        if slots:
            self.shapes["orders"] = (slots, 3)
        self._shape = (sum(name in PRICES for name in columns), window)
        self._prices, self._seen = prod(self._shape), len(columns) * window
        self.size = sum(prod(shape) for shape in self.shapes.values())

    @property
    def space(self) -> spaces.Space[Any]:
        if self.flat:
            return spaces.Box(-BOUND, BOUND, (self.size,), np.float32)
        return spaces.Dict({name: spaces.Box(-BOUND, BOUND, shape, np.float32) for name, shape in self.shapes.items()})

    def see(self, episode: Episode) -> Any:
        """The observation at the episode's last close."""
        seen = np.zeros(self.size, np.float32)
        self._candles(episode.strip, episode.bar, seen)
        at, price = self._seen, episode.price
        worth = episode.equity
        equity = worth if worth > LEAST_EQUITY else LEAST_EQUITY
        seen[at] = _bounded(episode.units * price / equity)
        seen[at + 1] = _bounded(episode.free() / equity)
        seen[at + 2] = _bounded(worth / episode.began_with)
        if self.slots and episode.state.orders:
            self._orders(episode, equity, seen[at + 3 :])
        if self.flat:
            return seen
        return self._parts(seen)

    def _candles(self, strip: Strip, bar: int, seen: Small) -> None:
        rows, prices = slice(bar - self.window + 1, bar + 1), self._prices
        shown = seen[:prices]
        np.subtract(strip.prices[:, rows], strip.anchor.data[bar], out=shown.reshape(self._shape), casting="same_kind")
        np.multiply(shown, strip.scale.data[bar], out=shown)
        if strip.wild.data[bar]:
            np.clip(shown, -BOUND, BOUND, out=shown)
        if prices < self._seen:
            seen[prices : self._seen] = strip.volume[0, rows]

    def _orders(self, episode: Episode, equity: float, seen: Small) -> None:
        price, scale = episode.price, episode.strip.scale.data[episode.bar]
        for slot, order in enumerate(episode.working()[: self.slots]):
            far = 0.0 if order.price is None else log(float(order.price) / price) * scale
            left = float(order.leaves) * price / equity
            seen[3 * slot] = 1.0 if order.instruction.side is OrderSide.BUY else -1.0
            seen[3 * slot + 1] = _bounded(far)
            seen[3 * slot + 2] = _bounded(left)

    def _parts(self, seen: Small) -> dict[str, Small]:
        at = self._seen
        parts = {
            "candles": seen[:at].reshape(self.shapes["candles"]),
            "position": seen[at : at + 1],
            "balances": seen[at + 1 : at + 3],
        }
        if self.slots:
            parts["orders"] = seen[at + 3 :].reshape(self.slots, 3)
        return parts


def _bounded(number: float) -> float:
    return BOUND if number > BOUND else -BOUND if number < -BOUND else number
