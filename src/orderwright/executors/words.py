"""What people write into a trade or an exchange into an answer, read strictly: text in any case, numbers of any kind,
times in any form. An error names the field, the value and the nearest good one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from orderwright.alerts import choose, parse_time
from orderwright.core.model import Bracket, LingerRule, OrderType, Trail, Word
from orderwright.core.numbers import parse_decimal
from orderwright.core.patience import problem_of
from orderwright.errors import InputError, UnknownName, nearest_name

W = TypeVar("W", bound=Word)
Number = str | int | float | Decimal
Moment = int | str | dt.datetime
ExecuteAt = int | Literal["next_open"]

ORDER_TYPE_WORDS = {
    "stop": "stop_loss",
    "stop_market": "stop_loss",
    "stop_limit": "stop_loss_limit",
    "take_profit_market": "take_profit",
}
_LONGEST_WAIT_MS = 366 * 86_400_000


def word_of(value: object, field: str, words: type[W]) -> W:
    """A word of an enum, in any case. Raises InputError with the nearest."""
    if isinstance(value, words):
        return value
    return choose(text_of(value, field).strip(), field, words)


def order_type_of(value: object) -> OrderType:
    """An order type; `stop` and `stop_limit` are the seeds' STOP_LOSS and its limit form."""
    if isinstance(value, OrderType):
        return value
    word = text_of(value, "order_type").strip().lower().replace(" ", "_").replace("-", "_")
    return choose(ORDER_TYPE_WORDS.get(word, word), "order_type", OrderType)


def text_of(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{value!r} is not text", field=field, value=value)
    return value


def flag_of(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{value!r} is neither True nor False", field=field, value=value)
    return value


def number_of(value: Number | None, field: str) -> Decimal | None:
    """A number, exactly; a float through its shortest repr. None stays None."""
    return None if value is None else parse_decimal(value, field)


def time_of(value: object, field: str) -> int | None:
    """Microseconds of a time: epoch number in the unit that its size tells, ISO text or datetime; without a zone it is
    UTC. None stays None."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        value = value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputError(f"{value!r} is not a time (write 2024-08-05T00:01:00Z)", field=field, value=value)
    return parse_time(str(value), field)


def execute_at_of(value: object) -> ExecuteAt | str | None:
    """When to execute: None or "now", "next_open", "after_ms:N" (kept as it is until the trade is submitted), or a
    time."""
    if value is None or value == "now":
        return None
    if value == "next_open":
        return "next_open"
    if isinstance(value, str) and value.startswith("after_ms:"):
        wait_us(value)
        return value
    return time_of(value, "execute_at")


def wait_us(execute_at: str) -> int:
    """The microseconds of "after_ms:N"."""
    wait = parse_decimal(execute_at.removeprefix("after_ms:"), "execute_at")
    if not 0 <= wait <= _LONGEST_WAIT_MS:
        message = f"{execute_at!r} does not wait between 0 ms and a year"
        raise InputError(message, field="execute_at", value=execute_at)
    return int(1_000 * wait)


def metadata_of(value: Mapping[str, object] | None) -> dict[str, str]:
    """Metadata is text by text; a number is taken as its text."""
    found: dict[str, str] = {}
    for name, said in (value or {}).items():
        if not isinstance(said, str | int | float | Decimal):
            raise InputError("metadata maps text to text or a number", field=f"metadata.{name}", value=said)
        found[name] = str(said)
    return found


def linger_of(value: object) -> tuple[LingerRule, ...]:
    """Rules for when it lingers: records, or what docs/lingering.md writes in JSON. Raises InputError."""
    example = '[{"name": "enough", "after_ms": 60000}]'
    if isinstance(value, str | Mapping | LingerRule) or not isinstance(value, Iterable):
        raise InputError(f"{value!r} is not a list of rules, such as {example}", field="linger", value=value)
    rules = tuple(rule if isinstance(rule, LingerRule) else _rule_of(rule) for rule in value)
    if (problem := problem_of(rules)) is not None:
        raise InputError(problem.rule, field=problem.field, value=problem.value)
    return rules


def _rule_of(value: object) -> LingerRule:
    if not isinstance(value, Mapping):
        raise InputError(f"{value!r} is not a rule, such as {{'name': 'enough'}}", field="linger", value=value)
    for name in value:
        if name not in LingerRule.__struct_fields__:
            raise UnknownName("setting", str(name), LingerRule.__struct_fields__, field=f"linger.{name}")
    try:
        return msgspec.convert({**value}, LingerRule, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(str(error), field="linger", value=value) from None


def bracket_of(value: object) -> Bracket | None:
    """The exits of an entry: a record, or its fields. Raises InputError."""
    if value is None or isinstance(value, Bracket):
        return value
    fields = _fields_of(value, "bracket", Bracket, "{'stop_loss_percent': 2}")
    trail = trail_of(fields.pop("trail", None), "bracket.trail")
    numbers = {name: number_of(fields.pop(name), f"bracket.{name}") for name in list(fields) if name != "arm"}  # type: ignore[arg-type]
    return Bracket(**numbers, trail=trail, **_arm_of(fields))  # type: ignore[arg-type]  # the names of numbers were checked


def trail_of(value: object, field: str = "trail") -> Trail | None:
    """How a stop follows the market: a record, or its fields. Raises InputError."""
    if value is None or isinstance(value, Trail):
        return value
    fields = _fields_of(value, field, Trail, "{'percent': 2}")
    return Trail(**{name: number_of(said, f"{field}.{name}") for name, said in fields.items()})  # type: ignore[arg-type]


def _arm_of(fields: Mapping[str, object]) -> dict[str, object]:
    arm = fields.get("arm", "fill")
    if arm not in ("fill", "full"):
        message = f"{arm!r} is neither fill nor full"
        raise InputError(message, field="bracket.arm", value=arm, nearest=nearest_name(str(arm), ("fill", "full")))
    return {"arm": arm}


def _fields_of(value: object, field: str, kind: type[Bracket | Trail], example: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise InputError(f"{value!r} is not a {kind.__name__.lower()}, such as {example}", field=field, value=value)
    for name in value:
        if name not in kind.__struct_fields__:
            raise UnknownName("setting", str(name), kind.__struct_fields__, field=f"{field}.{name}")
    return dict(value)
