"""The one place where real adapters are wired together; tests pass fakes to the same classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from orderwright.alerts import read_signals
from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Instrument, Settings, Signal
from orderwright.core.numbers import parse_decimal
from orderwright.core.numbers import text as decimal_text
from orderwright.errors import InputError, nearest_name
from orderwright.journal.sqlite import open_log
from orderwright.market.instruments import load_instruments
from orderwright.market.symbols import parse_symbol

if TYPE_CHECKING:
    from orderwright.core.state import State
    from orderwright.market.candles import Candles
    from orderwright.ports import Journal
    from orderwright.simulation.exchange import SimulatedExchange


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
    latency_ms: int = 0
    volume_share: str | None = None
    path: str = "nearer-first"
    intrabar: bool = False
    seed: int = 0
    take_over: bool = False


class RunResult(Struct, frozen=True, kw_only=True):
    """What a run did: how many signals it was given, how many of them were new, and the rows the log gained."""

    book: str
    signals: int
    repeated: int
    rows_before: int
    rows_after: int
    candles: int
    gaps: int
    alerts: list[str]


def run(options: RunOptions, progress: Callable[[int, int, int], None] | None = None) -> RunResult:
    """Replay candles, drive every signal through the whole pipeline, and leave the log behind.

    All input is read and checked before the log is opened: bad input leaves nothing half done. progress is called with
    (start, now, end) in microseconds. Raises InputError for the user's input and LogError for the log.
    """
    candles, instrument = _market(options)
    known = {instrument.symbol: instrument}
    signals = read_signals(options.signals, known, account=options.account)
    settings = load_settings(options.settings, candles.interval)
    account = _account(options)
    deposits = [_deposit(text) for text in options.deposits or (f"{instrument.quote}=10000",)]
    exchange = _exchange(options, candles, instrument, account)
    journal = open_log(options.log, take_over=options.take_over)
    try:
        return _run(
            options, journal, exchange, candles, signals, _opening(settings, account, instrument, deposits), progress
        )
    finally:
        journal.close()


def _market(options: RunOptions) -> tuple[Candles, Instrument]:
    from orderwright.market.files import load_candles

    known = load_instruments(options.instruments) if options.instruments is not None else None
    symbol = parse_symbol(options.symbol, known)
    candles = load_candles(options.candles, symbol, known[symbol] if known is not None else None)
    return candles, candles.instrument


def load_settings(path: Path | None, bar: int) -> Settings:
    """The book's settings from a JSON file. Without a file: no limits. A price counts for two bars unless the file says
    otherwise, and `next_open` counts in the candles' bars (`bar`, microseconds)."""
    bar_ms = max(bar // 1_000, 1)
    given: dict[str, object] = {"bar_ms": bar_ms, "max_price_age_ms": max(2 * bar_ms, 60_000)}
    if path is not None:
        try:
            read = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
        except OSError as error:
            raise InputError(f"{error.strerror}", field="settings", value=str(path), where=str(path)) from error
        except msgspec.DecodeError as error:
            raise InputError(f"not a JSON object: {error}", field="settings", where=str(path)) from error
        _check_names(read, Settings, str(path))
        given |= read
    try:
        return msgspec.json.decode(msgspec.json.encode(given), type=Settings)
    except msgspec.ValidationError as error:
        raise InputError(str(error), field="settings", where=str(path)) from error


def _check_names(read: Mapping[str, msgspec.Raw], record: type[Struct], where: str) -> None:
    from orderwright.core.model import RiskLimits

    for name, raw in read.items():
        if name not in record.__struct_fields__:
            raise InputError(
                "unknown setting",
                field=name,
                value=name,
                nearest=nearest_name(name, record.__struct_fields__),
                where=where,
            )
        if name == "limits":
            _check_names(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]), RiskLimits, where)


def _account(options: RunOptions) -> Account:
    from orderwright.simulation.exchange import TRAITS

    return Account(
        account=options.account,
        maker_fee=_rate(options.maker_fee, "maker_fee"),
        taker_fee=_rate(options.taker_fee, "taker_fee"),
        fee_in=options.fee_in,
        slippage_bps=parse_decimal(options.slippage_bps, "slippage_bps"),
        traits=TRAITS,
    )


def _rate(value: str, field: str) -> Decimal:
    rate = parse_decimal(value, field)
    if not 0 <= rate < 1:
        raise InputError(f"{value} is not a rate: 0.001 is 0.1 %", field=field, value=value)
    return rate


def _deposit(text: str) -> tuple[str, Decimal]:
    asset, _, amount = text.partition("=")
    if not amount or not asset.isalnum():
        raise InputError(f"{text!r} is not ASSET=AMOUNT, such as USDT=10000", field="deposit", value=text)
    number = parse_decimal(amount, "deposit")
    if number <= 0:
        raise InputError(f"{amount} is not above 0", field="deposit", value=text)
    return asset.upper(), number


def _opening(
    settings: Settings, account: Account, instrument: Instrument, deposits: list[tuple[str, Decimal]]
) -> list[m.Input]:
    """What a run tells its book first. Telling it again changes nothing."""
    cash = [
        m.MoveCash(
            account=account.account,
            asset=asset,
            amount=amount,
            reference=f"run|{account.account}|{asset}|{decimal_text(amount)}",
        )
        for asset, amount in deposits
    ]
    return [
        m.Configure(settings=settings),
        m.DefineInstrument(instrument=instrument),
        m.OpenAccount(account=account),
        *cash,
    ]


def _exchange(options: RunOptions, candles: Candles, instrument: Instrument, account: Account) -> SimulatedExchange:
    raise NotImplementedError


def _run(
    options: RunOptions,
    journal: Journal,
    exchange: SimulatedExchange,
    candles: Candles,
    signals: list[Signal],
    opening: list[m.Input],
    progress: Callable[[int, int, int], None] | None,
) -> RunResult:
    raise NotImplementedError


def command_of(book: str, signal: Signal) -> m.ReceiveSignal:
    """The command that a signal becomes; its order id follows from the signal, so that it is the same each time."""
    return m.ReceiveSignal(signal=signal, order_id=order_id_of(signal.time, book, signal.key))


def cash_of(state: State, account: str) -> dict[str, Decimal]:
    """The total of each asset of an account."""
    return {asset: balance.total for (owner, asset), balance in state.balances.items() if owner == account}
