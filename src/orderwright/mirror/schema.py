"""The mirror's tables: what of the log is copied, column by column.

- Every table only ever grows. A row's key is (book, sequence), and `n` where one log row gives several.
- Times are microseconds since the epoch, UTC, as in the log. Money is DECIMAL(38, 18), which holds every number that
  the log can hold; a sum of it is exact. What is absent is null.
- `id` is the order's number in the log's `orders`; it joins `placed`, `steps` and `fills`.

| table | a row is |
| --- | --- |
| placed | an order as it came in (event order_received) |
| steps | any event of an order, its first one too: what its state was after it |
| fills | an execution, a correction of one (it has `voids`, the execution it stands for), or a bust (only `voids`) |
| ledger | a change of a balance or of what is locked of it |
| positions | a position after a change |
| prices | a quote that was written down |
| cash | money moved in or out |
| signals | a signal and its verdict |
| accounts, instruments, days | an account opened or changed, an instrument defined, a day started |
| settings | what a book was to be run by from then on: the currency it counts in and what counts one for one |
"""

from __future__ import annotations

VERSION = 3
"""Of the tables, what is derived from them, and how they are kept: a mirror of another version is rebuilt."""

DECIMAL = "decimal(38, 18)"
_KEY = {"book": "string", "sequence": "int64", "time": "int64"}

TABLES: dict[str, dict[str, str]] = {
    "placed": _KEY
    | {
        "id": "int64",
        "order_id": "string",
        "account": "string",
        "exchange": "string",
        "user_id": "string",
        "strategy": "string",
        "episode": "string",
        "symbol": "string",
        "side": "string",
        "order_type": "string",
        "time_in_force": "string",
        "source": "string",
        "signal_id": "string",
        "parent_id": "string",
        "quantity": DECIMAL,
        "price": DECIMAL,
        "stop_price": DECIMAL,
        "decision_price": DECIMAL,  # what the decider saw (the chart's price of an alert), where it was said
        "decision_time": "int64",
        "arrival_price": DECIMAL,  # the middle of the market when the order was decided on here
        "bid": DECIMAL,
        "ask": DECIMAL,
        "estimated_fee": DECIMAL,
        "estimated_cost": DECIMAL,
        "estimated_slippage": DECIMAL,
        "wait_for": "string",  # null: its first request left at once
    },
    "steps": _KEY
    | {
        "id": "int64",
        "kind": "string",  # the event's tag: order_received, request_submitted, order_accepted, order_filled, ...
        "status": "string",  # after it
        "quantity": DECIMAL,
        "price": DECIMAL,
        "filled_quantity": DECIMAL,
        "remaining_quantity": DECIMAL,
        "filled_quote": DECIMAL,
        "error_code": "string",
        "reason": "string",
        "number": "int64",  # of the request that it is about: 0 the order itself
        "request": "string",  # request_submitted: new | replace | cancel
        "asked_quantity": DECIMAL,  # by a replace that was submitted
        "rule": "string",  # the lingering rule that asked for it
        "mid": DECIMAL,  # the middle of the market at it: when received, sent, withdrawn, ended; else null
    },
    "fills": _KEY
    | {
        "id": "int64",
        "execution_id": "string",
        "quantity": DECIMAL,
        "price": DECIMAL,
        "fee": DECIMAL,
        "fee_asset": "string",
        "liquidity": "string",
        "venue_time": "int64",
        "voids": "string",
    },
    "ledger": _KEY
    | {
        "n": "int64",
        "account": "string",
        "asset": "string",
        "change": DECIMAL,
        "total": DECIMAL,
        "locked": DECIMAL,
        "id": "int64",  # of the order that changed it, if one did
    },
    "positions": _KEY
    | {"account": "string", "symbol": "string", "size": DECIMAL, "cost": DECIMAL, "realised": DECIMAL},
    "prices": _KEY
    | {
        "exchange": "string",
        "symbol": "string",
        "last": DECIMAL,
        "bid": DECIMAL,
        "ask": DECIMAL,
        "quote_time": "int64",
    },
    "cash": _KEY
    | {"account": "string", "asset": "string", "amount": DECIMAL, "cause": "string", "reference": "string"},
    "signals": _KEY
    | {
        "key": "string",
        "signal_id": "string",
        "account": "string",
        "symbol": "string",
        "action": "string",
        "source": "string",
        "strategy": "string",
        "user_id": "string",
        "verdict": "string",
        "order_id": "string",
        "reason": "string",
        "detail": "string",
    },
    "accounts": _KEY | {"account": "string", "exchange": "string", "user_id": "string", "leverage": DECIMAL},
    "instruments": _KEY
    | {
        "exchange": "string",
        "symbol": "string",
        "base": "string",
        "quote": "string",
        "tick_size": DECIMAL,
        "step_size": DECIMAL,
        "linear": "boolean",
    },
    "days": _KEY | {"day": "int64", "equity": DECIMAL},
    "settings": _KEY | {"currency": "string", "parity": "string"},  # parity: the assets, a comma between two
}
