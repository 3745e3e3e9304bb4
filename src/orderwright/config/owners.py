"""Keys of books, accounts, users and strategies: maps from a name to one of these.

A book is one owner's money; its accounts, limits and strategies belong to it. `checking` looks whether the names that
they call one another by are there.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from orderwright.config.fields import (
    Amount,
    Approval,
    Asset,
    ClassPath,
    Flag,
    Listed,
    Name,
    OptionalAmount,
    OptionalCount,
    OptionalWhole,
    Rate,
    Secret,
    Section,
    Word,
    key,
    section,
)


class BookLimitKeys(Section):
    """Limits of one book; a key that is not there is as in account_limits, null is no limit."""

    max_order_value: OptionalAmount = key(None, "As in account_limits.", unit="USD")
    min_order_size: OptionalAmount = key(None, "As in account_limits.", unit="USD")
    max_position_value: OptionalAmount = key(None, "As in account_limits.", unit="USD")
    max_symbol_position_value: OptionalAmount = key(None, "As in account_limits.", unit="USD")
    max_daily_loss: OptionalAmount = key(None, "As in account_limits.", unit="USD")
    max_open_orders_per_symbol: OptionalWhole = key(None, "As in account_limits.")
    max_daily_orders: OptionalWhole = key(None, "As in account_limits.")
    max_orders_per_second: OptionalCount = key(None, "As in account_limits.", unit="1/s")


class BookKeys(Section):
    """One owner's money."""

    user: Name | None = key(None, "Its owner. Without: the user that names it, else the only user.")
    limits: BookLimitKeys = section(BookLimitKeys, "Limits of its own.")
    approval: Approval | None = key(None, "none, all, or `above 5000`. Without: execution.approval.")
    currency: Asset = key("USD", "What its limits and equity are counted in.")


class AccountKeys(Section):
    """An account on an exchange."""

    book: Name | None = key(None, "Its book. Without: its user's.")
    user: Name | None = key(None, "Whose. Without: the book's owner.")
    exchange: Name = key("simulated", "Which exchange.")
    mode: Annotated[Literal["simulation", "testnet", "live"], Word] | None = key(
        None, "simulation for the simulated exchange, testnet for every other one; live is always written out."
    )
    deposits: dict[Asset, Amount] | None = key(None, "What it starts with. Without: execution.simulation.deposits.")
    maker_fee: Rate | None = key(None, "Without: execution.simulation.maker_fee.", unit="fraction")
    taker_fee: Rate | None = key(None, "Without: execution.simulation.taker_fee.", unit="fraction")
    allow_short: Flag = key(False, "Whether a sell may open a short; never on spot.")


class UserKeys(Section):
    """Somebody who trades."""

    book: Name | None = key(None, "The book of orders that name none. Without: the one they own.")
    account: Name | None = key(None, "The account of orders that name none. Without: the only one of the book.")
    scope: Annotated[Literal["read", "trade", "admin"], Word] = key("trade", "What their keys may do at most.")


class SizingKeys(Section):
    """How much an alert trades that says no quantity; the formulas are those of `core.stakes`."""

    by: Annotated[Literal["base", "quote", "equity", "risk", "volatility"], Word] = key(
        "equity",
        "base: units; quote: an amount of money; equity: percent of it that is spent; risk: percent of it lost at the "
        "stop; volatility: percent of it lost if the market moves by `multiple` times its volatility.",
    )
    amount: Amount = key(Decimal(10), "Units, money or percent, as `by` says.")
    multiple: Amount = key(Decimal(2), "Of volatility.")
    stop_percent: OptionalAmount = key(
        None, "How far from the entry the stop is where an alert brings none; the order gets that stop.", unit="%"
    )


def _plain(value: object) -> object:
    """Numbers as a strategy expects them: a fraction is a float."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


class StrategyKeys(Section):
    """What trades on alerts, or runs in the service."""

    user: Name | None = key(None, "Whose. Without: the book's owner.")
    book: Name | None = key(None, "Its book. Without: its user's.")
    accounts: Annotated[list[Name], Listed] = key([], "Where it trades. Without: the account of its user.")
    symbol: str | None = key(None, "What it trades; an alert may name another unless this is set for a class.")
    class_path: ClassPath | None = key(
        None, "The class that the service runs: module:Class, file.py:Class or a built-in one.", alias="class"
    )
    params: Annotated[dict[str, Any], BeforeValidator(_plain)] = key({}, "The class's parameters, by name.")
    interval: str = key(
        "1m", "The candles that the class sees: a number and s, m, h or d. Volatility is of them too; without: of 1h."
    )
    sizing: SizingKeys = section(SizingKeys, "How much an alert trades that says no quantity.")
    flip: Flag = key(False, "Whether an opposite signal closes and turns the position at once.")
    allow_short: Flag = key(False, "Whether its sells may open a short, where the account may.")
    token: Secret = key(None, "The secret of its webhook's path, of 128 bits at least.")
    token_hash: str | None = key(None, "The SHA-256 of that secret in hex, in the place of it.")


__all__ = ["AccountKeys", "BookKeys", "BookLimitKeys", "SizingKeys", "StrategyKeys", "UserKeys"]
