"""The big chart of a run: candles with entries and exits, equity beside buy and hold, drawdown.

`run_data` is what the page's script draws and redraws as one zooms; `figure` is the same as a Plotly figure for a
notebook, thinned to what a notebook takes.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from orderwright.analytics.page.text import span
from orderwright.backtest.bars import Bars
from orderwright.backtest.report.series import (
    DRAWN,
    MOST,
    candles_of,
    curves_of,
    milliseconds,
    packed,
    prices,
)
from orderwright.backtest.report.subject import Run
from orderwright.backtest.report.words import money, percent
from orderwright.backtest.trades import RoundTrip

MOST_TRADES, MOST_FILLS = 20_000, 40_000
DRAWN_TRADES = 500
ENDS = {
    "entry": "by an entry",
    "signal": "by a signal",
    "stop_loss": "by its stop loss",
    "take_profit": "by its take profit",
    "trailing_stop": "by its trailing stop",
    "rebalance": "by rebalancing",
    "order": "by an order",
}
_LIGHT = {
    "ink": "#161b26",
    "muted": "#596273",
    "line": "#e1e5eb",
    "gain": "#1f6fc4",
    "cost": "#d9640a",
    "up": "#fff",
}


def run_data(result: Run) -> dict[str, Any]:
    """What the script is given: arrays packed; the best and the worst trades where there are very many."""
    curves = curves_of(result, MOST)
    room = MOST // max(1, len(result.bars))
    return {
        "quote": result.quote,
        "markets": [_market(bars, room) for bars in result.bars],
        "account": {
            "every": curves.every,
            "time": milliseconds(curves.time),
            "equity": packed(curves.equity, kind="f4"),
            "hold": packed(curves.hold, kind="f4"),
            "drawdown": packed(curves.drawdown, kind="f4"),
        },
        "trades": _trades(result),
        "fills": _fills(result) if in_parts(result) else None,
    }


def in_parts(result: Run) -> bool:
    """Whether positions were built and sold in many parts, so that the fills say more than the trades."""
    return len(result.fills) > 3 * (result.total_trades + result.open_count)


def _fills(result: Run) -> dict[str, Any]:
    """Every fill; where there are very many every second, third ... of them, never one kind alone."""
    fills = result.fills
    every = -(-len(fills) // MOST_FILLS) if len(fills) > MOST_FILLS else 1
    every += every > 1 and every % 2 == 0  # an even step would see the buys or the sells of those that take turns
    chosen = slice(None, None, every)
    ticks = np.array([float(bars.candles.instrument.tick_size) for bars in result.bars])
    return {
        "every": every,
        "time": milliseconds(fills.time[chosen]),
        "price": packed(fills.price[chosen] * ticks[fills.symbol[chosen]]),
        "side": packed(fills.side[chosen], kind="i4"),
        "market": packed(fills.symbol[chosen], kind="i4"),
    }


def _market(bars: Bars, room: int) -> dict[str, Any]:
    found, tick = candles_of(bars, room), bars.candles.instrument.tick_size
    step = float(tick)
    return {
        "symbol": bars.symbol,
        "every": found.every,
        "places": max(0, -int(tick.normalize().as_tuple().exponent)),
        "bar": bars.candles.interval / 1_000,
        "time": milliseconds(found.time),
        **{name: prices(getattr(found, name), step) for name in ("open", "high", "low", "close")},
    }


def _trades(result: Run) -> dict[str, Any]:
    shown = [*extreme(result.trades, MOST_TRADES), *result.open_trades]
    markets = {bars.symbol: at for at, bars in enumerate(result.bars)}
    columns: dict[str, list[float]] = {
        "entryTime": [one.entry_time.timestamp() * 1_000 for one in shown],
        "exitTime": [one.exit_time.timestamp() * 1_000 if one.exit_time else math.nan for one in shown],
        "entryPrice": [one.entry_price for one in shown],
        "exitPrice": [one.exit_price or 0.0 for one in shown],
        "profit": [one.profit for one in shown],
        "gained": [one.return_pct for one in shown],
    }
    small = {
        "market": [markets.get(one.symbol, 0) for one in shown],
        "side": [1 if one.side == "long" else -1 for one in shown],
        "end": [list(ENDS).index(one.exit_reason or "order") for one in shown],
    }
    return {
        "count": len(result.trades),
        "ends": list(ENDS.values()),
        **{name: packed(np.array(values)) for name, values in columns.items()},
        **{name: packed(np.array(values), kind="i4") for name, values in small.items()},
    }


def extreme(trades: Sequence[RoundTrip], most: int) -> list[RoundTrip]:
    """The trades with the largest profits and as many with the largest losses, in order of time; all where there are no
    more."""
    if len(trades) <= most:
        return list(trades)
    ranked = sorted(range(len(trades)), key=lambda at: trades[at].profit)
    return [trades[at] for at in sorted(ranked[: most // 2] + ranked[-(most // 2) :])]


def figure(result: Run) -> dict[str, Any]:
    """The chart as a plain Plotly figure, in light colours: the first symbol's candles, equity, drawdown."""
    shown = extreme([one for one in result.trades if one.symbol == result.symbols[0]], DRAWN_TRADES)
    data = [*_candles(result), *_marks(shown, result.quote), *_curves(result)]
    return {"data": data, "layout": _layout(result, len(shown))}


