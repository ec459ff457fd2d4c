"""The smallest useful function: it reads a body and answers with a body. It is the baseline of cold starts."""

from __future__ import annotations

import json
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Echo the order."""
    order = json.loads(event["body"])
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": json.dumps(order)}
