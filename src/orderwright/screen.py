"""What the command line shows: tables for people, JSON for programs. Nothing here knows where the figures come from."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderwright.core.numbers import ROUNDED, text

if TYPE_CHECKING:
    from orderwright.analytics.records import Estimate, ExecutionReport
    from orderwright.analytics.summary import Summary
    from orderwright.bootstrap import RunResult
    from orderwright.journal.verify import Report

Row = dict[str, Any]
Progress = Callable[[int, int, int], None]
NUMBERS = (Decimal, int)


def console() -> Console:
    """The terminal as wide as it is; a file or a pipe gets whole lines. Nobody's text is taken for markup."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def moment(time: int | None) -> str:
    """A time in microseconds as people write it, UTC, to the millisecond."""
    if time is None:
        return ""
    shown = dt.datetime.fromtimestamp(time / 1_000_000, dt.UTC)
    return f"{shown:%Y-%m-%d %H:%M:%S}.{time // 1_000 % 1_000:03d}"


@contextlib.contextmanager
def progress_bar(what: str, describe: Callable[[int], str] = moment) -> Iterator[Progress | None]:
    """A progress bar on a terminal; nothing where nobody looks. describe: says how far it is."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(start: int, now: int, end: int) -> None:
            bar.update(task, total=end - start, completed=now - start, description=describe(now))

        yield show


def counted(count: int, what: str) -> str:
    """no orders, 1 order, 2,000 orders."""
    return f"{count:,} {what}{'' if count == 1 else 's'}" if count else f"no {what}s"


def number(value: Decimal | None, places: int | None = None) -> str:
    """A number in canonical text, to so many places at most where given."""
    if value is None:
        return ""
    if places is not None and value.as_tuple().exponent < -places:  # type: ignore[operator]  # finite
        value = ROUNDED.quantize(value, Decimal(1).scaleb(-places))
    return text(value)


def print_json(value: object) -> None:
    """One JSON document; Decimal as canonical text."""
    plain = _canonical(msgspec.to_builtins(value, builtin_types=(Decimal,)))
    print(msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2).decode())


def _canonical(value: Any) -> Any:
    match value:
        case Decimal():
            return text(value)
        case dict():
            return {name: _canonical(one) for name, one in value.items()}
        case list():
            return [_canonical(one) for one in value]
    return value


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table, numbers to the right; or a line that says that there is nothing."""
    if not rows:
        console().print(empty)
        return
    console().print(title, style="italic")
    shown = Table(show_header=any(columns), header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, name in enumerate(columns):
        right = any(isinstance(row[index], NUMBERS) for row in rows)
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        shown.add_row(
            *(number(cell) if isinstance(cell, Decimal) else "" if cell is None else str(cell) for cell in row)
        )
    screen = console()
    if screen.is_terminal:
        screen.print(shown)
        return
    with screen.capture() as captured:
        screen.print(shown)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_orders(rows: list[Row], *, total: int, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        (
            row["id"],
            moment(row["created_at"]),
            row["symbol"],
            row["side"],
            row["order_type"],
            row["quantity"],
            row["price"],
            row["filled_quantity"],
            row["average_fill_price"] and Decimal(number(row["average_fill_price"], 8)),
            row["status"],
            row["error_code"] or "",
        )
        for row in rows
    ]
    names = (
        "order",
        "created (UTC)",
        "symbol",
        "side",
        "type",
        "quantity",
        "price",
        "filled",
        "average",
        "status",
        "why",
    )
    table(f"{len(rows)} of {total} orders", names, cells, "no orders")


def show_fills(rows: list[Row], *, total: int, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        (
            row["id"],
            moment(row["time"]),
            row["symbol"],
            row["side"],
            row["quantity"],
            row["price"],
            row["fee"],
            row["fee_asset"],
            row["liquidity"],
        )
        for row in rows
    ]
    names = ("order", "time (UTC)", "symbol", "side", "quantity", "price", "fee", "in", "liquidity")
    table(f"{len(rows)} of {total} fills", names, cells, "no fills")


def show_history(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        (
            row["sequence"],
            moment(row["time"]),
            row["event"],
            row["status"],
            row["quantity"],
            row["price"],
            row["filled_quantity"],
            _why(row),
        )
        for row in rows
    ]
    first = rows[0]
    title = (
        f"order {first['id']} ({first['client_order_id']}): {first['side']} {first['symbol']}, {first['order_type']}"
    )
    table(title, ("row", "time (UTC)", "event", "status", "quantity", "price", "filled", "why"), cells, "no rows")


def _why(row: Row) -> str:
    """What a row of an order's story says of its why, each thing once."""
    parent = None
    if row["event"] == "order_received" and row["parent_id"]:
        parent = f"{'in the place of' if row['order_type'] == 'market' else 'belongs to'} {row['parent_id']}"
    said = (row["error_code"], row["risk_check_reason"], row["detail"], parent)
    return " ".join(dict.fromkeys(part for part in said if part))


def show_positions(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [(row["account"], row["symbol"], row["size"], row["cost"], row["realised"]) for row in rows]
    table("positions", ("account", "symbol", "size", "cost", "realised"), cells, "no positions")


def show_run(result: RunResult, summary: Summary, *, as_json: bool) -> None:
    """The table at the end of a run."""
    if as_json:
        print_json({"run": result, "summary": summary})
        return
    show_summary(summary, as_json=False)
    repeated = f", {result.repeated} of them seen before" if result.repeated else ""
    outside = f", {result.outside} of them outside the candles and left alone" if result.outside else ""
    late = f", {result.late} older than the log and left alone" if result.late else ""
    gaps = f", {result.gaps} missing" if result.gaps else ""
    signals, candles = counted(result.signals, "signal"), counted(result.candles, "candle")
    gained = counted(result.rows_after - result.rows_before, "new row")
    console().print(f"\n{signals}{repeated}{outside}{late}; {candles}{gaps}; {gained} in the log")
    for alert in result.alerts[:5]:
        console().print(Text.assemble(("alert", "yellow"), " ", alert))


def show_summary(summary: Summary, *, as_json: bool) -> None:
    """A book's account of itself."""
    if as_json:
        print_json(summary)
        return
    when = f"{moment(summary.first_time)} to {moment(summary.last_time)}" if summary.first_time else "no orders yet"
    table(f"book {summary.book}, {when}", ("", ""), _lines(summary), "")
    if summary.refused:
        rows = [(refused.code, refused.count, refused.example) for refused in summary.refused]
        console().print()
        table("what did not go out", ("reason", "times", "for example"), rows, "")


def _lines(summary: Summary) -> list[tuple[str, str]]:
    """The summary, a figure a line."""
    lines = [("orders", _counts(summary.orders)), ("fills", str(summary.fills))]
    lines += [(f"traded, {asset}", number(amount, 8)) for asset, amount in summary.traded.items()]
    lines += [(f"fees, {asset}", number(amount, 8)) for asset, amount in summary.fees.items()]
    lines += [
        (f"realised profit before fees, {asset}", number(amount, 8)) for asset, amount in summary.realised.items()
    ]
    lines += [
        (f"unrealised profit before fees, {asset}", number(amount, 8)) for asset, amount in summary.unrealised.items()
    ]
    lines += [(f"balance, {asset}", number(amount)) for asset, amount in summary.balances.items()]
    unpriced = f" (without {', '.join(summary.unpriced)}: no price)" if summary.unpriced else ""
    lines.append((f"equity, {summary.currency}", number(summary.equity, 8) + unpriced))
    if summary.slippage_bps is not None:
        median = number(summary.slippage_median_bps, 2)
        lines.append(("slippage against arrival by value, bps", f"{number(summary.slippage_bps, 2)} (median {median})"))
    if summary.time_to_fill_ms is not None:
        lines.append(("time to fill, median", _span(summary.time_to_fill_ms)))
    return lines


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _span(milliseconds: Decimal) -> str:
    return f"{number(milliseconds, 1)} ms" if milliseconds < 10_000 else f"{number(milliseconds / 1000, 1)} s"


def show_execution(report: ExecutionReport, by: str) -> None:
    """How well orders were executed: a line for each group, and one for all."""
    figures = [*report.by.get(by, []), report.totals]
    cells = [
        (
            it.name,
            it.orders,
            _percent(it.success.value),
            _percent(it.rejected.value),
            _percent(it.cancelled.value),
            it.traded,
            _shown(it.slippage.value),
            _half_width(it.slippage),
            _shown(it.slippage_quantiles.p50),
            _shown(it.slippage_quantiles.p95),
            _shown(it.fill_time_quantiles.p50, 0),
            it.fees,
            _shown(it.cost_bps),
        )
        for it in figures
    ]
    currency = report.currency
    names = (
        by.replace("_", " "),
        "orders",
        "filled %",
        "refused %",
        "cancelled %",
        f"traded {currency}",
        "slippage bps",
        "± at 95 %",
        "median",
        "worst 5 %",
        "fill ms",
        f"fees {currency}",
        "cost bps",
    )
    when = f"{moment(report.first_time)} to {moment(report.last_time)}" if report.first_time else "no orders"
    table(f"{report.title}, {when}", names, cells, "no orders")
    for note in report.notes:
        console().print(note)


def _percent(share: float | None) -> Decimal | None:
    return None if share is None else _shown(100 * share, 1)


def _half_width(estimate: Estimate) -> Decimal | None:
    """Of its confidence interval."""
    if estimate.low is None or estimate.high is None:
        return None
    return _shown((estimate.high - estimate.low) / 2)


def _shown(value: float | None, places: int = 2) -> Decimal | None:
    """A figure to so many places; nothing where it is not known."""
    return None if value is None else Decimal(f"{value:.{places}f}")


def show_verification(found: Report, *, as_json: bool, sealed: bool = False) -> None:
    """What `log verify` found, or `log verify-sealed`."""
    if as_json:
        print_json({"ok": found.ok, "rows": found.rows, "head": found.head, "problems": found.problems})
        return
    for problem in found.problems:
        console().print(Text.assemble(("wrong", "red"), " ", str(problem)))
    good = "every row is as it was written" + ("" if sealed else ", and the read models are what a replay gives")
    verdict = good if found.ok else "damaged"
    console().print(f"{found.rows:,} rows checked: {verdict}")
    console().print(f"head {found.head}", soft_wrap=True)


def show_head(head: str, *, as_json: bool) -> None:
    """The heads of a log's books, book:sequence:digest."""
    if as_json:
        print_json({"head": head})
        return
    print(head)
