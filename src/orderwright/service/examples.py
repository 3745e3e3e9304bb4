"""Examples of answers for the OpenAPI document: made from the schemas, with the field's usual values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orderwright import __version__

DEEPEST = 6
_TIME = "2026-11-20T10:00:00.500000Z"
_USUAL: dict[str, Any] = {
    "order_id": "01a1fc56731d000000c38f82274004",
    "client_order_id": "01a1fc56731d000000c38f82274004",
    "symbol": "BTC/USDT",
    "exchange": "simulated",
    "account": "main@simulated",
    "user": "main",
    "user_id": "main",
    "book": "main",
    "side": "buy",
    "order_type": "limit",
    "status": "open",
    "source": "api",
    "time_in_force": "gtc",
    "currency": "USDT",
    "asset": "USDT",
    "key": "ow_5a064f7bbc_...",
    "key_id": "5a064f7bbc",
    "scope": "trade",
    "quantity": "0.001",
    "filled_quantity": "0",
    "remaining_quantity": "0.001",
    "filled_quote": "0",
    "average_fill_price": None,
    "stop_price": None,
    "filled_at": None,
    "error_code": None,
    "risk_check_passed": "passed",
    "quote_quantity": None,
    "expire_at": None,
    "execute_at": None,
    "bracket": None,
    "trail": None,
    "day_end": None,
    "decision_price": None,
    "estimated_fee": "0.05",
    "estimated_cost": "50.05",
    "price": "50000",
    "stop_loss": "45000",
    "take_profit": "60000",
    "ready": True,
    "simulated": True,
    "strategy": "trend",
    "default_book": "main",
    "default": "main",
    "books": "main",
    "exchanges": "simulated",
    "symbols": "BTC/USDT",
    "name": "main",
    "label": "my laptop",
    "header": "Authorization: Bearer ow_5a064f7bbc_...",
    "issued_by": "operator/5a064f7bbc",
    "version": __version__,
    "verdict": "accepted",
    "state": "active",
    "trading_state": "active",
    "limit": "max_order_value",
    "ticker": "BTCUSDT",
    "action": "buy",
    "alert": "01a1fc56731d000000c38f82274004",
    "signal_id": "01a1fc56731d000000c38f82274004",
    "client_id": "01a1fc56731d000000c38f82274004",
    "kind": "new",
    "bar": "1h",
    "body": '{"ticker": "BTCUSDT", "action": "buy"}',
}
_OF: dict[tuple[str, str], Any] = {
    ("Readiness", "status"): "ready",
    ("KeyView", "status"): "good",
    ("KeyView", "revoked_at"): None,
    ("BookState", "until"): None,
    ("BookState", "by"): None,
    ("BookState", "held"): None,
    ("RequestView", "state"): "acknowledged",
    ("BatchResult", "problem"): None,
}
"""What fits one record alone, by its name and field."""
UNKNOWN = "..."


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that fits a schema. name: of the field it is for."""
    if "$ref" in schema:
        found = schema["$ref"].rpartition("/")[2]
        made = example_of(components[found], components, name, depth)
        return made if not isinstance(made, dict) else {one: _OF.get((found, one), its) for one, its in made.items()}
    if "enum" in schema:
        return _USUAL[name] if name in _USUAL and _USUAL[name] in schema["enum"] else schema["enum"][0]
    for kinds in ("anyOf", "oneOf"):
        if kinds in schema:
            one = next((one for one in schema[kinds] if one != {"type": "null"}), {"type": "null"})
            may_be_null = {"type": "null"} in schema[kinds]
            if depth >= DEEPEST or (may_be_null and name in _USUAL and _USUAL[name] is None):
                return None
            made = example_of(one, components, name, depth)
            return None if may_be_null and made == UNKNOWN else made
    return _of_type(schema, components, name, depth)


def _of_type(schema: Mapping[str, Any], components: Mapping[str, Any], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {one: example_of(its, components, one, depth + 1) for one, its in fields.items()}
        case "array":
            items = schema.get("items", {})
            return [example_of(items, components, name, depth + 1)] if items and depth < DEEPEST else []
        case "string":
            return _text(schema, name)
        case "integer":
            return int(max(schema.get("minimum", 1), 1))
        case "number":
            return 1.0
        case "boolean":
            return _USUAL.get(name) is True
        case _:
            return None


def _text(schema: Mapping[str, Any], name: str) -> str:
    if isinstance(_USUAL.get(name), str):
        return str(_USUAL[name])
    if "percent" in name:
        return "2"
    if schema.get("format") == "decimal":
        return "0.001" if "quantity" in name else "50000"
    if schema.get("format") == "date-time" or name.endswith("_at") or name == "time":
        return _TIME
    if any(word in name for word in ("price", "value", "cost", "equity", "quote", "total", "fee")):
        return "50000"
    return "0.001" if "quantity" in name else UNKNOWN


__all__ = ["example_of"]
