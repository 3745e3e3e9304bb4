"""Chance without a stream: a draw is a pure function of (seed, symbol, event).

- The event is named by something that is the same after a restart, such as a request's client id. So no draw depends
  on how many were made before it, and a restarted exchange draws what the first one would have drawn.
- The draws are the first 53 bits of BLAKE2b over the three names: uniform, and independent for all that matters here.
"""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist

_STANDARD = NormalDist()


def uniform(seed: int, symbol: str, event: str) -> float:
    """A number strictly between 0 and 1."""
    digest = blake2b(f"{seed}|{symbol}|{event}".encode(), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> 11) + 0.5) * 2.0**-53


def normal(seed: int, symbol: str, event: str) -> float:
    """A draw from the standard normal distribution."""
    return _STANDARD.inv_cdf(uniform(seed, symbol, event))
