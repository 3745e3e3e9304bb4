"""Figures of a backtest in words, and the groups in which they are shown: by the page, the terminal and `summary()`."""

from __future__ import annotations

import math

from msgspec import Struct

from orderwright.analytics.page.text import moment, number, span
from orderwright.backtest.metrics import YEAR
from orderwright.backtest.report.subject import Run

NONE = "–"
_GAP = "\u00a0"
_DAY_MS = 86_400_000


class Line(Struct, frozen=True):
    """A figure: its name, what it is in words, and what it means (docs/backtest.md has the formulas)."""

    name: str
    shown: str
    hint: str = ""


class Group(Struct, frozen=True):
    name: str
    lines: list[Line]


def percent(fraction: float, *, sign: bool = False, places: int = 2) -> str:
    """0.125 is 12.50 %; what is not known is a dash. Beyond a million percent only the size is told."""
    if math.isnan(fraction):
        return NONE
    if abs(fraction) >= 1e4:
        return f"over{_GAP}{'-' if fraction < 0 else ''}1,000,000{_GAP}%".replace("-", "−")
    return f"{number(fraction * 100, sign=sign, places=places)}{_GAP}%"


def figure(value: float, places: int = 2) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return NONE if math.isnan(value) else number(value, places=places)


def money(value: float, *, sign: bool = False) -> str:
    """A sum in quote: two places from 1 on, none from 100,000, else three digits that count."""
    if math.isnan(value):
        return NONE
    size = abs(value)
    places = 0 if size >= 100_000 else 2 if size >= 1 or not size else min(2 - math.floor(math.log10(size)), 8)
    shown = f"{value:{'+' if sign and value else ''},.{places}f}"
    return shown.replace("-", "−")


def won(result: Run) -> str:
    """The share of trades that won; nothing of none."""
    return percent(result.win_rate / 100, places=1) if result.total_trades else NONE


def days(count: float) -> str:
    return NONE if math.isnan(count) else f"{count:,.0f} day{'' if count == 1 else 's'}"


def bars(count: float, a_year: float) -> str:
    """So many bars, and how long that is where a year has so many."""
    if math.isnan(count):
        return NONE
    shown = f"{count:,.1f}".removesuffix(".0") if count < 1_000 else f"{count:,.0f}"
    return f"{shown} bar{'' if count == 1 else 's'} ({span(count / a_year * YEAR / 1_000)})"


def period(result: Run) -> str:
    """From when to when, and how many bars that is."""
    times = result.outcome.times
    if not len(times):
        return "no bars"
    start = int(result.bars[0].candles.times[0]) if result.bars and len(result.bars[0]) else int(times[0])
    first, last = moment(start), moment(int(times[-1]))
    if int(times[-1]) - start > 30 * _DAY_MS * 1_000:
        first, last = first[:10], last[:10]
    return f"{first} to {last} UTC, {len(times):,} bars of {span(result.interval / 1_000)}"


def parameters(result: Run) -> str:
    """fast_period=20, slow_period=50."""
    return ", ".join(f"{name}={value}" for name, value in result.parameters.items())


def groups(result: Run) -> list[Group]:
    """Every figure that is shown, in groups."""
    return [_returns(result), _risk(result), _trades(result), _costs(result)]


def _returns(result: Run) -> Group:
    found, quote = result.metrics, result.quote
    return Group(
        "Return",
        [
            Line("Final balance", f"{money(result.final_balance)} {quote}", "cash and positions at the last close"),
            Line("Total return", percent(found["total_return"], sign=True)),
            Line("Buy and hold", percent(found["buy_and_hold"], sign=True), "all in at the first open, without costs"),
            Line("CAGR", percent(found["cagr"], sign=True), "yearly growth from the first balance to the last"),
            Line("Best bar", percent(found["best_bar"], sign=True)),
            Line("Worst bar", percent(found["worst_bar"], sign=True)),
            Line("Time in market", percent(found["time_in_market"], places=1), "bars that closed with a position"),
        ],
    )


