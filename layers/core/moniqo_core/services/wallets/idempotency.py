"""Find the wallet that an earlier request with the same idempotency key created."""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from moniqo_core.domain.wallets.user_wallet import UserWallet

_IDS_OF_KEYS: Final = uuid.UUID("6f1d3c1e-6f0a-4d53-9a53-0d2f7a0c9a51")


class Created(NamedTuple):
    """A wallet, and whether an earlier request created it."""

    wallet: UserWallet
    replayed: bool


def id_of_key(user_id: str, idempotency_key: str) -> str:
    """Return the id of the wallet that a user creates with this idempotency key."""
    return str(uuid.uuid5(_IDS_OF_KEYS, f"{user_id}\n{idempotency_key}"))
