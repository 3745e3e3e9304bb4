"""`VectorTradingEnv`: Gymnasium's rules for many at once, episodes that begin again, and bad input. That its money is
right, test_law.py says."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import orderwright.rl
from orderwright.errors import InputError
from orderwright.rl import VectorTradingEnv, mean_reverting_candles
from tests.builders import an_instrument
from tests.rl.markets import candles_at, walk

KERNELS = ["numba", "numpy"]


def played(seed: int, steps: int = 30, **words: Any) -> list[Any]:
    env = VectorTradingEnv(8, **({"episode_length": 12, "num_markets": 3} | words))
    shown: list[Any] = [env.reset(seed=seed)[0]]
    env.action_space.seed(seed)
    for _ in range(steps):
        observations, rewards, terminated, truncated, infos = env.step(env.action_space.sample())
        assert observations in env.observation_space
        shown += [observations, rewards, terminated, truncated, infos["equity"], infos["position"]]
    return shown


def test_gymnasium_makes_it_by_name() -> None:
    env = gymnasium.make_vec(
        orderwright.rl.ID, num_envs=4, vectorization_mode="vector_entry_point", kernel="numpy", window=3
    )
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, infos = env.reset(seed=1)
    assert observations.shape == (4, 6)
    assert env.observation_space.contains(observations)
    assert list(infos["equity"]) == [10_000.0] * 4


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_seed_gives_one_history(kernel: str) -> None:
    one, two, other = (played(seed, kernel=kernel) for seed in (5, 5, 6))
    for mine, yours in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine, yours)
    assert not np.array_equal(one[1], other[1])


@pytest.mark.parametrize("kernel", KERNELS)
def test_after_an_end_the_next_step_begins_anew_and_ignores_its_action(kernel: str) -> None:
    env = VectorTradingEnv(
        2, candles_at(100, 100, 100, 110, 121, 121), window=1, episode_length=2, commission=0, kernel=kernel
    )
    env.reset(seed=3)
    env.step([1, 0])
    _, _, terminated, truncated, _ = env.step([0, 0])
    assert (list(terminated), list(truncated)) == ([False, False], [True, True])
    _, rewards, terminated, truncated, infos = env.step([1, 1])
    assert (list(rewards), list(terminated), list(truncated)) == ([0.0, 0.0], [False, False], [False, False])
    assert (list(infos["equity"]), list(infos["position"])) == ([10_000.0] * 2, [0.0] * 2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_ruin_ends_one_market_and_leaves_the_others_alone(kernel: str) -> None:
    env = VectorTradingEnv(
        2, candles_at(100, 100, 100, 40, 40), window=1, episode_length=3, commission=0, ruin=0.5, kernel=kernel
    )
    env.reset(seed=3)
    env.step([1, 0])
    _, rewards, terminated, truncated, infos = env.step([0, 0])
    assert (list(terminated), list(truncated)) == ([True, False], [False, False])
    assert list(infos["equity"]) == pytest.approx([4_000.0, 10_000.0])
    assert list(rewards) == pytest.approx([np.log(0.4), 0.0])
    _, _, terminated, truncated, infos = env.step([0, 0])
    assert (list(terminated), list(truncated)) == ([False, False], [False, True])
    assert list(infos["equity"]) == [10_000.0, 10_000.0]


def test_what_is_handed_out_is_the_callers_unless_copies_are_switched_off() -> None:
    for copy in (True, False):
        env = VectorTradingEnv(4, walk(1, 100), episode_length=20, copy=copy, kernel="numpy")
        env.reset(seed=1)
        first = env.step([0] * 4)[0]
        assert np.shares_memory(first, env.step([0] * 4)[0]) is not copy


def test_a_reset_without_a_seed_begins_elsewhere_in_the_same_markets() -> None:
    env = VectorTradingEnv(16, episode_length=20, num_markets=4, kernel="numpy")
    first = env.reset(seed=1)[0]
    data = env._data
    assert not np.array_equal(env.reset()[0], first)
    assert env._data is data
    np.testing.assert_array_equal(env.reset(seed=1)[0], first)


def test_markets_of_a_function_are_all_different() -> None:
    seeds: list[int] = []

    def market(seed: int) -> Any:
        seeds.append(seed)
        return walk(seed, 60)

    env = VectorTradingEnv(4, market, num_markets=6, episode_length=20, kernel="numpy")
    env.reset(seed=1)
    assert len(set(seeds)) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"num_envs": 0}, "num_envs: 0 is not a whole number from 1 up (nearest: 1)"),
        ({"actions": "orders"}, "unknown kind of actions 'orders'"),
        ({"reward": "profits"}, "unknown reward 'profits' (nearest: profit)"),
        ({"kernel": "number"}, "unknown kernel 'number' (nearest: numba)"),
        ({"columns": "close"}, "name at least one column"),
        ({"commission": 1.5}, "commission: 1.5 is not a rate"),
        ({"fault": None}, "unknown parameter of VectorTradingEnv 'fault'"),
        ({"slipage": 0.1}, "unknown parameter of VectorTradingEnv 'slipage' (nearest: slippage)"),
        ({"window": 20_000}, "window: 20000 is above 10000 (nearest: 10000)"),
        ({"data": walk(1, 50), "episode_length": 100}, "50 candles are too few: a window of 8 and 100 steps need 109"),
    ],
)
def test_bad_parameters_are_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        VectorTradingEnv(**({"kernel": "numpy"} | words))
    assert said in str(error.value)


@pytest.mark.parametrize("kernel", KERNELS)
def test_bad_actions_are_refused_by_market_and_nothing_is_done(kernel: str) -> None:
    env = VectorTradingEnv(3, walk(1, 60), episode_length=20, actions="target", kernel=kernel)
    with pytest.raises(InputError, match="reset first"):
        env.step([0, 0, 0])
    env.reset(seed=1)
    at = env._accounts.at.copy()
    for actions, said in [
        ([0, 0], "2 of int64 are not a number for each of 3 markets"),
        ([0.5, 1.5, 0.0], "1.5 of market 1 is not from 0 to 1"),
        ([0.5, 0.5, np.nan], "nan of market 2 is not from 0 to 1"),
        (["a", "b", "c"], "are not a number for each of 3 markets"),
    ]:
        with pytest.raises(InputError) as error:
            env.step(actions)
        assert said in str(error.value)
    np.testing.assert_array_equal(env._accounts.at, at)
    discrete = VectorTradingEnv(2, walk(1, 60), episode_length=20, kernel=kernel)
    discrete.reset(seed=1)
    with pytest.raises(InputError, match="discrete actions are whole numbers"):
        discrete.step([0.5, 1.0])


def test_markets_of_two_instruments_do_not_mix() -> None:
    coarse = an_instrument(step_size="1")
    env = VectorTradingEnv(
        4,
        lambda seed: candles_at(*range(100, 160), instrument=coarse if seed % 2 else None),
        episode_length=20,
        num_markets=8,
        kernel="numpy",
    )
    with pytest.raises(InputError, match="markets of one environment have one instrument"):
        env.reset(seed=1)


def test_a_market_that_comes_back_does_and_is_checked() -> None:
    candles = mean_reverting_candles(3, 20_000, volatility=0.005, reversion=0.1)
    logs = np.log(candles.close / 10_000)
    assert abs(logs.mean()) < 0.002
    assert logs.std() == pytest.approx(0.005 / np.sqrt(1 - 0.9**2), rel=0.1)
    assert candles == mean_reverting_candles(3, 20_000, volatility=0.005, reversion=0.1)
    with pytest.raises(InputError, match="1 is not between 0 and 1"):
        mean_reverting_candles(3, 10, reversion=1)
