"""A strategy on paper: the same object as in a backtest, through a `Broker`, bar by bar.

    with Broker(log="paper.sqlite", feeds=[candles]) as broker:
        trade(SmaCross(), broker, "BTC/USDT")

- Its hooks are called with the same `Context`; the same candles, costs and models give the same fills as a backtest.
- A strategy of signals is asked at each close with the bars so far, and what it says of the last one is traded by the
  rules. So a bar costs as much as the signals of all bars before it.
- It goes on where the log ends: bars that had closed before are history, which indicators see; positions and open
  orders are the book's. The bar at whose close the log ends is asked about once more, since nobody knows how far the
  strategy had got with it.
- That doubles nothing: each order has an idempotency key made of the strategy, the symbol, the bar's time (or the fill
  that it answers) and its number, so an order that was placed before comes back as it stands. What a strategy keeps in
  attributes of its own does not survive a restart: let it ask the context.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.checking import has_signals
from orderwright.backtest.context import Context
from orderwright.backtest.data import BarsOnHand
from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.rules import Rules
from orderwright.backtest.signal_trader import SignalsSoFar, SignalTrader
from orderwright.backtest.strategy import Strategy, check_strategy, refuse_silent
from orderwright.backtest.trading import Trading
from orderwright.broker import Broker, Fill
from orderwright.core.model import Execution, Order
from orderwright.errors import InputError, UnknownName
from orderwright.market.candles import Candles


def trade(
    strategy: Strategy,
    broker: Broker,
    symbol: str = "BTC/USDT",
    *,
    exchange: str = "",
    user_id: str = "",
    bars: Bars | None = None,
    until: int | None = None,
    warm_up: int | None = None,
    rules: Rules | None = None,
) -> list[Fill]:
    """Let a strategy trade one symbol of a simulated exchange until its candles end; the fills of its account.

    exchange, user_id: whose account it trades with (None named: the broker's first, nobody's own). bars: the candles of
    that exchange with the floats that they came with; None: made of the exchange's own. until: microseconds, to stop
    before the first bar that closes later. warm_up: how many bars it is not asked about (None: the strategy's own).
    rules: the sizes and exits by which signals are traded (balance and costs are the account's own; None: `Rules()`);
    a strategy that sends orders has none.

    Raises InputError where the exchange has no candles of the symbol, for rules that cannot be kept on paper and for
    what are no signals; LookAheadError, one of them, for a strategy that says another thing of a bar when later ones
    are known; StrategyError for what the strategy raises.
    """
    check_strategy(strategy)
    opened = broker.opened
    exchange, symbol = opened.exchange_of(exchange), opened.symbol_of(symbol)
    candles = _candles(broker, exchange, symbol)
    account = opened.account_of(user_id, exchange)
    fills: list[Fill] = []

    def booked(order: Order, execution: Execution) -> None:
        said = order.instruction
        fills.append(Fill(said.order_id, said.account, said.symbol, said.side, execution))

    shown = bars if bars is not None else bars_of(candles)
    warm = strategy.warm_up if warm_up is None else warm_up
    said = None
    if has_signals(strategy):
        _check(rules or Rules(), shown)
        said = SignalsSoFar(strategy, shown)
        strategy = SignalTrader(said, rules or Rules(), bars=shown, name=strategy.name)
    else:
        refuse_silent(strategy)
        if rules is not None:
            raise InputError(f"{strategy.name} has no signals, and sends its own orders", field="rules", value=rules)
    first = max(int(np.searchsorted(candles.close_times, broker.now)), warm)
    data = BarsOnHand([shown], {symbol: first})
    trading = Trading(
        opened.engine,
        strategy,
        account,
        [symbol],
        new_id=lambda: opened.new_order_id(account),
        replies=opened.replies,
        booked=booked,
    )
    trading.keyed = True
    try:
        _ask(broker, trading, Context(trading, data), data, said, until)
    finally:
        trading.leave()
    return fills


def _ask(
    broker: Broker,
    trading: Trading,
    context: Context,
    data: BarsOnHand,
    said: SignalsSoFar | None,
    until: int | None,
) -> None:
    """Bar by bar, as in a backtest, but that the engine goes along with every bar."""
    trading.because("start")
    trading.call("on_start")
    for rows in data.rows():
        for row in rows:
            bar = row[0]
            if until is not None and bar.time > until:
                return
            broker.update_to(bar.time)
            context.bar = bar
            trading.because(str(bar.time))
            if said is not None:
                said.hear(bar.index)
            trading.call("on_bar", bar)
            trading.tell()
    broker.update_to(broker.now)
    trading.call("on_stop")
    trading.tell()


def _check(rules: Rules, bars: Bars) -> None:
    """Raises InputError for rules that paper cannot keep."""
    if rules.fill_at != "next_open":
        message = "on paper a bar is over when it is decided on"
        raise InputError(message, field="fill_at", value=rules.fill_at, nearest="next_open")
    if rules.allow_short and not bars.candles.instrument.linear:
        message = f"{bars.symbol} is not a contract that can be short"
        raise InputError(message, field="allow_short", value=True, nearest=False)


def _candles(broker: Broker, exchange: str, symbol: str) -> Candles:
    for market in broker.markets:
        if market.exchange == exchange:
            for feed in market.feeds:
                if feed.symbol == symbol and isinstance(feed, Candles):
                    return feed
            candles = [feed.symbol for feed in market.feeds if isinstance(feed, Candles)]
            raise UnknownName("candles of", symbol, candles, field="symbol")
    message = "strategies trade on simulated exchanges as yet: give the broker feeds"
    raise InputError(message, field="exchange", value=exchange)


def bars_of(candles: Candles) -> Bars:
    """Candles with their prices and volumes as floats."""
    instrument = candles.instrument
    open_, high, low, close = (
        _floats(one, instrument.tick_size) for one in (candles.open, candles.high, candles.low, candles.close)
    )
    return Bars(candles, open_, high, low, close, _floats(candles.volume, instrument.step_size))


def _floats(counts: Ints, grid: Decimal) -> Floats:
    """The float nearest to each number of ticks or steps."""
    top, bottom = grid.as_integer_ratio()
    return np.asarray(counts * top / bottom, dtype=np.float64)


__all__ = ["bars_of", "trade"]
