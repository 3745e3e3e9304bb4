"""How exchanges and libraries write an order: every key and status word that `Status.cast` reads, in two tables.

- Keys are those of our own log, ccxt, Binance, Bybit, OKX, Kraken, Coinbase and FIX, as they are written there.
- Where two keys name one thing, the first that has a value counts; two numbers that differ are a contradiction. Times
  may differ (created, updated): the newest moment of the order comes first.
- A client's own id beats a bare `order_id`, which beside it is the exchange's (Coinbase); so is a bare `id`.
- Status words are compared without case, spaces, `_` and `-`.
- ccxt's `closed` is filled. None counts as not said. A price of 0 is no price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from orderwright.core.model import Execution, Liquidity, OrderStatus
from orderwright.core.numbers import ZERO, parse_decimal
from orderwright.errors import InputError, UnknownName
from orderwright.executors.words import time_of, word_of
from orderwright.market.symbols import parse_symbol

CLIENT_IDS = (
    "origClientOrderId",
    "client_order_id",
    "clientOrderId",
    "clientOid",
    "orderLinkId",
    "clOrdId",
    "executor_id",
)
EXCHANGE_IDS = ("exchange_order_id", "orderId", "ordId", "id", "txid")
NUMBERS = {
    "quantity": ("quantity", "amount", "origQty", "orig_qty", "qty", "sz", "size", "vol"),
    "filled_quantity": (
        "filled_quantity",
        "filled",
        "executedQty",
        "executed_qty",
        "cumExecQty",
        "cumQty",
        "accFillSz",
        "filled_size",
        "filledSize",
        "vol_exec",
    ),
    "remaining": ("remaining", "remaining_quantity", "leaves_quantity", "leavesQty", "remainingSize"),
    "average_price": (
        "average_price",
        "average_fill_price",
        "average",
        "avgPrice",
        "avg_price",
        "avgPx",
        "average_filled_price",
    ),
    "filled_quote": ("filled_quote", "cost", "cummulativeQuoteQty", "cumQuote", "cumExecValue", "filled_value"),
    "price": ("price", "px", "limit_price"),
    "stop_price": ("stop_price", "stopPrice", "triggerPrice", "stopPx"),
}
_PRICES = frozenset({"average_price", "price", "stop_price"})
TIMES = (
    "updated_at",
    "lastUpdateTimestamp",
    "updateTime",
    "updatedTime",
    "uTime",
    "transactTime",
    "lastTradeTimestamp",
    "time",
    "timestamp",
)
CODES = ("code", "error_code", "rejectReason")
ERRORS = ("error", "message", "msg", "reason")
FILLS = ("fills", "trades", "executions")
SYMBOLS = ("symbol", "instId", "product_id")

_S = OrderStatus
STATUSES = {
    **{status.value.replace("_", ""): status for status in OrderStatus},
    **dict.fromkeys(("pendingnew", "created", "received"), _S.SUBMITTED),
    **dict.fromkeys(("new", "live", "active", "accepted", "working", "untriggered", "triggered", "replaced"), _S.OPEN),
    **dict.fromkeys(("partial", "partiallyfill", "partialfill"), _S.PARTIALLY_FILLED),
    **dict.fromkeys(("canceling", "cancelling"), _S.PENDING_CANCEL),
    **dict.fromkeys(("closed", "executed", "filledfully"), _S.FILLED),
    **dict.fromkeys(("canceled", "partiallyfilledcanceled", "mmpcanceled", "deactivated"), _S.CANCELLED),
    **dict.fromkeys(("expiredinmatch", "doneforday"), _S.EXPIRED),
}
_FILL_KEYS = {
    "execution_id": ("execution_id", "tradeId", "trade_id", "execId", "id"),
    "quantity": ("quantity", "qty", "amount", "execQty", "fillSz", "last_quantity", "size"),
    "price": ("price", "execPrice", "fillPx", "last_price"),
    "fee": ("fee", "commission", "execFee"),
    "fee_asset": ("fee_asset", "commissionAsset", "feeCurrency", "feeCcy"),
    "time": ("time", "timestamp", "execTime", "venue_time", "ts"),
}


def read(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the fields of a Status that a dict has, what is left of it). Raises InputError naming the key as written."""
    left = {key: value for key, value in said.items() if value is not None}
    fields = _ids(left)
    if "status" in left:
        fields["status"] = status_of(left.pop("status"))
    for name, keys in NUMBERS.items():
        number = _agreed(left, keys, parse_decimal)
        if number is not None and (number or name not in _PRICES):
            fields[name] = number
    time = _first(left, TIMES)
    if time is not None:
        fields["time"] = _time(time[1], time[0])
    for name, keys in (("code", CODES), ("error", ERRORS)):
        word = _first(left, keys)
        if word is not None:
            fields[name] = str(word[1])
    symbol = _first(left, SYMBOLS)
    if symbol is not None:
        fields["symbol"] = _symbol(str(symbol[1]))
    fills = _first(left, FILLS)
    if fills is not None:
        fields["fills"] = executions_of(fills[1], fills[0])
    return fields, left


