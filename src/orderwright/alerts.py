"""Signals as people write them: one JSON object a line, in the words of TradingView alerts.

    {"time": "2024-08-05T00:01:00Z", "ticker": "BTCUSDT", "action": "buy", "order_type": "limit",
     "quantity": "0.01", "price": "50000", "strategy": "dip", "alert_id": "1"}

Numbers are read from their text, never through a float. Everything that is wrong is said with line, field and value,
and the nearest word where one was misspelt; nothing of a file is used before all of it has been read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from orderwright.core.model import SECOND, Action, Instrument, OrderType, Signal, Source, TimeInForce, Word
from orderwright.core.numbers import parse_decimal
from orderwright.errors import InputError, nearest_name
from orderwright.market.symbols import parse_symbol

W = TypeVar("W", bound=Word)
_DECIMALS = ("quantity", "quote_quantity", "target_quantity", "price", "stop_price")
_FLAGS = ("post_only", "reduce_only")
_TEXTS = ("strategy", "alert_id", "user", "account")
_WORDS = ("ticker", "action", "order_type", "time_in_force", "source")
_TIMES = ("time", "expire_at", "execute_at")
FIELDS = (*_WORDS, *_TIMES, *_DECIMALS, *_FLAGS, *_TEXTS)
_ALSO = {"symbol": "ticker", "side": "action", "type": "order_type", "id": "alert_id", "timestamp": "time"}
_ORDER_TYPE_WORDS = {"stop": "stop_loss", "stop_limit": "stop_loss_limit", "stop_market": "stop_loss"}


def read_signals(path: str | Path, instruments: Mapping[str, Instrument], *, account: str) -> list[Signal]:
    """Every signal of a file, ordered by time (equal times keep the file's order).

    Raises InputError, naming line and field, for the first line that is not a good signal.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", field="signals", value=str(path)) from None
    signals = [
        parse_alert(line, instruments, account=account, number=number, where=f"{path.name}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    return sorted(signals, key=lambda signal: signal.time)


def parse_alert(
    body: bytes, instruments: Mapping[str, Instrument], *, account: str, number: int = 0, where: str | None = None
) -> Signal:
    """One alert. Raises InputError naming the field and the value."""
    try:
        return _signal(_fields(body), instruments, account, number)
    except InputError as error:
        if where is not None:
            error.at(where)
        raise


def _fields(body: bytes) -> dict[str, bytes]:
    try:
        found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not a JSON object: {error}", value=body[:80]) from error
    fields: dict[str, bytes] = {}
    for name, raw in found.items():
        word = _ALSO.get(name, name)
        if word not in FIELDS:
            raise InputError("unknown field", field=name, value=name, nearest=nearest_name(name, FIELDS))
        if word in fields:
            raise InputError(f"given twice, as {word} too", field=name, value=name)
        fields[word] = bytes(raw)
    return {name: raw for name, raw in fields.items() if raw != b"null"}


def _signal(fields: dict[str, bytes], instruments: Mapping[str, Instrument], account: str, number: int) -> Signal:
    for needed in ("ticker", "action", "time"):
        if needed not in fields:
            raise InputError("is missing", field=needed)
    symbol = parse_symbol(_text(fields["ticker"], "ticker"), instruments)
    time = _time(fields["time"], "time")
    words = {name: _text(fields[name], name, decides=name != "strategy") for name in _TEXTS if name in fields}
    numbers: dict[str, Decimal] = {name: _decimal(fields[name], name) for name in _DECIMALS if name in fields}
    flags = {name: _flag(fields[name], name) for name in _FLAGS if name in fields}
    alert_id = words.get("alert_id", "")
    return Signal(
        signal_id=alert_id or f"{time}-{number}",
        symbol=symbol,
        action=_word(fields["action"], "action", Action),
        account=words.get("account", account),
        source=_word(fields["source"], "source", Source) if "source" in fields else Source.TRADINGVIEW,
        order_type=_order_type(fields.get("order_type"), numbers),
        time_in_force=_word(fields["time_in_force"], "time_in_force", TimeInForce)
        if "time_in_force" in fields
        else TimeInForce.GTC,
        expire_at=_time(fields["expire_at"], "expire_at") if "expire_at" in fields else None,
        execute_at=_execute_at(fields["execute_at"], time) if "execute_at" in fields else None,
        strategy=words.get("strategy", ""),
        user=words.get("user", ""),
        alert_id=alert_id,
        time=time,
        **numbers,  # type: ignore[arg-type]  # the five Decimal fields
        **flags,  # type: ignore[arg-type]  # the two flags
    )


def _text(raw: bytes, field: str, *, decides: bool = True) -> str:
    """Text. A placeholder that was not filled in is refused where the field decides what the order is."""
    value = msgspec.json.decode(raw)
    if not isinstance(value, str):
        raise InputError(f"{value!r} is not text", field=field, value=value)
    if decides and "{{" in value:
        raise InputError(f"the placeholder {value} was not filled in", field=field, value=value)
    return value


def _decimal(raw: bytes, field: str) -> Decimal:
    number = raw.decode()
    if number.startswith('"'):
        number = _text(raw, field)
    elif number[0] not in "-0123456789":
        raise InputError(f"{number[:40]} is not a number", field=field, value=number)
    return parse_decimal(number, field)


def _flag(raw: bytes, field: str) -> bool:
    if raw not in (b"true", b"false"):
        raise InputError(f"{raw.decode()[:40]} is neither true nor false", field=field, value=raw.decode())
    return raw == b"true"


def _word(raw: bytes, field: str, words: type[W]) -> W:
    value = _text(raw, field).lower()
    return choose(value, field, words)


def choose(value: str, field: str, words: type[W]) -> W:
    """A word of an enum, in any case; raises InputError naming the nearest for one that is not in it."""
    try:
        return words(value.lower())
    except ValueError:
        names = [word.value for word in words]
        message = f"unknown {field} {value!r}; known: {', '.join(names)}"
        raise InputError(message, field=field, value=value, nearest=nearest_name(value, names)) from None


def _order_type(raw: bytes | None, numbers: Mapping[str, Decimal]) -> OrderType:
    """As written; without one, a market order (a price beside it is then only what the chart showed)."""
    if raw is None:
        return OrderType.STOP_LOSS if "stop_price" in numbers else OrderType.MARKET
    value = _text(raw, "order_type").lower()
    return choose(_ORDER_TYPE_WORDS.get(value, value), "order_type", OrderType)


def parse_time(value: str | None, field: str) -> int | None:
    """Microseconds of a time as a person writes it on the command line; None for none."""
    if value is None:
        return None
    return _moment(int(value) if value.isdigit() else value, field)


def _time(raw: bytes, field: str) -> int:
    return _moment(msgspec.json.decode(raw), field)


def _moment(value: Any, field: str) -> int:
    """Microseconds of a time written as ISO 8601 (no zone is UTC) or as seconds, milliseconds or microseconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        for unit in (SECOND, SECOND // 1_000, 1):
            if value * unit >= 10**14 and value * unit < 10**17:
                return value * unit
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
            return round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
    raise InputError(f"{value!r} is not a time (write 2024-08-05T00:01:00Z)", field=field, value=value)


def _execute_at(raw: bytes, time: int) -> Any:
    """now, next_open, after_ms:N or a time."""
    value = msgspec.json.decode(raw)
    if value == "now":
        return None
    if value == "next_open":
        return "next_open"
    if isinstance(value, str) and value.startswith("after_ms:"):
        return time + 1_000 * int(parse_decimal(value.removeprefix("after_ms:"), "execute_at"))
    return _time(raw, "execute_at")


__all__ = ["FIELDS", "choose", "parse_alert", "parse_time", "read_signals"]
