"""``moniqo-admin accounts``: lists wallets that share an account at a venue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from moniqo_core import bootstrap
from moniqo_core.cli.columns import aligned
from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.counting import counted
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus
from moniqo_core.domain.wallets.venue_account import AccountWallet
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts

_HEADER: Final = ("wallet", "owner", "connected", "status", "orders")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``accounts duplicates``."""
    accounts = commands.add_parser("accounts", help="wallets that share an account at a venue")
    actions = accounts.add_subparsers(required=True, metavar="ACTION")
    duplicates = actions.add_parser("duplicates", help="list wallets of one user that share an account")
    duplicates.set_defaults(run=_duplicates)


async def _duplicates(_options: argparse.Namespace) -> int:
    try:
        return await _list()
    finally:
        await bootstrap.database().client.close()


async def _list() -> int:
    shared = await VenueAccounts(bootstrap.database()).shared()
    ids = [each.id for account in shared for each in account]
    owners = {wallet.id: wallet.user_id for wallet in await UserWalletStore(bootstrap.database()).several(ids)}
    sys.stdout.write(table([[(each, owners.get(each.id, "")) for each in account] for account in shared]))
    return ExitCode.DIFFERS if shared else ExitCode.AGREES


def table(shared: Sequence[Sequence[tuple[AccountWallet, str]]]) -> str:
    """Return the wallets of each shared account with their owner, oldest first, and what each may do."""
    if not shared:
        return "No two wallets of a user share an account.\n"
    rows = [_HEADER]
    for account in shared:
        none_trades = any(each.status is UserWalletStatus.SUSPENDED for each, _ in account)
        for number, (each, owner) in enumerate(account):
            may = "trades" if number == 0 and not none_trades else "cancels only"
            rows.append((each.id, owner, rfc3339(each.created_at), each.status.value, may))
    return "\n".join([*aligned(rows), f"{counted(len(shared), 'venue account')} with several wallets."]) + "\n"
