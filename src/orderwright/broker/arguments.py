"""What a broker's caller writes, read and checked: money, settings, milliseconds; and what contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from orderwright.config import load_settings
from orderwright.core.model import MINUTE, Account, Instruction, Order, Settings
from orderwright.core.numbers import parse_decimal
from orderwright.errors import InputError
from orderwright.executors import Trade

_LONGEST_STEP_MS = 366 * 86_400_000


def deposits_of(given: object) -> dict[str, Decimal]:
    """Amounts by asset, each above 0; an empty mapping is no money at all."""
    if not isinstance(given, Mapping):
        raise InputError(f'{given!r} is not amounts by asset, such as {{"USDT": 10000}}', field="deposits", value=given)
    found: dict[str, Decimal] = {}
    for asset, amount in given.items():
        if not str(asset).isalnum():
            raise InputError(f"{asset!r} is not an asset, such as USDT", field="deposits", value=asset)
        number = parse_decimal(amount, f"deposits.{asset}")
        if number <= 0:
            raise InputError(f"{amount} is not above 0", field=f"deposits.{asset}", value=amount)
        found[str(asset).upper()] = number
    return found


def settings_of(given: Settings | str | Path | None) -> Settings | None:
    """Settings, or those of a JSON file, whose bars are minutes unless it says otherwise."""
    if given is None or isinstance(given, Settings):
        return given
    if not isinstance(given, str | Path):
        raise InputError(f"{given!r} is neither Settings nor a file", field="settings", value=given)
    return load_settings(Path(given), MINUTE)


def milliseconds_of(value: object, field: str) -> int:
    """Microseconds of a whole number of milliseconds, from 1 up to a year."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LONGEST_STEP_MS:
        message = f"{value!r} is not a whole number of milliseconds from 1 to a year's"
        raise InputError(message, field=field, value=value, nearest=1)
    return 1_000 * value


def price_of(value: object, field: str) -> Decimal:
    """A price above 0."""
    number = parse_decimal(value, field)
    if number <= 0:
        raise InputError(f"{value} is not above 0", field=field, value=value)
    return number


def check_real(**only_simulated: object) -> None:
    """What only a simulated exchange has goes with no executor."""
    for field, value in only_simulated.items():
        if value is not None:
            message = "is for simulated exchanges: leave it out, or the executor"
            raise InputError(message, field=field, value=type(value).__name__)


def check_account(account: Account, user: str, exchange: str) -> None:
    """A trade that names an account cannot name another exchange or user than the account's."""
    for field, value, own in (("exchange", exchange, account.exchange), ("user_id", user, account.user)):
        if value and own and value != own:
            message = f"the account {account.account!r} is {own!r}'s, not {value!r}'s"
            raise InputError(message, field=field, value=value, nearest=own)


def is_of(trade: Trade, order: Order) -> bool:
    """Whether a trade that has this order's id asks for nothing else than the order did."""
    said = order.instruction
    asked = (trade.symbol, trade.side, trade.order_type, trade.quote_quantity)
    same = asked == (said.symbol, said.side, said.type, said.quote_quantity)
    return same and trade.quantity in (said.quantity, order.quantity) and trade.price in (said.price, order.price)


def bring_up_to_date(trade: Trade, order: Order) -> Trade:
    """The trade as its order stands; quantity and prices too, since a replace changes them."""
    trade.take_order(order)
    if trade.quantity is not None:
        trade.quantity = order.quantity
    trade.price, trade.stop_price = order.price, order.stop_price
    return trade


def fill_in(trade: Trade, instruction: Instruction) -> None:
    """What the trade did not say, as the order has it."""
    trade.account, trade.exchange, trade.user_id = instruction.account, instruction.exchange, instruction.user
    trade.strategy, trade.episode = instruction.strategy, instruction.episode


__all__ = [
    "bring_up_to_date",
    "check_account",
    "check_real",
    "deposits_of",
    "fill_in",
    "is_of",
    "milliseconds_of",
    "price_of",
    "settings_of",
]
