"""What the keys must say of one another, and what this version cannot do.

- Users, books, accounts and strategies name one another. Where a map of them is there, a name that is not in it is an
  error; where there is none, naming one is enough.
- A book has one owner. Authentication is off only on loopback, in simulation.
- Nothing here looks at files or the network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from orderwright.config import owning
from orderwright.config.log_urls import LATER as LATER_LOGS
from orderwright.config.log_urls import path_of, scheme_of
from orderwright.config.schema import LATER, Configuration
from orderwright.config.values import linger_of
from orderwright.core.numbers import UNITS
from orderwright.errors import InputError, UnknownName, nearest_name

if TYPE_CHECKING:
    from orderwright.config.owners import StrategyKeys

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SIMULATION = "simulation"
TOKEN_CHARACTERS = 22
"""So many of 64 kinds are 128 bits at least."""
BPS, PERCENT = 10_000, 100
_INTERVAL = re.compile(r"([1-9]\d{0,5})([a-z]+)")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_HASH = re.compile(r"(sha256:)?[0-9a-f]{64}", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return host.lower() in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_tokens(configuration: Configuration) -> bool:
    """Whether some strategy has a token of its own."""
    return any(its.token is not None or its.token_hash for its in configuration.strategies.values())


def problems(configuration: Configuration) -> list[InputError]:
    """Everything that does not fit together."""
    return [
        *_service(configuration),
        *_log(configuration),
        *_numbers(configuration),
        *_lingering(configuration),
        *_names(configuration),
        *owning.problems(configuration),
        *_strategies(configuration),
        *_tradingview(configuration),
    ]


def unavailable(configuration: Configuration) -> list[InputError]:
    """What only a later version brings; it is known by name and refused at the start."""
    database, messaging, execution = configuration.database, configuration.messaging, configuration.execution
    found = []
    if database.url is not None and scheme_of(database.url.get_secret_value()) in LATER_LOGS:
        found.append(_later("database.url", scheme_of(database.url.get_secret_value()), "sqlite:///orders.sqlite"))
    if database.url is None and database.type in ("postgresql", "bigquery"):
        found.append(_later("database.type", database.type, "sqlite"))
    if messaging.type == "pubsub":
        found.append(_later("messaging.type", messaging.type, "none"))
    if execution.mode != SIMULATION:
        found.append(_later("execution.mode", execution.mode, SIMULATION))
    for name, account in configuration.accounts.items():
        if owning.mode_of(account) != SIMULATION:
            told = f"accounts.{name}.mode" if account.mode is not None else f"accounts.{name}.exchange"
            value = owning.mode_of(account) if account.mode is not None else account.exchange
            found.append(_later(told, value, SIMULATION if account.mode is not None else owning.SIMULATED))
    return found


def _later(field: str, value: str, nearest: str) -> InputError:
    return InputError(f"{value} is {LATER}", field=field, value=value, nearest=nearest)


def _service(configuration: Configuration) -> Iterator[InputError]:
    service = configuration.service
    if not service.host.strip() or any(letter.isspace() or letter == "/" for letter in service.host):
        yield InputError(
            f"{service.host!r} is not a host or address", field="service.host", value=service.host, nearest="127.0.0.1"
        )
    for origin in service.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            message = f"{origin!r} is not an origin, such as https://desk.example.com: scheme, host, port, no path"
            yield InputError(message, field="service.cors_origins", value=origin)
    yield from _addresses(service.trusted_proxies, "service.trusted_proxies")
    if service.auth:
        return
    if not is_loopback(service.host):
        message = f"off is allowed only on loopback, and {service.host} is not: anybody could trade"
        yield InputError(message, field="service.auth", value="off", nearest="on")
    real = [name for name, account in configuration.accounts.items() if owning.mode_of(account) != SIMULATION]
    if configuration.execution.mode != SIMULATION or real:
        yield InputError("off is allowed only in simulation", field="service.auth", value="off", nearest="on")


def _log(configuration: Configuration) -> Iterator[InputError]:
    url = configuration.database.url.get_secret_value() if configuration.database.url is not None else None
    if url is None:
        return
    try:
        if scheme_of(url) not in LATER_LOGS:
            path_of(url)
    except InputError as error:
        yield InputError(error.message, field="database.url", value=error.value, nearest=error.nearest)


def _numbers(configuration: Configuration) -> Iterator[InputError]:
    sections = [("account_limits", configuration.account_limits)]
    sections += [(f"books.{name}.limits", owning.limits_of(configuration, name)) for name in configuration.books]
    for name, limits in sections:
        least, most = limits.min_order_size, limits.max_order_value
        if least is not None and most is not None and least > most:
            message = f"{least} is above max_order_value, {most}: no order would pass"
            yield InputError(message, field=f"{name}.min_order_size", value=least, nearest=most)
    slippage = configuration.order_params.max_slippage_bps
    for field, bps in (
        ("order_params.max_slippage_bps", slippage),
        ("execution.simulation.spread_bps", configuration.execution.simulation.spread_bps),
    ):
        if bps is not None and bps >= BPS:
            yield InputError(f"{bps} is the whole price, or more: 10 is 0.1 %", field=field, value=bps, nearest=10)
    if not configuration.execution.simulation.symbols:
        yield InputError("no symbol: nothing could be traded", field="execution.simulation.symbols", value="[]")


def _lingering(configuration: Configuration) -> Iterator[InputError]:
    try:
        linger_of(configuration.execution.linger)
    except InputError as error:
        message = f"{error.where}: {error.message}" if error.where else error.message
        within = (error.field or "").removeprefix("linger").lstrip(".")
        field = f"execution.linger.{within}" if within else "execution.linger"
        yield InputError(message, field=field, value=error.value, nearest=error.nearest)


def _names(configuration: Configuration) -> Iterator[InputError]:
    """Every name that another section must know."""
    books, accounts = configuration.books, configuration.accounts
    users = configuration.users
    for name, book in books.items():
        yield from _known("user", book.user, users, f"books.{name}.user")
    for name, account in accounts.items():
        yield from _known("book", account.book, books, f"accounts.{name}.book")
        yield from _known("user", account.user, users, f"accounts.{name}.user")
    for name, user in users.items():
        yield from _known("book", user.book, books, f"users.{name}.book")
        yield from _known("account", user.account, accounts, f"users.{name}.account")
    for name, strategy in configuration.strategies.items():
        yield from _known("user", strategy.user, users, f"strategies.{name}.user")
        yield from _known("book", strategy.book, books, f"strategies.{name}.book")
        for number, account_name in enumerate(strategy.accounts, start=1):
            yield from _known("account", account_name, accounts, f"strategies.{name}.accounts.{number}")


def _known(what: str, name: str | None, known: Collection[str], field: str) -> Iterator[InputError]:
    if name == owning.SYSTEM:
        yield InputError(f"{owning.SYSTEM} is the service's own", field=field, value=name)
    if name is not None and known and name not in known:
        yield UnknownName(what, name, known, field=field)


def _strategies(configuration: Configuration) -> Iterator[InputError]:
    tokens: dict[str, str] = {}
    for name, strategy in configuration.strategies.items():
        field = f"strategies.{name}"
        if strategy.class_path is not None and strategy.symbol is None:
            yield InputError("a class needs the symbol that it trades, such as BTC/USDT", field=f"{field}.symbol")
        if strategy.class_path is None and strategy.params:
            yield InputError("parameters without a class to take them", field=f"{field}.params")
        yield from _sizing(strategy, field)
        found = _INTERVAL.fullmatch(strategy.interval.strip().lower())
        if found is None or found[2] not in UNITS:
            units = ", ".join(UNITS)
            message = f"{strategy.interval!r} is not a length of time: a number and one of {units}, such as 5m"
            yield InputError(message, field=f"{field}.interval", value=strategy.interval, nearest="1m")
        yield from _token(strategy, field)
        token = strategy.token.get_secret_value() if strategy.token is not None else strategy.token_hash
        if token is not None and token in tokens:
            message = f"the same token as that of {tokens[token]}: an alert could be either's"
            yield InputError(message, field=f"{field}.token")
        elif token is not None:
            tokens[token] = name


def _sizing(strategy: StrategyKeys, field: str) -> Iterator[InputError]:
    sizing = strategy.sizing
    if not sizing.amount:
        yield InputError("0 trades nothing", field=f"{field}.sizing.amount", value=sizing.amount, nearest=1)
    if sizing.by in ("equity", "risk", "volatility") and sizing.amount > PERCENT:
        message = f"{sizing.amount} % is more than all there is"
        yield InputError(message, field=f"{field}.sizing.amount", value=sizing.amount, nearest=PERCENT)
    if sizing.by == "volatility" and not sizing.multiple:
        yield InputError("0 times the volatility is no move", field=f"{field}.sizing.multiple", value=0, nearest=2)
    stop = sizing.stop_percent
    if stop is not None and not 0 < stop < PERCENT:
        message = f"a stop {stop} % from the entry is none: 2 is 2 %"
        yield InputError(message, field=f"{field}.sizing.stop_percent", value=stop, nearest=2)


def _token(strategy: StrategyKeys, field: str) -> Iterator[InputError]:
    if strategy.token is not None and strategy.token_hash is not None:
        yield InputError("a token and a token_hash: name one of them", field=f"{field}.token_hash")
    if strategy.token is not None and len(strategy.token.get_secret_value()) < TOKEN_CHARACTERS:
        message = (
            f"shorter than 128 bits: `orderwright tradingview token` makes one of {TOKEN_CHARACTERS} letters or more"
        )
        yield InputError(message, field=f"{field}.token")
    if strategy.token_hash is not None and not _HASH.fullmatch(strategy.token_hash):
        yield InputError("not a SHA-256 in hex, 64 characters", field=f"{field}.token_hash")


def _tradingview(configuration: Configuration) -> Iterator[InputError]:
    keys = configuration.tradingview
    yield from _addresses(keys.addresses, "tradingview.addresses")
    secret, tokens = keys.secret is not None, has_tokens(configuration)
    needs = {
        "signature": (secret, "a secret: set tradingview.secret, or TRADINGVIEW_SECRET"),
        "body": (secret or tokens, "a secret: set tradingview.secret, TRADINGVIEW_SECRET, or a strategy's token"),
        "token": (tokens, "a strategy that has one: `orderwright tradingview token NAME` makes it"),
        "address": (bool(keys.addresses), "tradingview.addresses"),
    }
    for layer in keys.require:
        there, what = needs[layer]
        if not there:
            yield InputError(f"{layer} needs {what}", field="tradingview.require", value=layer)


def _addresses(texts: Iterable[str], field: str) -> Iterator[InputError]:
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            message = f"{text!r} is not an address or a network, such as 10.0.0.1 or 10.0.0.0/8"
            yield InputError(message, field=field, value=text, nearest=nearest_name(text, LOOPBACK))


__all__ = ["LOOPBACK", "has_tokens", "is_loopback", "problems", "unavailable"]
