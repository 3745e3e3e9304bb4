"""From the configuration to the words of the others: settings and limits of a book, accounts, the files of the log."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

from orderwright.config import owning
from orderwright.config.checking import has_tokens
from orderwright.config.log_urls import path_of
from orderwright.config.schema import Configuration, LimitKeys
from orderwright.config.sharing import shared_accounts
from orderwright.config.values import linger_of
from orderwright.core.model import Account, RiskLimits, Settings, Sizing, Terms
from orderwright.core.numbers import ZERO
from orderwright.errors import InputError

SQLITE, DUCKDB = Path("data/orderwright.sqlite"), Path("data/orderwright.duckdb")
BPS = 10_000


class LogPlace(Struct, frozen=True):
    """The file of the log (None: memory, lost at the end) and that of its DuckDB copy (None: there is none)."""

    log: Path | None
    mirror: Path | None = None

    def prepare(self) -> None:
        """Make the folders. Raises InputError where that cannot be."""
        for path, field in ((self.log, "database.path"), (self.mirror, "database.path")):
            if path is None:
                continue
            if path.is_dir():
                nearest = path / "orderwright.sqlite"
                raise InputError("is a folder: name a file in it", field=field, value=str(path), nearest=str(nearest))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                message = f"the folder {path.parent} cannot be made: {error.strerror}"
                raise InputError(message, field=field, value=str(path)) from None


class PlannedAccount(Struct, frozen=True, kw_only=True):
    """An account as configured. The account's traits are its exchange's to say. deposits: of a paper account."""

    book: str
    account: Account
    mode: Literal["simulation", "testnet", "live"]
    deposits: dict[str, Decimal]
    allow_short: bool


def log_place(configuration: Configuration) -> LogPlace:
    """Where the log is: database.url, else type and path. Raises InputError for a URL that names no log."""
    database = configuration.database
    mirror = (database.path or DUCKDB) if database.type == "duckdb" else None
    if database.url is not None:
        log = path_of(database.url.get_secret_value())
        return LogPlace(log, None if log is None else mirror)
    if database.type == "memory":
        return LogPlace(None)
    if mirror is not None:
        return LogPlace(mirror.with_name(f"{mirror.name}.sqlite"), mirror)
    return LogPlace(database.path or SQLITE)


def limits_of(limits: LimitKeys) -> RiskLimits:
    """The core's limits; values are in the book's currency."""
    return RiskLimits(
        max_order_value=limits.max_order_value,
        min_order_value=limits.min_order_size,
        max_position_value=limits.max_position_value,
        max_symbol_position_value=limits.max_symbol_position_value,
        max_daily_loss=limits.max_daily_loss,
        max_open_orders_per_symbol=limits.max_open_orders_per_symbol,
        max_daily_orders=limits.max_daily_orders,
        max_orders_per_second=limits.max_orders_per_second,
    )


def settings_of(configuration: Configuration, book: str) -> Settings:
    """What a book is run by: its own keys, else those of account_limits, execution and order_params."""
    own = configuration.books.get(book)
    execution, params = configuration.execution, configuration.order_params
    approval, above = approval_of((own.approval if own is not None else None) or execution.approval)
    tick_ms = execution.simulation.tick_ms
    return Settings(
        limits=limits_of(owning.limits_of(configuration, book)),
        currency=own.currency if own is not None else "USD",
        max_price_age_ms=max(60_000, 2 * tick_ms),
        execution_enabled=execution.enabled,
        approval=approval,
        approval_above=above,
        approval_timeout_ms=execution.approval_timeout_ms,
        linger=linger_of(execution.linger),
        max_slippage_bps=params.max_slippage_bps,
        remainder=params.remainder,
        retry_attempts=params.retry_attempts,
        retry_delay_ms=params.retry_delay_ms,
        execution_timeout_ms=params.execution_timeout_ms,
        rate_limit_orders=params.rate_limit_orders,
        rate_limit_window_ms=params.rate_limit_window_ms,
        rate_queue=params.rate_queue,
    )


def approval_of(text: str) -> tuple[Literal["none", "all", "above"], Decimal]:
    """(which orders wait for approval, above what value) of none, all, `above 5000`."""
    word, _, value = text.partition(" ")
    return cast('Literal["none", "all", "above"]', word), Decimal(value) if value else ZERO


def accounts_of(configuration: Configuration) -> list[PlannedAccount]:
    """Every account that is configured, with what is not written filled in."""
    simulation = configuration.execution.simulation
    found = []
    for name, keys in configuration.accounts.items():
        book = owning.book_of_account(configuration, name)
        account = Account(
            account=name,
            exchange=keys.exchange,
            user=keys.user or owning.owner_of(configuration, book),
            maker_fee=simulation.maker_fee if keys.maker_fee is None else keys.maker_fee,
            taker_fee=simulation.taker_fee if keys.taker_fee is None else keys.taker_fee,
            slippage_bps=slippage_bps_of(configuration),
        )
        found.append(
            PlannedAccount(
                book=book,
                account=account,
                mode=owning.mode_of(keys),
                deposits=dict(simulation.deposits if keys.deposits is None else keys.deposits),
                allow_short=keys.allow_short,
            )
        )
    return found


def terms_of(configuration: Configuration, strategy: str) -> Terms:
    """What the alerts of a strategy may do, and how much they trade."""
    keys = configuration.strategies[strategy]
    sizing = Sizing(
        by=keys.sizing.by,
        amount=keys.sizing.amount,
        multiple=keys.sizing.multiple,
        stop_percent=keys.sizing.stop_percent,
    )
    return Terms(sizing=sizing, flip=keys.flip, allow_short=keys.allow_short)


def slippage_bps_of(configuration: Configuration) -> Decimal:
    """What the simulated exchange slips, in basis points: what an order's estimated cost allows for, too."""
    return (configuration.execution.simulation.slippage * BPS).normalize() + ZERO


