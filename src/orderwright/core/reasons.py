"""Why an order was refused: a value with a stable number, never an exception.

Bands: 1xx the shape of what was asked, 2xx the instrument, 3xx risk, 4xx route and state, 5xx the venue.
A number, once given out, keeps its meaning.
"""

from __future__ import annotations

import enum

from msgspec import Struct


class Reason(enum.IntEnum):
    """Stable reason codes. The names are what logs and answers show, in lower case."""

    # 1xx: the shape of the instruction
    DUPLICATE_ORDER_ID = 101
    DUPLICATE_SIGNAL = 102
    IDEMPOTENCY_CONFLICT = 103
    KEY_TOO_LONG = 104
    QUANTITY_MISSING = 110
    QUANTITY_NOT_POSITIVE = 111
    QUANTITY_TWICE = 112
    PRICE_MISSING = 120
    PRICE_UNWANTED = 121
    PRICE_NOT_POSITIVE = 122
    STOP_PRICE_MISSING = 123
    STOP_PRICE_UNWANTED = 124
    STOP_PRICE_NOT_POSITIVE = 125
    TIME_IN_FORCE = 130
    POST_ONLY = 131
    EXPIRY_MISSING = 132
    EXPIRY_UNWANTED = 133
    EXPIRY_PAST = 134
    EXECUTE_AT_PAST = 135
    LINGER_RULE = 136
    GROUP = 137
    BRACKET = 138
    TRAIL = 139
    ORDER_PARAMS = 140
    # 2xx: the instrument
    UNKNOWN_ACCOUNT = 200
    UNKNOWN_SYMBOL = 201
    NOT_TRADING = 202
    PRICE_OFF_TICK = 210
    PRICE_TOO_LOW = 211
    PRICE_TOO_HIGH = 212
    STOP_PRICE_OFF_TICK = 213
    QUANTITY_OFF_STEP = 220
    QUANTITY_TOO_SMALL = 221
    QUANTITY_TOO_LARGE = 222
    VALUE_TOO_SMALL = 230
    VALUE_TOO_LARGE = 231
    PRICE_COLLAR = 240
    NO_MARKET_PRICE = 241
    # 3xx: risk
    HALTED = 300
    REDUCING = 301
    HELD = 302
    ORDER_VALUE = 310
    ORDER_VALUE_SMALL = 311
    POSITION_VALUE = 312
    SYMBOL_POSITION_VALUE = 313
    DAILY_LOSS = 314
    OPEN_ORDERS = 315
    DAILY_ORDERS = 316
    ORDER_RATE = 317
    BUYING_POWER = 318
    NO_CONVERSION_PRICE = 319
    REDUCE_ONLY = 320
    # 4xx: route and state
    UNKNOWN_ORDER = 400
    NOT_OPEN = 401
    NOTHING_CHANGES = 402
    BELOW_FILLED = 403
    TOO_MANY_REQUESTS = 404
    ALREADY_CANCELLING = 405
    NOTHING_TO_CLOSE = 406
    NOT_WAITING = 407
    APPROVAL_DENIED = 408
    APPROVAL_EXPIRED = 409
    NOT_SENT = 410
    WITHDRAWN = 411
    EXPIRED_WAITING = 412
    EXECUTION_DISABLED = 413
    NOTHING_LEFT = 414
    EXECUTION_TIMEOUT = 415
    RATE_QUEUE_FULL = 416
    TAKEN_OVER = 417
    # 5xx: the venue
    VENUE_REJECTED = 500
    VENUE_UNREACHABLE = 501
    NEVER_REACHED_VENUE = 502
    VENUE_CANCELLED = 503


class Refusal(Struct, frozen=True):
    """Why not, and what would pass.

    `field` and `value` are the offending input; `rule` says in words what was broken; `nearest` is the nearest
    value that would pass (quantities are rounded down, never up), where there is one.
    """

    reason: Reason
    rule: str
    field: str = ""
    value: str = ""
    nearest: str | None = None

    def __str__(self) -> str:
        shown = f"{self.field} {self.value}".rstrip() + ": " if self.field else ""
        hint = f" (nearest that passes: {self.nearest})" if self.nearest is not None else ""
        return f"{shown}{self.rule}{hint}"

    @property
    def code(self) -> str:
        """The reason's name as it is shown: `quantity_off_step`."""
        return self.reason.name.lower()
