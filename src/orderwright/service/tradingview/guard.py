"""Who may send an alert: four layers, each used where it is configured.

| layer | what it takes |
| --- | --- |
| token | a secret in the path, which also names the strategy |
| signature | X-TradingView-Signature: HMAC-SHA256 of the raw body with the secret, in hex, `sha256=` before it or not |
| body | the secret in the body (secret, passphrase, password, apikey, token), or a strategy's token there |
| address | the sender's address is listed |

`require` names the layers that all have to pass. Without it one of token, signature and body has to; an address alone
proves nothing, since everybody's alerts come from TradingView's addresses, so it only counts where `require` names it.
A list of addresses holds in any case, whatever `require` names. What is there and wrong is refused, whatever else is
right. Secrets are compared in constant time, tokens by their hashes. With nothing configured everything is refused.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from orderwright.errors import OrderwrightError
from orderwright.service.tradingview.tokens import BITS, hash_of, is_strong

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration

SIGNATURE = "x-tradingview-signature"
LAYERS = ("token", "signature", "body", "address")
_SHORT_SECRET = 16
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Denied(OrderwrightError):
    """An alert whose sender did not prove anything. status: of HTTP. code: for the log. The message has no secret."""

    def __init__(self, message: str, *, code: str = "not_authenticated", status: int = 401) -> None:
        self.code, self.status = code, status
        super().__init__(message)


class Seen(Struct, frozen=True, kw_only=True):
    """What an alert came with. token: of the path, None where the path has none. secrets: in the body. address: who
    sent it, proxies seen through."""

    raw: bytes
    signature: str | None = None
    token: str | None = None
    secrets: Sequence[str] = ()
    address: str = ""

    def __repr__(self) -> str:
        return f"Seen(address={self.address!r})"


class Guard:
    """secret: of signatures and bodies. tokens: by strategy, the hash of its token. Addresses may be networks. Raises
    ValueError for what is no address."""

    def __init__(
        self,
        *,
        secret: str | None = None,
        tokens: Mapping[str, str] | None = None,
        addresses: Iterable[str] = (),
        require: Iterable[str] = (),
    ) -> None:
        self._secret = secret.encode() if secret else None
        self._tokens = dict(tokens or {})
        self._networks = [network_of(text) for text in addresses]
        self._require = frozenset(require)

    def check(self, seen: Seen) -> str | None:
        """The strategy whose token came; None where none did. Raises Denied."""
        if not self._configured:
            raise Denied(
                "no authentication is configured, so every alert is refused: make a token with "
                "`orderwright tradingview token NAME`, or set tradingview.secret, in the file that the service is "
                "started with (`orderwright serve --config FILE`)",
                code="not_configured",
                status=403,
            )
        passed = {layer for layer in ("address",) if self._address(seen)}
        of_path = self._token(seen.token) if seen.token is not None else None
        if seen.token is not None:
            if of_path is None:
                raise Denied("the token in the path is not known", code="unknown_token")
            passed.add("token")
        if seen.signature is not None and self._secret is not None:
            if not self._signed(seen):
                raise Denied("the signature is not that of this body", code="bad_signature")
            passed.add("signature")
        of_body = self._body(seen, passed)
        missing = sorted(self._require - passed)
        if missing:
            raise Denied(f"the alert lacks {', '.join(missing)}: tradingview.require asks for it", code=missing[0])
        if not self._require and not passed & {"token", "signature", "body"}:
            raise Denied("the alert proves nothing: no token in its path, no signature, no secret in its body")
        return of_path if of_path is not None else of_body

    @property
    def _configured(self) -> bool:
        return bool(self._secret or self._tokens or (self._networks and "address" in self._require))

    def _address(self, seen: Seen) -> bool:
        if not self._networks:
            return False
        address = address_of(seen.address)
        if address is None or not any(address in network for network in self._networks):
            raise Denied(f"alerts do not come from {seen.address or 'there'}", code="address", status=403)
        return True

    def _token(self, token: str) -> str | None:
        given = hash_of(token)
        found = None
        for strategy, kept in self._tokens.items():  # all of them: how long it takes tells nothing
            if hmac.compare_digest(given, kept):
                found = strategy
        return found

    def _signed(self, seen: Seen) -> bool:
        given = (seen.signature or "").strip().removeprefix("sha256=").lower()
        right = hmac.new(self._secret or b"", seen.raw, sha256).hexdigest()
        return hmac.compare_digest(given.encode(), right.encode())

    def _body(self, seen: Seen, passed: set[str]) -> str | None:
        """The strategy whose token is in the body. A secret there has to be right where one is configured for it."""
        strategy = None
        for given in seen.secrets:
            named = self._token(given)
            strategy = named if named is not None else strategy
            right = self._secret is not None and hmac.compare_digest(given.encode(), self._secret)
            if named is not None or right:
                passed.add("body")
            elif self._secret is not None or "token" not in passed:
                raise Denied("the secret in the body is wrong", code="bad_secret")
        return strategy


def network_of(text: str) -> Network:
    """An address or a network. Raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


