"""`VectorTradingEnv`: 1,024 random markets, random actions, observations included (8 closes and what is held)."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.common import calibration, emit
from orderwright.rl import VectorTradingEnv

MARKETS, STEPS, ROUNDS = 1_024, 2_000, 5


def main() -> None:
    calibrated = round(calibration(), 3)
    rate, shown = _rate()
    emit(
        "rl-vector",
        "discrete",
        rate,
        "market-steps/s",
        10_000_000,
        markets=MARKETS,
        observed=shown,
        calibration_s=calibrated,
    )
    rate, shown = _rate(columns=("open", "high", "low", "close", "volume"))
    emit("rl-vector", "discrete_five_columns", rate, "market-steps/s", markets=MARKETS, observed=shown)
    rate, shown = _rate(actions="target")
    emit("rl-vector", "target", rate, "market-steps/s", markets=MARKETS, observed=shown)
    rate, shown = _rate(kernel="numpy")
    emit("rl-vector", "numpy_twin", rate, "market-steps/s", markets=MARKETS, observed=shown)


def _rate(**words: object) -> tuple[float, int]:
    """(the median rate of some rounds, float32s in an observation)."""
    env = VectorTradingEnv(MARKETS, **words)  # type: ignore[arg-type]  # each of its own type
    observations, _ = env.reset(seed=7)
    env.action_space.seed(7)
    actions = [env.action_space.sample() for _ in range(64)]
    steps = STEPS if "kernel" not in words else STEPS // 10
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for number in range(steps):
            env.step(actions[number % 64])
        rates.append(MARKETS * steps / (time.perf_counter() - began))
    return float(np.median(rates)), observations.shape[1]


if __name__ == "__main__":
    main()
