"""What an alert wants, as signals of the accounts it trades in.

What opens or reduces goes to one account: the one it names, else the strategy's account on the exchange it names, else
the strategy's first. `close`, and a target of 0 that names no account, goes to every account of the strategy. An
exchange that the strategy has no account on is noted and its default account is used: a chart of Binance may well
drive a paper account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from orderwright.core.model import Account, Action, Instrument, Signal, Sizing, Source, Terms
from orderwright.core.state import State
from orderwright.errors import InputError, UnknownName, nearest_name
from orderwright.market.symbols import parse_symbol
from orderwright.service.tradingview.reading import Reading
from orderwright.service.tradingview.strategies import Strategy

PERPETUAL = ".P"
"""What TradingView puts behind the symbol of a perpetual future."""


def signals_of(
    reading: Reading, strategy: Strategy, state: State, signal_id: str, *, shorts: Mapping[str, bool] | None = None
) -> tuple[list[Signal], list[str]]:
    """(the signals of an alert, what was noted). signal_id: of the alert as it is stored. shorts: by account, whether
    it may be short, where that is configured. Raises InputError."""
    accounts, notes = _accounts(reading, strategy, state)
    signals: list[Signal] = []
    for account in accounts:
        try:
            symbol = symbol_of(reading.symbol, _instruments(state, account))
        except InputError:
            if signals:
                notes.append(f"{account.account}: there is no {reading.symbol} on {account.exchange}")
                continue
            raise
        terms = _terms(reading, strategy, (shorts or {}).get(account.account, True))
        signals.append(_signal(reading, strategy, account, symbol, signal_id, terms, first=not signals))
    return signals, notes


def _accounts(reading: Reading, strategy: Strategy, state: State) -> tuple[list[Account], list[str]]:
    """Where it trades, and what was noted of that."""
    named = strategy.accounts or tuple(name for name, its in state.accounts.items() if its.user == strategy.user)
    named = named or tuple(state.accounts)
    known = [state.accounts[name] for name in named if name in state.accounts]
    if not known:
        raise InputError("the strategy has no account to trade in", field="strategy", value=strategy.name)
    if reading.account:
        found = [account for account in known if account.account == reading.account]
        if not found:
            raise UnknownName("account", reading.account, [account.account for account in known], field="account")
        return found, []
    notes = []
    if reading.exchange:
        here = [account for account in known if account.exchange == reading.exchange]
        if here:
            return here if _closes_all(reading) else here[:1], []
        notes = [f"exchange {reading.exchange}: no account of the strategy is there; {known[0].exchange} is used"]
    return known if _closes_all(reading) else known[:1], notes


def _closes_all(reading: Reading) -> bool:
    target = reading.target_position
    return target == 0 if target is not None else reading.action is Action.CLOSE


def _instruments(state: State, account: Account) -> list[Instrument]:
    return [one for (exchange, _), one in state.instruments.items() if exchange == account.exchange]


def symbol_of(written: str, instruments: Sequence[Instrument]) -> str:
    """The symbol that a chart's ticker names. Raises UnknownName, and InputError for one that may be two of them."""
    name = written.strip().upper()
    names = [one.symbol for one in instruments]
    if not name.endswith(PERPETUAL):
        try:
            return parse_symbol(name, names)
        except UnknownName as error:
            raise UnknownName("symbol", written, names, field="ticker") from error
        except InputError as error:
            error.field = "ticker"
            raise
    plain = name.removesuffix(PERPETUAL)
    linear = {one.symbol.partition(":")[0]: one.symbol for one in instruments if one.linear}
    try:
        return linear[parse_symbol(plain, linear)]
    except UnknownName as error:
        nearest = nearest_name(plain, linear.values() if linear else names)
        only = "" if linear else ", and only spot is traded here"
        message = f"unknown symbol {written!r}: a perpetual future{only}"
        raise InputError(message, field="ticker", value=written, nearest=nearest) from error


def _terms(reading: Reading, strategy: Strategy, may_be_short: bool) -> Terms:
    """The strategy's terms, with what the alert says of its size."""
    terms = strategy.terms
    if not may_be_short:
        terms = structs.replace(terms, allow_short=False)
    sizing = terms.sizing
    if reading.equity_percent is not None:
        sizing = structs.replace(sizing, by="equity", amount=reading.equity_percent)
    elif reading.risk_percent is not None:
        sizing = structs.replace(sizing, by="risk", amount=reading.risk_percent)
    return terms if sizing is strategy.terms.sizing else structs.replace(terms, sizing=Sizing(**structs.asdict(sizing)))


def _signal(
    reading: Reading,
    strategy: Strategy,
    account: Account,
    symbol: str,
    signal_id: str,
    terms: Terms,
    *,
    first: bool,
) -> Signal:
    is_target = reading.target_position is not None
    return Signal(
        signal_id=signal_id,
        symbol=symbol,
        action=Action.TARGET if is_target else reading.action,
        account=account.account,
        source=Source.TRADINGVIEW,
        order_type=reading.order_type,
        quantity=reading.quantity,
        quote_quantity=reading.quote_quantity,
        target_quantity=reading.target_position,
        price=reading.price,
        stop_price=reading.stop_price,
        time_in_force=reading.time_in_force,
        expire_at=reading.expire_at,
        post_only=reading.post_only,
        reduce_only=reading.only_closes,
        execute_at=reading.execute_at,
        strategy=strategy.name,
        user=strategy.user or account.user,
        alert_id=reading.alert_id,
        time=reading.time or 0,
        bracket=reading.bracket,
        trail=reading.trail,
        terms=terms,
        volatility=reading.volatility,
        apart="|".join(_apart(reading, strategy, account, is_target=is_target, first=first)),
    )


def _apart(reading: Reading, strategy: Strategy, account: Account, *, is_target: bool, first: bool) -> list[str]:
    """What else tells it from another signal: a target's own word (a sell and a buy on one bar are two), the alert's
    own strategy where the token stands for another name, the account of every signal but the first."""
    words = [reading.said] if is_target and reading.said else []
    if reading.strategy and reading.strategy != strategy.name:
        words.append(reading.strategy)
    return words if first else [*words, account.account]


__all__ = ["signals_of", "symbol_of"]
