"""Reinforcement learning on the order engine: Gymnasium environments (docs/rl.md).

    import gymnasium
    import orderwright.rl

    env = gymnasium.make("Orderwright/Trading-v0")
    observation, info = env.reset(seed=7)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())

- environment.py: TradingEnv, one market on the whole order engine and the simulated exchange
- vector.py: VectorTradingEnv, thousands of markets at once on arrays, the same arithmetic without the orders
- market.py: the candles behind both, and what an agent sees of them
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orderwright.rl.environment import TradingEnv
    from orderwright.rl.market import mean_reverting_candles
    from orderwright.rl.rewards import Moment
    from orderwright.rl.vector import VectorTradingEnv

ID = "Orderwright/Trading-v0"
_WHERE = {
    "Moment": "rewards",
    "TradingEnv": "environment",
    "VectorTradingEnv": "vector",
    "mean_reverting_candles": "market",
}


def register() -> None:
    """Make `Orderwright/Trading-v0` known to Gymnasium; a second time changes nothing. `gymnasium.make_vec` with
    vectorization_mode="vector_entry_point" gives a `VectorTradingEnv`."""
    from gymnasium.envs import registration

    if ID not in registration.registry:
        registration.register(
            id=ID,
            entry_point="orderwright.rl.environment:TradingEnv",
            vector_entry_point="orderwright.rl.vector:VectorTradingEnv",
        )


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


register()

__all__ = ["ID", "Moment", "TradingEnv", "VectorTradingEnv", "mean_reverting_candles", "register"]
