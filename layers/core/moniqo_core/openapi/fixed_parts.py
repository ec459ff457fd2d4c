"""What stands in the document whatever the routes are."""

from __future__ import annotations

from typing import Final

from moniqo_core.openapi.named_errors import named_errors

TITLE: Final = "Moniqo Wallets"
DESCRIPTION: Final = """\
One interface over paper wallets and real trading accounts: connect a wallet, trade through it, and see balances that
are always right.

**Amounts** are decimal strings in answers (`"0.01"`); requests may send a string or a JSON number. **Times** are
RFC 3339 in UTC. Fields that are not known are refused.

**Errors** are problem details (RFC 9457). Switch on `code`; `hint` says what to do next, `retryable` whether the same
call may succeed later. What the gateway itself refuses has its own shape, `{"message": ...}`: a missing, invalid or
expired token (401), an unknown route (404), too many requests (429), no answer in time (503).

**Log in** with `POST /api/v1/auth/login`, press *Authorize* and paste the access token.
"""
TAGS: Final = {
    "Authentication": "Log in, and stay logged in.",
    "Wallet definitions": "The catalogue of what can be connected.",
    "Wallets": "Wallets of the caller: connect, look, change, pause, delete.",
    "Orders": "Place, look up and cancel orders; see what was traded.",
    "Portfolio": "Positions, results and history of a wallet.",
    "Markets": "Symbols and prices as one wallet sees them.",
    "Sync": "Keep stored balances true, and see how that went.",
    "Service": "The service itself.",
}
PARAMETERS: Final = {
    "user_wallet_id": ("Id of one of the caller's wallets.", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    "slug": ("Slug of a wallet definition.", "demo-wallet-v1"),
    "order_id": ("Id of an order of this wallet.", "o-12-1"),
    "symbol": ("A symbol this wallet can trade.", "BTC/USDT"),
    "interval": ("Length of a candle.", "1m"),
    "limit": ("How many.", 50),
    "status": ("Only those in this state.", "active"),
}
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The access token of POST /api/v1/auth/login.",
}
HEADERS: Final = {
    "X-Request-Id": {"description": "Names this request in our logs.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
}
SCHEMAS: Final = {
    "Problem": {
        "type": "object",
        "description": "What was refused, why, and what to do next. Errors add members of their own.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint", "retryable"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "Names the kind of error."},
            "title": {"type": "string", "description": "The kind of error in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong with this request."},
            "instance": {"type": "string", "description": "The path that was called."},
            "code": {"type": "string", "enum": sorted(named_errors()), "description": "The stable name to switch on."},
            "request_id": {"type": "string", "description": "The same as the header X-Request-Id."},
            "hint": {"type": "string", "description": "What to do next."},
            "retryable": {"type": "boolean", "description": "Whether the same call may succeed later."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/InvalidField"}},
        },
        "additionalProperties": True,
    },
    "InvalidField": {
        "type": "object",
        "description": "A field that was refused. What was sent is not repeated.",
        "required": ["field", "message", "code"],
        "properties": {"field": {"type": "string"}, "message": {"type": "string"}, "code": {"type": "string"}},
    },
    "GatewayRefusal": {
        "type": "object",
        "description": "A refusal of the gateway, before any code of ours ran.",
        "required": ["message"],
        "properties": {"message": {"type": ["string", "null"]}},
    },
}
