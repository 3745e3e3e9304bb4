"""Options as they are written on a command line, and a book's settings from a JSON file.

Every value is checked here, before anything is done with it; an error names the field, the value and the nearest good
one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from orderwright.core.model import LingerRule, RiskLimits, Settings
from orderwright.core.numbers import parse_decimal
from orderwright.core.order_params import REMAINDERS, problem_of_sending
from orderwright.core.patience import problem_of
from orderwright.errors import InputError, UnknownName, nearest_name

_EXAMPLES = {"": '{"limits": {"max_order_value": "5000"}}', "limits": '{"max_order_value": "5000"}'}


def load_settings(path: Path | None, bar: int) -> Settings:
    """The book's settings from a JSON file. Without a file: no limits. A price counts for two bars unless the file says
    otherwise, and `next_open` counts in the candles' bars (`bar`, microseconds)."""
    bar_ms = max(bar // 1_000, 1)
    given: dict[str, object] = {"bar_ms": bar_ms, "max_price_age_ms": max(2 * bar_ms, 60_000)}
    try:
        if path is not None:
            given |= _read_settings(path)
        settings = msgspec.json.decode(msgspec.json.encode(given), type=Settings)
        _check_numbers(settings)
        if (problem := problem_of(settings.linger) or problem_of_sending(settings)) is not None:
            raise InputError(problem.rule, field=problem.field, value=problem.value, nearest=problem.nearest)
    except msgspec.ValidationError as error:
        raise InputError(str(error).replace(" - at `$.", " - at `"), where=str(path)) from None
    except InputError as error:
        raise error.at(str(path)) from None
    return settings


def _read_settings(path: Path) -> dict[str, msgspec.Raw]:
    try:
        read = _object(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", value=str(path)) from None
    _check_fields(read, Settings)
    if "approval" in read:
        one_of(("none", "all", "above"), str(msgspec.json.decode(read["approval"])), "approval")
    if "remainder" in read:
        one_of(REMAINDERS, str(msgspec.json.decode(read["remainder"])), "remainder")
    if "limits" in read:
        _check_fields(_object(read["limits"], "limits"), RiskLimits)
    if "linger" in read:
        _check_rules(read["linger"])
    return read


def _check_rules(raw: msgspec.Raw) -> None:
    """Rules for orders that linger: a list of objects; their values are checked when they are whole."""
    try:
        rules = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        raise InputError('not a list, such as [{"name": "enough", "after_ms": 60000}]', field="linger") from None
    for number, rule in enumerate(rules, start=1):
        try:
            read = _object(rule, f"linger.{number}")
            _check_fields(read, LingerRule)
            if "do" in read:
                one_of(("cancel", "nearer", "market", "keep"), str(msgspec.json.decode(read["do"])), "do")
        except InputError as error:
            raise error.at(f"linger rule {number}") from None


def linger_of(rules: list[dict[str, Any]]) -> tuple[LingerRule, ...]:
    """Rules for orders that linger, from plain maps. Raises InputError, its field beginning with `linger`."""
    raw = msgspec.json.encode(rules)
    _check_rules(msgspec.Raw(raw))
    try:
        found = msgspec.json.decode(raw, type=tuple[LingerRule, ...])
    except msgspec.ValidationError as error:
        raise InputError(str(error).replace(" - at `$", " - at `linger"), field="linger") from None
    if (problem := problem_of(found)) is not None:
        raise InputError(problem.rule, field=problem.field, value=problem.value)
    return found


def _object(raw: bytes | msgspec.Raw, field: str | None = None) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        example = _EXAMPLES.get(field or "", '{"name": "enough", "after_ms": 60000}')
        raise InputError(f"not a JSON object, such as {example}", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid JSON: {error}", field=field) from None


def _check_fields(read: Mapping[str, msgspec.Raw], record: type[Struct]) -> None:
    known = record.__struct_fields__
    for name in read:
        if name not in known and name in RiskLimits.__struct_fields__:
            raise InputError('is a limit: put it under "limits"', field=name, value=name)
        if name not in known:
            raise InputError("unknown setting", field=name, value=name, nearest=nearest_name(name, known))


def _check_numbers(settings: Settings | RiskLimits) -> None:
    """Every number is finite and not negative; a time is not 0."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, RiskLimits):
            _check_numbers(value)
        elif isinstance(value, Decimal | int) and not isinstance(value, bool):
            not_negative(str(value), name)
            if not value and name.endswith("_ms") and name != "retry_delay_ms":
                raise InputError("0 ms is no time", field=name, value=value, nearest=1)


def one_of(known: Collection[str], value: str, field: str) -> str:
    """One of the known words. Raises UnknownName with the nearest."""
    if value not in known:
        raise UnknownName(field, value, known, field=field)
    return value


def rate_of(value: str, field: str) -> Decimal:
    """A fraction from 0 up to, not including, 1. Raises InputError."""
    rate = parse_decimal(value, field)
    if not 0 <= rate < 1:
        raise InputError(f"{value} is not a rate: 0.001 is 0.1 %", field=field, value=value)
    return rate


def not_negative(value: str, field: str) -> Decimal:
    """A number from 0 up. Raises InputError."""
    number = parse_decimal(value, field)
    if number < 0:
        raise InputError(f"{value} is below 0", field=field, value=value, nearest="0")
    return number


def below(bound: int, value: str, field: str) -> Decimal:
    """A number from 0 up to, not including, `bound`. Raises InputError."""
    number = not_negative(value, field)
    if number >= bound:
        raise InputError(f"{value} is not below {bound}", field=field, value=value)
    return number


def share_of(value: str) -> Decimal:
    """A share above 0 and up to 1. Raises InputError."""
    share = parse_decimal(value, "volume_share")
    if not 0 < share <= 1:
        raise InputError(f"{value} is not a share above 0 and up to 1", field="volume_share", value=value)
    return share


def deposits_of(texts: Iterable[str]) -> list[tuple[str, Decimal]]:
    """(asset, amount) of each ASSET=AMOUNT. Raises InputError for a bad one, or an asset that comes twice."""
    found: dict[str, Decimal] = {}
    for text in texts:
        asset, amount = _deposit(text)
        if asset in found:
            raise InputError(f"{asset} is there twice: add the amounts up", field="deposit", value=text)
        found[asset] = amount
    return list(found.items())


def _deposit(text: str) -> tuple[str, Decimal]:
    asset, _, amount = text.partition("=")
    if not amount or not asset.isalnum():
        raise InputError(f"{text!r} is not ASSET=AMOUNT, such as USDT=10000", field="deposit", value=text)
    number = parse_decimal(amount, "deposit")
    if number <= 0:
        raise InputError(f"{amount} is not above 0", field="deposit", value=text)
    return asset.upper(), number
