"""Example bodies for the OpenAPI document, built from the examples of their fields."""

from __future__ import annotations

import re
from typing import Any, Final

_STRINGS: Final = {
    "date-time": "2026-01-31T12:00:00Z",
    "decimal": "0.01",
    "uri": "https://example.com/",
    "password": "correct horse battery staple",
}
_NAMED: Final = {
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "user_id": "0a2f4c1e-93a1-4a5e-9d7b-6f0e2b8c4d11",
    "user_wallet_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "wallet_id": "5f0c7a52-1d3b-4c8e-8f6a-2b9d4e7c1a30",
    "wallet_slug": "demo-wallet-v1",
    "slug": "demo-wallet-v1",
    "wallet_name": "Demo Wallet",
    "custom_name": "My First Demo Wallet",
    "name": "Demo Wallet",
    "display_name": "Demo Wallet (crypto)",
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "asset": "USDT",
    "cash_asset": "USDT",
    "fee_currency": "USDT",
    "order_id": "o-12-1",
    "fill_id": "o-12-1-1",
    "client_order_id": "my-order-1",
    "field_name": "api_key",
    "display_label": "API key",
    "timezone": "UTC",
    "source": "simulated",
    "next_cursor": None,
    "error_message": None,
    "last_error": None,
    "last_error_at": None,
    "next_retry_at": None,
    "reason": "Holiday",
    "price": "50000",
    "amount": "0.01",
    "max_position_size_usd": "1000",
    "max_total_exposure_usd": "5000",
    "max_open_positions": 5,
    "daily_loss_limit_usd": "500",
    "daily_loss_limit_percent": "5",
    "max_drawdown_percent": "20",
    "stop_loss_default_percent": "2",
    "take_profit_default_percent": "5",
}


def sample(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """Return a value that fits a JSON schema: our example for its name, else its own example, default or type."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth + 1)
    if _is_named(name, schema):
        return _NAMED[name]
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    if schema.get("default") is not None:
        return schema["default"]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            options = [option for option in schema[key] if option.get("type") != "null"] or schema[key]
            return sample(options[0], schemas, name, depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, schemas, depth)


def _is_named(name: str, schema: dict[str, Any]) -> bool:
    """Tell whether we have an example for this name that fits the type and the pattern of this field."""
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if name not in _NAMED or not {"string", "integer"} & {*kinds}:
        return False
    return "pattern" not in schema or bool(re.search(schema["pattern"], str(_NAMED[name])))


def _of_type(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {name: sample(inner, schemas, name, depth + 1) for name, inner in properties.items()}
    if kind == "array":
        first = schema.get("prefixItems", [schema.get("items")])
        return [sample(item, schemas, depth=depth + 1) for item in first if item]
    if kind == "integer":
        return max(int(schema.get("minimum", 1)), 1)
    if kind == "number":
        return 1.5
    if kind == "boolean":
        return True
    if kind == "string":
        return _STRINGS.get(schema.get("format", ""), "text")
    return None
