"""One account at a venue, one wallet of a user. Of wallets that share an account since before this rule, one trades."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from moniqo_core.domain.errors import AccountTakenError, WalletError, WalletSuspendedError
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus


class AccountWallet(NamedTuple):
    """A wallet that is connected to an account."""

    created_at: datetime
    id: str
    status: UserWalletStatus


def order_refusal(user_wallet_id: str, sharing: Sequence[AccountWallet]) -> WalletError | None:
    """Return why a wallet must not place an order in its account, None if it may.

    ``sharing`` are the wallets that are connected to the account. Of several the oldest trades. If one of them is
    suspended, none does.
    """
    if len(sharing) < 2:  # noqa: PLR2004  a wallet alone has its own status only
        return None
    for each in sharing:
        if each.status is UserWalletStatus.SUSPENDED and each.id != user_wallet_id:
            return WalletSuspendedError(
                f"Wallet {each.id} is connected to the same venue account and is suspended.",
                hint=f"Ask an admin to reinstate wallet {each.id}. Cancelling still works.",
                user_wallet_id=each.id,
            )
    oldest = min(sharing)
    if oldest.id == user_wallet_id:
        return None
    return AccountTakenError(
        f"Wallet {oldest.id} trades this venue account, because it was connected first. This wallet only cancels.",
        hint=f"Place the order with POST /wallets/{oldest.id}/orders. To trade with this wallet instead, delete the"
        f" other one with DELETE /wallets/{oldest.id}.",
        user_wallet_id=oldest.id,
    )


def taken(holder: AccountWallet) -> AccountTakenError:
    """Return the refusal to connect an account that the wallet ``holder`` is connected to."""
    if holder.status is UserWalletStatus.SUSPENDED:
        hint = f"Ask an admin to reinstate wallet {holder.id}."
    else:
        hint = f"Use wallet {holder.id}, or delete it with DELETE /wallets/{holder.id} before you connect the account."
    return AccountTakenError(
        f"Wallet {holder.id} is already connected to this venue account.", hint=hint, user_wallet_id=holder.id
    )
