"""``moniqo``: what operators run by hand, on the database of the environment.

``moniqo replay WALLET_ID`` recomputes one demo wallet from its first entry; ``moniqo verify --all`` every one; neither
changes anything. ``moniqo live stop`` stops every live order of a deployment, ``start`` lets them pass again.
Exit code 0: everything agrees, or was done. 1: a difference was found. 2: it could not be checked or done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from enum import IntEnum
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from moniqo import bootstrap, event_loop, live_commands
from moniqo.config import MissingSettingError
from moniqo.progress import Progress
from moniqo.storage.client import UnsupportedServerError, connect, server_version, with_utc_times
from moniqo.storage.demo_ledger import ENTRIES, STATES
from moniqo.storage.deployment import drawn_seed
from moniqo.wallets.replay import Difference, Replay, WalletReplay

_WIDEST: Final = 200
_PAGE: Final = 500

Database = AsyncDatabase[dict[str, Any]]


class ExitCode(IntEnum):
    """What the shell is told."""

    AGREES = 0
    DIFFERS = 1
    UNKNOWN = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; one clear line where that cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return event_loop.run(_run(options))
    except (MissingSettingError, UnsupportedServerError, PyMongoError) as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.UNKNOWN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="moniqo", description="Check demo wallets against their journals; stop and start live orders."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    replay = commands.add_parser("replay", help="recompute one wallet and compare it with what is stored")
    replay.add_argument("wallets", metavar="WALLET_ID", nargs=1, help="id of a user's wallet")
    verify = commands.add_parser("verify", help="recompute many wallets and list those that differ")
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_const", const=None, dest="wallets", help="every wallet of the database")
    which.add_argument("--wallet", action="append", dest="wallets", metavar="WALLET_ID", help="may be repeated")
    replay.set_defaults(command=_replay)
    verify.set_defaults(command=_verify)
    live = commands.add_parser("live", help="the switch that stops every live order of this deployment")
    switch = live.add_subparsers(required=True, metavar="COMMAND")
    turning = [
        switch.add_parser("stop", help="send no live order any more; cancelling works"),
        switch.add_parser("start", help="let live orders pass again"),
        switch.add_parser("status", help="tell how the switch stands, and what is open"),
    ]
    turning[0].add_argument("--reason", help="told by `moniqo live status`")
    for command, act in zip(turning, (live_commands.stop, live_commands.start, live_commands.status), strict=True):
        command.set_defaults(command=act)
    for command in (replay, verify, *turning):
        command.add_argument("--mongodb-url", metavar="URL", help="instead of MONGODB_URL")
        command.add_argument("--mongodb-database", metavar="NAME", help="instead of MONGODB_DATABASE")
    return parser


async def _run(options: argparse.Namespace) -> int:
    name = options.mongodb_database or bootstrap.settings().mongodb_database
    database = connect(options.mongodb_url, name) if options.mongodb_url else bootstrap.database()
    try:
        await server_version(database)
        database = with_utc_times(database.client.get_database(name))
        code: int = await options.command(database, options)
        return code
    finally:
        await database.client.close()


async def _replays(database: Database) -> WalletReplay | None:
    seed = await drawn_seed(database)
    if seed is None:
        sys.stderr.write(f"The database {database.name} has no wallets: its market was never asked for.\n")
        return None
    return WalletReplay(database, seed)


async def _replay(database: Database, options: argparse.Namespace) -> int:
    wallet = options.wallets[0]
    replay = await _replays(database)
    if replay is None:
        return ExitCode.UNKNOWN
    newest = await database[ENTRIES].find_one({"user_wallet_id": wallet}, {"seq": 1}, sort=[("seq", -1)])
    with Progress("entries", newest["seq"] if newest else 0) as progress:
        found = await replay.run(wallet, progress.reach)
    if found is None:
        sys.stderr.write(f"No wallet {wallet}\n")
        return ExitCode.UNKNOWN
    sys.stdout.write(table(found))
    return ExitCode.AGREES if found.difference is None else ExitCode.DIFFERS


async def _verify(database: Database, options: argparse.Namespace) -> int:
    wallets: Sequence[str] | None = options.wallets
    replay = await _replays(database)
    if replay is None:
        return ExitCode.UNKNOWN
    total = len(wallets) if wallets else await database[STATES].estimated_document_count()
    checked = entries = missing = different = 0
    with Progress("wallets", total) as progress:
        async for wallet in _ids(database, wallets):
            found = await replay.run(wallet)
            checked += 1
            progress.reach(checked)
            if found is None:
                missing += 1
                progress.say(f"{wallet}: no such wallet")
                continue
            entries += found.entries
            if found.difference is not None:
                different += 1
                progress.say(f"{wallet}: {describe(found.difference)}")
    sys.stdout.write(f"{checked - missing} wallets, {entries} entries: {different or 'none'} differ\n")
    return ExitCode.DIFFERS if different else ExitCode.UNKNOWN if missing else ExitCode.AGREES


async def _ids(database: Database, wallets: Sequence[str] | None) -> AsyncIterator[str]:
    """Yield the wallets to check: all that have a snapshot, then those with nothing but a journal."""
    if wallets is not None:
        for wallet in wallets:
            yield wallet
        return
    last = ""
    # Page by page: a cursor would not live as long as the replay of all wallets takes.
    while states := await database[STATES].find({"_id": {"$gt": last}}, {"_id": 1}).sort("_id", 1).to_list(_PAGE):
        for state in states:
            yield state["_id"]
        last = states[-1]["_id"]
    without_snapshot: list[dict[str, Any]] = [
        {"$group": {"_id": "$user_wallet_id"}},
        {"$lookup": {"from": STATES, "localField": "_id", "foreignField": "_id", "as": "snapshot"}},
        {"$match": {"snapshot": []}},
        {"$project": {"_id": 1}},
    ]
    found = await database[ENTRIES].aggregate(without_snapshot, allowDiskUse=True)
    for journal in await found.to_list():
        yield journal["_id"]


def table(found: Replay) -> str:
    """Write what a replay found as a short table."""
    difference = found.difference
    rows = [
        ("wallet", found.user_wallet_id),
        ("entries", str(found.entries)),
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


def describe(difference: Difference) -> str:
    """Write a difference in one line."""
    return (
        f"entry {difference.seq}, {difference.field}: stored {_short(difference.stored)},"
        f" recomputed {_short(difference.recomputed)}"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."


if __name__ == "__main__":
    sys.exit(main())
