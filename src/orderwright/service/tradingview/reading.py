"""What an alert wants, read from its fields.

- A field may have any of its names (words.py), at the top or within `order`. The same field twice is refused, unless
  both say the same.
- Numbers are read from their own text. A placeholder that TradingView did not fill in is refused in a field that
  decides the order, and noted elsewhere.
- position_size, or market_position with market_position_size, names the position to end with: the alert is then a
  target, whatever action it came with. A market_position without a size only counts where it is flat or alone.
- A price beside a market order is what the chart showed. `volume` is a bar's volume where the alert has a quantity of
  another name or the bar's open and close too.
- What is sent along and decides nothing (bot_uuid, comment, ...) is noted and not used.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from orderwright.alerts import (
    ORDER_TYPE_WORDS,
    Number,
    choose,
    decimal_of,
    execute_at_of,
    exits_of,
    flag_of,
    moment_of,
    text_of,
)
from orderwright.core.model import HAS_PRICE, SECOND, Action, Bracket, OrderType, TimeInForce, Trail
from orderwright.errors import InputError, nearest_name
from orderwright.service.tradingview.body import Pairs, is_pairs
from orderwright.service.tradingview.words import (
    ACTIONS,
    FIELDS,
    action_of,
    field_of,
    is_exchange_key,
    is_secret,
    misspelt,
    squashed,
)

KEYS_REFUSED = "an alert must not carry exchange keys; they are never stored or logged. Revoke them: they were sent"
_UNDECIDING = frozenset({"strategy", "exchange", "interval", "signal_price"})
_BAR = re.compile(r"(\d*)\s*([smhdw]?)", re.IGNORECASE)
_UNITS = {"s": 1, "": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_QUANTITY_TYPES = {
    **dict.fromkeys(("base", "fixed_quantity", "units", "contracts"), "quantity"),
    **dict.fromkeys(("quote", "dollar_amount", "cash", "usd"), "quote_quantity"),
    **dict.fromkeys(("percent_of_equity", "equity_percent", "margin_percent"), "equity_percent"),
    **dict.fromkeys(("risk_percent",), "risk_percent"),
}
_POSITIONS = ("long", "short", "flat")
_LONGEST_NOTE = 100


class Reading(Struct, frozen=True, kw_only=True):
    """An alert in our words. symbol: as it is written, without a prefix. exchange: of the prefix or of its own field,
    in lower case. only_closes: an exit, which opens nothing. target_position: signed, in base units. said: the action's
    own word. time: the alert's own, microseconds; bar_us: the length of the bar that it may be the start of.
    secret_in_body: whether it came with one."""

    symbol: str
    action: Action
    exchange: str = ""
    said: str = ""
    only_closes: bool = False
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    equity_percent: Decimal | None = None
    risk_percent: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    volatility: Decimal | None = None
    target_position: Decimal | None = None
    bracket: Bracket | None = None
    trail: Trail | None = None
    expire_at: int | None = None
    execute_at: int | Literal["next_open"] | None = None
    post_only: bool = False
    reduce_only: bool = False
    strategy: str = ""
    account: str = ""
    alert_id: str = ""
    time: int | None = None
    bar_us: int = 0
    max_age_s: Decimal | None = None
    secret_in_body: bool = False
    notes: tuple[str, ...] = ()


def read(found: Pairs, *, now: int, has_exchange_keys: bool = False, symbol: str = "") -> Reading:
    """The alert of a body's fields. now: microseconds, for times that count from now. symbol: where the alert names
    none. Raises InputError naming the field, the value and the nearest that would pass."""
    if has_exchange_keys:
        raise InputError(KEYS_REFUSED, field="api_key")
    fields = _Fields()
    fields.take(found)
    return _Reader(fields, now).reading(symbol)


class _Fields:
    """The fields by our names, and what was noted."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.written: dict[str, str] = {}
        self.notes: list[str] = []
        self.secret = False

    def take(self, found: Pairs) -> None:
        bar = {squashed(name) for name, _ in found} >= {"open", "close"}
        quantities = [name for name, _ in found if field_of(name) == "quantity"]
        for name, value in found:
            if value is None or is_exchange_key(name):
                continue
            if is_secret(name):
                self.secret = True
            elif squashed(name) == "volume" and (bar or len(quantities) > 1):
                self._note(name, value)
            elif is_pairs(value):
                self._take_object(name, value)  # type: ignore[arg-type]
            else:
                self._take(name, value)

    def _take_object(self, name: str, value: Pairs) -> None:
        field = field_of(name)
        if squashed(name) == "order":
            self.take(value)
        elif field in ("take_profit", "stop_loss"):
            self._take_exit(field, value)
        elif field is not None:
            raise InputError("an object, where a value belongs", field=name)
        else:
            self._near_miss(name)
            self.notes.append(f"{name}: not used")

    def _take_exit(self, field: str, value: Pairs) -> None:
        """TradersPost's takeProfit and stopLoss: a percent, a price, or a trail."""
        places = {
            "percent": f"{field}_percent",
            **dict.fromkeys(("price", "limitprice", "stopprice"), field),
            "trailamount": "trail_amount",
            "trailpercent": "trail_percent",
        }
        for name, one in value:
            place = places.get(squashed(name))
            if place is not None:
                self._put(place, f"{field}.{name}", one)
            elif squashed(name) != "type":
                nearest = nearest_name(name, ("percent", "price", "trail_percent", "trail_amount"))
                raise InputError("unknown field", field=f"{field}.{name}", value=name, nearest=nearest)

    def _take(self, name: str, value: object) -> None:
        field = field_of(name)
        if field is not None:
            self._put(field, name, value)
            return
        self._near_miss(name)
        self._note(name, value)

    def _near_miss(self, name: str) -> None:
        near = misspelt(name)
        if near is not None:
            raise InputError("unknown field, and nearly one that decides the order", field=name, nearest=near)

    def _put(self, field: str, name: str, value: object) -> None:
        if isinstance(value, str) and not isinstance(value, Number):
            value = value.strip()
            if not value:
                return
            if "{{" in value:
                self._placeholder(field, name, value)
                return
        if field in self.values:
            if str(self.values[field]).lower() == str(value).lower():
                return
            message = f"given twice, as {self.written[field]} and as {name}, and not the same"
            raise InputError(message, field=name, value=str(value)[:60])
        self.values[field], self.written[field] = value, name

    def _placeholder(self, field: str, name: str, value: str) -> None:
        if field not in _UNDECIDING:
            raise InputError(f"placeholder not expanded: {value[:60]}", field=name, value=value[:60])
        self.notes.append(f"{name}: placeholder not expanded: {value[:60]}")

    def _note(self, name: str, value: object) -> None:
        if squashed(name).startswith(("sl", "tp")) and "pips" in name.lower():
            self.notes.append(f"{name}: pips are not known here, so no exit is placed for them")
        elif not isinstance(value, list) and len(str(value)) <= _LONGEST_NOTE:
            self.notes.append(f"{name}: not used")
        else:
            self.notes.append(f"{name[:40]}: not used")


