"""The fills of a backtest on the order engine, as numbers: which bar, why, and what was paid beyond the market."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import REASONS, Fills
from orderwright.backtest.records import tag_of
from orderwright.backtest.replaying import BPS, Shown
from orderwright.core.exits import behind
from orderwright.core.model import Execution, Liquidity, Order, OrderSide, OrderType, Trail
from orderwright.core.numbers import EXACT, ZERO
from orderwright.engine import Engine
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models.slippage import NoSlippage, SlippageBps, SlippageModel

_REASON = {name: at for at, name in enumerate(REASONS)}
_ORDER = _REASON["order"]


class NotedSlippage:
    """A slippage model that remembers which price of the market each fill came from."""

    def __init__(self, model: SlippageModel, slippage: Decimal) -> None:
        if isinstance(model, NoSlippage) and slippage:
            model = SlippageBps(slippage * BPS)
        self._model = model
        self._from: dict[tuple[int, bool], int] = {}

    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:
        worse = self._model.slipped(price, buy, quantity, volume)
        if len(self._from) > 64:
            self._from.clear()
        self._from[worse, buy] = price
        return worse

    def worse(self, ticks: int, *, buy: bool) -> int:
        """How many ticks beyond the market's price a taker has just paid."""
        price = self._from.get((ticks, buy), ticks)
        return ticks - price if buy else price - ticks


class BookedFills:
    """The fills, as they are booked: nine numbers each, and no records."""

    def __init__(
        self,
        bars: Sequence[Bars],
        exchange: SimulatedExchange,
        slippage: NotedSlippage,
        feed: Shown,
        engine: Engine,
    ) -> None:
        self._exchange, self._slippage, self._feed = exchange, slippage, feed
        self._find, self._show_again = engine.state.find, engine.session.show_again
        self._symbols = {one.symbol: (at, one.candles) for at, one in enumerate(bars)}
        self._times = {one.symbol: one.candles.times.data for one in bars}
        self._numbers, self._amounts = array("q"), array("d")

    def __call__(self, order: Order, execution: Execution) -> None:
        said = order.instruction
        symbol, buy = said.symbol, said.side is OrderSide.BUY
        at, candles = self._symbols[symbol]
        instrument = candles.instrument
        ticks, steps = instrument.ticks(execution.price), instrument.steps(execution.quantity)
        bar = self._bar(symbol, execution.time)
        entry = self._find(said.parent_id) if said.trail is not None and said.parent_id else None
        reason = reason_of(order, entry, instrument.tick_size)
        self._numbers.extend((bar, execution.time, at, 1 if buy else -1, ticks, steps, reason))
        worse = self._slippage.worse(ticks, buy=buy) if execution.liquidity is Liquidity.TAKER else 0
        fee = execution.fee
        if fee and execution.fee_asset != instrument.quote:
            fee = fee * execution.price if execution.fee_asset == instrument.base else ZERO
        self._amounts.extend((float(fee), worse * steps * float(instrument.tick_size * instrument.step_size)))

    def _bar(self, symbol: str, time: int) -> int:
        """The bar in which it happened. At the very time at which one closes and the next opens, the exchange knows."""
        bar, stage = self._exchange.point(symbol)
        times = self._times[symbol]
        if stage == 0 and bar >= 0 and times[bar] == time:
            self._feed.opened[symbol] = time
            self._show_again()
            return bar
        found = bisect_right(times, time) - 1
        return bar if stage and bar == found - 1 and times[found] == time else found

    def fills(self) -> Fills:
        numbers = np.frombuffer(self._numbers, dtype=np.int64).reshape(-1, 7)
        amounts = np.frombuffer(self._amounts, dtype=np.float64).reshape(-1, 2)
        bar, time, symbol, side, price, quantity, reason = (np.ascontiguousarray(column) for column in numbers.T)
        fee, slippage = (np.ascontiguousarray(column) for column in amounts.T)
        return Fills(bar, time, symbol, side, price, quantity, fee, slippage, reason)


def reason_of(order: Order, entry: Order | None, tick: Decimal) -> int:
    """Why an order filled, as a number of `REASONS`: its tag says, or its place in the bracket of its entry. A stop
    that is both is a trailing stop where it stands nearer to the market than the stop loss would."""
    said = order.instruction
    named = _REASON.get(tag_of(said))
    if named is not None:
        return named
    if said.trail is not None:
        loss = _stop_loss(entry, said.side, tick) if entry is not None else None
        return _REASON["trailing_stop" if loss is None or order.stop_price != loss else "stop_loss"]
    if not said.parent_id:
        return _ORDER
    return _REASON["stop_loss" if said.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT) else "take_profit"]


def _stop_loss(entry: Order, side: OrderSide, tick: Decimal) -> Decimal | None:
    """Where the stop loss of an entry's bracket stands without its trail."""
    bracket = entry.instruction.bracket
    if bracket is None or bracket.stop_loss_percent is None or not entry.filled:
        return bracket.stop_loss if bracket is not None else None
    with localcontext(EXACT):
        return behind(Trail(percent=bracket.stop_loss_percent), side, entry.filled_quote, entry.filled, tick)


__all__ = ["BookedFills", "NotedSlippage", "reason_of"]
