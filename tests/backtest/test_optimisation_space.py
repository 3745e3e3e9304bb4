"""Spaces: what may be written, what it means, and what is refused before any work."""

from typing import Any

import numpy as np
import pytest

from orderwright.backtest.optimisation.grid import chosen
from orderwright.backtest.optimisation.space import Choice, Float, Int, Space, parse_space
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError, UnknownName


class Threshold(Strategy):
    def __init__(self, fast_period: int = 20, slow_period: int = 50, threshold: float = 0.5, kind: str = "a") -> None:
        super().__init__()


class Needing(Strategy):
    def __init__(self, period: int, *, gap: int = 1) -> None:
        super().__init__()


class Anything(Strategy):
    def __init__(self, **words: object) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (range(5, 45, 2), Int(5, 43, 2)),
        (range(9, 3, -3), Int(6, 9, 3)),
        ([50, 100, 50], Choice(50, 100)),
        ((5, 45), Int(5, 45)),
        ((0.1, 0.9), Float(0.1, 0.9)),
        ((1, 2.5), Float(1.0, 2.5)),
        (Int(1, 64, log=True), Int(1, 64, log=True)),
        (Float(0.001, 1.0, log=True), Float(0.001, 1.0, log=True)),
        (Choice("x", 1, 1.0, True), Choice("x", 1, 1.0, True)),
        (np.array([3, 1]), Choice(3, 1)),
        (20, Choice(20)),
        ("fast", Choice("fast")),
        (None, Choice(None)),
    ],
)
def test_a_domain_may_be_written_in_many_ways(said: Any, meant: Any) -> None:
    assert parse_space(Threshold, {"fast_period": said}).domains == {"fast_period": meant}


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"fats_period": [1]}, "space: unknown parameter of Threshold 'fats_period' (nearest: fast_period)"),
        ({"fast_period": range(5, 5)}, "space.fast_period: range(5, 5) is empty"),
        ({"fast_period": range(9, 5)}, "space.fast_period: range(9, 5) is empty (nearest: range(9, 5, -1))"),
        ({"fast_period": []}, "space.fast_period: [] is empty"),
        ({"threshold": (0.9, 0.1)}, "space.threshold: from 0.9 to 0.1 is the wrong way round (nearest: (0.1, 0.9))"),
        (
            {"threshold": (1, 2, 3)},
            "space.threshold: (1, 2, 3): a tuple is (from, to), two numbers; a list is a choice of values "
            "(nearest: [1, 2, 3])",
        ),
        ({"fast_period": Int(1, 9, step=0)}, "space.fast_period: a step of 0 leads nowhere (nearest: 1)"),
        (
            {"threshold": Float(0, 1, log=True)},
            "space.threshold: a logarithmic range begins above 0, not at 0 (nearest: 1)",
        ),
        (
            {"kind": {"b", "a"}},
            "space.kind: a set has no order, so two runs would not search alike: give a list (nearest: ['a', 'b'])",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(space: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_space(Threshold, space)
    assert str(refused.value) == said


def test_an_unknown_parameter_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName):
        parse_space(Threshold, {"fats_period": [1]})


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(InputError, match="needs one parameter at least"):
        parse_space(Threshold, {})


def test_a_parameter_without_a_default_must_be_given() -> None:
    with pytest.raises(InputError, match="Needing needs period: give a value or a range"):
        parse_space(Needing, {"gap": [1, 2]})
    assert len(parse_space(Needing, {"period": [1, 2]})) == 2


def test_a_strategy_that_takes_any_name_takes_any_space() -> None:
    assert parse_space(Anything, {"whatever": [1]}).names == ("whatever",)


def a_space(**domains: Any) -> Space:
    return parse_space(Threshold, domains)


def test_a_grid_counts_like_nested_loops() -> None:
    grid = a_space(fast_period=range(1, 4), threshold=Float(0.1, 0.4, step=0.1), kind=["a", "b"]).grid()
    looped = [
        {"fast_period": fast, "threshold": threshold, "kind": kind}
        for fast in (1, 2, 3)
        for threshold in (0.1, 0.2, 0.3, 0.4)
        for kind in ("a", "b")
    ]
    assert list(grid) == looped
    assert [grid.number_of(one) for one in looped] == list(range(len(grid)))
    assert grid.number_of({"fast_period": 9, "threshold": 0.1, "kind": "a"}) is None


def test_a_continuous_parameter_has_no_grid_and_the_error_offers_steps() -> None:
    with pytest.raises(InputError) as refused:
        len(a_space(threshold=(0.0, 1.0)))
    assert (refused.value.field, refused.value.nearest) == ("space.threshold", Float(0.0, 1.0, step=0.1))


def test_so_many_of_a_grid_are_drawn_by_seed_and_more_of_them_include_the_fewer() -> None:
    fifty = chosen(1_000, 50, seed=3)
    assert len(set(fifty)) == 50
    assert list(chosen(1_000, 80, seed=3))[:50] == list(fifty)
    assert chosen(1_000, 50, seed=4) != fifty
    assert chosen(1_000, 2_000, seed=3) == range(1_000)
    huge = chosen(10**12, 50, seed=3)
    assert len(set(huge)) == 50
    assert list(chosen(10**12, 80, seed=3))[:50] == list(huge)
