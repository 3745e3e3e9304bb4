"""What the fields of requests mean, and which words they take: for the OpenAPI document and /docs.

A field means the same in every request; where it does not, `OF` has it by record.
"""

from __future__ import annotations

from collections.abc import Mapping

_LENGTHS = "A length such as 1h, 1d or 30d."
_NAMED = "Yours, where it is not named."
MEANING: Mapping[str, str] = {
    "account": "The account. " + _NAMED,
    "action": "buy, sell, close, or target (with `target_quantity`).",
    "after": "The last sequence that you have; what comes after it is told.",
    "alert": "Our id of the alert, as the list shows it.",
    "alert_id": "The sender's own id.",
    "as_of": "As it was at this time: ISO 8601, or epoch seconds or milliseconds.",
    "ask": "latest (the newest row of each group) or history.",
    "asset": "Such as USDT or BTC.",
    "book": "The book. " + _NAMED,
    "bracket": "The exits that its fills bring with them: stop_loss, take_profit (prices) or _percent, trail.",
    "cause": "Why; it is kept in the log and shown to others. At most 200 characters.",
    "currency": "What amounts are told in. Without: the book's.",
    "cursor": "Where to go on: what the page before ended with.",
    "decision_price": "The price at which you decided; shortfall is measured from it.",
    "decision_time": "When you decided.",
    "end": "Up to this time, included.",
    "episode": "A word of yours that groups orders, such as a run of a strategy.",
    "every": _LENGTHS,
    "exact_status": "One status, never a group, such as partially_filled.",
    "exchange": "The exchange. Without: the account's, or the first.",
    "execute_at": "When it goes out: now, next_open, a time, or after_ms:N.",
    "expire_at": "When it is over (time_in_force gtd).",
    "expires_in": "A length such as 90d or 12h; without it the key does not expire.",
    "group": "Orders of one group: what fills of one is taken off the others (one cancels the other).",
    "idempotency_key": "Your own id of the order: the same key and order again is answered with the first one.",
    "key_id": "The public id of a key: the ten digits after `ow_`.",
    "label": "What the key is for.",
    "limit": "How many, at most.",
    "linger": "What becomes of the order while it lingers: rules, see docs/lingering.md.",
    "metadata": "Words and numbers of yours, kept with the order.",
    "order_id": "The order's `client_order_id`, or its number `id`.",
    "order_type": "market, limit, stop_loss, stop_loss_limit, take_profit or take_profit_limit. Without: as the prices "
    "tell.",
    "orders": "1 to 1,000 creates, cancels and amends (`action`), in their order.",
    "parent_id": "The order that an order belongs to.",
    "post_only": "Refused by the exchange where it would trade at once.",
    "price": "The limit price, in quote units.",
    "quantity": "In base units. Of an amendment: the whole quantity, what has filled included.",
    "quote_quantity": "In quote units, for market orders: how much to spend or to get.",
    "reduce_only": "Never opens or enlarges a position.",
    "scope": "read, trade or admin; at most what the user's keys may do (users.NAME.scope).",
    "side": "buy or sell.",
    "signal_id": "Your id of a signal; the same one again does nothing.",
    "since": "From this time on, included.",
    "source": "Where it comes from: api, manual, strategy or tradingview.",
    "start": "From this time on, included.",
    "state": "active, reducing (only what reduces a position) or halted (only cancels).",
    "status": "A group (pending, open, cancelled, closed) or a status.",
    "stop_loss": "The price of the exit that limits the loss.",
    "stop_loss_percent": "The same, as percent from the entry's price: 2 is 2 %.",
    "stop_price": "The price that sets a stop or take-profit order off.",
    "strategy": "The strategy's name.",
    "symbol": "In any usual spelling: BTCUSDT, BTC/USDT, BTC-USDT.",
    "table": "A table of the log: orders, fills, ledger, balances, positions, signals ...",
    "take_profit": "The price of the exit that takes the profit.",
    "take_profit_percent": "The same, as percent from the entry's price.",
    "target_quantity": "The position that is wanted, in base units; negative is short.",
    "ticker": "The symbol as it was sent.",
    "time_in_force": "gtc, ioc, fok, day, or gtd (with `expire_at`).",
    "token": "The strategy's token: a secret.",
    "trail": "How a stop follows the market: `amount` in quote units, or `percent`.",
    "until": "Until when, included.",
    "user": "1 to 64 letters, digits, '.', '_', '@' and '-'.",
    "user_id": "The user. " + _NAMED,
    "verdict": "What became of it.",
    "where": "What rows are to have: column and value, or values.",
    "window": _LENGTHS,
    "worst": "How many of the worst orders to name.",
}
OF: Mapping[tuple[str, str], str] = {
    ("SetState", "until"): "When it goes back to active by itself; without it, it stays until it is set again.",
    ("AskOrders", "orders"): "Their order ids.",
    ("AskDrift", "by"): "What the two groups are told apart by.",
    ("AskExposure", "by"): "Any of user, account, exchange, symbol, commas between.",
    ("AskProfit", "by"): "Any of day, user, account, exchange, strategy, symbol, commas between.",
    ("AskRows", "by"): "Columns; the table's own where there are none.",
    ("AskRows", "since"): "Microseconds, included; of a history.",
    ("AskRows", "as_of"): "Microseconds, included.",
    ("AskDrift", "live"): "The name of the one group, such as binance.",
    ("AskDrift", "simulated"): "The name of the other, such as simulated.",
}


def meaning_of(field: str, where: str = "") -> str:
    """What a field means; "" for one that says it by its name. where: the record it is of."""
    return OF.get((where, field), MEANING.get(field, ""))


__all__ = ["meaning_of"]
