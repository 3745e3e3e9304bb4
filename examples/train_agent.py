"""Train a small agent, then see what is left of it on the order engine. Under a minute, NumPy alone.

The market is made up and kind: its price comes back to a level (`mean_reverting_candles`), so what is cheap tends to
rise, and whoever just holds earns nothing on average. No real market is like that; this shows the two environments, not
a way to riches.

1. Training on `VectorTradingEnv`, 1,024 markets at once, by the cross-entropy method (Rubinstein, 1999, "The
   Cross-Entropy Method for Combinatorial and Continuous Optimization"): draw policies, keep those that earned most,
   draw the next ones around them.
2. Evaluation on `Trading-v0`, the order engine, on seeds that training has not seen: as it was trained; with a spread,
   partial fills and a bad line; and with latency, where an order comes too late for the open it was meant for.

The policy is linear: score = weights x observation. Above the margin it buys, below minus the margin it sells.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from orderwright.rl import TradingEnv, VectorTradingEnv, mean_reverting_candles
from orderwright.simulation.faults import BAD_DAY

Floats = NDArray[np.float64]

WINDOW, LENGTH = 16, 250
UNSEEN = 10_000
"""Training draws its markets by chance from two billion seeds; evaluation takes those from here on."""
TERMS: dict[str, Any] = {"window": WINDOW, "columns": ("close",), "episode_length": LENGTH, "commission": 0.0005}


def market(seed: int) -> Any:
    return mean_reverting_candles(seed, LENGTH + WINDOW + 1)


def act(policies: Floats, observations: NDArray[np.float32]) -> NDArray[np.int64]:
    """1 (be long), 2 (be flat) or 0 (hold) for each observation, by its own policy: weights, and a margin."""
    scores = np.einsum("ij,ij->i", policies[:, :-1], observations)
    margin = np.abs(policies[:, -1])
    return np.where(scores > margin, 1, np.where(scores < -margin, 2, 0))


def train(*, generations: int = 40, population: int = 64, markets: int = 16, seed: int = 1) -> Floats:
    """The policy that the search ends with. Every policy of a generation trades `markets` markets."""
    env = VectorTradingEnv(population * markets, market, num_markets=population * markets // 4, **TERMS)
    env.reset(seed=seed)
    draw = np.random.default_rng(seed)
    size = len(env.single_observation_space.sample()) + 1
    middle, spread = np.zeros(size), np.ones(size)
    for _ in range(generations):
        policies = middle + spread * draw.normal(size=(population, size))
        earned = _play(env, np.repeat(policies, markets, axis=0)).reshape(population, markets).mean(axis=1)
        best = policies[np.argsort(earned)[-population // 8 :]]
        middle, spread = best.mean(axis=0), best.std(axis=0) + 0.02
    return middle


def _play(env: VectorTradingEnv, policies: Floats) -> Floats:
    """What each market earns in one episode: the change of the log of equity."""
    observations, _ = env.reset()
    earned = np.zeros(env.num_envs)
    for _ in range(LENGTH):
        observations, rewards, _, _, _ = env.step(act(policies, observations))
        earned += rewards
    return earned


def evaluate(policy: Floats | None, seed: int, **realism: Any) -> float:
    """The return in percent on one unseen market, on the order engine; None buys at once and holds."""
    env = TradingEnv(partial(_unseen, seed), flat=True, slots=0, **TERMS, **realism)
    observation, info = env.reset(seed=seed)
    began, over, action = info["equity"], False, 1
    while not over:
        if policy is not None:
            action = int(act(policy[None, :], observation[None, :])[0])
        observation, _, ruined, ended, info = env.step(action)
        over = ruined or ended
    return float(100 * (info["equity"] / began - 1))


def _unseen(seed: int, _: int) -> Any:
    return market(seed)


def compare(policy: Floats, seeds: range) -> dict[str, Floats]:
    """Returns in percent by seed, for each way."""
    rough = {"spread_bps": (1, 4), "volume_share": 0.05, "faults": BAD_DAY}
    ways: dict[str, tuple[Floats | None, dict[str, Any]]] = {
        "buy and hold": (None, {}),
        "agent": (policy, {}),
        "agent, spread, partial fills, bad line": (policy, rough),
        "agent, the same and 50 to 500 ms latency": (policy, rough | {"latency_ms": (50, 500)}),
    }
    return {
        name: np.array([evaluate(given, seed, **realism) for seed in seeds]) for name, (given, realism) in ways.items()
    }


def main(*, generations: int = 40, seeds: int = 30) -> dict[str, Floats]:
    began = time.perf_counter()
    policy = train(generations=generations)
    trained = time.perf_counter() - began
    found = compare(policy, range(UNSEEN, UNSEEN + seeds))
    table = Table(title=f"{seeds} unseen markets, {LENGTH} candles each, on the order engine")
    for column in ("", "mean return %", "worst %", "best %", "better than holding"):
        table.add_column(column, justify="left" if not column else "right")
    holding = found["buy and hold"]
    for name, returns in found.items():
        better = "" if returns is holding else f"{(returns > holding).sum()} of {seeds}"
        table.add_row(name, f"{returns.mean():+.2f}", f"{returns.min():+.2f}", f"{returns.max():+.2f}", better)
    console = Console()
    console.print(table)
    console.print(f"trained in {trained:.0f} s, all in {time.perf_counter() - began:.0f} s")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train a small agent and see what is left of it on the order engine.")
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=30)
    given = parser.parse_args()
    main(generations=given.generations, seeds=given.seeds)