def address_of(text: str) -> Address | None:
    """An address; one of IPv4 within IPv6 is the former; None for what is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def sender_of(peer: str, forwarded: str, proxies: Iterable[str]) -> str:
    """Who sent it: X-Forwarded-For counts only from a configured proxy, and then what stands before the last entry that
    is no proxy is what anybody may have written."""
    networks = [network_of(text) for text in proxies]

    def is_proxy(text: str) -> bool:
        address = address_of(text)
        return address is not None and any(address in network for network in networks)

    sender = peer
    for entry in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not is_proxy(sender):
            break
        sender = entry
    return sender


def guard_of(configuration: Configuration) -> Guard:
    """The guard that is configured."""
    keys = configuration.tradingview
    secret = keys.secret.get_secret_value() if keys.secret is not None else None
    return Guard(secret=secret or None, tokens=tokens_of(configuration), addresses=keys.addresses, require=keys.require)


def tokens_of(configuration: Configuration) -> dict[str, str]:
    """The hash of each strategy's token."""
    found = {}
    for name, strategy in configuration.strategies.items():
        if strategy.token_hash:
            found[name] = strategy.token_hash.strip().lower().removeprefix("sha256:")
        elif strategy.token is not None and strategy.token.get_secret_value():
            found[name] = hash_of(strategy.token.get_secret_value())
    return found


def problems_of(configuration: Configuration) -> list[str]:
    """What is wrong or weak in how alerts are let in, a sentence each: for `config check`."""
    keys, found = configuration.tradingview, []
    secret = keys.secret.get_secret_value() if keys.secret is not None else ""
    tokens = tokens_of(configuration)
    if not secret and not tokens and not (keys.addresses and "address" in keys.require):
        found.append("tradingview: no authentication is configured, so the webhook refuses every alert")
    given = {
        "token": bool(tokens),
        "signature": bool(secret),
        "body": bool(secret or tokens),
        "address": keys.addresses,
    }
    for layer in keys.require:
        if not given[layer]:
            what = {"token": "no strategy has one", "address": "tradingview.addresses is empty"}
            found.append(f"tradingview.require: {layer} can never pass: {what.get(layer, 'there is no secret')}")
    if secret and len(secret) < _SHORT_SECRET:
        found.append(f"tradingview.secret: shorter than {_SHORT_SECRET} characters, so it can be guessed")
    if list(keys.require) == ["address"]:
        found.append("tradingview.require: an address alone lets in everybody's alerts from TradingView")
    for name, strategy in configuration.strategies.items():
        if strategy.token is not None and not strategy.token_hash and not is_strong(strategy.token.get_secret_value()):
            found.append(
                f"strategies.{name}.token: fewer than {BITS} bits: make one with `orderwright tradingview token`"
            )
        kept = tokens.get(name, "")
        if kept and (len(kept) != 64 or any(letter not in "0123456789abcdef" for letter in kept)):
            found.append(f"strategies.{name}.token_hash: not a SHA-256 in hex")
    for address in keys.addresses:
        try:
            network_of(address)
        except ValueError:
            found.append(f"tradingview.addresses: {address} is neither an address nor a network")
    doubled = [name for name, kept in tokens.items() if list(tokens.values()).count(kept) > 1]
    if doubled:
        found.append(f"strategies: {' and '.join(doubled)} have the same token: each needs its own")
    return found


__all__ = [
    "LAYERS",
    "SIGNATURE",
    "Denied",
    "Guard",
    "Seen",
    "address_of",
    "guard_of",
    "network_of",
    "problems_of",
    "sender_of",
    "tokens_of",
]
