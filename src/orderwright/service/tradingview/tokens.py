"""Tokens of a webhook's path: made once, shown once, kept as a hash.

A token has 192 bits of chance, so its plain SHA-256 cannot be guessed back; a slow hash would only help short ones,
and those are refused.
"""

from __future__ import annotations

import hashlib
import secrets

BITS = 128
"""The least that a token must have."""
_LEAST_LETTERS = 22
"""So many letters of base64 are 128 bits; hex needs 32."""


def new_token() -> str:
    """A new token, for the path of a webhook: 192 bits, as 32 letters, digits, - and _."""
    return secrets.token_urlsafe(24)


def hash_of(token: str) -> str:
    """What is configured and compared instead of the token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_strong(token: str) -> bool:
    """Whether a token can have 128 bits."""
    only_hex = all(letter in "0123456789abcdefABCDEF" for letter in token)
    return len(token) >= (2 * BITS // 8 if only_hex else _LEAST_LETTERS)


__all__ = ["BITS", "hash_of", "is_strong", "new_token"]
