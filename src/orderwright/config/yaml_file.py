"""A YAML file as a plain tree, safely: no tags, anchors or key twice; every value knows its line.

- Only these plain words are more than text: null and ~; true, false, on, off, yes and no; whole numbers and decimal
  fractions, which become Decimal, exactly as written. 12:30 and 2026-11-20 stay text.
- ${NAME} in a value is the environment variable NAME, ${NAME:-text} has a text for when it is not set or empty, and
  $${ is a plain ${. A value is filled in after the file was read, so it can bring no keys of its own. YAML would take
  the braces of one between { and } or [ and ] for its own: a character stands for each while it is read (`_COVER`).
- A file is at most MAX_BYTES long and MAX_DEPTH deep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from orderwright.errors import InputError, UnknownName

MAX_BYTES, MAX_DEPTH = 1_000_000, 24
At = tuple[str | int, ...]
_WORDS: dict[str, Any] = {"null": None, "~": None, "": None, "true": True, "on": True, "yes": True}
_WORDS |= {"false": False, "off": False, "no": False}
_THOUSANDS = re.compile(r"\d{3}(\.\d+)?")
_WHOLE, _FRACTION = re.compile(r"[+-]?\d{1,30}"), re.compile(r"[+-]?(\d*\.\d+|\d+\.?)([eE][+-]?\d{1,2})?")
_COVER = str.maketrans({letter: chr(0xF8D0 + number) for number, letter in enumerate("{}[],:#?")})
_BARE = {ord(cover): chr(letter) for letter, cover in _COVER.items()}
_IN_BRACES = re.compile(r"\$\{[^{}\r\n]*\}")
_VARIABLE = re.compile(r"\$(?:(\$\{)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{[^}]*\}?))")


class Document(Struct):
    """tree: maps, lists and values. lines: of each path, from 1. filled: what stood in the file where a variable was
    filled in. problems: what is wrong with it, all of it."""

    name: str
    tree: dict[str, Any]
    lines: dict[At, int]
    filled: dict[At, str]
    problems: list[InputError]

    def line(self, at: At) -> int | None:
        """The line of a value, or of the nearest section around it; None where the file has neither."""
        while at:
            if at in self.lines:
                return self.lines[at]
            at = at[:-1]
        return None


def read_file(path: Path, environment: Mapping[str, str]) -> Document:
    """The tree of a file. Raises InputError where it cannot be read or is no YAML."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{size:,} bytes: a configuration has at most {MAX_BYTES:,}", where=str(path))
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        return read_text(raw.decode(), str(path), environment)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", where=str(path)) from None


