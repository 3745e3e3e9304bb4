"""`orderwright run`: candles and signals in, the whole pipeline, a log out."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orderwright.alerts import read_signals
from orderwright.config import below, deposits_of, load_settings, one_of, rate_of, share_of
from orderwright.core import messages as m
from orderwright.core.evolve import signal_key
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Instrument, Settings, Signal
from orderwright.core.numbers import parse_decimal
from orderwright.core.reasons import Reason
from orderwright.errors import InputError, LogDamaged
from orderwright.journal.sqlite import SqliteJournal, open_log
from orderwright.market.instruments import load_instruments
from orderwright.market.symbols import parse_symbol

if TYPE_CHECKING:
    from orderwright.market.candles import Candles
    from orderwright.ports import Journal
    from orderwright.simulation.exchange import SimulatedExchange
    from orderwright.simulation.models.latency import LatencyModel
    from orderwright.simulation.models.path import PathModel

SIMULATED = "simulated"
FEE_IN = ("quote", "received")
BPS, DAY_MS = 10_000, 86_400_000
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
Progress = Callable[[int, int, int], None]


class RunOptions(Struct, frozen=True, kw_only=True):
    """What `orderwright run` was asked for. Rates are fractions (0.001 is 10 bps); times are milliseconds."""

    signals: Path
    candles: Path
    symbol: str
    log: Path
    book: str = "main"
    account: str = "paper"
    deposits: tuple[str, ...] = ()
    instruments: Path | None = None
    settings: Path | None = None
    maker_fee: str = "0.001"
    taker_fee: str = "0.001"
    fee_in: str = "quote"
    slippage_bps: str = "0"
    spread_bps: str = "0"
    latency_ms: str = "0"
    volume_share: str | None = None
    path: str = "nearer-first"
    intrabar: bool = False
    seed: int = 0
    take_over: bool = False


class RunResult(Struct, frozen=True, kw_only=True):
    """What a run did: how many signals it was given, how many of them it had seen before or had no candles for (those
    it leaves alone: a run with their candles takes them in), how many new ones were older than the log, and the rows
    that the log gained."""

    book: str
    signals: int
    repeated: int
    outside: int
    late: int
    rows_before: int
    rows_after: int
    candles: int
    gaps: int
    alerts: list[str]


def run(options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Replay candles, drive every signal through the whole pipeline, and leave the log behind.

    All input is read and checked before the log is opened: bad input leaves nothing half done. progress is called with
    (start, now, end) in microseconds. Raises InputError for the user's input and LogError for the log.
    """
    _check_names(options)
    candles, instrument = _market(options)
    span = (int(candles.times[0]), int(candles.close_times[-1]))
    signals = read_signals(options.signals, {instrument.symbol: instrument}, account=options.account)
    inside = [signal for signal in signals if span[0] <= signal.time <= span[1]]
    settings = load_settings(options.settings, candles.interval)
    account = _account(options)
    deposits = deposits_of(options.deposits or (f"{instrument.quote}=10000",))
    exchange = _exchange(options, candles, account)
    opening = _opening(settings, account, instrument, deposits)
    with opened(options.log, take_over=options.take_over) as journal:
        before, after, repeated, late, alerts = _run(options, journal, exchange, inside, opening, span, progress)
    return RunResult(
        book=options.book,
        signals=len(signals),
        repeated=repeated,
        outside=len(signals) - len(inside),
        late=late,
        rows_before=before,
        rows_after=after,
        candles=len(candles),
        gaps=sum(missing for _, missing in candles.gaps()),
        alerts=alerts,
    )


@contextlib.contextmanager
def opened(log: Path, **how: Any) -> Iterator[SqliteJournal]:
    """A log, open for as long as it is needed; `how` goes to `open_log`. Raises LogDamaged for a page that is none."""
    with contextlib.closing(open_log(log, **how)) as journal:
        try:
            yield journal
        except sqlite3.DatabaseError as error:
            raise LogDamaged(f"{log} is damaged: {error}. `orderwright log verify` tells where") from error


def _market(options: RunOptions) -> tuple[Candles, Instrument]:
    from orderwright.market.files import load_candles

    known = load_instruments(options.instruments) if options.instruments is not None else None
    symbol = parse_symbol(options.symbol, known)
    candles = load_candles(options.candles, symbol, known[symbol] if known is not None else None)
    return candles, candles.instrument


def _check_names(options: RunOptions) -> None:
    """What can be said of book, account and log before anything is read."""
    for field, name in (("book", options.book), ("account", options.account)):
        if not _NAME.fullmatch(name):
            message = f"{name!r} is not a name of up to 64 letters, digits, '-', '_' and '.'"
            raise InputError(message, field=field, value=name)
    check_place(options.log, "log")


def check_place(path: Path, field: str) -> None:
    """Raises InputError for a path at which no file can be."""
    if path.is_dir():
        raise InputError("is a folder: name a file in it", field=field, value=str(path), where=str(path))
    check_parent(path, field)


def check_parent(path: Path, field: str) -> None:
    """Raises InputError for a path in a folder that is not there."""
    if not path.parent.is_dir():
        raise InputError("there is no such folder", field=field, value=str(path), where=str(path.parent))


