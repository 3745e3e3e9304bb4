"""The order of what happens at one time: prices, then expiries, then requests, and opens last.

So an order that arrives at the very time of a candle's open rests before it and sees it; one that expires then does
not; and whoever decides on a close can act before the next candle opens.
"""

from __future__ import annotations

Moment = tuple[int, int]
"""(microseconds, which of the four below)"""

PRICES, EXPIRIES, REQUESTS, OPENS = range(4)
