"""The keys of the configuration: each with its type, default, unit and environment variable.

The seed's keys (environment, service, database, messaging, execution, account_limits, order_cache, order_params) keep
its names. A key that is not here is an error. What a later version brings is here by name; `checking` refuses it at the
start. docs/configuration.md is made of this file (`reference`), and a test keeps the two alike.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from orderwright.config.fields import (
    Amount,
    Approval,
    Asset,
    Count,
    Flag,
    Listed,
    Location,
    Mapped,
    Name,
    NoneToDayMs,
    NoneToYear,
    OptionalAmount,
    OptionalCount,
    OptionalToYear,
    OptionalWhole,
    Port,
    Rate,
    Secret,
    Section,
    Signed,
    Texts,
    UpToDayMs,
    UpToHour,
    UpToYearMs,
    Whole,
    Word,
    key,
    section,
)
from orderwright.config.owners import AccountKeys, BookKeys, StrategyKeys, UserKeys

Topic = Literal[
    "approval", "daily_loss", "disk", "fill", "group", "missing", "rejected", "report", "risk", "strategy", "unknown"
]
MAJORS = ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "AVAX", "LINK", "LTC", "DOT", "TRX", "MATIC")
LATER = "not available in this version"


class ServiceKeys(Section):
    """Where it listens, and what it lets in."""

    host: str = key("127.0.0.1", "The address it listens on; 0.0.0.0 is every one.")
    port: Port = key(8004, "The port; 0 takes any that is free.")
    auth: Flag = key(True, "Whether a key is asked for. Off is allowed only on loopback, in simulation.")
    cors_origins: Texts = key([], "Web pages of these origins may call it, such as https://desk.example.com.")
    trusted_proxies: Texts = key([], "Addresses of reverse proxies whose X-Forwarded-For is believed.")
    max_body_bytes: Count = key(1_048_576, "The largest body of a request.", unit="bytes")
    requests_per_minute: OptionalCount = key(6_000, "Requests of one key; above it the answer is 429.", unit="1/min")
    most_waiting: Count = key(10_000, "Commands that may wait; above it the answer is 503 with Retry-After.")
    free_disk_mb: Whole = key(256, "With less free space beside the log trading is REDUCING.", unit="MB")
    stop_timeout_s: UpToHour = key(10, "How long requests and commits may take to end after SIGTERM.", unit="s")
    log_format: Annotated[Literal["console", "json"], Word] = key("console", "How log lines look.")


class DatabaseKeys(Section):
    """The log of orders."""

    type: Annotated[Literal["sqlite", "duckdb", "memory", "postgresql", "bigquery"], Word] = key(
        "sqlite",
        "duckdb is a SQLite log at PATH.sqlite with a DuckDB copy for analytics at PATH; memory is lost at the end.",
    )
    path: Location | None = key(
        None, "The file. Without: ./data/orderwright.sqlite, or ./data/orderwright.duckdb for duckdb."
    )
    url: Secret = key(
        None, "The log as a URL (sqlite:///./data/orders.sqlite): it beats type and path.", env="DATABASE_URL"
    )
    refresh_ms: UpToDayMs = key(5_000, "How often the DuckDB copy takes in what is new.", unit="ms")
    project: str | None = key(None, f"Of bigquery: {LATER}.")
    dataset: str | None = key(None, f"Of bigquery: {LATER}.")


class MessagingKeys(Section):
    """Where events are published to other programs."""

    type: Annotated[Literal["none", "redis", "pubsub"], Word] = key(
        "none", "none is the bus inside the process; redis uses that bus too, and says so, until a later version."
    )
    host: str = key("localhost", "Of redis.")
    port: Port = key(6379, "Of redis.")
    project: str | None = key(None, f"Of pubsub: {LATER}.")
    topic_prefix: str | None = key(None, f"Of pubsub: {LATER}.")


class SimulationKeys(Section):
    """The simulated exchange: a seeded random market."""

    slippage: Rate = key(
        Decimal(0), "How much worse than the market a taker fills: 0.0005 is 5 basis points.", unit="fraction"
    )
    delay_ms: NoneToDayMs = key(0, "From sending a request until the exchange has it; a report takes none.", unit="ms")
    seed: Signed = key(7, "One seed, one market.")
    symbols: Texts = key([f"{base}/USDT" for base in MAJORS], "What can be traded.")
    spread_bps: Amount = key(Decimal(2), "Between bid and ask.", unit="bps")
    tick_ms: UpToDayMs = key(1_000, "How often the market moves.", unit="ms")
    deposits: Annotated[dict[Asset, Amount], Mapped] = key(
        {"USDT": Decimal(10_000)}, "What a paper account starts with, by asset."
    )
    maker_fee: Rate = key(Decimal("0.001"), "Of an account that names none: 0.001 is 0.1 %.", unit="fraction")
    taker_fee: Rate = key(Decimal("0.001"), "Of an account that names none.", unit="fraction")


class QuantConnectKeys(Section):
    """Of mode quantconnect, which a later version brings."""

    api_key: Secret = key(None, "Of the account.")
    project_id: Secret = key(None, "Of the project.")


class DirectKeys(Section):
    """Of mode direct, which a later version brings."""

    exchanges: Texts = key([], "Which exchanges orders go to.")


class ExecutionKeys(Section):
    """Where orders go, and whether they may."""

    mode: Annotated[Literal["simulation", "quantconnect", "direct"], Word] = key(
        "simulation", f"Where orders go. quantconnect and direct: {LATER}."
    )
    enabled: Flag = key(True, "Off: every order is denied; what is open can be cancelled.")
    approval: Approval = key(
        "none", "Which orders wait for approval: none, all, or `above 5000` (a value in the book's currency)."
    )
    approval_timeout_ms: UpToYearMs = key(900_000, "An order that nobody approves is denied after this.", unit="ms")
    linger: list[dict[str, Any]] = key(
        [], "What becomes of orders that linger: rules, such as {name: enough, after_ms: 60000} (lingering.md)."
    )
    simulation: SimulationKeys = section(SimulationKeys, "The simulated exchange.")
    quantconnect: QuantConnectKeys = section(QuantConnectKeys, LATER)
    direct: DirectKeys = section(DirectKeys, LATER)


class LimitKeys(Section):
    """What a book may do; without a value there is no such limit. Nothing refuses an order that only reduces."""

    max_order_value: OptionalAmount = key(None, "One order's value.", unit="USD", env="MAX_ORDER_SIZE_USD")
    min_order_size: OptionalAmount = key(
        None, "One order's least value (a value, not a quantity).", unit="USD", env="MIN_ORDER_VALUE_USD"
    )
    max_position_value: OptionalAmount = key(
        None, "Gross value of all positions with their working orders.", unit="USD", env="MAX_POSITION_SIZE_USD"
    )
    max_symbol_position_value: OptionalAmount = key(None, "The same, of one symbol.", unit="USD")
    max_daily_loss: OptionalAmount = key(
        None,
        "Loss since the day's start, UTC; beyond it only reducing orders go.",
        unit="USD",
        env="MAX_DAILY_LOSS_USD",
    )
    max_open_orders_per_symbol: OptionalWhole = key(
        None, "Open orders of one symbol.", env="MAX_OPEN_ORDERS_PER_SYMBOL"
    )
    max_daily_orders: OptionalWhole = key(None, "Orders a day, UTC.")
    max_orders_per_second: OptionalCount = key(
        None, "Orders a second; what only reduces waits for the next one.", unit="1/s"
    )


class CacheKeys(Section):
    """Finished orders in memory."""

    enabled: Flag = key(True, "Off: finished orders are always read from the log.")
    ttl: Whole = key(3_600, "How long a finished order stays in memory; then the log answers.", unit="s")


class OrderParamKeys(Section):
    """The seed's order_params."""

    default_order_type: Annotated[Literal["market", "limit"], Word] = key(
        "market", "Of an order that names none; with a price a limit."
    )
    time_in_force: Annotated[Literal["gtc", "ioc", "fok", "day"], Word] = key("gtc", "Of an order that names none.")
    max_slippage_bps: OptionalAmount = key(
        None, "A market order goes out as an IOC limit so far from the market.", unit="bps"
    )
    remainder: Annotated[Literal["cancel", "retry", "rest"], Word] = key(
        "cancel", "What of it did not fill at the collar: is cancelled, tried again, or rests at its limit."
    )
    retry_attempts: Whole = key(3, "How often what is left, a read or a cancel is tried again.")
    retry_delay_ms: NoneToDayMs = key(100, "The first pause; each later one is longer.", unit="ms")
    execution_timeout_ms: UpToYearMs = key(
        5_000, "How long that goes on, and how long an order waits for the rate limit.", unit="ms"
    )
    rate_limit_orders: OptionalCount = key(None, "Orders per window; the others wait, PENDING.")
    rate_limit_window_ms: UpToDayMs = key(1_000, "The window.", unit="ms")
    rate_queue: Count = key(1_000, "Orders of a book that may wait for it; above that they are denied.")
    track_execution_metrics: Flag = key(
        True, "Off: slippage and fill ratios are not derived; the log has the same columns."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], Word] = key(
        "info", "Of the log lines."
    )


