"""What comes in: bodies and queries into records, and errors that name the field, the value and the nearest good one.

Money is read from its own digits, never through a float; a record's field that is not known is refused by name. A name
that stands twice in one object, or in a query, is refused: which of the two values was meant, nobody can know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from orderwright.core.numbers import parse_decimal
from orderwright.errors import InputError, nearest_name

S = TypeVar("S", bound=Struct)
_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`(?:, got `(?P<got>[^`]+)`|(?: of length)? (?P<sign>[<>]=?) (?P<bound>\S+))"
)
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_KINDS = {
    "object": "an object {...}",
    "array": "a list [...]",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "null": "null",
}
_USUALLY_MEANT = {
    "ticker": "symbol",
    "pair": "symbol",
    "market": "symbol",
    "direction": "side",
    "type": "order_type",
    "amount": "quantity",
    "qty": "quantity",
    "size": "quantity",
    "limit_price": "price",
    "reason": "cause",
    "tif": "time_in_force",
    "client_order_id": "idempotency_key",
    "client_id": "idempotency_key",
    "operations": "orders",
    "items": "orders",
    "user": "user_id",
}
"""What others call it, and which field of ours that is."""


def decode(raw: bytes, record: type[S]) -> S:
    """A record from JSON. Raises InputError."""
    try:
        read = msgspec.json.decode(raw, type=record)
        if not _is_plain(raw):
            json.loads(raw, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except msgspec.ValidationError as error:
        raise _explain(error, _whole(raw), record) from None
    except RecursionError:
        raise InputError("is nested too deeply", field="body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not valid JSON: {error}", field="body") from None
    return checked(read)


def single(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A query as a dict. Raises InputError for a name that is given twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise InputError("is given twice", field=name[:64], value=value[:64])
        found[name] = value
    return found


def _is_plain(raw: bytes) -> bool:
    """Whether it is one object, every colon in it follows a name, and there are as many names as colons: then none of
    them stands twice. It is quickly told, and true of nearly all that comes in."""
    colons = raw.count(b":")
    if raw.count(b"{") != 1 or raw.count(b'":') != colons:
        return False
    return len(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])) == colons


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Raises InputError where an object says a name twice."""
    if len(pairs) > 1:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InputError("stands twice in one object", field=name[:64])
            seen.add(name)


def _whole(raw: bytes) -> Any:
    """All of a body that does not fit its record, to say which value does not; None where it is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def convert(given: Mapping[str, Any], record: type[S]) -> S:
    """A record from texts, such as those of a query. Raises InputError."""
    try:
        read = msgspec.convert(dict(given), type=record, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(error, dict(given), record) from None
    return checked(read)


def checked(record: S) -> S:
    """The record with every Decimal in it finite, in range and canonical. Raises InputError."""
    changed: dict[str, Any] = {}
    for name in _looked_at(type(record)):
        value = getattr(record, name)
        if value is None:
            continue
        if isinstance(value, Decimal):
            changed[name] = parse_decimal(value, name)
        elif isinstance(value, Struct):
            changed[name] = checked(value)
        elif isinstance(value, tuple | list) and value and isinstance(value[0], Struct):
            changed[name] = type(value)(checked(one) for one in value)
    return structs.replace(record, **changed) if changed else record


@cache
def _looked_at(record: type[Struct]) -> tuple[str, ...]:
    """The fields of a record that may hold a Decimal, or records that do."""
    hints = get_type_hints(record)
    return tuple(name for name in record.__struct_fields__ if _may_hold(hints[name]))


def _may_hold(hint: Any) -> bool:
    inner = get_args(hint)
    if inner:
        return any(_may_hold(one) for one in inner)
    return hint is Any or (isinstance(hint, type) and issubclass(hint, Decimal | Struct))


def _explain(error: msgspec.ValidationError, given: Any, record: type[Struct]) -> InputError:
    """What is wrong in words: field, value, nearest."""
    text, _, path = str(error).partition(" - at `$")
    names = [part for part in path.rstrip("`").replace("[", ".").replace("]", "").split(".") if part]
    if "unknown field" in text:
        name = text.split("`")[1]
        known = _fields_at(record, names)
        meant = _USUALLY_MEANT.get(name.lower())
        nearest = meant if meant in known else nearest_name(name, known)
        return InputError("unknown field", field=".".join([*names, name]), value=name, nearest=nearest)
    if "missing required field" in text:
        name = text.split("`")[1]
        return InputError("is missing", field=".".join([*names, name]))
    value = _value_at(given, names)
    words = _words_at(record, names)
    nearest = nearest_name(str(value), words) if words else None
    said = f"unknown word {value!r}; known: {', '.join(words)}" if words else plainly(text, value)
    return InputError(said, field=".".join(names) or "body", value=value, nearest=nearest)


def plainly(text: str, value: Any) -> str:
    """What msgspec says of a value, in plain words."""
    if text.startswith("Invalid decimal"):
        return f"{str(value)[:80]!r} is not a number"
    found = _EXPECTED.fullmatch(text)
    if found is None:
        return text[:1].lower() + text[1:]
    kinds, sign, bound = found["kinds"], found["sign"], found["bound"]
    if sign:
        of_length = {"str": " characters", "array": " entries", "object": " fields"}.get(kinds, "")
        return f"is to be {_BOUNDS[sign]} {bound}{of_length}"
    wanted = " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")
    return f"is {_KINDS.get(found['got'], found['got'])}; {wanted} is wanted"


def _value_at(given: Any, names: Sequence[str]) -> Any:
    for name in names:
        if isinstance(given, Mapping):
            given = given.get(name)
        elif isinstance(given, Sequence) and not isinstance(given, str) and name.isdecimal():
            given = given[int(name)]
        else:
            return None
    return given


def _type_at(record: Any, names: Sequence[str]) -> Any:
    found: Any = record
    for name in names:
        inner = [one for one in (found, *get_args(found)) if isinstance(one, type) and issubclass(one, Struct)]
        if name.isdecimal() or name == "...":
            continue
        if not inner:
            return None
        found = get_type_hints(inner[0]).get(name)
    return found


def _fields_at(record: Any, names: Sequence[str]) -> list[str]:
    found = _type_at(record, names)
    inner = [one for one in (found, *get_args(found)) if isinstance(one, type) and issubclass(one, Struct)]
    return [field.encode_name for field in structs.fields(inner[0])] if inner else []


def _words_at(record: Any, names: Sequence[str]) -> list[str]:
    """The words that a field may be: of an enum, or literals."""
    found = _type_at(record, names)
    for one in (found, *get_args(found)):
        if isinstance(one, type) and issubclass(one, Enum):
            return [str(word.value) for word in one]
    words = [word for one in (found, *get_args(found)) for word in get_args(one) if isinstance(word, str)]
    return words or [word for word in get_args(found) if isinstance(word, str)]


__all__ = ["checked", "convert", "decode", "plainly", "single"]
