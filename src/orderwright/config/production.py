"""Seed 004's production checklist, point by point: is it done, why, and how it is done.

What can be read from the configuration is. What happens outside it (backups, a small first order) is answered by what
the log's folder and the limits show, and is open where they show nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from orderwright.config import owning
from orderwright.config.mapping import log_place
from orderwright.config.schema import Configuration

LIMITS = ("max_order_value", "max_position_value", "max_daily_loss", "max_open_orders_per_symbol", "min_order_size")
SMALL = 100
"""USD: up to here an order's limit is a small amount."""
BACKUP_DAYS = 7
_DAY_S = 86_400


class Point(Struct, frozen=True, kw_only=True):
    """One point of the checklist, in the seed's words. why: what was found. how: what to do; empty where it is done."""

    point: str
    done: bool
    why: str
    how: str = ""


def checklist(configuration: Configuration, *, now: float | None = None) -> list[Point]:
    """The nine points, in the seed's order. now: seconds since the epoch, the clock's unless given."""
    return [
        _keys(configuration),
        _limits(configuration),
        _webhook(configuration),
        _execution(configuration),
        _failed_orders(configuration),
        _backups(configuration, time.time() if now is None else now),
        _small_amounts(configuration),
        _breaches(configuration),
        _costs(configuration),
    ]


def _point(point: str, why: str, how: str = "") -> Point:
    return Point(point=point, done=not how, why=why, how=how)


def _keys(configuration: Configuration) -> Point:
    point = "Set production Binance API keys (not testnet)"
    keys = configuration.exchanges.get("binance")
    live = [name for name, its in configuration.accounts.items() if owning.mode_of(its) == "live"]
    if keys is None or keys.api_key is None or keys.api_secret is None:
        return _point(
            point,
            "no key of Binance is set",
            "set BINANCE_API_KEY and BINANCE_API_SECRET. This version trades on the simulated exchange only: trading "
            "on Binance comes with a later one",
        )
    if not live:
        how = "write `mode: live` on the account that trades on it; without it an account on Binance is on the testnet"
        return _point(point, "the keys are set, but no account is live", how)
    return _point(point, f"the keys are set, and live: {', '.join(live)}")


def _limits(configuration: Configuration) -> Point:
    point = "Configure risk management limits appropriately"
    open_ones: list[str] = []
    for book in owning.books(configuration) or [""]:
        limits = owning.limits_of(configuration, book)
        missing = [name for name in LIMITS if getattr(limits, name) is None]
        open_ones += [f"{name} ({book})" if book else name for name in missing]
    if open_ones:
        return _point(
            point,
            f"no limit: {', '.join(open_ones)}",
            "set account_limits, or MAX_ORDER_SIZE_USD, MAX_POSITION_SIZE_USD, MAX_DAILY_LOSS_USD, "
            "MAX_OPEN_ORDERS_PER_SYMBOL and MIN_ORDER_VALUE_USD",
        )
    return _point(point, "all five limits are set")


def _webhook(configuration: Configuration) -> Point:
    point = "Set TradingView webhook secret for signature verification"
    secret = configuration.tradingview.secret
    untold = [name for name, its in configuration.strategies.items() if its.token is None and not its.token_hash]
    if secret is None and configuration.strategies and not untold:
        return _point(point, "every strategy has a token of its own, which proves as much as a signature")
    if secret is None and untold and len(untold) < len(configuration.strategies):
        how = "give each a token (`orderwright tradingview token NAME`), or set TRADINGVIEW_SECRET"
        return _point(point, f"no secret, and no token: {', '.join(untold)}", how)
    if secret is None:
        return _point(
            point,
            "no secret: bodies cannot be verified",
            "set TRADINGVIEW_SECRET to 32 random characters, or give "
            "every strategy a token (`orderwright tradingview token NAME`)",
        )
    if len(secret.get_secret_value()) < 16:
        return _point(point, "the secret is shorter than 16 characters", "set TRADINGVIEW_SECRET to 32 random ones")
    return _point(point, "the secret is set")


