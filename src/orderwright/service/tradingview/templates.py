"""Messages to paste into an alert's Message field: TradingView fills in what stands in {{...}}.

`strategy` is the one to begin with: it says the position that the strategy has after each order, so that an alert which
never came is made good by the next. `order` repeats each order of a strategy as it is; what is missed stays missed.
`buy`, `sell` and `close` are for alerts of an indicator or a price, of which each says one thing.
"""

from __future__ import annotations

from orderwright.errors import UnknownName

_COMMON = {"ticker": "{{exchange}}:{{ticker}}"}
_FIRED = {"price": "{{close}}", "timestamp": "{{timenow}}"}
TEMPLATES: dict[str, dict[str, str]] = {
    "strategy": {
        **_COMMON,
        "action": "{{strategy.order.action}}",
        "market_position": "{{strategy.market_position}}",
        "market_position_size": "{{strategy.market_position_size}}",
        "price": "{{strategy.order.price}}",
        "timestamp": "{{timenow}}",
        "alert_id": "{{strategy.order.id}} {{timenow}} {{strategy.market_position_size}}",
    },
    "order": {
        **_COMMON,
        "action": "{{strategy.order.action}}",
        "quantity": "{{strategy.order.contracts}}",
        "price": "{{strategy.order.price}}",
        "timestamp": "{{timenow}}",
        "alert_id": "{{strategy.order.id}} {{timenow}} {{strategy.position_size}}",
    },
    "buy": {**_COMMON, "action": "buy", **_FIRED, "alert_id": "{{time}}"},
    "sell": {**_COMMON, "action": "sell", **_FIRED, "alert_id": "{{time}}"},
    "close": {**_COMMON, "action": "close", **_FIRED, "alert_id": "{{time}}"},
}
WEBHOOK = "/api/tradingview/webhook"


def message(kind: str, strategy: str, *, secret: bool = False) -> str:
    """The message of a kind, as JSON. secret: with a place for the webhook's secret. Raises UnknownName."""
    template = TEMPLATES.get(kind)
    if template is None:
        raise UnknownName("kind of message", kind, TEMPLATES, field="kind")
    fields = {**({"secret": "YOUR-SECRET"} if secret else {}), "strategy": strategy, **template}
    lines = ",\n".join(f'  "{name}": "{value}"' for name, value in fields.items())
    return "{\n" + lines + "\n}"


__all__ = ["TEMPLATES", "WEBHOOK", "message"]
