"""`Orderwright/Trading-v0`: one market, traded through the order engine, behind Gymnasium's face.

A step is the time from one close to the next. What an action asks for is decided at the close and sent at once; a
market order fills at the next open. The observation that a step returns is the one at the next close, and shows
nothing beyond it. An episode is a book of its own on a fresh simulated exchange, so the millionth step costs what the
first one did.

- terminated: equity has fallen below `ruin`, as a share of the initial balance;
- truncated: `episode_length` steps are over, or the data are.

One seed and the same actions give the same observations, rewards and log. See docs/rl.md.
"""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import spaces

from orderwright.errors import InputError, UnknownName
from orderwright.journal.memory import MemoryJournal
from orderwright.market.times import iso
from orderwright.rl.acting import acting_of, at_least, number_of
from orderwright.rl.episode import Episode
from orderwright.rl.market import COLUMNS, LARGEST_SEED, Markets, check_columns
from orderwright.rl.observing import Observer
from orderwright.rl.rewards import Moment, Reward, reward_of
from orderwright.rl.terms import checked_terms

RENDER_MODES = ("human", "ansi")
KEEP = 100
"""How many finished orders an episode's log remembers."""


class TradingEnv(gymnasium.Env[Any, Any]):
    """The environment. data: Candles, Bars, a DataFrame, a dict of arrays, a path, or a function from a seed to
    Candles; None is a seeded random market, a new one in each episode. window: candles that are seen; columns: of
    them. episode_length: steps; None for all the data have. actions, size, furthest: see acting.py. flat, slots: see
    observing.py. reward, sharpe_rate, cost: see rewards.py. initial_balance, commission, slippage, allow_short and the
    market's realism: spread_bps and latency_ms (each a number, or least and most), volume_share, faults, models: see
    terms.py. ruin: a share of the initial balance. keep: finished orders that the log remembers; None keeps all, and
    its digests. Raises InputError, UnknownName."""

    metadata: dict[str, Any] = {  # noqa: RUF012  # Gymnasium's own annotation
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
    }

    def __init__(
        self,
        data: Any = None,
        *,
        symbol: str = "",
        window: int = 16,
        columns: tuple[str, ...] = COLUMNS,
        episode_length: int | None = 1_000,
        actions: str = "discrete",
        size: Any = 1,
        furthest: Any = 0.01,
        slots: int = 4,
        flat: bool = False,
        reward: Any = "profit",
        sharpe_rate: float = 0.01,
        cost: float = 0.0,
        ruin: float = 0.1,
        keep: int | None = KEEP,
        render_mode: str | None = None,
        allow_short: bool = False,
        **terms: Any,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise UnknownName("render mode", render_mode, RENDER_MODES, field="render_mode")
        self.render_mode = render_mode
        self.terms = checked_terms(terms, allow_short=allow_short, of=TradingEnv)
        self._markets = Markets(data, window=window, length=episode_length, columns=columns, symbol=symbol)
        slots = at_least(slots, 0, "slots")
        self._acting = acting_of(actions, size, furthest, slots, shorts=allow_short)
        self._observer = Observer(self._markets.window, check_columns(columns), slots, flat=flat)
        self._reward: Reward = reward_of(reward, sharpe_rate)
        self._cost = number_of(cost, "cost", 0.0, float("inf"))
        self._ruin = number_of(ruin, "ruin", 0.0, 1.0) * float(self.terms.initial_balance)
        self._keep = None if keep is None else at_least(keep, 1, "keep")
        self._episode: Episode | None = None
        self.action_space: spaces.Space[Any] = self._acting.space
        self.observation_space: spaces.Space[Any] = self._observer.space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode. With a seed, everything that happens by chance from here on follows from it; without one it
        goes on from the last. options: none are known."""
        super().reset(seed=seed)
        for name in options or ():
            raise UnknownName("option", name, (), field="options")
        strip, start, end = self._markets.draw(self.np_random)
        chance = int(self.np_random.integers(LARGEST_SEED))
        episode = self._episode = Episode(strip, start, end, self.terms, seed=chance, keep=self._keep)
        self._equity, self._over = episode.equity, False
        self._before = (0, 0, 0, 0.0, 0.0)
        self._reward.reset()
        return self._observer.see(episode), self._info(episode, 0, 0, 0)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act at the close, go on to the next. Raises InputError for what is no action, and before `reset`."""
        episode = self._episode
        if episode is None or self._over:
            problem = "reset first" if episode is None else "the episode is over: reset"
            raise InputError(problem, field="step")
        refused = self._acting.act(episode, action)
        episode.advance()
        tally, before, equity = episode.journal, self._before, episode.equity
        orders, fills, rejections, traded, fees = before
        self._before = (tally.orders, tally.fills, tally.rejections, tally.traded, tally.fees)
        rejected, traded = tally.rejections - rejections + refused, tally.traded - traded
        share = episode.units * episode.price / equity if equity > 0 else 0.0
        moment = Moment(episode.now, self._equity, equity, share, traded, tally.fees - fees, rejected)
        reward = self._reward(moment)
        if self._cost and traded and self._equity > 0:
            reward -= self._cost * traded / self._equity
        self._equity = equity
        info = self._info(episode, tally.orders - orders, tally.fills - fills, rejected)
        if self.render_mode == "human":
            self._show()
        ruined = equity < self._ruin
        self._over = ruined or episode.over
        return self._observer.see(episode), reward, ruined, episode.over, info

    def _info(self, episode: Episode, orders: int, fills: int, rejections: int) -> dict[str, Any]:
        equity, price = self._equity, episode.price
        return {
            "time": episode.now,
            "equity": equity,
            "price": price,
            "position": episode.units,
            "orders": orders,
            "fills": fills,
            "rejections": rejections,
            "open_orders": len(episode.state.orders),
            "unknown": episode.unknown(),
            "exposure": episode.exposure() * price / equity if equity > 0 else 0.0,
        }

    @property
    def journal(self) -> MemoryJournal:
        """The log of the episode: every event of every order, as far as `keep` says."""
        if self._episode is None:
            raise InputError("reset first", field="journal")
        return self._episode.journal

    def render(self) -> str | None:
        """A line of text: time, price, position, equity, open orders. "ansi" returns it, "human" writes it."""
        if self.render_mode == "ansi":
            return self._line()
        if self.render_mode == "human":
            self._show()
        return None

    def _show(self) -> None:
        import sys

        sys.stdout.write(self._line() + "\n")

    def _line(self) -> str:
        episode = self._episode
        if episode is None:
            raise InputError("reset first", field="render")
        base, quote, many = episode.instrument.base, episode.instrument.quote, len(episode.state.orders)
        orders = f"  {many} open order{'s' if many > 1 else ''}" if many else ""
        held = f"{episode.units:+.5f} {base}" if episode.units else "flat"
        return f"{iso(episode.now)}  {episode.price:,.2f}  {held}  equity {episode.equity:,.2f} {quote}{orders}"
