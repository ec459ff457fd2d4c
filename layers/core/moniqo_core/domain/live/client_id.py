"""The client id that an order has at its venue."""

from __future__ import annotations

import hashlib
import uuid


def venue_client_id(user_wallet_id: str, client_order_id: str | None) -> str:
    """Return the id an order has at the venue: the same for the same request, 32 hexadecimal digits.

    Every venue takes that form. Without an id of the client it is drawn at random.
    """
    if client_order_id is None:
        return uuid.uuid4().hex
    text = f"{user_wallet_id}\n{client_order_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