def read_text(text: str, name: str, environment: Mapping[str, str]) -> Document:
    """The tree of a text; name: what errors call it. Raises InputError for what is no YAML, or no map."""
    document = Document(name, {}, {}, {}, [])
    covered = _IN_BRACES.sub(lambda found: found[0].translate(_COVER), text)
    try:
        node = yaml.compose(covered, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _not_yaml(name, error) from None
    except RecursionError:
        raise InputError("nested too deeply", where=name) from None
    if node is None or (isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")):
        return document
    if not isinstance(node, yaml.MappingNode):
        raise InputError("not a map of keys, such as `environment: local`", where=_where(name, node))
    document.tree = _Reading(document, environment).map_of(node, ())
    return document


class _NotRead(yaml.MarkedYAMLError):
    def __init__(self, what: str, mark: Any) -> None:
        super().__init__(problem=f"{what} are not read", problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """Without tags, and without anchors: one alias after another could name more than there is memory for."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _NotRead("anchors and aliases", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _NotRead("tags", event.start_mark)
        return super().compose_node(parent, index)


class _Reading:
    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._to, self._environment = document, environment

    def map_of(self, node: yaml.MappingNode, at: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem("a key is a word", at, key)
                continue
            name = _bare(key.value)
            path = (*at, name)
            if self._is_rest_of_number(node, name, value, found):
                self._comma(found, name, at, key)
                continue
            if name in found:
                self._problem(f"there twice, first in line {self._to.lines[path]}", path, key)
                continue
            self._to.lines[path] = key.start_mark.line + 1
            found[name] = self._value(value, path)
        return found

    def _value(self, node: yaml.Node, at: At) -> Any:
        if len(at) > MAX_DEPTH:
            raise InputError("nested too deeply", where=_where(self._to.name, node))
        if isinstance(node, yaml.MappingNode):
            return self.map_of(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(one, (*at, number)) for number, one in enumerate(node.value)]
        return self._scalar(node, at)

    def _is_rest_of_number(self, node: yaml.MappingNode, name: str, value: yaml.Node, found: dict[str, Any]) -> bool:
        """Whether a key is what comes after the comma in {most: 1,000}."""
        empty = (
            isinstance(value, yaml.ScalarNode) and not value.value and value.start_mark.index == value.end_mark.index
        )
        before = next(reversed(found.values()), None)
        return bool(node.flow_style and empty and _THOUSANDS.fullmatch(name)) and type(before) is int

    def _comma(self, found: dict[str, Any], rest: str, at: At, node: yaml.Node) -> None:
        name, value = found.popitem()
        field, problems = dotted((*at, name)), self._to.problems
        before = problems.pop() if problems and problems[-1].field == field else None
        written, meant = f"{value if before is None else before.value},{rest}", f"{value}{rest}"
        found[name] = int(meant) if meant.isdigit() else Decimal(meant)
        message = f"{written} is more than one value, for a comma ends one: write {meant}"
        problems.append(
            InputError(message, field=field, value=written, nearest=meant, where=_where(self._to.name, node))
        )

    def _scalar(self, node: yaml.Node, at: At) -> Any:
        written = _bare(node.value)
        if "${" in written:
            return self._fill(written, at, node)
        if getattr(node, "style", None) is not None:  # in quotes
            return written
        if written.lower() in _WORDS:
            return _WORDS[written.lower()]
        if _WHOLE.fullmatch(written):
            return int(written)
        return Decimal(written) if _FRACTION.fullmatch(written) else written

    def _fill(self, written: str, at: At, node: yaml.Node) -> str:
        def one(found: re.Match[str]) -> str:
            plain, name, other, bad = found.groups()
            if plain:
                return "${"
            if bad is not None:
                self._problem(f"{found[0]} is not ${{NAME}} or ${{NAME:-text}}; a plain ${{ is written $${{", at, node)
                return ""
            value = self._environment.get(name)
            if value is None and other is None:
                self._missing(name, at, node)
            return value or other or ""

        filled = _VARIABLE.sub(one, written)
        self._to.filled[at] = written
        return filled

    def _missing(self, name: str, at: At, node: yaml.Node) -> None:
        near = UnknownName("variable", name, self._environment).nearest
        message = f"the environment variable {name} is not set: set it, or write ${{{name}:-text}}"
        field = dotted(at)
        self._to.problems.append(
            InputError(message, field=field, value=f"${{{name}}}", nearest=near, where=_where(self._to.name, node))
        )

    def _problem(self, message: str, at: At, node: yaml.Node) -> None:
        where = _where(self._to.name, node)
        self._to.problems.append(InputError(message, field=dotted(at) or None, where=where))


def dotted(at: At) -> str:
    """A path as it is written: service.port; what is in a list has its number, from 1."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in at)


def _bare(text: object) -> str:
    """A text as it stands in the file."""
    return str(text).translate(_BARE)


def _where(name: str, node: yaml.Node) -> str:
    return f"{name}, line {node.start_mark.line + 1}"


def _not_yaml(name: str, error: yaml.YAMLError) -> InputError:
    mark = getattr(error, "problem_mark", None)
    where = name if mark is None else f"{name}, line {mark.line + 1}, column {mark.column + 1}"
    problem = _bare(getattr(error, "problem", None) or "it holds a character that YAML has not")
    return InputError(f"not YAML: {problem}", where=where)


__all__ = ["At", "Document", "dotted", "read_file", "read_text"]
