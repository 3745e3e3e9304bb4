"""What people call the fields of an alert, and its actions.

Names are compared in lower case without `_`, `-` and spaces: takeProfit, take_profit and TAKE PROFIT are one. A name
that is not known is noted and not used, unless it is nearly that of a field that decides: that is a misspelling, and
is refused.
"""

from __future__ import annotations

import difflib
from functools import lru_cache

from orderwright.core.model import Action

FIELDS: dict[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol", "pair", "tv_instrument", "instrument", "trading_pair"),
    "exchange": ("exchange", "tv_exchange", "venue"),
    "action": ("action", "side", "signal", "direction", "order_action"),
    "quantity": ("quantity", "qty", "size", "volume", "amount", "contracts", "order_size", "order_contracts"),
    "quote_quantity": ("quote_quantity", "quote_qty", "quote_amount", "amount_quote", "notional", "usd_amount"),
    "equity_percent": ("equity_percent", "percent_of_equity", "percent_equity"),
    "risk_percent": ("risk_percent", "risk_pct"),
    "quantity_type": ("quantity_type", "currency_type", "size_type"),
    "price": ("price", "limit_price", "order_price"),
    "signal_price": ("signal_price", "trigger_price", "market_price"),
    "stop_price": ("stop_price",),
    "volatility": ("volatility", "atr"),
    "stop_loss": ("stop_loss", "sl"),
    "stop_loss_percent": ("stop_loss_percent", "sl_percent", "sl_pct"),
    "take_profit": ("take_profit", "tp"),
    "take_profit_percent": ("take_profit_percent", "tp_percent", "tp_pct"),
    "trail_amount": ("trail_amount", "trailing_amount"),
    "trail_percent": ("trail_percent", "trailing_percent"),
    "order_type": ("order_type", "type", "price_type"),
    "time_in_force": ("time_in_force", "tif"),
    "expire_at": ("expire_at", "good_till"),
    "execute_at": ("execute_at",),
    "post_only": ("post_only",),
    "reduce_only": ("reduce_only",),
    "position_size": ("position_size", "target_position", "target_quantity", "target_size"),
    "market_position": ("market_position",),
    "market_position_size": ("market_position_size",),
    "alert_id": ("alert_id", "id", "signal_id"),
    "timestamp": ("timestamp", "time", "time_now", "alert_time"),
    "interval": ("interval", "timeframe"),
    "max_age_s": ("max_lag", "max_age", "max_age_s"),
    "strategy": ("strategy", "strategy_name"),
    "account": ("account",),
}
"""Our name of each field, and what it is called in alerts."""

NOTED = (
    *("open", "high", "low", "close", "bot_uuid", "pointer", "product", "comment", "message", "text", "note", "user"),
    *("user_id", "order_id", "order_comment", "alert_message", "prev_position", "prev_market_position"),
    *("prev_market_position_size", "is_test_net", "source", "strategies", "name", "title", "version", "pips"),
)
"""What is often sent and decides nothing here."""

SECRETS = ("secret", "passphrase", "password", "apikey", "token", "webhook_secret", "auth")
"""Fields that may hold the webhook's secret."""
EXCHANGE_KEYS = (
    *("api_secret", "api_secret_key", "api_key", "secret_key", "private_key", "api_passphrase", "exchange_key"),
    *("exchange_secret", "access_key", "wallet_key", "mnemonic", "seed_phrase"),
)
"""Fields that hold an exchange's keys: an alert with one is refused."""


_LONGEST = 64
"""No field of ours has a longer name."""


def squashed(name: str) -> str:
    """A field's name as names are compared."""
    return _squashed(name) if len(name) <= _LONGEST else name


@lru_cache(maxsize=1_024)
def _squashed(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


_KNOWN = {squashed(name): field for field, names in FIELDS.items() for name in names}
_NOTED = frozenset(squashed(name) for name in NOTED)
_SECRETS = frozenset(SECRETS)
_EXCHANGE_KEYS = frozenset(squashed(name) for name in EXCHANGE_KEYS) - {"apikey"}
_LIKELY = 0.85


def field_of(name: str) -> str | None:
    """Our name of a field; None for one that is not known."""
    return _KNOWN.get(squashed(name))


def misspelt(name: str) -> str | None:
    """The field that decides which a name not known is nearly; None where it is nothing like one."""
    given = squashed(name)
    if given in _NOTED or len(given) < 4:
        return None
    close = difflib.get_close_matches(given, _KNOWN, n=1, cutoff=_LIKELY)
    if not close:
        return None
    names = FIELDS[_KNOWN[close[0]]]
    return next(name for name in names if squashed(name) == close[0])


def is_exchange_key(name: str) -> bool:
    """Whether a field holds an exchange's key. `apikey` is what OpenAlgo calls the webhook's secret; api_key is not."""
    return name.lower().replace("-", "_") == "api_key" or squashed(name) in _EXCHANGE_KEYS


def is_secret(name: str) -> bool:
    """Whether a field holds a secret of the webhook's."""
    return squashed(name) in _SECRETS or squashed(name) == "webhooksecret"


BUY, SELL, CLOSE = (Action.BUY, False), (Action.SELL, False), (Action.CLOSE, False)
ACTIONS: dict[str, tuple[Action, bool]] = {
    **dict.fromkeys(("buy", "long", "entry_long", "enter_long", "open_long", "long_entry", "buy_to_open"), BUY),
    **dict.fromkeys(("sell", "short", "entry_short", "enter_short", "open_short", "short_entry", "sell_short"), SELL),
    **dict.fromkeys(("exit_long", "close_long", "long_exit", "sell_to_close"), (Action.SELL, True)),
    **dict.fromkeys(("exit_short", "close_short", "short_exit", "cover", "buy_to_cover"), (Action.BUY, True)),
    **dict.fromkeys(("close", "exit", "flat", "flatten", "close_all", "close_position", "exit_all"), CLOSE),
}
"""The action that a word means, and whether it only closes."""
_ACTIONS = {squashed(word): meaning for word, meaning in ACTIONS.items()}


def action_of(word: str) -> tuple[Action, bool] | None:
    """The action that a word means, and whether it only closes; None for a word that is not known."""
    return _ACTIONS.get(squashed(word))


__all__ = [
    "ACTIONS",
    "EXCHANGE_KEYS",
    "FIELDS",
    "NOTED",
    "SECRETS",
    "action_of",
    "field_of",
    "is_exchange_key",
    "is_secret",
    "misspelt",
    "squashed",
]