def _account(options: RunOptions) -> Account:
    from orderwright.simulation.exchange import TRAITS

    return Account(
        account=options.account,
        maker_fee=rate_of(options.maker_fee, "maker_fee"),
        taker_fee=rate_of(options.taker_fee, "taker_fee"),
        fee_in=one_of(FEE_IN, options.fee_in, "fee_in"),
        slippage_bps=parse_decimal(options.slippage_bps, "slippage_bps"),
        traits=TRAITS,
    )


def _opening(
    settings: Settings, account: Account, instrument: Instrument, deposits: list[tuple[str, Decimal]]
) -> list[m.Input]:
    """What a run tells its book first. Telling it again changes nothing."""
    cash = [
        m.MoveCash(
            account=account.account,
            asset=asset,
            amount=amount,
            reference=f"run|{account.account}|{asset}",
        )
        for asset, amount in deposits
    ]
    return [
        m.Configure(settings=settings),
        m.DefineInstrument(instrument=instrument),
        m.OpenAccount(account=account),
        *cash,
    ]


def _exchange(options: RunOptions, candles: Candles, account: Account) -> SimulatedExchange:
    from orderwright.simulation.exchange import SimulatedExchange
    from orderwright.simulation.models import Models
    from orderwright.simulation.models.slippage import NoSlippage, SlippageBps
    from orderwright.simulation.models.spread import NoSpread, SpreadBps
    from orderwright.simulation.models.volume import AnyVolume, VolumeShare

    slippage = below(BPS, options.slippage_bps, "slippage_bps")
    spread = below(BPS, options.spread_bps, "spread_bps")
    models = Models(
        slippage=SlippageBps(slippage) if slippage else NoSlippage(),
        spread=SpreadBps(spread) if spread else NoSpread(),
        volume=VolumeShare(share_of(options.volume_share)) if options.volume_share is not None else AnyVolume(),
        latency=_latency(options.latency_ms, options.seed),
        path=_path(options.path),
        intrabar=options.intrabar,
    )
    return SimulatedExchange([candles], models, [account])


def _latency(text: str, seed: int) -> LatencyModel:
    """A constant, or evenly spread between two: milliseconds to the exchange."""
    from orderwright.simulation.models.latency import ConstantLatency, UniformLatency

    least, _, most = text.partition("-")
    if not least or most.startswith("-"):
        raise InputError(f"{text!r} is not a time such as 50, or a range such as 20-80", field="latency_ms", value=text)
    low = int(1_000 * below(DAY_MS, least, "latency_ms"))
    high = int(1_000 * below(DAY_MS, most, "latency_ms")) if most else low
    if high < low:
        raise InputError(f"{text}: the second is below the first", field="latency_ms", value=text)
    return UniformLatency(least_us=low, most_us=high, seed=seed) if high > low else ConstantLatency(low, low)


def _path(name: str) -> PathModel:
    from orderwright.simulation.models import path

    paths: dict[str, PathModel] = {
        "nearer-first": path.nearer_first,
        "open-high-low-close": path.open_high_low_close,
        "open-low-high-close": path.open_low_high_close,
        "worst-case": path.worst_case,
    }
    return paths[one_of(paths, name, "path")]


def _run(
    options: RunOptions,
    journal: Journal,
    exchange: SimulatedExchange,
    signals: list[Signal],
    opening: list[m.Input],
    span: tuple[int, int],
    progress: Progress | None,
) -> tuple[int, int, int, int, list[str]]:
    """Wire book and exchange, recover, and run to the end of the candles; (rows before, rows after, repeated, late,
    alerts). A log that has settings keeps them unless others are given, and a book that has had orders its money; a new
    signal older than the log is late."""
    from orderwright.engine import Engine

    said: list[m.RaiseAlert | m.Reply] = []
    start, end = span
    shown = partial(_show, progress, start, end) if progress else None
    engine = Engine(options.book, journal, {SIMULATED: exchange}, start=start, handler=said.append, progress=shown)
    state = engine.state
    rows, began = state.sequence, state.now
    if rows and options.settings is None:
        opening = [said for said in opening if not isinstance(said, m.Configure)]
    if state.last_order_id:  # deposits are what an account starts with, not what a rerun brings
        opening = [said for said in opening if not isinstance(said, m.MoveCash)]
    engine.tell(opening)
    engine.look_out_for(signals)
    wanted = [signal for signal in signals if signal.time >= began or _is_known(journal, options.book, signal)]
    engine.session.run(((signal.time, command_of(options.book, signal)) for signal in wanted), end)
    repeated = sum(_is_repeated_signal(word) for word in said)
    alerts = [word.text for word in said if isinstance(word, m.RaiseAlert)]
    return rows, state.sequence, repeated, len(signals) - len(wanted), alerts


def _is_known(journal: Journal, book: str, signal: Signal) -> bool:
    """Whether the log has had this signal before."""
    return journal.recall_key(book, signal_key(signal.key)) is not None


def _is_repeated_signal(word: m.RaiseAlert | m.Reply) -> bool:
    return isinstance(word, m.Reply) and word.refusal is not None and word.refusal.reason is Reason.DUPLICATE_SIGNAL


def _show(progress: Progress, start: int, end: int, now: int) -> None:
    progress(start, now, end)


def command_of(book: str, signal: Signal) -> m.ReceiveSignal:
    """The command that a signal becomes; its order id follows from the signal, so that it is the same each time."""
    return m.ReceiveSignal(signal=signal, order_id=order_id_of(signal.time, book, signal.key))
