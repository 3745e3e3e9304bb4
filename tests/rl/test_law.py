"""One law: with the same market and actions, a market of `VectorTradingEnv` has the equity of `Trading-v0`, which
trades on the order engine. Both kernels, all ways to act, long only and with shorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from orderwright.market.candles import Candles
from orderwright.rl import TradingEnv, VectorTradingEnv
from orderwright.rl.market import COLUMNS
from tests.rl.markets import walk

STEPS, WINDOW = 120, 5


def actions_of(kind: str, seed: int, *, shorts: bool) -> np.ndarray[Any, Any]:
    draw = np.random.default_rng(seed)
    if kind == "discrete":
        return draw.integers(0, 3, STEPS)
    wanted = draw.uniform(-1 if shorts else 0, 1, STEPS)
    wanted[draw.random(STEPS) < 0.2] = 0.0
    wanted[draw.random(STEPS) < 0.2] = 1.0
    return wanted.astype(np.float32)


def both(kernel: str, kind: str, candles: Candles, actions: Any, *, shorts: bool, **terms: Any) -> None:
    """Hold one to the other, step by step. The data are as long as the episode, so both begin at the same candle."""
    steps = len(candles) - WINDOW - 1
    shared: dict[str, Any] = {
        "data": candles,
        "window": WINDOW,
        "episode_length": steps,
        "actions": kind,
        "allow_short": shorts,
    } | terms
    env = TradingEnv(**shared, slots=0, flat=True)
    vector = VectorTradingEnv(1, **shared, columns=COLUMNS, kernel=kernel)
    seen, _ = env.reset(seed=3)
    many, _ = vector.reset(seed=3)
    traded = 0
    for action in actions:
        np.testing.assert_allclose(many[0], seen, rtol=1e-4, atol=1e-4)
        seen, reward, ended, over, info = env.step(action)
        many, rewards, ends, overs, infos = vector.step(np.array([action]))
        traded += info["fills"]
        assert infos["equity"][0] == pytest.approx(info["equity"], rel=1e-9)
        assert infos["position"][0] == pytest.approx(info["position"], abs=1e-9)
        assert (bool(ends[0]), bool(overs[0])) == (ended, over)
        assert rewards[0] == pytest.approx(reward, rel=1e-6, abs=1e-9)
        if ended or over:
            break
    assert traded > len(actions) // 5


CASES: list[tuple[str, bool, dict[str, Any]]] = [
    ("discrete", False, {}),
    ("discrete", False, {"slippage": 0.0007, "size": 0.6}),
    ("discrete", True, {"slippage": 0.0007, "commission": 0.0005}),
    ("target", False, {"slippage": 0.0003}),
    ("target", True, {"slippage": 0.0003, "initial_balance": 777}),
    ("target", True, {"reward": "differential_sharpe", "cost": 0.1, "commission": 0}),
]


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize(("kind", "shorts", "terms"), CASES)
def test_one_of_many_markets_has_the_equity_of_the_order_engine(
    kernel: str, kind: str, shorts: bool, terms: dict[str, Any]
) -> None:
    for seed in range(3):
        actions = actions_of(kind, seed, shorts=shorts)
        both(kernel, kind, walk(seed, STEPS + WINDOW + 1), actions, shorts=shorts, **terms)


def test_the_two_kernels_say_the_same_of_many_markets_over_many_episodes() -> None:
    for kind, shorts, terms in CASES:
        one, other = (
            VectorTradingEnv(
                32, walk(5, 600), episode_length=40, actions=kind, allow_short=shorts, kernel=kernel, **terms
            )
            for kernel in ("numpy", "numba")
        )
        np.testing.assert_allclose(one.reset(seed=9)[0], other.reset(seed=9)[0], rtol=1e-4, atol=1e-5)
        one.action_space.seed(4)
        for _ in range(100):
            action = one.action_space.sample()
            mine, theirs = one.step(action), other.step(action)
            for ours, yours in zip(mine[:4], theirs[:4], strict=True):
                np.testing.assert_allclose(ours, yours, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(mine[4]["equity"], theirs[4]["equity"], rtol=1e-9)
