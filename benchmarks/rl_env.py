"""`Orderwright/Trading-v0`: steps with random actions, through `gymnasium.make`, in one episode of a million steps.

Of random discrete actions one in three brings an order (whoever is long already buys nothing); `an_order_each_step` has
one in every step. The rate of the first and the last tenth says whether it is flat; STEPS shortens it.
"""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium
import numpy as np

import orderwright.rl  # registers the environment
from benchmarks.common import emit, rss_mb
from benchmarks.peers import emit_peer

STEPS = int(os.environ.get("STEPS", "1_000_000"))
ORDERS = min(STEPS, 50_000)
WARM = 2_000


def main() -> None:
    first, last, rate, grown, orders = _random()
    emit("rl-env", "random_actions", rate, "steps/s", 15_000, steps=STEPS, orders=orders)
    emit("rl-env", "last_tenth_to_first", last / first, "ratio", 0.9, first=round(first), last=round(last))
    emit("rl-env", "memory_growth", grown, "MiB", steps=STEPS)
    emit("rl-env", "an_order_each_step", _busy(), "steps/s", steps=ORDERS)
    for case in ("rl_gymany_stocks", "rl_tt_bsh_2k"):
        emit_peer("rl-env", case, "steps_per_s", "steps/s")


def _random() -> tuple[float, float, float, float, int]:
    """(rate of the first tenth, of the last, of all; MiB that the process grew after the first tenth; orders)."""
    env, actions = _env(STEPS), np.random.default_rng(0).integers(0, 3, STEPS)
    tenth, orders, rates, at_first = max(STEPS // 10, 1), 0, [], 0.0
    began = time.perf_counter()
    for start in range(0, STEPS, tenth):
        since = time.perf_counter()
        for action in actions[start : start + tenth].tolist():
            orders += env.step(action)[4]["orders"]
        rates.append(min(tenth, STEPS - start) / (time.perf_counter() - since))
        at_first = at_first or rss_mb()
    return rates[0], rates[-1], STEPS / (time.perf_counter() - began), rss_mb() - at_first, orders


def _busy() -> float:
    """Long and flat by turns."""
    env = _env(ORDERS)
    began = time.perf_counter()
    for number in range(ORDERS):
        env.step(2 if number % 2 else 1)
    return ORDERS / (time.perf_counter() - began)


def _env(steps: int) -> gymnasium.Env[Any, Any]:
    """Reset and warm. Without a commission and without ruin: a million random trades would end any episode."""
    env = gymnasium.make(orderwright.rl.ID, episode_length=steps + WARM + 1, commission=0, ruin=0)
    env.reset(seed=7)
    for number in range(WARM):
        env.step(number % 3)
    return env


if __name__ == "__main__":
    main()