def _when(times: Any) -> Any:
    return times.astype("datetime64[us]")


def _candles(result: Run) -> list[dict[str, Any]]:
    if not result.bars:
        return []
    found = candles_of(result.bars[0], DRAWN)
    candles = {
        "type": "candlestick",
        "name": result.symbols[0],
        "x": _when(found.time),
        **{name: getattr(found, name) for name in ("open", "high", "low", "close")},
        "increasing": {"line": {"color": _LIGHT["muted"], "width": 1}, "fillcolor": _LIGHT["up"]},
        "decreasing": {"line": {"color": _LIGHT["muted"], "width": 1}, "fillcolor": _LIGHT["muted"]},
    }
    return [candles]


def _marks(shown: Sequence[RoundTrip], quote: str) -> list[dict[str, Any]]:
    """Entries as triangles in the direction of the trade; exits as dots, blue where it won, orange where it lost."""
    up = ["triangle-up" if one.side == "long" else "triangle-down" for one in shown]
    won = [_LIGHT["gain"] if one.profit > 0 else _LIGHT["cost"] for one in shown]
    entries = {
        "name": "entry",
        "x": [one.entry_time for one in shown],
        "y": [one.entry_price for one in shown],
        "marker": {"symbol": up, "size": 9, "color": _LIGHT["ink"], "line": {"color": "#fff", "width": 1}},
        "customdata": [one.side for one in shown],
        "hovertemplate": "%{customdata} at %{y:,}<extra></extra>",
    }
    exits = {
        "name": "exit",
        "x": [one.exit_time for one in shown],
        "y": [one.exit_price for one in shown],
        "marker": {"symbol": "circle", "size": 8, "color": won, "line": {"color": "#fff", "width": 1}},
        "customdata": [told(one, quote) for one in shown],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return [{"type": "scatter", "mode": "markers"} | entries, {"type": "scatter", "mode": "markers"} | exits]


def told(trade: RoundTrip, quote: str) -> str:
    """Long closed by a signal: +1.20 %, +12.00 USDT."""
    gained = f"{percent(trade.return_pct / 100, sign=True)}, {money(trade.profit, sign=True)} {quote}"
    return f"{trade.side.capitalize()} closed {ENDS.get(trade.exit_reason or '', '')}: {gained}"


def _curves(result: Run) -> list[dict[str, Any]]:
    found = curves_of(result, DRAWN)
    line: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": _when(found.time)}
    hold = {"name": "buy and hold", "y": found.hold, "line": {"color": _LIGHT["muted"], "width": 1, "dash": "dot"}}
    equity = {"name": "equity", "y": found.equity, "line": {"color": _LIGHT["gain"], "width": 1.8}}
    below = {
        "name": "drawdown, %",
        "y": found.drawdown,
        "fill": "tozeroy",
        "line": {"color": _LIGHT["cost"], "width": 1},
    }
    return [line | hold | {"yaxis": "y2"}, line | equity | {"yaxis": "y2"}, line | below | {"yaxis": "y3"}]


def _layout(result: Run, shown: int) -> dict[str, Any]:
    plain: dict[str, Any] = {"gridcolor": _LIGHT["line"], "zeroline": False}
    every = result.bars[0] if result.bars else None
    each = candles_of(every, DRAWN).every if every is not None else 1
    notes = [f"a candle is {span(each * result.interval / 1_000)}"] if each > 1 else []
    mine = sum(one.symbol == result.symbols[0] for one in result.trades)
    notes += [f"of {mine:,} trades the {shown // 2} best and the {shown // 2} worst are drawn"] if shown < mine else []
    under = f"<br><sub>{'; '.join(notes)}</sub>" if notes else ""
    title = html.escape(f"{result.strategy} on {', '.join(result.symbols)}", quote=False) + under
    return {
        "height": 760,
        "title": {"text": title},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "font": {"color": _LIGHT["muted"]},
        "showlegend": False,
        "hovermode": "x",
        "xaxis": plain | {"anchor": "y3", "rangeslider": {"visible": False}},
        "yaxis": plain | {"domain": [0.44, 1.0], "title": {"text": f"price, {result.quote}"}},
        "yaxis2": plain | {"domain": [0.17, 0.41], "title": {"text": f"equity, {result.quote}"}},
        "yaxis3": plain | {"domain": [0.0, 0.14], "title": {"text": "drawdown, %"}},
    }
