"""The client id that an order has at its venue."""

from __future__ import annotations

import hashlib
import uuid


def venue_client_id(user_wallet_id: str, client_order_id: str | None) -> str:
    """Return the client id of an order at its venue, 32 hexadecimal digits that every venue accepts.

    The same wallet and ``client_order_id`` always give the same id. Without a ``client_order_id``, the id is random.
    """
    if client_order_id is None:
        return uuid.uuid4().hex
    text = f"{user_wallet_id}\n{client_order_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
