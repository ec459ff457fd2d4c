"""Reads documents of user wallets, some of which may be unreadable."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.client import UNREADABLE_DOCUMENT
from moniqo_core.storage.document import Document
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet

log: Final = logging.getLogger("moniqo")


def read_wallets(documents: Iterable[Document]) -> tuple[Sequence[UserWallet], Sequence[str]]:
    """Return the wallets, and the ids of those that cannot be read, so that these do not block the others."""
    wallets, broken = [], []
    for document in documents:
        try:
            wallets.append(read_user_wallet(document))
        except UNREADABLE_DOCUMENT:
            log.exception("wallet cannot be read", extra={"fields": {"user_wallet_id": document["_id"]}})
            broken.append(document["_id"])
    return wallets, broken