def cache_us_of(configuration: Configuration) -> int:
    """How long a finished order answers from memory, microseconds; 0 is never."""
    return configuration.order_cache.ttl * 1_000_000 if configuration.order_cache.enabled else 0


def secrets_of(configuration: Configuration) -> list[str]:
    """Every secret in it: what must never be in a log line or an answer."""
    url = configuration.database.url
    found = [
        configuration.tradingview.secret,
        url if url is not None and "@" in url.get_secret_value() else None,
        *configuration.alerts.urls,
        *(strategy.token for strategy in configuration.strategies.values()),
        *(keys.api_key for keys in configuration.exchanges.values()),
        *(keys.api_secret for keys in configuration.exchanges.values()),
        configuration.execution.quantconnect.api_key,
        configuration.execution.quantconnect.project_id,
    ]
    return [secret.get_secret_value() for secret in found if secret is not None]


def warnings_of(configuration: Configuration) -> list[str]:
    """What is allowed, and should be known: told once at the start."""
    found = []
    if configuration.messaging.type == "redis":
        found.append(
            "messaging.type redis: this version has no redis; events stay on the bus inside the process "
            f"(set messaging.type: none to say so, {configuration.messaging.host} is not asked)"
        )
    if not webhook_layers(configuration):
        found.append(
            "the TradingView webhook has no authentication: it refuses all alerts "
            "(set TRADINGVIEW_SECRET, or a strategy's token)"
        )
    if not configuration.service.auth:
        found.append("service.auth is off: whoever is on this machine may trade")
    if log_place(configuration).log is None:
        found.append("the log is in memory: it is lost when the service ends")
    return found + shared_accounts(configuration)


def webhook_layers(configuration: Configuration) -> list[str]:
    """The layers of authentication that an alert can come in by: those that are required, else any that is there."""
    keys = configuration.tradingview
    tokens = has_tokens(configuration)
    there = {
        "signature": keys.secret is not None,
        "token": tokens,
        "body": keys.secret is not None or tokens,
        "address": bool(keys.addresses) and "address" in keys.require,
    }
    return [layer for layer, given in there.items() if given and (not keys.require or layer in keys.require)]


__all__ = [
    "LogPlace",
    "PlannedAccount",
    "accounts_of",
    "approval_of",
    "cache_us_of",
    "limits_of",
    "log_place",
    "secrets_of",
    "settings_of",
    "slippage_bps_of",
    "terms_of",
    "warnings_of",
    "webhook_layers",
]