def _execution(configuration: Configuration) -> Point:
    point = "Enable order execution (currently manual approval may be required)"
    execution = configuration.execution
    if not execution.enabled:
        return _point(point, "execution.enabled is off: every order is denied", "set execution.enabled: on")
    books = [name for name, its in configuration.books.items() if (its.approval or execution.approval) == "all"]
    if books or (execution.approval == "all" and not configuration.books):
        where = f" in {', '.join(books)}" if books else ""
        return _point(point, f"every order{where} waits for approval", "set approval: none, or above VALUE")
    if execution.mode == "simulation":
        how = "trading on a real exchange comes with a later version: until then orders go to the simulated one"
        return _point(point, "orders are executed, but in simulation", how)
    return _point(point, f"orders are executed; approval: {execution.approval}")


def _alerted(configuration: Configuration, wanted: tuple[str, ...]) -> tuple[str, str]:
    """(what was found, what to do) about alerts on some topics."""
    alerts = configuration.alerts
    if not alerts.urls:
        return "nobody is told: alerts.urls is empty", "name mail, SMS or chat in alerts.urls (Apprise URLs)"
    missing = [topic for topic in wanted if alerts.topics and topic not in alerts.topics]
    if missing:
        return f"not told: {', '.join(missing)}", f"add {', '.join(missing)} to alerts.topics"
    return f"{len(alerts.urls)} told of {', '.join(wanted)}", ""


def _failed_orders(configuration: Configuration) -> Point:
    why, how = _alerted(configuration, ("rejected", "unknown"))
    return _point("Set up monitoring for failed orders", why, how and f"{how}; GET /metrics has the counts too")


def _backups(configuration: Configuration, now: float) -> Point:
    point = "Configure database backups"
    log = log_place(configuration).log
    if log is None:
        return _point(point, "the log is in memory: there is nothing to keep", "set database.type: sqlite")
    newest = max(_backup_times(log), default=None)
    target = log.with_name(f"{log.stem}-DATE.backup.sqlite")
    how = f"run `orderwright log backup {target} --log {log}` daily, and keep a copy elsewhere"
    if newest is None:
        return _point(point, f"no backup ({log.stem}*.backup*) beside the log", how)
    days = (now - newest) / _DAY_S
    if days > BACKUP_DAYS:
        return _point(point, f"the newest backup is {days:.0f} days old", how)
    return _point(point, f"the newest backup is {max(days, 0):.1f} days old")


def _backup_times(log: Path) -> Iterator[float]:
    """When each backup of a log beside it was made, seconds."""
    if log.parent.is_dir():
        for path in log.parent.glob(f"{log.stem}*.backup*"):
            if path.is_file():
                yield path.stat().st_mtime


def _small_amounts(configuration: Configuration) -> Point:
    point = "Test with small amounts first"
    most = configuration.account_limits.max_order_value
    if most is None or most > SMALL:
        shown = "no limit on an order's value" if most is None else f"an order may be worth {most}"
        return _point(point, shown, f"begin with MAX_ORDER_SIZE_USD={SMALL}, and raise it once fills are as you expect")
    return _point(point, f"an order is worth {most} at most")


def _breaches(configuration: Configuration) -> Point:
    why, how = _alerted(configuration, ("risk", "daily_loss"))
    return _point("Set up alerts for risk limit breaches", why, how)


def _costs(configuration: Configuration) -> Point:
    point = "Review and adjust commission/slippage settings"
    simulation, params = configuration.execution.simulation, configuration.order_params
    open_ones = [
        name
        for name, given in (
            ("execution.simulation.slippage", bool(simulation.slippage)),
            ("fees", {"maker_fee", "taker_fee"} <= simulation.model_fields_set or _fees_of_accounts(configuration)),
            ("order_params.max_slippage_bps", params.max_slippage_bps is not None),
        )
        if not given
    ]
    if open_ones:
        how = (
            "write your exchange's maker_fee and taker_fee, a slippage as `orderwright stats` measures it, and "
            "max_slippage_bps"
        )
        return _point(point, f"as they came: {', '.join(open_ones)}", how)
    return _point(point, f"slippage {simulation.slippage}, at most {params.max_slippage_bps} bps; fees are written out")


def _fees_of_accounts(configuration: Configuration) -> bool:
    accounts = configuration.accounts.values()
    return bool(accounts) and all(its.maker_fee is not None and its.taker_fee is not None for its in accounts)


__all__ = ["Point", "checklist"]
