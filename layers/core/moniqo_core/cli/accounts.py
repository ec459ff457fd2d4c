"""``moniqo-admin accounts``: completes account fingerprints, and lists wallets that share an account at a venue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from moniqo_core import bootstrap
from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import AccountWallet
from moniqo_core.services.shared.gather_bounded import gather_bounded
from moniqo_core.storage.wallets.user_wallets import UserWalletStore, read_wallets
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts

_PAGE: Final = 100
_AT_ONCE: Final = 10
_HEADER: Final = ("wallet", "owner", "connected", "status", "orders")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands ``accounts migrate`` and ``accounts duplicates``."""
    accounts = commands.add_parser(
        "accounts", help="wallets that share an account at a venue (needs KEY_SECRET_ID and MONGODB_URL)"
    )
    actions = accounts.add_subparsers(required=True, metavar="ACTION")
    migrate = actions.add_parser("migrate", help="complete account fingerprints, then list duplicates")
    duplicates = actions.add_parser("duplicates", help="list wallets of one user that share an account")
    migrate.set_defaults(run=_migrate)
    duplicates.set_defaults(run=_duplicates)


async def _migrate(_options: argparse.Namespace) -> int:
    try:
        done = await bootstrap.account_fingerprints().complete()
        known, silent = await _ask_venues(VenueAccounts(bootstrap.database()))
        sys.stdout.write(
            f"API keys: {done.completed}. Cannot be read: {done.unreadable}."
            f" Account ids: {known}. Not found out: {silent}.\n"
        )
        return await _list()
    finally:
        await bootstrap.wallets().close()
        await bootstrap.database().client.close()


async def _duplicates(_options: argparse.Namespace) -> int:
    try:
        return await _list()
    finally:
        await bootstrap.database().client.close()


async def _ask_venues(accounts: VenueAccounts) -> tuple[int, int]:
    """Add the id of the account where the venue tells it. Return how many it told, and how many not."""
    known = asked = 0
    after = ""
    while page := await accounts.without_account_id(after, _PAGE):
        wallets, broken = read_wallets(page)
        after = max([*(wallet.id for wallet in wallets), *broken])
        known += sum(await gather_bounded(_ask_venue, wallets, _AT_ONCE))
        asked += len(wallets)
    return known, asked - known


async def _ask_venue(wallet: UserWallet) -> bool:
    opened = await bootstrap.wallets().connect_live_many([wallet])
    try:
        async with opened[wallet.id] as account:
            names = await account.account_names()
    except (KeyError, WalletError):
        return False
    return len(names) > 1 and await bootstrap.account_fingerprints().store(wallet, names)


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
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([*lines, f"{counted(len(shared), 'venue account')} with several wallets."]) + "\n"


def _line(row: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
