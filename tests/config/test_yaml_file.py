"""YAML as it is read: plainly, safely, with variables filled in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.config.yaml_file import MAX_BYTES, read_file, read_text
from orderwright.errors import InputError


def tree_of(text: str, environment: dict[str, str] | None = None) -> dict[str, object]:
    document = read_text(text, "my.yaml", environment or {})
    assert document.problems == []
    return document.tree


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("5", 5),
        ("-5", -5),
        ("0.0005", Decimal("0.0005")),
        ("5e-4", Decimal("0.0005")),
        ("0.1234567890123456789", Decimal("0.1234567890123456789")),
        ("off", False),
        ("Yes", True),
        ("null", None),
        ("", None),
        ("none", "none"),
        ("'5'", "5"),
        ('"off"', "off"),
        ("12:30", "12:30"),
        ("2026-11-20", "2026-11-20"),
        ("0x10", "0x10"),
        ("BTC/USDT", "BTC/USDT"),
        ("[a, 1]", ["a", 1]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_values_are_what_people_mean_by_them(written: str, read: object) -> None:
    assert tree_of(f"key: {written}") == {"key": read}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "\ufeff"])
def test_an_empty_file_has_no_keys(text: str) -> None:
    assert tree_of(text) == {}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${NAME}", "a: value"),
        ("before ${NAME} after", "before a: value after"),
        ('"${NAME}"', "a: value"),
        ("${OTHER:-else}", "else"),
        ("${OTHER:-}", ""),
        ("${EMPTY:-else}", "else"),
        ("${EMPTY}", ""),
        ("$${NAME}", "${NAME}"),
        ("$NAME", "$NAME"),
        ("['${NAME}']", ["a: value"]),
        ("[${NAME}, ${OTHER:-x, y}]", ["a: value", "x, y"]),
        ("{inside: ${NAME}, last: ${OTHER:-else}}", {"inside": "a: value", "last": "else"}),
        ("{inside: $${NAME}}", {"inside": "${NAME}"}),
        ("${OTHER:-a: b # c}", "a: b # c"),
    ],
)
def test_variables_are_filled_in_as_text_that_brings_no_keys(written: str, read: object) -> None:
    assert tree_of(f"key: {written}", {"NAME": "a: value", "EMPTY": ""}) == {"key": read}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: ${NMAE}",
         "my.yaml, line 1: a: the environment variable NMAE is not set: set it, or write ${NMAE:-text} "
         "(nearest: NAME)"),
        ("a: ${no good}",
         "my.yaml, line 1: a: ${no good} is not ${NAME} or ${NAME:-text}; a plain ${ is written $${"),
        ("a: ${open", "my.yaml, line 1: a: ${open is not ${NAME} or ${NAME:-text}; a plain ${ is written $${"),
        ("a: 1\nb: 2\na: 3", "my.yaml, line 3: a: there twice, first in line 1"),
        ("a: {b: 1, b: 2}", "my.yaml, line 1: a.b: there twice, first in line 1"),
        ("? [a]\n: 1", "my.yaml, line 1: a key is a word"),
        ("a: {secret: ${NOPE}}",
         "my.yaml, line 1: a.secret: the environment variable NOPE is not set: set it, or write ${NOPE:-text} "
         "(nearest: NAME)"),
        ("a: {most: 1,000, least: 5}",
         "my.yaml, line 1: a.most: 1,000 is more than one value, for a comma ends one: write 1000 (nearest: 1000)"),
        ("a: {most: 1,000,000.5}",
         "my.yaml, line 1: a.most: 1,000,000.5 is more than one value, for a comma ends one: write 1000000.5 "
         "(nearest: 1000000.5)"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_its_line(text: str, told: str) -> None:
    document = read_text(text, "my.yaml", {"NAME": "x"})

    assert [str(problem) for problem in document.problems] == [told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", "my.yaml, line 1, column 6: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: &x 1", "my.yaml, line 1, column 4: not YAML: anchors and aliases are not read"),
        ("a: *x", "my.yaml, line 1, column 4: not YAML: anchors and aliases are not read"),
        ("a: 1\n---\nb: 2", "my.yaml, line 2, column 1: not YAML: but found another document"),
        ("- a", "my.yaml, line 1: not a map of keys, such as `environment: local`"),
        ("a: \x07", "my.yaml: not YAML: it holds a character that YAML has not"),
        ("a: " + "[" * 5_000, "my.yaml: nested too deeply"),
        ("a: " + "{b: " * 60 + "1" + "}" * 60, "my.yaml, line 1: nested too deeply"),
        ("a: !!python/object/apply:os.system [ls]", "my.yaml, line 1, column 4: not YAML: tags are not read"),
        ("a: !!str 5", "my.yaml, line 1, column 4: not YAML: tags are not read"),
    ],
)
def test_what_is_no_configuration_is_refused_as_a_whole(text: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        read_text(text, "my.yaml", {})

    assert str(raised.value) == told


def test_a_file_that_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    long, binary = tmp_path / "long.yaml", tmp_path / "binary.yaml"
    long.write_bytes(b"#" * (MAX_BYTES + 1))
    binary.write_bytes(b"a: \xff")

    with pytest.raises(InputError, match="1,000,001 bytes: a configuration has at most 1,000,000"):
        read_file(long, {})
    with pytest.raises(InputError, match="not UTF-8 at byte 3"):
        read_file(binary, {})
