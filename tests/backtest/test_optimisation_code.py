"""Functions are told apart by what they do, not by their names."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from orderwright.backtest.optimisation.code import named_code

LIMIT = 10


def within(parameters: Any) -> bool:
    return bool(parameters["x"] < LIMIT)


def among(parameters: Any) -> bool:
    return within(parameters) and parameters["kind"] in {"wilder", "mean", "median", "none"}


class Above:
    """A constraint that is an object."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, parameters: Any) -> bool:
        return bool(parameters["x"] > self.least)

    def asks(self, parameters: Any) -> bool:
        return self(parameters)


def more_than(*least: object) -> Callable[[Any], Any]:
    return lambda parameters: [one for one in least if parameters["x"] > one]


def defaulting(least: int) -> Callable[[Any], bool]:
    def asks(parameters: Any, least: int = least) -> bool:
        return bool(parameters["x"] > least)

    return asks


def countdown(x: int) -> int:
    return countdown(x - 1) if x else 0


@pytest.mark.parametrize(
    "made", [more_than, defaulting, Above, lambda x: Above(x).asks, lambda x: functools.partial(max, x)]
)
def test_what_does_the_same_has_one_digest_and_what_does_not_has_another(made: Callable[[int], object]) -> None:
    assert named_code(made(1)) == named_code(made(1))
    assert named_code(made(1)) != named_code(made(2))


def test_what_stands_in_the_code_tells_functions_apart() -> None:
    one: Callable[[Any], Any] = lambda p: [x > 1 for x in p]  # noqa: E731
    two: Callable[[Any], Any] = lambda p: [x > 2 for x in p]  # noqa: E731
    three: Callable[[Any], Any] = lambda p: [x < 1 for x in p]  # noqa: E731
    assert len({named_code(one), named_code(two), named_code(three)}) == 3
    assert named_code(one).startswith("<lambda> ")


def test_what_a_function_reads_of_its_module_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = named_code(within), named_code(among)
    monkeypatch.setattr(sys.modules[__name__], "LIMIT", 11)
    after = named_code(within), named_code(among)
    assert before[0] != after[0]
    assert before[1] != after[1]  # by the function that it calls


def test_an_object_that_shows_its_place_in_memory_is_known_by_its_kind() -> None:
    assert named_code(more_than(object())) == named_code(more_than(object()))


def test_a_function_may_call_itself() -> None:
    assert named_code(countdown) == named_code(countdown)
