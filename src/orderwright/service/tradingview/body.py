"""A body as TradingView sends it, JSON or KEY=VALUE lines, into fields; and the same body without its secrets.

Secrets are taken out before anything is kept: the value of every field that can hold one becomes ***, in its place,
so that the stored text keeps its shape. Where that cannot be done in place (a name written with escapes), the body is
written anew without them. What cannot be read at all is kept cut short, with whatever looks like a secret taken out.
"""

from __future__ import annotations

import hashlib
import json
import re

from orderwright.alerts import Number, pairs
from orderwright.errors import InputError
from orderwright.service.tradingview.words import EXCHANGE_KEYS, SECRETS, is_exchange_key, is_secret

HIDDEN = "***"
MOST_UNREAD = 1_000
"""Of a body that cannot be read so many characters are kept."""
_NAMES = "|".join(re.escape(name).replace("_", "[-_ ]?") for name in sorted({*SECRETS, *EXCHANGE_KEYS}, key=len)[::-1])
_IN_JSON = re.compile(rf'("(?:{_NAMES})"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s,}}\]"][^,}}\]\n]*)', re.IGNORECASE)
_IN_LINES = re.compile(rf"(?im)^([ \t]*(?:{_NAMES})[ \t]*=[ \t]*)([^;\r\n]*)")
_ANYWHERE = re.compile(rf"""((?:{_NAMES})["']?\s*[:=]\s*["']?)([^,;}}&\r\n]+)""", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_. -]*")
_HALF = re.compile("[\ud800-\udfff]")
_LONG_ENOUGH = 8
MOST_FIELDS, LONGEST_NAME, DEEPEST = 200, 64, 20

Pairs = tuple[tuple[str, object], ...]


class Body:
    """What came in. text: without secrets, to be stored. pairs: the fields as written, in order; None where the body
    cannot be read, and then `problem` says why. secrets: what was given as one; has_exchange_keys: whether there was
    one. It shows itself without them."""

    def __init__(self, raw: bytes) -> None:
        self.problem: InputError | None = None
        written = raw.decode("utf-8", "replace").removeprefix("\ufeff")
        held, found = _Held(), None
        try:
            found = _read(raw, written)
            held.look(found)
            _check(found)
        except InputError as error:
            self.problem = InputError(error.message, field="body")
        except RecursionError:
            self.problem, found = InputError("nested too deep", field="body"), None
        self.pairs: Pairs | None = found if self.problem is None else None
        self.secrets, self.has_exchange_keys = tuple(held.secrets), held.keys
        self.text = _without(written, found, held)
        self.digest = hashlib.sha256(self.text.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Body({self.text!r})"


class _Held:
    """The secrets that a body holds."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.values: list[str] = []
        self.keys = False
        self.any = False

    def look(self, found: object) -> None:
        for name, value in _inner(found):
            if is_exchange_key(name):
                self.keys = True
            elif is_secret(name):
                self.secrets += [str(value)] if isinstance(value, str) else []
            else:
                self.look(value)
                continue
            self.any = True
            if isinstance(value, str) and len(value) >= _LONG_ENOUGH:
                self.values.append(str(value))


def _inner(found: object) -> Pairs:
    """The pairs of an object, and those of the objects in a list."""
    if is_pairs(found):
        return found  # type: ignore[return-value]
    return tuple(pair for one in found for pair in _inner(one)) if isinstance(found, list) else ()


def is_pairs(value: object) -> bool:
    """Whether a value is an object, as its pairs."""
    return isinstance(value, tuple)


def _read(raw: bytes, written: str) -> Pairs:
    stripped = written.strip()
    if stripped.startswith(("{", "[", '"')):
        return tuple(pairs(raw))
    lines = [line.partition("=") for line in re.split(r"[\n;]", stripped) if line.strip()]
    if not lines or not all(sign and _NAME.fullmatch(name.strip()) for name, sign, _ in lines):
        raise InputError('neither JSON, such as {"ticker": "BTCUSDT", "action": "buy"}, nor lines of KEY=VALUE')
    return tuple((name.strip(), value.strip()) for name, _, value in lines)


def _check(found: object, depth: int = 0) -> None:
    """Raises InputError for what no alert needs: a great many fields, long names, deep nesting, half a character."""
    inner = _inner(found)
    if len(inner) > MOST_FIELDS or depth > DEEPEST:
        raise InputError(f"an alert has at most {MOST_FIELDS} fields, {DEEPEST} deep")
    for name, value in inner:
        if len(name) > LONGEST_NAME:
            raise InputError(f"a field's name is longer than {LONGEST_NAME} characters")
        for text in (name, value):
            if isinstance(text, str) and _HALF.search(text):
                raise InputError("it holds half a character")
        _check(value, depth + 1)


def _without(written: str, found: Pairs | None, held: _Held) -> str:
    """The text without its secrets."""
    if found is None:
        if "\\u" in written:  # a name may be hidden behind escapes
            return f"({len(written)} characters that cannot be read)"
        return _ANYWHERE.sub(_hide, written[:MOST_UNREAD])
    text = written
    if held.any:
        text = (_IN_JSON if written.lstrip().startswith("{") else _IN_LINES).sub(_hide, text)
        try:
            again = _read(text.encode(), text)
        except InputError:
            again = None
        if again is None or not _is_clean(again):
            text = _written(found)
    for value in held.values:
        text = text.replace(value, HIDDEN)
    return text


def _hide(match: re.Match[str]) -> str:
    quoted = match[2].startswith('"')
    return f'{match[1]}"{HIDDEN}"' if quoted else match[1] + (f'"{HIDDEN}"' if match[1].startswith('"') else HIDDEN)


def _is_clean(found: object) -> bool:
    return all(
        (value == HIDDEN or value is None) if is_secret(name) or is_exchange_key(name) else _is_clean(value)
        for name, value in _inner(found)
    )


def _written(value: object, name: str = "") -> str:
    """A body anew, with its digits as they were."""
    if name and (is_secret(name) or is_exchange_key(name)):
        return json.dumps(HIDDEN)
    if isinstance(value, Number):
        return str(value)
    if is_pairs(value):
        return "{" + ", ".join(f"{json.dumps(key)}: {_written(one, key)}" for key, one in _inner(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    return json.dumps(value)


__all__ = ["HIDDEN", "Body", "Pairs", "is_pairs"]
