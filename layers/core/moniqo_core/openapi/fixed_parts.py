"""The parts of the document that do not depend on the routes."""

from __future__ import annotations

from typing import Final

from moniqo_core.openapi.named_errors import named_errors

TITLE: Final = "Moniqo Wallets"
DESCRIPTION: Final = """\
One interface for paper wallets and real trading accounts. Connect a wallet, trade through it, and see balances that
always add up.

**Amounts** are decimal strings in responses (`"0.01"`). Requests may send a string or a JSON number. **Times** are
RFC 3339 in UTC. Unknown fields and query parameters are refused, and so are repeated parameters.

**Errors** are problem details (RFC 9457). Switch on `code`. `hint` says what to do next, and `retryable` tells whether
the same call may succeed later. Errors of the gateway have their own shape, `{"message": ...}`: a missing, invalid or
expired token (401), an unknown route (404), a body over 10 MB (413), too many requests (429), no answer in time (503).

**Log in** with `POST /api/v1/auth/login`, press *Authorize* and paste the access token.
"""
TAGS: Final = {
    "Authentication": "Log in and refresh access tokens.",
    "Wallet definitions": "The catalogue of wallets that users can connect.",
    "Wallets": "Connect, show, change, pause and delete wallets.",
    "Orders": "Place, show and cancel orders, and list trades.",
    "Portfolio": "Positions, performance and history of a wallet.",
    "Markets": "Symbols and prices in the market of a wallet.",
    "Sync": "Sync balances, and show the log of syncs.",
    "Service": "The service itself.",
}
SERVER: Final = {"url": "/", "description": "The deployment that serves this document."}
PARAMETERS: Final = {
    "user_wallet_id": ("Id of one of your wallets.", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    "slug": ("Slug of a wallet definition.", "demo-wallet-v1"),
    "order_id": ("Id of an order of this wallet.", "o-12-1"),
    "symbol": ("A symbol this wallet can trade.", "BTC/USDT"),
    "symbols": ("Up to 50 symbols, separated by commas. One that is named twice is shown once.", "BTC/USDT,ETH/USDT"),
    "status": ("Only wallets with this status.", None),
}
"""Descriptions of parameters whose route has none, and examples of those that a route requires."""
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The access token of POST /api/v1/auth/login.",
}
HEADERS: Final = {
    "X-Request-Id": {
        "description": "Identifies this request in the logs of the service.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Path of the new resource.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotent-Replayed": {
        "description": "`true` when this is the answer to a repeated request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "ETag": {
        "description": "Identifies this answer. Send it as If-None-Match with the next request for the same.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer", "minimum": 0}},
}
SCHEMAS: Final = {
    "Problem": {
        "type": "object",
        "description": "An error, and what to do next. Some errors have further members.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint", "retryable"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "URI of the error code."},
            "title": {"type": "string", "description": "Short name of the error."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What was wrong with this request."},
            "instance": {"type": "string", "description": "Path of the request."},
            "code": {"type": "string", "enum": sorted(named_errors()), "description": "Stable name to switch on."},
            "request_id": {"type": "string", "description": "The same as the header X-Request-Id."},
            "hint": {"type": "string", "description": "What to do next."},
            "retryable": {"type": "boolean", "description": "Whether the same call may succeed later."},
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/InvalidField"},
                "description": "The invalid fields, at most 20 of them.",
            },
            "error_count": {"type": "integer", "description": "How many fields are invalid, listed or not."},
        },
        "additionalProperties": True,
    },
    "InvalidField": {
        "type": "object",
        "description": "An invalid field. The value that was sent is not repeated.",
        "required": ["field", "message", "code"],
        "properties": {
            "field": {"type": "string", "description": "Name of the field or parameter, with its path in the body."},
            "message": {"type": "string", "description": "What is wrong with it."},
            "code": {"type": "string", "description": "Stable name of the fault."},
        },
    },
    "GatewayRefusal": {
        "type": "object",
        "description": "An error of the gateway. The service did not run.",
        "required": ["message"],
        "properties": {
            "message": {"type": ["string", "null"], "description": "Short text, such as `Unauthorized`."},
        },
    },
    "Refusal": {
        "description": "An error of the service, or of the gateway before it. Only those of the service have a `code`.",
        "anyOf": [{"$ref": "#/components/schemas/Problem"}, {"$ref": "#/components/schemas/GatewayRefusal"}],
    },
}