def _risk(result: Run) -> Group:
    found = result.metrics
    return Group(
        "Risk",
        [
            Line("Sharpe ratio", figure(found["sharpe"]), "mean return of a bar by its deviation, a year"),
            Line("Sortino ratio", figure(found["sortino"]), "mean return of a bar by its downward deviation, a year"),
            Line("Calmar ratio", figure(found["calmar"]), "CAGR by the deepest drawdown"),
            Line("Omega ratio", figure(found["omega"]), "gains by losses, of bars"),
            Line("Volatility", percent(found["volatility"]), "deviation of the returns, a year"),
            Line("Deepest drawdown", percent(found["max_drawdown"]), "below the highest equity so far"),
            Line("Longest drawdown", days(found["longest_drawdown_days"])),
            Line("Value at risk, 95 %", percent(found["value_at_risk"], places=3), "of a bar, normal"),
            Line("Expected shortfall, 95 %", percent(found["cvar"], places=3), "CVaR: the mean beyond that"),
            Line("Skew, excess kurtosis", f"{figure(found['skew'])}, {figure(found['kurtosis'])}", "of bars"),
            Line("Tail ratio", figure(found["tail_ratio"]), "95th percentile of the returns by the 5th"),
            Line("Ulcer index", percent(found["ulcer_index"]), "root mean square of the drawdown"),
        ],
    )


def _trades(result: Run) -> Group:
    found, quote = result.metrics, result.quote
    still = f", {result.open_count} still open" if result.open_count else ""
    return Group(
        "Trades",
        [
            Line("Trades", f"{result.total_trades:,}{still}", "round trips; one still open is not counted"),
            Line("Won", won(result)),
            Line(f"Expectancy, {quote}", money(found["expectancy"], sign=True), "mean profit of a trade"),
            Line("Average trade", percent(found["average_trade"], sign=True, places=3), "of the value of its entry"),
            Line("Best trade", percent(found["best_trade"], sign=True)),
            Line("Worst trade", percent(found["worst_trade"], sign=True)),
            Line(f"Average win, {quote}", money(found["average_win"])),
            Line(f"Average loss, {quote}", money(found["average_loss"])),
            Line("Profit factor", figure(found["trade_profit_factor"]), "profits by losses, of trades"),
            Line("SQN", figure(found["sqn"]), "Van Tharp's System Quality Number"),
            Line("Average held", bars(found["average_bars"], result.bars_per_year)),
            Line("Longest held", bars(found["longest_bars"], result.bars_per_year)),
        ],
    )


def _costs(result: Run) -> Group:
    found, quote = result.metrics, result.quote
    return Group(
        "Execution",
        [
            Line("Orders, fills", f"{result.orders:,}, {len(result.fills):,}", "sent to the exchange, exits included"),
            Line("Fill ratio", percent(result.execution.fill_ratio, places=1), "filled of what was sent; no exits"),
            Line("Traded", f"{money(found['traded'])} {quote}"),
            Line("Turnover", f"{figure(found['turnover'], 1)} a year", "value traded by the mean equity"),
            Line("Fees", f"{money(found['fees'])} {quote}"),
            Line("Fees of what was traded", f"{figure(found['fees_bps'])}{_GAP}bps"),
            Line("Slippage", f"{money(found['slippage'])} {quote}", "beyond the market's price"),
            Line("Slippage of what was traded", f"{figure(found['slippage_bps'])}{_GAP}bps"),
            Line(
                "Against the decision",
                f"{figure(result.execution.decision_bps)}{_GAP}bps",
                "the price paid against the market's when the order was decided; without exits",
            ),
            Line(
                "Costs of the first balance",
                percent((found["fees"] + found["slippage"]) / result.initial_balance),
                "fees and slippage together",
            ),
        ],
    )


def summary(result: Run) -> str:
    """The figures that matter most, a line each, under a title."""
    found, quote = result.metrics, result.quote
    still = f", {result.open_count} still open" if result.open_count else ""
    total = f"{money(result.total_return, sign=True)} {quote}, {percent(found['total_return'], sign=True)}"
    lines = [
        ("final balance", f"{money(result.final_balance)} {quote}"),
        ("total return", f"{total} (buy and hold {percent(found['buy_and_hold'], sign=True)})"),
        ("Sharpe, Sortino", f"{figure(result.sharpe_ratio)}, {figure(result.sortino_ratio)}"),
        ("deepest drawdown", percent(found["max_drawdown"])),
        ("trades", f"{result.total_trades:,}, {won(result)} won{still}" if result.total_trades else f"none{still}"),
        ("profit factor", figure(found["trade_profit_factor"])),
        ("fees, slippage", f"{money(found['fees'])}, {money(found['slippage'])} {quote}"),
    ]
    told = parameters(result)
    title = f"{result.strategy}{f' ({told})' if told else ''} on {', '.join(result.symbols)}, {period(result)}"
    return "\n".join([title, *(f"  {name:<18}{shown}" for name, shown in lines)]).replace(_GAP, " ")
