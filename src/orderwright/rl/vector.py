"""`VectorTradingEnv`: thousands of markets at once, on arrays, for training.

Each market has its own candles, money and position; a step moves all of them by one candle. What is traded are market
orders, at the next open, with commission and slippage: the same rules and the same equity as `Trading-v0` with the same
actions (a test holds it to the orders engine, to 1e-9). What only the orders engine has is not here: limit orders,
spread, latency, partial fills, rejections, faults, a log. Train here, then see there what is left of it.

Autoreset is Gymnasium's NEXT_STEP: the step after an episode's end ignores the market's action, begins its next episode
and returns its first observation, with reward 0. Actions and all that is returned are NumPy arrays, by market.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from orderwright.core.model import Instrument
from orderwright.core.numbers import ceil_to, parse_decimal
from orderwright.errors import InputError, UnknownName
from orderwright.rl.acting import acting_of, at_least, number_of
from orderwright.rl.kernel_records import DISCRETE, NO_RATES, PROFIT, SHARPE, TARGET, Accounts, Data, Ints, Rates, Seen
from orderwright.rl.market import BOUND, Floats, Markets, Small, Strip
from orderwright.rl.rewards import NAMES, DifferentialSharpe
from orderwright.rl.terms import Terms, terms_of, unknown_parameter

KERNELS = {"numba": "orderwright.rl.kernel", "numpy": "orderwright.rl.kernel_numpy"}
LARGEST = 2**62


class VectorTradingEnv(VectorEnv[Any, Any, Any]):
    """num_envs markets. data: as for `TradingEnv`: given data are shared, each episode beginning somewhere in them; a
    function from a seed to Candles gives `num_markets` (default: num_envs) of them, None one random walk that is as
    long as so many episodes; they are made at a reset with a seed (and the first one), and each episode begins
    somewhere in one of them. window, columns: candles that are seen. episode_length: steps. actions: "discrete" or
    "target"; size, reward ("profit" or "differential_sharpe"), sharpe_rate, cost, ruin, initial_balance, commission,
    slippage, allow_short: as for `TradingEnv`. copy: False hands out the same arrays at each step, overwritten.
    kernel: "numba", or its twin "numpy". Observations are those of `TradingEnv(flat=True, slots=0)`: float32[num_envs,
    columns x window + 3]. Raises InputError, UnknownName."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012  # Gymnasium's

    def __init__(
        self,
        num_envs: int = 1_024,
        data: Any = None,
        *,
        symbol: str = "",
        num_markets: int | None = None,
        window: int = 8,
        columns: tuple[str, ...] = ("close",),
        episode_length: int = 1_000,
        actions: str = "discrete",
        size: Any = 1,
        reward: str = "profit",
        sharpe_rate: float = 0.01,
        cost: float = 0.0,
        ruin: float = 0.1,
        initial_balance: Any = 10_000,
        commission: Any = 0.001,
        slippage: Any = 0.0,
        allow_short: bool = False,
        copy: bool = True,
        kernel: str = "numba",
        **unknown: Any,
    ) -> None:
        for name in unknown:
            raise unknown_parameter(name, VectorTradingEnv)
        self.num_envs = at_least(num_envs, 1, "num_envs")
        self._terms = terms_of(initial_balance, commission, slippage, allow_short=allow_short)
        if actions not in ("discrete", "target"):
            raise UnknownName("kind of actions", str(actions), ("discrete", "target"), field="actions")
        if reward not in NAMES:
            raise UnknownName("reward", str(reward), NAMES, field="reward")
        if kernel not in KERNELS:
            raise UnknownName("kernel", str(kernel), KERNELS, field="kernel")
        acting = acting_of(actions, size, "0.5", 0, shorts=allow_short)
        self._length = at_least(episode_length, 1, "episode_length")
        self._markets = Markets(data, window=window, length=self._length, columns=columns, symbol=symbol)
        self._count = self.num_envs if num_markets is None else at_least(num_markets, 1, "num_markets")
        self._settings = {
            "actions": DISCRETE if actions == "discrete" else TARGET,
            "reward": PROFIT if reward == "profit" else SHARPE,
            "size": float(parse_decimal(size, "size")),
            "cost": number_of(cost, "cost", 0.0, float("inf")),
            "ruin": number_of(ruin, "ruin", 0.0, 1.0) * float(self._terms.initial_balance),
            "rate": DifferentialSharpe(sharpe_rate).rate,
        }
        self._bounds = (0.0, 2.0) if actions == "discrete" else (-1.0 if allow_short else 0.0, 1.0)
        self._kernel = import_module(KERNELS[kernel])
        self._copy, self._rates, self._began = copy, NO_RATES, False
        self._ended = np.zeros(self.num_envs, np.bool_)
        shown = len(self._markets.columns) * self._markets.window + 3
        self.single_action_space: spaces.Space[Any] = acting.space
        self.single_observation_space = spaces.Box(-BOUND, BOUND, (shown,), np.float32)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._accounts, self._seen = _accounts(self.num_envs), _seen(self.num_envs, shown, self._markets.window)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Small, dict[str, Any]]:
        """Begin an episode in every market; with a seed, in new markets that follow from it."""
        super().reset(seed=seed)
        for name in options or ():
            raise UnknownName("option", name, (), field="options")
        if seed is not None or not self._began:
            self._open(self._markets.strips(self.np_random, self._count))
            self._began = True
        self._begin(np.arange(self.num_envs))
        self._ended[:] = False
        self._kernel.step(np.zeros(self.num_envs), self._data, self._accounts, self._rates, self._seen)
        return self._given(self._seen.observations), self._info()

    def step(self, actions: Any) -> tuple[Small, Floats, Any, Any, dict[str, Any]]:
        """Act in every market, go on by a candle. Raises InputError for what are no actions, and before `reset`."""
        wanted = self._checked(actions)
        if self._ended.any():
            ended = np.flatnonzero(self._ended)
            self._begin(ended)
        seen = self._seen
        self._kernel.step(wanted, self._data, self._accounts, self._rates, seen)
        np.logical_or(seen.terminated, seen.truncated, out=self._ended)
        given = (self._given(part) for part in seen[:4])
        shown, rewards, ended, over = given
        return shown, rewards, ended, over, self._info()

    def _checked(self, actions: Any) -> Floats:
        if not self._began:
            raise InputError("reset first", field="step")
        given = np.asarray(actions)
        if given.size != self.num_envs or given.dtype.kind not in "fiu":
            message = f"{given.size} of {given.dtype} are not a number for each of {self.num_envs} markets"
            raise InputError(message, field="actions", value=getattr(given, "shape", None))
        if self._settings["actions"] == DISCRETE and given.dtype.kind == "f":
            raise InputError("discrete actions are whole numbers", field="actions", value=str(given.dtype))
        wanted = np.ascontiguousarray(given.reshape(-1), np.float64)
        bad = self._kernel.first_bad(wanted, *self._bounds)
        if bad >= 0:
            least, most = self._bounds
            message = f"{wanted[bad]:g} of market {bad} is not from {least:g} to {most:g}"
            raise InputError(message, field="actions", value=float(wanted[bad]))
        return wanted

    def _given(self, part: Any) -> Any:
        return part.copy() if self._copy else part

    def _info(self) -> dict[str, Any]:
        """equity: float64, quote units, at the last close; position: float64, base units, signed."""
        return {"equity": self._accounts.equity.copy(), "position": self._accounts.units * self._rates.step}

    # Markets and episodes

    def _open(self, strips: list[Strip]) -> None:
        """Lay the markets end to end."""
        instrument = strips[0].candles.instrument
        for strip in strips:
            if strip.candles.instrument != instrument:
                message = f"markets of one environment have one instrument; {strip.candles.symbol} has another"
                raise InputError(message, field="data", value=strip.candles.symbol)
        self._data = _joined(strips)
        lengths = np.array([len(strip) for strip in strips])
        self._first = np.concatenate([[0], np.cumsum(lengths)[:-1]]) + self._markets.window
        self._last = np.cumsum(lengths) - 1 - self._length
        self._rates = _rates(
            self._terms, instrument, self._data, self._markets.window, len(strips[0].prices), self._settings
        )

    def _begin(self, which: Ints) -> None:
        """The next episodes of these markets."""
        random, accounts = self.np_random, self._accounts
        accounts.fresh[which] = True
        strips = random.integers(len(self._first), size=len(which)) if len(self._first) > 1 else np.zeros_like(which)
        start = random.integers(self._first[strips], self._last[strips], endpoint=True)
        accounts.at[which], accounts.end[which] = start, start + self._length
        accounts.cash[which] = accounts.equity[which] = float(self._terms.initial_balance)
        for column in (accounts.units, accounts.basis, accounts.mean, accounts.square):
            column[which] = 0


