"""The system's clock never goes back, and never stands still for long."""

from __future__ import annotations

from orderwright.live import SystemClock

S = 1_000_000_000


class Machine:
    """A machine's two clocks, nanoseconds."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000 * S, 5 * S

    def go(self, seconds: float, *, set_back: float = 0) -> None:
        self.wall += round((seconds - set_back) * S)
        self.steady += round(seconds * S)

    def clock(self, not_before: int = 0) -> SystemClock:
        return SystemClock(not_before=not_before, wall=lambda: self.wall, steady=lambda: self.steady)


def test_it_is_the_systems_time_in_microseconds() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == 1_000_000_000
    machine.go(2.5)
    assert clock.now() == 1_002_500_000


def test_after_it_was_set_back_it_goes_on_at_half_pace_until_it_is_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == 1_000_000_000
    machine.go(0, set_back=10)
    assert clock.now() == 1_000_000_000
    machine.go(8)
    assert clock.now() == 1_004_000_000
    machine.go(12)
    assert clock.now() == 1_010_000_000
    machine.go(1)
    assert clock.now() == 1_011_000_000


def test_small_steps_of_time_add_up_while_it_is_behind() -> None:
    machine = Machine()
    clock = machine.clock(not_before=2_000_000_000)
    for _ in range(4_000):
        machine.go(0.0000005)
        clock.now()
    assert clock.now() == 2_000_000_000 + 1_000


def test_it_begins_where_the_log_has_ended() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.not_before(1_500_000_000)
    assert clock.now() == 1_500_000_000
    clock.not_before(1_200_000_000)
    machine.go(600)
    assert clock.now() == 1_800_000_000