def status_of(word: object) -> OrderStatus:
    """The status that an exchange's word means. Raises UnknownName with the nearest word of ours."""
    if isinstance(word, OrderStatus):
        return word
    found = STATUSES.get(str(word).lower().replace(" ", "").replace("_", "").replace("-", ""))
    if found is None:
        raise UnknownName("status", str(word), [status.value for status in OrderStatus], field="status")
    return found


def executions_of(said: object, field: str) -> tuple[Execution, ...]:
    """Trades as exchanges write them, each once, in the order given. Raises InputError for one without an id, quantity
    or price, and for two with one id that differ."""
    if not isinstance(said, Iterable) or isinstance(said, str | bytes | Mapping):
        raise InputError(f"{said!r} is not a list of trades", field=field, value=said)
    found: dict[str, Execution] = {}
    for at, trade in enumerate(said):
        execution = trade if isinstance(trade, Execution) else _execution(trade, f"{field}[{at}]")
        if found.setdefault(execution.execution_id, execution) != execution:
            message = f"two trades with the id {execution.execution_id} differ"
            raise InputError(message, field=f"{field}[{at}]", value=execution.execution_id)
    return tuple(found.values())


def _execution(said: object, field: str) -> Execution:
    if not isinstance(said, Mapping):
        raise InputError(f"{said!r} is not a trade", field=field, value=said)
    left = {key: value for key, value in said.items() if value is not None}
    values: dict[str, Any] = {}
    for name, keys in _FILL_KEYS.items():
        found = _first(left, keys)
        if found is not None:
            values[name] = found[1]
    for needed in ("execution_id", "quantity", "price"):
        if needed not in values:
            raise InputError(f"the trade's {needed} is missing", field=field, value=None)
    fee, fee_asset = _fee(values, field)
    return Execution(
        execution_id=str(values["execution_id"]),
        quantity=_positive(values["quantity"], f"{field}.quantity"),
        price=_positive(values["price"], f"{field}.price"),
        fee=fee,
        fee_asset=fee_asset,
        liquidity=_liquidity(left, field),
        time=_time(values["time"], f"{field}.time") if "time" in values else 0,
    )


def _fee(values: Mapping[str, Any], field: str) -> tuple[Decimal, str]:
    """A number, or ccxt's {"cost": ..., "currency": ...}."""
    fee = values.get("fee", ZERO)
    if isinstance(fee, Mapping):
        cost = fee.get("cost")
        return parse_decimal(ZERO if cost is None else cost, f"{field}.fee"), str(fee.get("currency") or "").upper()
    return parse_decimal(fee, f"{field}.fee"), str(values.get("fee_asset", "")).upper()


def _liquidity(said: Mapping[str, Any], field: str) -> Liquidity:
    word = said.get("liquidity", said.get("takerOrMaker"))
    if word is not None:
        return word_of(word, f"{field}.liquidity", Liquidity)
    return Liquidity.MAKER if said.get("isMaker", said.get("maker")) is True else Liquidity.TAKER


def _ids(left: dict[str, Any]) -> dict[str, Any]:
    """order_id and exchange_order_id."""
    ours = _first(left, CLIENT_IDS)
    bare = left.pop("order_id", None)
    if ours is None:
        ours, bare = ("order_id", bare), None
    if bare == ours[1]:
        bare = None
    theirs = _first(left, EXCHANGE_IDS)
    exchange_order_id = _id(theirs[1]) if theirs is not None else ""
    if bare is not None and exchange_order_id and _id(bare) != exchange_order_id:
        message = f"{bare!r} contradicts {theirs[0] if theirs else ''} {exchange_order_id!r}"
        raise InputError(message, field="order_id", value=bare)
    found = {"order_id": _id(ours[1]), "exchange_order_id": exchange_order_id or _id(bare)}
    return {name: value for name, value in found.items() if value}


def _id(value: object) -> str:
    return "" if value is None else str(value)


def _first(left: dict[str, Any], keys: Iterable[str]) -> tuple[str, Any] | None:
    """The first key that is there, and its value; all of the keys are taken out."""
    found = [(key, left.pop(key)) for key in keys if key in left]
    return found[0] if found else None


def _agreed(left: dict[str, Any], keys: Iterable[str], read_one: Callable[[object, str], Decimal]) -> Decimal | None:
    """The number under any of the keys; two that differ are a contradiction."""
    found = {key: read_one(left.pop(key), key) for key in keys if key in left}
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{key} {value}" for key, value in found.items())
        raise InputError(f"two values for one thing: {shown}", field=next(iter(found)), value=shown)
    return next(iter(found.values()), None)


def _time(value: object, field: str) -> int:
    """Microseconds; 0 is a time that was not told."""
    if value in (0, "0", ""):
        return 0
    return time_of(int(value) if isinstance(value, float) and value.is_integer() else value, field) or 0


def _positive(value: object, field: str) -> Decimal:
    number = parse_decimal(value, field)
    if number <= 0:
        raise InputError("is not above 0", field=field, value=value)
    return number


def _symbol(written: str) -> str:
    """Our spelling of it; as it is written where that can mean two."""
    try:
        return parse_symbol(written)
    except InputError:
        return written