class TradingViewKeys(Section):
    """The webhook. With no layer of authentication it refuses all alerts."""

    secret: Secret = key(
        None, "Signs bodies (HMAC-SHA256), and is what a secret in the body is compared with.", env="TRADINGVIEW_SECRET"
    )
    require: Annotated[list[Annotated[Literal["signature", "token", "body", "address"], Word]], Listed] = key(
        [], "The layers that an alert must all pass; empty: a token, a signature or a secret in the body."
    )
    addresses: Texts = key([], "Alerts come from these addresses or networks alone, such as 10.0.0.0/8.")
    max_age_s: OptionalToYear = key(300, "An older alert is refused.", unit="s")
    dedupe_window_s: NoneToYear = key(60, "Within it an identical body without an alert_id is a duplicate.", unit="s")


class AlertKeys(Section):
    """Who is told."""

    urls: Annotated[list[SecretStr], Listed] = key(
        [], "Apprise URLs: mail, SMS, chat. They hold passwords and are masked."
    )
    topics: Annotated[list[Annotated[Topic, Word]], Listed] = key(
        [], "Which alerts are told, such as daily_loss, rejected, unknown, approval; empty: all."
    )


class ExchangeKeys(Section):
    """An exchange's credentials, for the later version that trades on it."""

    api_key: Secret = key(None, "The key.")
    api_secret: Secret = key(None, "The secret.")