class _Reader:
    """One alert's fields into a Reading."""

    def __init__(self, fields: _Fields, now: int) -> None:
        self.fields, self.now = fields, now

    def reading(self, symbol: str) -> Reading:
        exchange, ticker = self._ticker(symbol)
        time, bar = self._time()
        order_type = self._order_type()
        position, target = self._position()
        action, closes, said = self._action(position, target)
        numbers = self._numbers(order_type)
        bracket, trail = self._exits(action, order_type) if target is None else (None, None)
        if action is not Action.CLOSE and target is None:
            self._one_size(numbers)
        elif any(numbers[name] is not None for name in ("quantity", "quote_quantity")):
            what = "the position says how much" if target is not None else "a close takes the whole position"
            self.fields.notes.append(f"quantity: not used, {what}")
            numbers |= dict.fromkeys(("quantity", "quote_quantity", "equity_percent", "risk_percent"))
        reduce_only = self._flag("reduce_only")
        return Reading(
            symbol=ticker,
            action=action,
            exchange=exchange,
            said=said,
            only_closes=closes or reduce_only,
            order_type=order_type,
            time_in_force=choose(self._text("time_in_force") or "gtc", "time_in_force", TimeInForce),
            target_position=target,
            bracket=bracket,
            trail=trail,
            expire_at=self._moment("expire_at"),
            execute_at=execute_at_of(self.fields.values.get("execute_at", "now"), time or self.now),
            post_only=self._flag("post_only"),
            reduce_only=reduce_only,
            strategy=self._text("strategy"),
            account=self._text("account"),
            alert_id=self._alert_id(),
            time=time,
            bar_us=bar,
            max_age_s=self._decimal("max_age_s"),
            secret_in_body=self.fields.secret,
            notes=tuple(self.fields.notes),
            **numbers,
        )

    # What it is about

    def _ticker(self, symbol: str) -> tuple[str, str]:
        """(exchange, symbol): a prefix names the exchange; its own field does where there is none."""
        written = self._text("ticker") or symbol
        if not written:
            raise InputError("is missing", field="ticker")
        prefix, colon, name = written.partition(":")
        has_prefix = bool(colon and name) and "/" not in prefix  # BTC/USDT:USDT has a settlement asset, not a prefix
        exchange = prefix if has_prefix else self._text("exchange")
        return exchange.lower(), name if has_prefix else written

    def _alert_id(self) -> str:
        """Its own id, or the time that stands for it."""
        for field in ("alert_id", "timestamp"):
            value = self.fields.values.get(field)
            if value is not None:
                return str(value) if isinstance(value, Number) else text_of(value, field)
        return ""

    def _time(self) -> tuple[int | None, int]:
        """The alert's own time, and the bar that it may be the start of."""
        bar = 0
        interval = self._text("interval")
        if interval:
            match = _BAR.fullmatch(interval)
            bar = int(match[1] or 1) * _UNITS[match[2].lower()] * SECOND if match is not None else 0
        return self._moment("timestamp"), bar

    # What is to be done

    def _position(self) -> tuple[str, Decimal | None]:
        """(long, short, flat or "", the position to end with where it is known)."""
        word, size = self._text("market_position").lower(), self._decimal("position_size")
        if word and word not in _POSITIONS:
            message = f"unknown market_position {word!r}; known: {', '.join(_POSITIONS)}"
            raise InputError(message, field="market_position", value=word, nearest=nearest_name(word, _POSITIONS))
        length = self._decimal("market_position_size")
        if word == "flat":
            if size or length:
                raise InputError("flat, and not 0", field="market_position_size", value=size or length)
            return word, Decimal(0)
        if length is not None and not word and size is None:
            raise InputError("needs market_position beside it: long, short or flat", field="market_position_size")
        if size is None and length is None:
            return word, None
        if word == "long" and size is not None and size < 0:
            raise InputError("long, and below 0", field="position_size", value=size)
        target = abs(size if size is not None else length or Decimal(0))
        if word == "short" or (not word and size is not None and size < 0):
            target = -target
        return word, target

    def _action(self, position: str, target: Decimal | None) -> tuple[Action, bool, str]:
        """(action, whether it only closes, the word it came with)."""
        word = self._text("action").lower()
        meaning = action_of(word or position)
        if word and meaning is None:
            near = nearest_name(word, ACTIONS)
            message = f"unknown action {word!r}; known: buy, sell, close, long, short, flat, entry_long, exit_long, ..."
            raise InputError(message, field=self.fields.written.get("action", "action"), value=word, nearest=near)
        if meaning is None and target is None:
            raise InputError("is missing", field="action")
        if target is None:
            action, closes = meaning or (Action.CLOSE, False)
            return action, closes, word
        if meaning is None:
            return Action.TARGET, False, position
        return meaning[0], False, word or position

    def _order_type(self) -> OrderType:
        word = self._text("order_type").lower()
        if not word:
            return OrderType.STOP_LOSS if "stop_price" in self.fields.values else OrderType.MARKET
        return choose(ORDER_TYPE_WORDS.get(word, word), "order_type", OrderType)

    # How much, and at what price

    def _numbers(self, order_type: OrderType) -> dict[str, Any]:
        fields = self.fields
        kind = squashed(self._text("quantity_type"))
        if kind and "quantity" in fields.values:
            known = {squashed(word): field for word, field in _QUANTITY_TYPES.items()}
            if kind not in known:
                nearest = nearest_name(kind, _QUANTITY_TYPES)
                raise InputError("unknown kind of quantity", field="quantity_type", value=kind, nearest=nearest)
            if known[kind] != "quantity":
                fields._put(known[kind], fields.written["quantity"], fields.values.pop("quantity"))
        names = ("quantity", "quote_quantity", "equity_percent", "risk_percent", "price", "stop_price", "volatility")
        numbers = {name: self._decimal(name) for name in names}
        shown = self._decimal("signal_price")
        if not numbers["price"] and order_type not in HAS_PRICE:
            numbers["price"] = shown
        for name in ("price", "stop_price"):
            numbers[name] = numbers[name] or None  # 0 is how some senders say none
        return numbers

    def _one_size(self, numbers: dict[str, Any]) -> None:
        given = [n for n in ("quantity", "quote_quantity", "equity_percent", "risk_percent") if numbers[n] is not None]
        if len(given) > 1:
            raise InputError(f"give {given[0]} or {given[1]}, not both", field=given[1], value=numbers[given[1]])
        for name in given:
            if numbers[name] <= 0:
                raise InputError("must be above 0", field=self.fields.written.get(name, name), value=numbers[name])

    def _exits(self, action: Action, order_type: OrderType) -> tuple[Bracket | None, Trail | None]:
        names = (
            "stop_loss",
            "stop_loss_percent",
            "take_profit",
            "take_profit_percent",
            "trail_amount",
            "trail_percent",
        )
        given = {name: self.fields.values[name] for name in names if self._decimal(name)}
        return exits_of(given, action, order_type)

    # One field

    def _text(self, name: str) -> str:
        value = self.fields.values.get(name)
        if value is None:
            return ""
        if isinstance(value, Number) and name in ("interval", "strategy", "account"):
            return str(value)
        return text_of(value, self.fields.written[name])

    def _decimal(self, name: str) -> Decimal | None:
        value = self.fields.values.get(name)
        return None if value is None else decimal_of(value, self.fields.written[name])

    def _moment(self, name: str) -> int | None:
        value = self.fields.values.get(name)
        return None if value is None else moment_of(value, self.fields.written[name])

    def _flag(self, name: str) -> bool:
        value = self.fields.values.get(name, False)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        return flag_of(value, self.fields.written.get(name, name))


__all__ = ["FIELDS", "KEYS_REFUSED", "Reading", "read"]
