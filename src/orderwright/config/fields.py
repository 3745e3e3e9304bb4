"""What keys of the configuration are made of: types that read text as well as numbers, and `key`, which documents one.

Numbers of money are Decimal, read exactly. A word is read in any case. What is wrong is told without the value where
that could be a secret.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from orderwright.core.numbers import parse_decimal, text
from orderwright.errors import InputError, nearest_name

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_CLASS = re.compile(r"(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|[^:]+\.py):[A-Za-z_]\w*|[a-z][a-z_]*")


class Section(BaseModel):
    """A part of the configuration: its keys are known, their values typed and never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True, validate_default=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, given: Any) -> Any:
        """`books:` with nothing under it is a section without keys."""
        return {} if given is None else given


def key(default: Any, meaning: str, *, unit: str = "", env: str = "", alias: str | None = None) -> Any:
    """A key with its default, what it means, the unit of its value, and the environment variable that beats the file.
    A dict or list as default is made anew each time."""
    extra: dict[str, Any] = {"unit": unit, "env": env}
    if isinstance(default, dict | list):
        return Field(default_factory=default.copy, description=meaning, json_schema_extra=extra, alias=alias)
    return Field(default, description=meaning, json_schema_extra=extra, alias=alias)


def section(kind: type[T], meaning: str) -> Any:
    """A key that holds a section, with that section's own defaults."""
    return Field(default_factory=kind, description=meaning)


def wrong(message: str, nearest: object = None) -> PydanticCustomError:
    """What a validator raises: the sentence, and the nearest value that would pass."""
    return PydanticCustomError("orderwright", "{message}", {"message": message, "nearest": nearest})


def _number(value: object) -> Decimal:
    try:
        return parse_decimal(value.strip() if isinstance(value, str) else value, "")
    except InputError as error:
        raise wrong(error.message, error.nearest) from None


def _whole(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise wrong(f"{value} is not a whole number", int(number))
    return int(number)


def _optional(read: Any) -> Any:
    return lambda value: None if value is None or value == "" else read(value)


def _from(least: int, *, most: int | None = None, above: bool = False) -> Any:
    """Bounds of a number: least (not included where above), most."""

    def check(value: Any) -> Any:
        if value is None:
            return value
        if value < least or (above and value == least):
            raise wrong(f"{value} is {'not above' if above else 'below'} {least}", least + 1 if above else least)
        if most is not None and value > most:
            raise wrong(f"{value} is above {most}", most)
        return value

    return AfterValidator(check)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise wrong(f"{value!r} is neither on nor off", "off" if word.startswith(("of", "n", "f", "d")) else "on")


def _name(value: object) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or not _NAME.fullmatch(str(value)):
        raise wrong(f"{value!r} is not a name of up to 64 letters, digits, '-', '_', '.' and '@'")
    return str(value)


def _rate(value: object) -> Decimal:
    rate = _number(value)
    if not 0 <= rate < 1:
        raise wrong(f"{value} is not a rate from 0 up to 1: 0.001 is 0.1 %", rate / 100 if 1 <= rate < 100 else "0.001")
    return rate


def _asset(value: object) -> str:
    if not isinstance(value, str) or not value.isalnum() or not value.isascii():
        raise wrong(f"{value!r} is not an asset, such as USDT")
    return value.upper()


def _class(value: object) -> str:
    if not isinstance(value, str) or not _CLASS.fullmatch(value):
        meant = re.fullmatch(r"([A-Za-z_][\w.]*)\.([A-Za-z_]\w*)", value) if isinstance(value, str) else None
        nearest = f"{meant[1]}:{meant[2]}" if meant else "module:Class"
        raise wrong(f"{value!r} is not module:Class, file.py:Class or a built-in strategy", nearest)
    return value


def _secret(value: object) -> object:
    if isinstance(value, SecretStr):
        return value if value.get_secret_value() else None
    if value is None or value == "":
        return None
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise wrong("a secret is text")
    return str(value)


def _path(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise wrong("an empty path")
    return value


def _approval(value: object) -> object:
    if value is None:
        return None
    word, _, amount = str(value).strip().lower().partition(" ")
    if word in ("none", "all") and not amount:
        return word
    if word == "above" and amount:
        number = _number(amount)
        if number >= 0:
            return f"above {text(number)}"
    raise wrong(f"{value!r} is not none, all or above VALUE", nearest_name(word, ["none", "all", "above 5000"]))


def _listed(value: object) -> object:
    """A list; in an environment variable, words with commas between them."""
    if isinstance(value, str):
        return [one.strip() for one in value.split(",") if one.strip()]
    return [] if value is None else value


Listed = BeforeValidator(_listed)
Mapped = BeforeValidator(lambda value: {} if value is None else value)
Texts = Annotated[list[str], Listed]
Approval = Annotated[str, BeforeValidator(_approval)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Word = BeforeValidator(_lower)
Name = Annotated[str, BeforeValidator(_name)]
Asset = Annotated[str, BeforeValidator(_asset)]
ClassPath = Annotated[str, BeforeValidator(_class)]
Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
Location = Annotated[Path, BeforeValidator(_path)]
Rate = Annotated[Decimal, BeforeValidator(_rate)]
Amount = Annotated[Decimal, BeforeValidator(_number), _from(0)]
Whole = Annotated[int, BeforeValidator(_whole), _from(0)]
Count = Annotated[int, BeforeValidator(_whole), _from(1)]
HOUR, DAY = 3_600, 86_400
"""Seconds. Times have an upper bound: a longer one is a slip of the unit, and some would overflow."""
UpToHour = Annotated[int, BeforeValidator(_whole), _from(1, most=HOUR)]
UpToDayMs = Annotated[int, BeforeValidator(_whole), _from(1, most=DAY * 1_000)]
NoneToDayMs = Annotated[int, BeforeValidator(_whole), _from(0, most=DAY * 1_000)]
UpToYearMs = Annotated[int, BeforeValidator(_whole), _from(1, most=365 * DAY * 1_000)]
NoneToYear = Annotated[int, BeforeValidator(_whole), _from(0, most=365 * DAY)]
OptionalToYear = Annotated[int | None, BeforeValidator(_optional(_whole)), _from(1, most=365 * DAY)]
Port = Annotated[int, BeforeValidator(_whole), _from(0, most=65_535)]
Signed = Annotated[int, BeforeValidator(_whole)]
OptionalAmount = Annotated[Decimal | None, BeforeValidator(_optional(_number)), _from(0)]
OptionalCount = Annotated[int | None, BeforeValidator(_optional(_whole)), _from(1)]
OptionalWhole = Annotated[int | None, BeforeValidator(_optional(_whole)), _from(0)]

__all__ = [
    "Amount",
    "Approval",
    "Asset",
    "ClassPath",
    "Count",
    "Flag",
    "Listed",
    "Location",
    "Mapped",
    "Name",
    "NoneToDayMs",
    "NoneToYear",
    "OptionalAmount",
    "OptionalCount",
    "OptionalToYear",
    "OptionalWhole",
    "Port",
    "Rate",
    "Secret",
    "Section",
    "Signed",
    "Texts",
    "UpToDayMs",
    "UpToHour",
    "UpToYearMs",
    "Whole",
    "Word",
    "key",
    "section",
    "wrong",
]