class Configuration(BaseModel):
    """Everything that is configured; `loading` reads file and environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    environment: Annotated[Literal["local", "development", "staging", "production"], Word] = key(
        "local", "Where it runs. local: an unknown user is made, with a book and a paper account."
    )
    service: ServiceKeys = section(ServiceKeys, "Where it listens, and what it lets in.")
    database: DatabaseKeys = section(DatabaseKeys, "The log of orders.")
    messaging: MessagingKeys = section(MessagingKeys, "Where events are published.")
    execution: ExecutionKeys = section(ExecutionKeys, "Where orders go, and whether they may.")
    account_limits: LimitKeys = section(LimitKeys, "The limits of every book that has none of its own.")
    order_cache: CacheKeys = section(CacheKeys, "Finished orders in memory.")
    order_params: OrderParamKeys = section(OrderParamKeys, "How orders are sent.")
    books: Annotated[dict[Name, BookKeys], Mapped] = key({}, "Books by name: one owner's money.")
    accounts: Annotated[dict[Name, AccountKeys], Mapped] = key({}, "Accounts by name.")
    users: Annotated[dict[Name, UserKeys], Mapped] = key({}, "Users by name.")
    strategies: Annotated[dict[Name, StrategyKeys], Mapped] = key({}, "Strategies by name.")
    tradingview: TradingViewKeys = section(TradingViewKeys, "The webhook.")
    alerts: AlertKeys = section(AlertKeys, "Who is told.")
    exchanges: Annotated[dict[Name, ExchangeKeys], Mapped] = key({}, "Credentials by exchange.")


__all__ = ["LATER", "Configuration"]
