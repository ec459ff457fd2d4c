"""``moniqo-admin replay`` and ``moniqo-admin verify``: recompute wallets from their journals.

Decisions of paper wallets are made again. What the journal of a live wallet says about orders, fills and the wallet is
compared with what is stored. Both commands only read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.cli.on_database import add_options
from moniqo_core.domain.counting import counted
from moniqo_core.progress import Progress
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.journal.verification import LiveDifference, LiveJournals
from moniqo_core.storage.paper.replay.stored_journal import StoredJournals
from moniqo_core.storage.simulation_seed import find_simulation_seed
from moniqo_core.wallets.demo.replay import Difference, Replay, WalletReplay

_WIDEST: Final = 200
_PAGE: Final = 500


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands ``replay`` and ``verify``."""
    replay = commands.add_parser("replay", help="recompute one paper wallet and compare it with its stored state")
    replay.add_argument("wallets", metavar="WALLET_ID", nargs=1, help="id of a user's wallet")
    add_options(replay, _replay)
    verify = commands.add_parser("verify", help="recompute paper and live wallets, and list those that differ")
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_const", const=None, dest="wallets", help="every wallet of the database")
    which.add_argument("--wallet", action="append", dest="wallets", metavar="WALLET_ID", help="may be repeated")
    add_options(verify, _verify)


async def _replays(database: Database) -> WalletReplay | None:
    seed = await find_simulation_seed(database)
    if seed is None and await StoredJournals(database).is_empty():
        sys.stderr.write(f"The database {database.name} has no demo wallets.\n")
        return None
    return WalletReplay(database, seed or "")


async def _replay(database: Database, options: argparse.Namespace) -> int:
    wallet = options.wallets[0]
    replay = await _replays(database)
    if replay is None:
        return ExitCode.UNKNOWN
    with Progress("entries", await StoredJournals(database).newest_seq(wallet)) as progress:
        found = await replay.run(wallet, progress.reach)
    if found is None:
        sys.stderr.write(f"There is no wallet {wallet}.\n")
        return ExitCode.UNKNOWN
    sys.stdout.write(table(found))
    return ExitCode.AGREES if found.difference is None else ExitCode.DIFFERS


async def _verify(database: Database, options: argparse.Namespace) -> int:
    wallets: Sequence[str] | None = options.wallets
    paper, live = StoredJournals(database), LiveJournals(database)
    if wallets is None and await paper.is_empty() and await live.is_empty():
        sys.stderr.write(f"The database {database.name} has no wallets with a journal.\n")
        return ExitCode.UNKNOWN
    replay = WalletReplay(database, await find_simulation_seed(database) or "")
    total = len(wallets) if wallets else await paper.wallet_count()
    checked = entries = missing = different = 0
    later: set[str] = set()
    with Progress("wallets", total) as progress:
        async for wallet in _ids(database, wallets):
            found = await replay.run(wallet) or await live.run(wallet)
            checked += 1
            progress.reach(checked)
            if found is None:
                missing += 1
                progress.say(f"{wallet}: no such wallet")
                continue
            entries += found.entries
            if isinstance(found, Replay):
                later |= found.later_fields
            if found.difference is not None:
                different += 1
                progress.say(f"{wallet}: {describe(found.difference)}")
    summary = f"{counted(checked - missing, 'wallet')}, {counted(entries, 'entry', 'entries')}"
    sys.stdout.write(f"{summary}: {different or 'none'} differ{'s' * (different == 1)}\n")
    if later:
        sys.stdout.write(f"Ignored fields: {_later(later)}.\n")
    return ExitCode.DIFFERS if different else ExitCode.UNKNOWN if missing else ExitCode.AGREES


async def _ids(database: Database, wallets: Sequence[str] | None) -> AsyncIterator[str]:
    """Yield the ids of the wallets to check.

    Without a list: all paper wallets with a snapshot, those with only a journal, and live wallets with a journal.
    """
    if wallets is not None:
        for wallet in wallets:
            yield wallet
        return
    async for wallet in StoredJournals(database).wallet_ids(_PAGE):
        yield wallet
    async for wallet in LiveJournals(database).wallet_ids():
        yield wallet


def table(found: Replay) -> str:
    """Return the result of a replay as a short table."""
    difference = found.difference
    rows = [
        ("wallet", found.user_wallet_id),
        ("entries", str(found.entries)),
        *(
            [("not recomputed", f"{found.believed}, because their minute prices are no longer kept")]
            if found.believed
            else []
        ),
        *([("ignored fields", _later(found.later_fields))] if found.later_fields else []),
        ("orders", str(found.orders)),
        ("fills", str(found.fills)),
        ("epochs", str(found.epochs)),
        *((f"{asset} postings", str(count)) for asset, count in sorted(found.postings.items())),
        ("result", "the journal and the stored state agree" if difference is None else "DIFFERS"),
    ]
    if difference is not None:
        rows += [
            ("entry", str(difference.seq)),
            ("field", difference.field),
            ("stored", _short(difference.stored)),
            ("recomputed", _short(difference.recomputed)),
        ]
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in rows)


def _later(names: Iterable[str]) -> str:
    return f"{', '.join(sorted(names))}, which this release does not know"


def describe(difference: Difference | LiveDifference) -> str:
    """Return a difference as one line of text."""
    return (
        f"entry {difference.seq}, {difference.field}: stored {_short(difference.stored)},"
        f" recomputed {_short(difference.recomputed)}"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."
