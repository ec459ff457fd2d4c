"""All wallets of one owner at once."""

from __future__ import annotations

from collections.abc import Sequence

from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.document import USER_WALLETS, WHOLE_RESULT, Database
from moniqo_core.storage.wallets.user_wallets import read_wallets


async def wallets_of_owner(db: Database, user_id: str) -> tuple[Sequence[UserWallet], Sequence[str]]:
    """Return the wallets of a user that are not deleted, and the ids of those that cannot be read."""
    found = db[USER_WALLETS].find({"user_id": user_id, "deleted_at": None}, batch_size=WHOLE_RESULT)
    return read_wallets(await found.to_list())
