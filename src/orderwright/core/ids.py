"""Order ids: 30 lower-case hex characters, the first 12 of them milliseconds, so that inserts stay ordered.

Made once, before the first attempt, and carried in with the input. Here they are made of what the order comes from,
so that the same signal asks for the same order id however often it is delivered. A request's client id is the order
id and two hex digits of the request's number: 32 characters, which Binance, Bybit, OKX, Kraken and Coinbase all accept.
"""

from __future__ import annotations

import hashlib

from orderwright.errors import InputError


def order_id_of(time: int, *words: str) -> str:
    """The order id of a time (microseconds) and the words that say where the order comes from (book, signal key)."""
    digest = hashlib.sha256("\x1f".join(words).encode()).hexdigest()
    return f"{time // 1_000:012x}{digest[:18]}"


def is_order_id(word: str) -> bool:
    """Whether a word looks like an order id of ours."""
    return len(word) == 30 and all(letter in "0123456789abcdef" for letter in word)


def parse_client_id(client_id: str) -> tuple[str, int]:
    """(order id, request number) of a request's client id. Raises InputError for one that is not ours."""
    if len(client_id) != 32 or any(char not in "0123456789abcdef" for char in client_id):
        raise InputError(f"{client_id!r} is not a client id of ours", field="client_id", value=client_id)
    return client_id[:30], int(client_id[30:], 16)
