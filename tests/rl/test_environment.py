"""`Orderwright/Trading-v0`: Gymnasium's own rules, what a step does, and what bad markets and bad lines do to it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import gymnasium
import msgspec
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env

import orderwright.rl
from orderwright.core import messages as m
from orderwright.errors import InputError, UnknownName
from orderwright.market.random_market import random_candles
from orderwright.rl import Moment, TradingEnv
from orderwright.rl.market import BOUND, strip_of
from orderwright.simulation.faults import BAD_DAY, Faults
from tests.builders import an_instrument
from tests.rl.markets import MINUTE, candles_at, walk

HOLD, BUY, SELL = 0, 1, 2


def an_env(*closes: float, opens: tuple[float, ...] = (), **words: Any) -> TradingEnv:
    """A window of one candle on candles that close there; the episode begins at the second close."""
    given = {"window": 1, "episode_length": None, "commission": 0, "initial_balance": 1_000}
    return TradingEnv(candles_at(*closes, opens=opens), **(given | words))


def play(env: TradingEnv, seed: int, steps: int = 150) -> tuple[list[Any], bytes]:
    """Everything that random actions bring, and the log of it."""
    observation, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    shown: list[Any] = [observation, info]
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert observation in env.observation_space
        shown += [observation, reward, info]
        if terminated or truncated:
            break
    return shown, b"".join(msgspec.json.encode(event) for _, event in env.journal.events("episode"))


# Gymnasium's rules

MODES = [
    {"actions": "discrete"},
    {"actions": "discrete", "allow_short": True, "flat": True},
    {"actions": "target", "columns": ("close",)},
    {"actions": "target", "allow_short": True, "reward": "differential_sharpe", "slots": 0},
    {"actions": "orders"},
    {"actions": "orders", "allow_short": True, "flat": True, "faults": BAD_DAY, "latency_ms": (50, 500)},
]


@pytest.mark.parametrize("words", MODES)
def test_gymnasium_finds_nothing_wrong(words: dict[str, Any]) -> None:
    env = gymnasium.make("Orderwright/Trading-v0", episode_length=50, **words)
    check_env(env.unwrapped)


def test_an_id_with_its_module_needs_no_import_of_ours() -> None:
    code = "import gymnasium; print(gymnasium.make('orderwright.rl:Orderwright/Trading-v0').spec.id)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "Orderwright/Trading-v0\n"


def test_registering_again_changes_nothing() -> None:
    before = gymnasium.registry[orderwright.rl.ID]
    orderwright.rl.register()
    assert gymnasium.registry[orderwright.rl.ID] is before


REALISM: dict[str, Any] = {
    "data": lambda seed: random_candles(seed, 400, an_instrument(), turnover=20_000.0),
    "actions": "orders",
    "episode_length": 150,
    "spread_bps": (1, 20),
    "latency_ms": (10, 5_000),
    "slippage": 0.0005,
    "volume_share": 0.1,
    "faults": BAD_DAY,
    "keep": None,
}


def test_one_seed_and_the_same_actions_give_the_same_history_to_the_byte() -> None:
    (one, first), (two, second), (_, other) = (play(TradingEnv(**REALISM), seed) for seed in (7, 7, 8))
    assert first == second != other
    for mine, yours in zip(one, two, strict=True):
        np.testing.assert_equal(mine, yours)


def test_without_a_seed_the_next_episode_is_another_one_that_follows_from_the_first() -> None:
    env, again = TradingEnv(**REALISM), TradingEnv(**REALISM)
    prices = []
    for each in (env, again):
        each.reset(seed=5)
        prices.append(each.reset()[1]["price"])
    assert prices[0] == prices[1] != env.reset()[1]["price"]


# A step


def test_a_market_order_is_decided_at_the_close_and_fills_at_the_next_open() -> None:
    env = an_env(100, 100, 110, 121, opens=(100, 100, 105, 110))
    env.reset(seed=1)
    _, reward, _, over, info = env.step(BUY)
    assert (info["orders"], info["fills"], info["position"]) == (1, 1, 9.52380)  # 1,000 pay for that much at 105
    assert info["equity"] == pytest.approx(1_000 + 9.5238 * 5)
    assert reward == pytest.approx(np.log(info["equity"] / 1_000))
    assert not over
    _, _, _, over, info = env.step(HOLD)
    assert over
    assert info == {
        "time": 5 * MINUTE,
        "equity": pytest.approx(1_000 + 9.5238 * 16),
        "price": 121.0,
        "position": 9.52380,
        "orders": 0,
        "fills": 0,
        "rejections": 0,
        "open_orders": 0,
        "unknown": 0,
        "exposure": pytest.approx(9.5238 * 121 / (1_000 + 9.5238 * 16)),
    }


def test_what_is_on_the_side_wanted_already_does_nothing() -> None:
    env = an_env(100, 100, 100, 100, 100)
    env.reset(seed=1)
    assert [env.step(action)[4]["orders"] for action in (SELL, BUY, BUY)] == [0, 1, 0]


def test_a_short_is_entered_at_the_open_at_which_the_long_was_closed() -> None:
    env = an_env(100, 100, 100, 100, opens=(100, 100, 100, 80), allow_short=True)
    env.reset(seed=1)
    assert env.step(BUY)[4]["position"] == 10.0
    info = env.step(SELL)[4]
    assert (info["orders"], info["fills"], info["position"]) == (2, 2, -10.0)  # 800 are left, sold at 80
    assert info["equity"] == pytest.approx(800 - 10 * 20)


def test_a_target_is_a_share_of_equity_and_is_left_alone_once_it_is_there() -> None:
    env = an_env(100, 100, 100, 100, actions="target")
    env.reset(seed=1)
    info = env.step(np.array([0.25], np.float32))[4]
    assert (info["position"], info["exposure"]) == (2.5, 0.25)
    assert env.step(np.array([0.25], np.float32))[4]["orders"] == 0


def test_ruin_ends_an_episode_and_a_step_after_the_end_is_refused() -> None:
    env = an_env(100, 100, 100, 40, 40, ruin=0.5)
    env.reset(seed=1)
    env.step(BUY)
    _, _, terminated, truncated, _ = env.step(HOLD)
    assert (terminated, truncated) == (True, False)
    with pytest.raises(InputError, match="the episode is over: reset"):
        env.step(HOLD)


# Orders that rest


def an_order(kind: int, side: int = 0, size: float = 1.0, offset: float = 0.0, slot: int = 0) -> dict[str, Any]:
    return {"kind": kind, "side": side, "size": [size], "offset": [offset], "slot": slot}


def test_a_limit_rests_is_seen_fills_where_the_price_comes_and_can_be_cancelled() -> None:
    env = an_env(100, 100, 100, 98, 98, 98, actions="orders", furthest=0.1, slots=2)
    env.reset(seed=1)
    seen, _, _, _, info = env.step(an_order(2, size=0.5, offset=0.1))  # a bid at 99 for half the money
    assert (info["open_orders"], info["fills"], info["exposure"]) == (1, 0, pytest.approx(0.505, abs=1e-4))
    assert seen["orders"][0] == pytest.approx([1.0, -10.0, 0.505], abs=1e-3)  # out of bounds: this market never moved
    assert list(seen["orders"][1]) == [0.0, 0.0, 0.0]
    assert seen["balances"][0] == pytest.approx(0.5, abs=1e-4)
    _, _, _, _, info = env.step(an_order(2, side=1, size=1.0, offset=0.5))
    assert (info["fills"], info["position"], info["open_orders"]) == (1, 5.05050, 0)  # nothing was there to be sold yet
    _, _, _, _, info = env.step(an_order(2, side=1, size=1.0, offset=0.5))
    assert info["open_orders"] == 1
    seen, _, _, _, info = env.step(an_order(3, slot=0))
    assert (info["open_orders"], info["position"]) == (0, 5.05050)
    assert not seen["orders"].any()


def test_a_limit_without_a_free_slot_is_not_sent_and_counts_as_rejected() -> None:
    env = an_env(100, 100, 100, 100, actions="orders", slots=1)
    env.reset(seed=1)
    bid = an_order(2, size=0.25, offset=1.0)
    assert env.step(bid)[4]["rejections"] == 0
    info = env.step(bid)[4]
    assert (info["rejections"], info["orders"], info["open_orders"]) == (1, 0, 1)


# Bad markets and bad lines


def test_a_share_of_the_volume_fills_now_and_the_rest_later() -> None:
    env = TradingEnv(
        lambda seed: random_candles(
            seed, 60, an_instrument(), start_price=Decimal(100), turnover=20_000.0, volatility=0.0
        ),
        window=1,
        episode_length=20,
        volume_share=0.1,
        initial_balance=10_000,
        commission=0,
    )
    env.reset(seed=2)
    shares = [env.step(BUY if number == 0 else HOLD)[4] for number in range(20)]
    assert shares[0]["fills"] == shares[1]["fills"] == 1
    assert 0 < shares[0]["position"] < shares[1]["position"] < shares[-1]["position"] == 100.0
    assert shares[0]["open_orders"] == 1
    assert shares[0]["exposure"] == pytest.approx(1.0)


def test_a_buy_whose_answer_was_lost_counts_as_live_until_the_exchange_has_told() -> None:
    faults = Faults(lost_answer=1.0, lost_question=1.0)
    env = an_env(100, *[100.0] * 6, faults=faults)
    env.reset(seed=1)
    info = env.step(BUY)[4]
    assert (info["unknown"], info["position"], info["exposure"]) == (0, 10.0, 1.0)  # its fill told
    faults = Faults(lost_answer=1.0, lost_question=1.0, dropped=1.0)
    env = an_env(100, *[100.0] * 6, faults=faults)
    env.reset(seed=1)
    info = env.step(BUY)[4]
    assert (info["unknown"], info["position"], info["exposure"]) == (1, 0.0, 1.0)
    info = env.step(BUY)[4]
    assert (info["orders"], info["unknown"], info["exposure"]) == (0, 1, 1.0)  # nobody buys what may be held already


def test_a_refused_order_is_a_rejection_and_nothing_else() -> None:
    env = an_env(100, 100, 100, faults=Faults(refused=1.0))
    env.reset(seed=1)
    info = env.step(BUY)[4]
    assert (info["orders"], info["fills"], info["rejections"], info["equity"]) == (1, 0, 1, 1_000.0)


def test_after_a_bad_day_the_books_are_the_exchanges_own() -> None:
    for seed in range(3):
        faults = msgspec.structs.replace(BAD_DAY, until=walk(seed, 300).times[150].item())
        env = TradingEnv(walk(seed, 300), window=5, episode_length=None, faults=faults, latency_ms=(10, 2_000))
        env.reset(seed=seed)
        env.action_space.seed(seed)
        fills = 0
        for number in range(290):
            action = env.action_space.sample() if number < 200 else HOLD
            fills += env.step(action)[4]["fills"]
        episode = env._episode
        assert episode is not None
        assert fills > 20
        assert not episode.state.orders
        theirs = {key: balance.total for key, balance in episode.exchange.balances.items()}
        assert {key: balance.total for key, balance in episode.state.balances.items()} == theirs


def test_a_random_spread_is_paid_by_takers() -> None:
    costs = []
    for spread in (0, (10, 50)):
        env = an_env(100, 100, 100, 100, spread_bps=spread)
        env.reset(seed=1)
        costs.append(1_000 - env.step(BUY)[4]["equity"])
    assert costs[0] == 0.0
    assert 0.5 <= costs[1] <= 2.5


# Rewards


def test_a_reward_can_be_any_function_of_the_step() -> None:
    moments: list[Moment] = []

    def reward(moment: Moment) -> float:
        moments.append(moment)
        return moment.equity - moment.equity_before

    env = an_env(100, 100, 110, 110, reward=reward, cost=0.5, commission="0.001")
    env.reset(seed=1)
    earned = env.step(BUY)[1]
    quantity = 9.99000  # what 1,000 pay for at 100, commission included
    fees = quantity * 0.1
    worth = 1_000 + quantity * 10 - fees
    expected = Moment(4 * MINUTE, 1_000.0, worth, quantity * 110 / worth, quantity * 100, fees, 0)
    assert [msgspec.structs.astuple(moment) for moment in moments] == [pytest.approx(msgspec.structs.astuple(expected))]
    assert earned == pytest.approx(quantity * 10 - fees - 0.5 * quantity * 100 / 1_000)


def test_the_differential_sharpe_ratio_is_the_derivative_of_the_sharpe_ratio() -> None:
    """Moody and Saffell expand the exponential moving Sharpe ratio in its rate; for a small rate the two are alike."""
    from orderwright.rl.rewards import DifferentialSharpe

    rate, draw = 1e-6, np.random.default_rng(3)
    reward = DifferentialSharpe(rate)
    reward.mean, reward.square = 0.001, 0.0004
    for earned in draw.normal(0.0, 0.02, 20).tolist():
        mean, square = reward.mean, reward.square
        before = mean / np.sqrt(square - mean**2)
        told = reward(Moment(0, 100.0, 100.0 * (1 + earned), 1.0, 0.0, 0.0, 0))
        after = reward.mean / np.sqrt(reward.square - reward.mean**2)
        assert told == pytest.approx((after - before) / rate, rel=1e-3, abs=1e-4)


# What an agent sees


def test_nothing_seen_depends_on_what_comes_later() -> None:
    candles = walk(3, 120)
    longer, shorter = (
        TradingEnv(lambda _, n=n: candles[:n], window=8, episode_length=20, flat=True) for n in (120, 29)
    )
    start = shorter.reset(seed=1)[0]
    env = TradingEnv(candles, window=8, episode_length=None, flat=True)
    np.testing.assert_array_equal(env.reset(seed=1)[0], start)
    for _ in range(20):
        np.testing.assert_array_equal(env.step(HOLD)[0], shorter.step(HOLD)[0])
    assert longer.reset(seed=1)[0].shape == start.shape


def test_data_come_from_a_frame_a_file_or_arrays(tmp_path: Path) -> None:
    candles = walk(4, 60)
    tick, step = (float(size) for size in (candles.instrument.tick_size, candles.instrument.step_size))
    columns = {name: getattr(candles, name) * tick for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame(columns | {"volume": candles.volume * step}, index=pd.to_datetime(candles.times, unit="us"))
    frame.index.name = "time"
    frame.to_csv(tmp_path / "candles.csv")
    words: dict[str, Any] = {"window": 8, "episode_length": None, "flat": True}
    wanted = TradingEnv(candles, **words).reset(seed=1)[0]
    for data in (frame, tmp_path / "candles.csv", str(tmp_path / "candles.csv")):
        np.testing.assert_allclose(TradingEnv(data, **words).reset(seed=1)[0], wanted, rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="close"):
        TradingEnv(frame.rename(columns={"close": "shut"}), **words)


def test_a_market_that_never_moves_or_leaps_is_seen_within_bounds() -> None:
    for closes in ([100.0] * 30, [100.0, 1.0, 90_000.0] * 10):
        env = an_env(*closes, window=4, actions="target")
        env.reset(seed=1)
        for _ in range(20):
            seen = env.step([1.0])[0]
            assert seen in env.observation_space


# Bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"actions": "discret"}, "unknown kind of actions 'discret' (nearest: discrete)"),
        ({"reward": "profits"}, "unknown reward 'profits' (nearest: profit)"),
        ({"commision": 0.1}, "unknown parameter of TradingEnv 'commision' (nearest: commission)"),
        ({"rewrad": "profit"}, "unknown parameter of TradingEnv 'rewrad' (nearest: reward)"),
        ({"window": 10**6}, "window: 1000000 is above 10000 (nearest: 10000)"),
        ({"data": walk(1, 30), "window": 40, "episode_length": 5}, "window: 30 candles are too few"),
        ({"commission": 1.5}, "commission: 1.5 is not a rate"),
        ({"window": 0}, "window: 0 is not a whole number above 0 (nearest: 1)"),
        ({"columns": ("closing",)}, "unknown column 'closing' (nearest: close)"),
        ({"spread_bps": (5, 1)}, "the least is above the most (nearest: (1, 5))"),
        ({"size": 2}, "size: 2 is not a share above 0 and up to 1 (nearest: 1)"),
        ({"render_mode": "rgb"}, "unknown render mode 'rgb'"),
        ({"actions": "orders", "slots": 0}, "orders that rest need a slot each"),
        ({"data": walk(1, 30), "episode_length": 100}, "30 candles are too few: a window of 16 and 100 steps need 117"),
        ({"data": 7}, "int is not Candles, Bars, a DataFrame, a path, or a function"),
        ({"initial_balance": 0}, "initial_balance: 0 is not above 0"),
        ({"faults": 0.1}, "0.1 is not Faults"),
        ({"sharpe_rate": 2, "reward": "differential_sharpe"}, "2 is not between 0 and 1"),
    ],
)
def test_bad_parameters_are_refused_with_the_nearest_good_one(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        TradingEnv(**words)
    assert said in str(error.value)


def test_a_parameter_that_is_like_none_is_answered_with_all_of_them() -> None:
    with pytest.raises(UnknownName) as error:
        TradingEnv(qqq=1)
    known = str(error.value).partition("known: ")[2].split(", ")
    assert {"actions", "reward", "window", "keep", "commission", "faults", "spread_bps"} <= set(known)
    assert "..." not in known


def test_a_window_beyond_which_prices_leap_is_found_whatever_its_length() -> None:
    closes = np.exp(np.cumsum(np.where(np.arange(300) % 97 == 50, 3.0, 0.001)) / 20) * 100
    candles = candles_at(*np.round(closes, 2).tolist())
    for window in (1, 2, 3, 7, 16, 50, 299):
        strip = strip_of(candles, window)
        logs = strip.prices
        for at in range(300):
            seen = logs[:, max(0, at - window + 1) : at + 1]
            most = np.abs(seen - strip.anchor[at]).max() * strip.scale[at]
            assert strip.wild[at] == (most >= BOUND * (1 - 1e-6))


@pytest.mark.parametrize(
    ("kind", "action", "said"),
    [
        ("discrete", 3, "3 is not from 0 to 2 (nearest: 2)"),
        ("discrete", 0.5, "0.5 is not a whole number"),
        ("target", [1.5], "1.5 is not from 0 to 1 (nearest: 1.0)"),
        ("target", [np.nan], "nan is not from 0 to 1"),
        ("orders", 1, "1 is not a dictionary with kind, side, size, offset and slot"),
        ("orders", {"kind": 1}, "side: is not in the action"),
    ],
)
def test_what_is_no_action_is_refused_and_nothing_is_done(kind: str, action: Any, said: str) -> None:
    env = an_env(100, 100, 100, actions=kind)
    with pytest.raises(InputError, match="reset first"):
        env.step(action)
    env.reset(seed=1)
    with pytest.raises(InputError) as error:
        env.step(action)
    assert said in str(error.value)
    assert env._episode is not None
    assert env._episode.bar == 1
    assert not any(isinstance(event, m.OrderReceived) for _, event in env.journal.events("episode"))


def test_a_function_that_makes_no_candles_is_named() -> None:
    env = TradingEnv(lambda seed: seed)
    with pytest.raises(InputError, match="the function gave int for the seed"):
        env.reset(seed=1)


# Looking at it


def test_a_line_says_how_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    env = an_env(100, 100, 110, 110, render_mode="ansi")
    env.reset(seed=1)
    env.step(BUY)
    assert env.render() == "1970-01-01T00:04:00Z  110.00  +10.00000 BTC  equity 1,100.00 USDT"
    shown = an_env(100, 100, 110, render_mode="human")
    shown.reset(seed=1)
    shown.step(HOLD)
    assert capsys.readouterr().out == "1970-01-01T00:04:00Z  110.00  flat  equity 1,000.00 USDT\n"
