"""Examples of answers for the OpenAPI document: made from the schemas, with the field's usual values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 6
_TIME = "2026-11-20T10:00:00.5Z"
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
}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that fits a schema. name: of the field it is for."""
    if "$ref" in schema:
        found = schema["$ref"].rpartition("/")[2]
        return example_of(components[found], components, name, depth)
    if "enum" in schema:
        return _USUAL[name] if _USUAL.get(name) in schema["enum"] else schema["enum"][0]
    for kinds in ("anyOf", "oneOf"):
        if kinds in schema:
            one = next((one for one in schema[kinds] if one != {"type": "null"}), {"type": "null"})
            return None if depth >= DEEPEST else example_of(one, components, name, depth)
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
            return True
        case _:
            return None


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "decimal":
        return "0.001" if "quantity" in name else "50000"
    if name in _USUAL:
        return str(_USUAL[name])
    if schema.get("format") == "date-time" or name.endswith("_at") or name == "time":
        return _TIME
    if any(word in name for word in ("price", "value", "cost", "equity", "quote", "total", "fee")):
        return "50000"
    return "0.001" if "quantity" in name else "text"


__all__ = ["example_of"]
