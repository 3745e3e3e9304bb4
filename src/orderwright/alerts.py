"""Signals as people write them: one JSON object a line, in the words of TradingView alerts.

    {"time": "2024-08-05T00:01:00Z", "ticker": "BTCUSDT", "action": "buy", "order_type": "limit",
     "quantity": "0.01", "price": "50000", "strategy": "dip", "alert_id": "1"}

Numbers are read from their text, never through a float; by the standard library's json, because msgspec tells neither a
field that is there twice nor which field a NaN is in. Everything that is wrong is said with line, field and value,
and the nearest word where one was misspelt; nothing of a file is used before all of it has been read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeVar

from msgspec import structs

from orderwright.core.model import (
    SECOND,
    Action,
    Bracket,
    Instrument,
    OrderType,
    Signal,
    Source,
    TimeInForce,
    Trail,
    Word,
)
from orderwright.core.numbers import parse_decimal
from orderwright.errors import InputError, nearest_name
from orderwright.market.symbols import parse_symbol

W = TypeVar("W", bound=Word)
_DECIMALS = ("quantity", "quote_quantity", "target_quantity", "price", "stop_price")
_EXITS = ("stop_loss", "stop_loss_percent", "take_profit", "take_profit_percent")
_TRAILS = ("trail_amount", "trail_percent")
_FLAGS = ("post_only", "reduce_only")
_TEXTS = ("strategy", "alert_id", "user", "account")
_WORDS = ("ticker", "action", "order_type", "time_in_force", "source")
_TIMES = ("time", "expire_at", "execute_at")
FIELDS = (*_WORDS, *_TIMES, *_DECIMALS, *_EXITS, *_TRAILS, *_FLAGS, *_TEXTS)
_ALSO = {
    "qty": "quantity",
    "symbol": "ticker",
    "side": "action",
    "type": "order_type",
    "id": "alert_id",
    "timestamp": "time",
}
ORDER_TYPE_WORDS = {"stop": "stop_loss", "stop_limit": "stop_loss_limit", "stop_market": "stop_loss"}
_LONGEST_TEXT = 200
_EARLIEST, _LATEST = 10**14, 10**17  # microseconds: 1973 to 5138
_LONGEST_WAIT_MS = 366 * 86_400_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Number(str):
    """A JSON number, in its own digits."""

    __slots__ = ()


def read_signals(path: str | Path, instruments: Mapping[str, Instrument], *, account: str) -> list[Signal]:
    """Every signal of a file, ordered by time (equal times keep the file's order).

    Raises InputError, naming line and field, for the first line that is not a good signal.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", value=str(path), where=str(path)) from None
    signals = [
        parse_alert(line, instruments, account=account, where=f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    return sorted(signals, key=lambda signal: signal.time)


def parse_alert(
    body: bytes, instruments: Mapping[str, Instrument], *, account: str, where: str | None = None
) -> Signal:
    """One alert. Raises InputError naming the field and the value."""
    try:
        return _signal(_fields(body), instruments, account, hashlib.sha256(body.strip()).hexdigest())
    except InputError as error:
        if where is not None:
            error.at(where)
        raise


def _fields(body: bytes) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs(body):
        word = _ALSO.get(name, name)
        if word not in FIELDS:
            raise InputError("unknown field", field=name, value=name, nearest=nearest_name(name, (*FIELDS, *_ALSO)))
        if word in fields:
            also = f", as {word} too" if word != name else ""
            raise InputError(f"given twice{also}", field=name, value=value)
        fields[word] = value
    return {name: value for name, value in fields.items() if value is not None}


def pairs(body: bytes) -> list[tuple[str, object]]:
    """The object's fields as written: repeated ones are all there, numbers have their digits."""
    try:
        found = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=tuple,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
        )
    except json.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {error.msg} (column {error.colno})", value=body[:80]) from None
    except UnicodeDecodeError:
        raise InputError("not valid JSON: it is not UTF-8 text", value=body[:80]) from None
    except RecursionError:
        raise InputError("not valid JSON: nested too deep", value=body[:80]) from None
    if not isinstance(found, tuple):
        raise InputError('not a JSON object, such as {"ticker": "BTCUSDT", "action": "buy"}', value=body[:80])
    return list(found)


def _signal(fields: dict[str, object], instruments: Mapping[str, Instrument], account: str, digest: str) -> Signal:
    for needed in ("ticker", "action", "time"):
        if needed not in fields:
            raise InputError("is missing", field=needed)
    time = moment_of(fields["time"], "time")
    texts = {name: text_of(fields[name], name, decides=name != "strategy") for name in _TEXTS if name in fields}
    numbers = {name: decimal_of(fields[name], name) for name in _DECIMALS if name in fields}
    flags = {name: flag_of(fields[name], name) for name in _FLAGS if name in fields}
    alert_id = texts.get("alert_id", "")
    action, order_type = _word(fields["action"], "action", Action), _order_type(fields.get("order_type"), numbers)
    bracket, trail = exits_of(fields, action, order_type)
    return Signal(
        signal_id=alert_id or f"{time}-{digest[:12]}",
        symbol=_symbol(fields["ticker"], instruments),
        action=action,
        account=texts.get("account", account),
        source=_word(fields.get("source", "tradingview"), "source", Source),
        order_type=order_type,
        time_in_force=_word(fields.get("time_in_force", "gtc"), "time_in_force", TimeInForce),
        expire_at=moment_of(fields["expire_at"], "expire_at") if "expire_at" in fields else None,
        execute_at=execute_at_of(fields.get("execute_at", "now"), time),
        strategy=texts.get("strategy", ""),
        user=texts.get("user", ""),
        alert_id=alert_id,
        time=time,
        bracket=bracket,
        trail=trail,
        **numbers,  # type: ignore[arg-type]  # the five Decimal fields
        **flags,  # type: ignore[arg-type]  # the two flags
    )


def exits_of(fields: dict[str, object], action: Action, order_type: OrderType) -> tuple[Bracket | None, Trail | None]:
    """The exits that come with an entry; a trail beside a stop order is that order's own."""
    given = {name: decimal_of(fields[name], name) for name in (*_EXITS, *_TRAILS) if name in fields}
    if not given:
        return None, None
    if action not in (Action.BUY, Action.SELL):
        first = next(iter(given))
        message = f"exits go with a buy or a sell, not with {action}"
        raise InputError(message, field=first, value=given[first])
    for name, value in given.items():
        if value <= 0:
            raise InputError("must be above 0", field=name, value=value)
    amount, percent = given.pop("trail_amount", None), given.pop("trail_percent", None)
    if amount is not None and percent is not None:
        raise InputError("give trail_amount or trail_percent, not both", field="trail_amount", value=amount)
    trail = Trail(amount=amount, percent=percent) if amount is not None or percent is not None else None
    if trail is not None and order_type is OrderType.STOP_LOSS:
        return structs.replace(Bracket(), **given) if given else None, trail
    for name in ("stop_loss", "take_profit"):
        if name in given and f"{name}_percent" in given:
            raise InputError(f"give {name} or {name}_percent, not both", field=name, value=given[name])
    return structs.replace(Bracket(trail=trail), **given), None


def shown(value: object) -> str:
    """A value as a message quotes it, cut where it is long."""
    match value:
        case bool():
            said = str(value).lower()
        case Number():
            said = str(value)
        case str():
            said = repr(value)
        case _:
            said = "a list" if isinstance(value, list) else "an object"
    return said if len(said) <= 60 else said[:57] + "..."


def text_of(value: object, field: str, *, decides: bool = True) -> str:
    """Text. A placeholder that was not filled in is refused where the field decides what the order is."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise InputError(f"{shown(value)} is not text: write it in quotes", field=field, value=value)
    if len(value) > _LONGEST_TEXT:
        raise InputError(f"longer than {_LONGEST_TEXT} characters", field=field, value=value)
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(f"{shown(value)} holds half a character", field=field, value=value)
    if decides and "{{" in value:
        raise InputError(f"the placeholder {value} was not filled in", field=field, value=value)
    return value


def _symbol(value: object, instruments: Mapping[str, Instrument]) -> str:
    try:
        return parse_symbol(text_of(value, "ticker"), instruments)
    except InputError as error:
        error.field = "ticker"
        raise


def decimal_of(value: object, field: str) -> Decimal:
    if not isinstance(value, str):
        raise InputError(f"{shown(value)} is not a number", field=field, value=value)
    return parse_decimal(value if isinstance(value, Number) else text_of(value, field), field)


def flag_of(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{shown(value)} is neither true nor false", field=field, value=value)
    return value


def _word(value: object, field: str, words: type[W]) -> W:
    return choose(text_of(value, field), field, words)


def choose(value: str, field: str, words: type[W]) -> W:
    """A word of an enum, in any case; raises InputError naming the nearest for one that is not in it."""
    try:
        return words(value.lower())
    except ValueError:
        names = [word.value for word in words]
        message = f"unknown {field} {value!r}; known: {', '.join(names)}"
        raise InputError(message, field=field, value=value, nearest=nearest_name(value, names)) from None


def _order_type(value: object, numbers: Mapping[str, Decimal]) -> OrderType:
    """As written; without one, a market order (a price beside it is then only what the chart showed)."""
    if value is None:
        return OrderType.STOP_LOSS if "stop_price" in numbers else OrderType.MARKET
    word = text_of(value, "order_type")
    return choose(ORDER_TYPE_WORDS.get(word.lower(), word), "order_type", OrderType)


def parse_time(value: str | None, field: str) -> int | None:
    """Microseconds of a time as a person writes it on the command line; None for none."""
    return None if value is None else moment_of(value, field)


def moment_of(value: object, field: str) -> int:
    """Microseconds of a time written as ISO 8601 (no zone is UTC) or as seconds, milliseconds or microseconds."""
    found = _from_digits(value) if str(value).isdecimal() else _from_iso(value)
    if found is None:
        raise InputError(f"{shown(value)} is not a time (write 2024-08-05T00:01:00Z)", field=field, value=value)
    if not _EARLIEST <= found < _LATEST:
        raise InputError(f"{shown(value)} is not between the years 1973 and 5138", field=field, value=value)
    return found


def _from_digits(value: object) -> int | None:
    """A number in the unit that its size tells."""
    digits = str(value)
    if not isinstance(value, str) or len(digits) > 17:
        return None
    units = (SECOND, SECOND // 1_000, 1)
    return next((at for at in (int(digits) * unit for unit in units) if _EARLIEST <= at < _LATEST), None)


def _from_iso(value: object) -> int | None:
    if not isinstance(value, str) or isinstance(value, Number):
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def execute_at_of(value: object, time: int) -> int | Literal["next_open"] | None:
    """now, next_open, after_ms:N or a time."""
    if value == "now":
        return None
    if value == "next_open":
        return "next_open"
    if isinstance(value, str) and value.startswith("after_ms:"):
        wait = parse_decimal(value.removeprefix("after_ms:"), "execute_at")
        if not 0 <= wait <= _LONGEST_WAIT_MS:
            raise InputError(f"{shown(value)} does not wait between 0 ms and a year", field="execute_at", value=value)
        return time + int(1_000 * wait)
    return moment_of(value, "execute_at")


__all__ = ["FIELDS", "choose", "parse_alert", "parse_time", "read_signals"]
