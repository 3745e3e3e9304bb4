"""Instruments from files: what an exchange lists, or what a user writes by hand.

Two forms of JSON are read:

- Binance's exchangeInfo, spot or USD-margined, as it was answered; also within a recorded answer ({"http_response":
  {...}}) and within a ccxt list of markets (each with its `info`). A limit of 0 is no limit. A tick or step of 0, or a
  missing filter, falls back on the asset's precision. Left out, since nothing else here can price them: contracts
  margined in the base asset, and dated contracts (their names would hide the perpetual's).
- our own: {"BTC/USDT": {"tick_size": "0.01", "step_size": "0.00001", ...}}, the fields of `Instrument`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from orderwright.core.model import Instrument
from orderwright.core.numbers import ZERO, canonical, parse_decimal, text
from orderwright.errors import InputError, UnknownName
from orderwright.market.symbols import parse_symbol, split_symbol

DEFAULT_STEP = Decimal("0.00001")
DEFAULT_MIN_NOTIONAL = Decimal(5)
FIRST_PRICES = {
    "BTC": Decimal(50_000), "ETH": Decimal(3_000), "BNB": Decimal(600), "SOL": Decimal(150), "LTC": Decimal(80),
    "AVAX": Decimal(30), "LINK": Decimal(15), "DOT": Decimal(5), "XRP": Decimal("0.6"), "ADA": Decimal("0.5"),
    "MATIC": Decimal("0.5"), "TRX": Decimal("0.15"), "DOGE": Decimal("0.15"), "USDC": Decimal(1),
}  # fmt: skip
"""What the assets of made-up markets cost at first, in USDT."""
_TOGETHER = 18


def default_instrument(
    symbol: str, tick_size: Decimal = Decimal("0.01"), step_size: Decimal = DEFAULT_STEP
) -> Instrument:
    """An instrument for data that came without one: minimum quantity one step, minimum value 5 of the quote."""
    base, quote = split_symbol(symbol)
    return _checked(
        Instrument(
            symbol=parse_symbol(symbol),
            base=base,
            quote=quote,
            tick_size=tick_size,
            step_size=step_size,
            min_quantity=step_size,
            min_notional=DEFAULT_MIN_NOTIONAL,
        )
    )


def load_instruments(path: str | Path) -> dict[str, Instrument]:
    """Every instrument of a JSON file in one of the forms above, by symbol.

    Raises InputError, with the file and the symbol, for what cannot be read, an unknown or missing field (the nearest
    known one is offered), a size that is not positive, and a tick and step with more than 18 decimal places together.
    """
    raw = _read(Path(path))
    try:
        payload = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise InputError(f"not valid JSON: {error}", where=str(path)) from None
    try:
        listing = _listing(payload)
        found = _from_own(raw) if listing is None else _from_exchange_info(listing)
    except InputError as error:
        raise error.at(str(path)) from None
    if not found:
        wanted = "instrument" if listing is None else "spot or USD-margined perpetual instrument"
        raise InputError(f"no {wanted} in it", where=str(path))
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None


def _listing(payload: Any) -> list[Any] | None:
    """The entries of an exchangeInfo answer, wherever it is nested; None where the payload is no such answer."""
    if isinstance(payload, list):
        return [market["info"] for market in payload if isinstance(market, dict) and "info" in market]
    if not isinstance(payload, dict):
        raise InputError("an object was expected, with a symbol as each key")
    if isinstance(payload.get("symbols"), list):
        return list(payload["symbols"])
    if "http_response" not in payload:
        return None
    return (_listing(payload["http_response"]) or []) + (_listing(payload.get("parsed_response") or []) or [])


def _from_exchange_info(listing: list[Any]) -> dict[str, Instrument]:
    found: dict[str, Instrument] = {}
    for at, entry in enumerate(listing, start=1):
        if not isinstance(entry, dict):
            raise InputError(f"entry {at} of exchangeInfo is {entry!r}, not an object")
        contract = entry.get("contractType")
        if contract is None or (contract == "PERPETUAL" and entry.get("marginAsset") == entry.get("quoteAsset")):
            instrument = _from_entry(entry, linear=contract is not None)
            found[instrument.symbol] = instrument
    return found


def _from_entry(entry: dict[str, Any], *, linear: bool) -> Instrument:
    name = str(entry.get("symbol", "?"))
    try:
        base, quote = str(entry["baseAsset"]), str(entry["quoteAsset"])
        filters = {rule["filterType"]: rule for rule in entry["filters"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"no {error} in this entry of exchangeInfo", where=name) from None
    price, lot, market = (filters.get(kind, {}) for kind in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    instrument = Instrument(
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        exchange="binance",
        tick_size=_limit(price, "tickSize", name) or _precision(entry, "pricePrecision", "quotePrecision"),
        step_size=_limit(lot, "stepSize", name) or _precision(entry, "quantityPrecision", "baseAssetPrecision"),
        min_quantity=_limit(lot, "minQty", name) or ZERO,
        max_quantity=_limit(lot, "maxQty", name),
        market_max_quantity=_limit(market, "maxQty", name),
        min_notional=_limit(notional, "minNotional", name) or _limit(notional, "notional", name) or ZERO,
        max_notional=_limit(notional, "maxNotional", name),
        price_min=_limit(price, "minPrice", name),
        price_max=_limit(price, "maxPrice", name),
        trading=(entry.get("status") or entry.get("contractStatus")) == "TRADING",
        linear=linear,
    )
    return _checked(instrument)


def _precision(entry: dict[str, Any], contract: str, spot: str) -> Decimal:
    """The grid that the number of decimal places in an entry stands for; 8 where it has none."""
    return Decimal(1).scaleb(-int(entry.get(contract, entry.get(spot, 8))))


def _limit(rule: dict[str, Any], key: str, symbol: str) -> Decimal | None:
    """A limit of a filter; None where it is missing or 0, which disables it."""
    if key not in rule:
        return None
    try:
        return parse_decimal(rule[key], key) or None
    except InputError as error:
        raise error.at(symbol) from None


def _from_own(raw: bytes) -> dict[str, Instrument]:
    try:
        entries = msgspec.json.decode(raw, type=dict[str, dict[str, msgspec.Raw]])
    except msgspec.ValidationError:
        message = 'expected {"BTC/USDT": {"tick_size": "0.01", "step_size": "0.00001"}} or Binance\'s exchangeInfo'
        raise InputError(message) from None
    found: dict[str, Instrument] = {}
    for name, fields in entries.items():
        instrument = _own(name, fields)
        found[instrument.symbol] = instrument
    return found


def _own(name: str, fields: dict[str, msgspec.Raw]) -> Instrument:
    symbol = parse_symbol(name)
    known = [field for field in Instrument.__struct_fields__ if field != "symbol"]
    for field in fields:
        if field not in known:
            raise UnknownName("field", field, known, field=field).at(name)
    base, quote = split_symbol(symbol)
    body = msgspec.json.encode({"base": base, "quote": quote, **fields, "symbol": symbol})
    try:
        instrument = msgspec.json.decode(body, type=Instrument)
    except msgspec.ValidationError as error:
        raise InputError(str(error).replace(" - at `$.", " - at `"), where=name) from None
    return _checked(instrument)


def _checked(instrument: Instrument) -> Instrument:
    """The same with canonical decimals. Raises InputError for sizes that the exact arithmetic cannot carry."""
    numbers: dict[str, Decimal] = {}
    for field in instrument.__struct_fields__:
        value = getattr(instrument, field)
        if isinstance(value, Decimal):
            numbers[field] = _number(value, field, instrument.symbol)
    places = sum(max(0, -int(numbers[size].as_tuple().exponent)) for size in ("tick_size", "step_size"))
    if places > _TOGETHER:
        message = (
            f"tick {text(numbers['tick_size'])} and step {text(numbers['step_size'])} have {places} decimal places"
        )
        raise InputError(
            f"{message} together; at most {_TOGETHER} are exact", field="step_size", where=instrument.symbol
        )
    return msgspec.structs.replace(instrument, **numbers)


def _number(value: Decimal, field: str, symbol: str) -> Decimal:
    positive = field in ("tick_size", "step_size")
    if not value.is_finite() or value < 0 or (positive and value == 0):
        problem = "is not a positive number" if positive else "is negative" if value < 0 else "is not a number"
        raise InputError(f"{value} {problem}", field=field, value=value, where=symbol)
    return canonical(value)