def _joined(strips: list[Strip]) -> Data:
    """Markets end to end, as `kernel_records.Data` says."""
    ticks = [np.column_stack([strip.candles.open, strip.candles.close]) for strip in strips]
    return Data(np.concatenate(ticks), np.concatenate([_table(strip) for strip in strips]))


def _table(strip: Strip) -> Small:
    returns = np.diff(strip.anchor, prepend=strip.anchor[0])
    scale = np.where(strip.wild, -strip.scale, strip.scale)
    columns = [returns, scale, *(strip.prices - strip.anchor), *strip.volume]
    return np.column_stack(columns).astype(np.float32)


def _rates(
    terms: Terms, instrument: Instrument, data: Data, window: int, prices: int, settings: dict[str, Any]
) -> Rates:
    """The numbers of the market, for the kernel."""
    slip, slip_of = terms.slippage.as_integer_ratio()
    if slip * max(map(int, data.ticks.max(axis=0))) >= LARGEST:
        message = f"{terms.slippage} has too many digits for these prices"
        raise InputError(message, field="slippage", value=terms.slippage)
    step = instrument.step_size
    most = instrument.market_max_quantity or instrument.max_quantity
    least = max(int(ceil_to(instrument.min_quantity, step) // step), 1)
    linear = terms.allow_short or instrument.linear
    return Rates(
        linear=linear,
        window=window,
        prices=prices,
        tick=float(instrument.tick_size),
        step=float(step),
        fee=float(terms.commission),
        slip=slip,
        slip_of=slip_of,
        least_units=least,
        most_units=LARGEST if most is None else int(most // step),
        least_value=float(instrument.min_notional),
        other=-settings["size"] if terms.allow_short else 0.0,
        initial=float(terms.initial_balance),
        **settings,
    )


def _accounts(count: int) -> Accounts:
    whole, real = np.zeros((3, count), np.int64), np.zeros((5, count))
    at, end, units = whole
    cash, basis, equity, mean, square = real
    return Accounts(at, end, np.zeros(count, np.bool_), cash, units, basis, equity, mean, square)


def _seen(count: int, shown: int, window: int) -> Seen:
    flags = np.zeros((2, count), np.bool_)
    return Seen(np.zeros((count, shown), np.float32), np.zeros(count), flags[0], flags[1], np.zeros(window, np.float32))
