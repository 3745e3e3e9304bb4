"""Which bars are searched, which are held back, and how a walk goes."""

import pytest

from orderwright.backtest.optimisation.windows import (
    Span,
    Step,
    WalkForward,
    parse_walk_forward,
    split,
    steps,
)
from orderwright.errors import InputError


def test_the_last_fifth_is_held_out() -> None:
    assert split(1_003, 0.2) == (Span(0, 803), Span(803, 1_003))


def test_nothing_is_held_out_where_nothing_is_asked_for() -> None:
    assert split(100, 0) == (Span(0, 100), None)


@pytest.mark.parametrize(
    ("count", "holdout", "said"),
    [
        (100, -0.1, "holdout: -0.1 is not a fraction of the bars that could be held out (nearest: 0)"),
        (100, 20, "holdout: 20 is not a fraction of the bars that could be held out (nearest: 0.2)"),
        (100, "a fifth", "holdout: 'a fifth' is not a number"),
        (3, 0.2, "holdout: 3 bars are too few to hold out 0.2 of them (nearest: 0)"),
    ],
)
def test_a_share_that_cannot_be_held_out_is_refused(count: int, holdout: object, said: str) -> None:
    with pytest.raises(InputError) as refused:
        split(count, holdout)
    assert str(refused.value) == said


def test_a_rolling_walk_keeps_the_length_of_its_search() -> None:
    assert steps(103, WalkForward(windows=3, in_sample=2)) == [
        Step(Span(0, 43), Span(43, 63)),
        Step(Span(20, 63), Span(63, 83)),
        Step(Span(40, 83), Span(83, 103)),
    ]


def test_an_anchored_walk_searches_from_the_first_bar_on() -> None:
    assert steps(100, WalkForward(windows=2, anchored=True, in_sample=3)) == [
        Step(Span(0, 60), Span(60, 80)),
        Step(Span(0, 80), Span(80, 100)),
    ]


def test_out_of_sample_windows_follow_each_other_and_come_after_their_search() -> None:
    for count in range(90, 260, 7):
        walk = steps(count, WalkForward(windows=5))
        assert [one.in_sample.stop for one in walk] == [one.out_of_sample.start for one in walk]
        assert [one.out_of_sample.start for one in walk[1:]] == [one.out_of_sample.stop for one in walk[:-1]]
        assert walk[-1].out_of_sample.stop == count
        assert walk[0].in_sample.start == 0


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        steps(16_000, WalkForward(windows=5_000))
    said = "walk_forward: 16,000 bars are too few for 5,000 windows of 10 bars or more (nearest: 1596)"
    assert str(refused.value) == said
    assert len(steps(16_000, WalkForward(windows=1_596))) == 1_596
    with pytest.raises(InputError, match=r"20 bars are too few for 1 window of 10 bars or more$"):
        steps(20, WalkForward(windows=1))


def test_a_walk_may_be_a_number_of_windows() -> None:
    assert parse_walk_forward(None) is None
    assert parse_walk_forward(7) == WalkForward(windows=7)
    with pytest.raises(InputError, match="neither a number of windows nor a WalkForward"):
        parse_walk_forward(True)
    with pytest.raises(InputError, match="0 is not above 0"):
        steps(100, WalkForward(windows=0))
