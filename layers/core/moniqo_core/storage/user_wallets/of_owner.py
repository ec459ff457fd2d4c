"""All wallets of one owner at once."""

from __future__ import annotations

from collections.abc import Sequence

from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.document import USER_WALLETS, WHOLE_RESULT, Database
from moniqo_core.storage.user_wallets.current import read_current
from moniqo_core.storage.wallets.readable_wallets import read_wallets


async def wallets_of_owner(db: Database, user_id: str) -> tuple[Sequence[UserWallet], Sequence[str]]:
    """Return the wallets of a user that are not deleted, and the ids of those that cannot be read."""
    query = {"user_id": user_id, "deleted_at": None}
    return read_wallets(await read_current(db, lambda: db[USER_WALLETS].find(query, batch_size=WHOLE_RESULT).to_list()))
