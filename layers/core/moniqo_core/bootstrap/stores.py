"""The factories of stores that several services use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.storage.user_wallets.store import UserWalletStore
    from moniqo_core.storage.wallets.definitions import DefinitionStore
    from moniqo_core.storage.wallets.due_wallets import DueWallets


def definition_store() -> DefinitionStore:
    """Return the store of wallet definitions."""
    from moniqo_core.storage.wallets.definitions import DefinitionStore

    return DefinitionStore(bootstrap.database())


def user_wallet_store() -> UserWalletStore:
    """Return the store of users' wallets."""
    from moniqo_core.storage.user_wallets.store import UserWalletStore

    return UserWalletStore(bootstrap.database())


def due_wallets() -> DueWallets:
    """Return the store that finds the wallets due for work, and leases them."""
    from moniqo_core.storage.wallets.due_wallets import DueWallets

    return DueWallets(bootstrap.database())
