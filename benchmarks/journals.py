"""``python -m benchmarks.journals [ENTRIES ...]``: make long journals of paper wallets, for benchmarks and by hand.

A journal is made once for each size and kept in the user's cache, in the form that ``mongorestore --gzip`` reads. It is
made again when the rules, the stored form of an entry or the life of the wallet change. With MONGODB_URL, the journals
are loaded into the database MONGODB_DATABASE of that server.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, Final, NamedTuple

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient

from benchmarks import journal_life
from benchmarks.accounts import Database, prepare
from benchmarks.journal_life import SEED, wallet_id
from moniqo_core import event_loop
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.ledger.rules import RULES_VERSION
from moniqo_core.domain.wallets.user_wallet import ConnectionState, UserWallet, UserWalletStatus
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.document import USER_WALLETS
from moniqo_core.storage.equity_points import COLLECTION as EQUITY
from moniqo_core.storage.equity_points import sample_values
from moniqo_core.storage.orders import order_codec
from moniqo_core.storage.paper import account_codec, account_values, decision_input_encoder, entry_codec
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.entry_codec import checkpoint_document, entry_document
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES, ENTRIES_PER_CHECKPOINT, STATES
from moniqo_core.storage.simulation_seed import DEPLOYMENT
from moniqo_core.storage.wallets import user_wallet_codec
from moniqo_core.storage.wallets.user_wallet_codec import user_wallet_document

SIZES: Final = (1_000, 10_000, 100_000)
_MADE_BY: Final = (
    journal_life,
    account_codec,
    account_values,
    decision_input_encoder,
    entry_codec,
    order_codec,
    user_wallet_codec,
)
"""The modules that decide what a journal contains, beside this one."""
_BATCH: Final = 500
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_LENGTH_BYTES: Final = 4


class Journal(NamedTuple):
    """A journal on disk: the id of its wallet, and a folder with one file per collection."""

    user_wallet_id: str
    folder: Path


def journal(entries: int, cache: Path | None = None) -> Journal:
    """Return the journal with this number of entries. The first call makes it, and removes outdated ones."""
    cache = cache or _cache()
    folder = cache / f"{entries}-rules-{RULES_VERSION}-{_digest()}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(dir=cache, prefix="unfinished-"))
        event_loop.run(_make(entries, unfinished))
        for outdated in cache.glob(f"{entries}-rules-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        unfinished.rename(folder)
    return Journal(wallet_id(entries), folder)


def _digest() -> str:
    made_by = (__file__, *(str(module.__file__) for module in _MADE_BY))
    return sha256(b"".join(Path(source).read_bytes() for source in made_by)).hexdigest()[:12]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moniqo-wallets" / "journals"


async def _make(entries: int, folder: Path) -> None:
    rng, last = Random(2), None
    with (
        gzip.open(_file(folder, ENTRIES), "wb", 1) as journal_file,
        gzip.open(_file(folder, CHECKPOINTS), "wb") as checkpoints,
        gzip.open(_file(folder, EQUITY), "wb") as equity,
    ):
        async for commit in journal_life.life(entries):
            journal_file.write(bson.encode(entry_document(commit, rng.randbytes(16).hex())))
            if commit.after.seq % ENTRIES_PER_CHECKPOINT == 0:
                checkpoints.write(bson.encode(checkpoint_document(state_document(commit.after))))
            for point in _equity_points(commit):
                equity.write(bson.encode(point))
            last = commit.after
    assert last is not None
    for collection, document in ((STATES, state_document(last)), (USER_WALLETS, _user_wallet(last))):
        with gzip.open(_file(folder, collection), "wb") as file:
            file.write(bson.encode(document))


def _equity_points(commit: Commit) -> list[dict[str, Any]]:
    """Return the points of a commit. They never expire, so a benchmark reads the same in every year."""
    wallet, epoch = commit.after.user_wallet_id, commit.after.epoch
    return [
        {
            "_id": _point_id(wallet, point.at),
            "user_wallet_id": wallet,
            "epoch": epoch,
            "at": point.at,
            **sample_values(point),
            "expires_at": _NEVER,
        }
        for point in commit.samples
    ]


def _point_id(wallet: str, at: datetime) -> ObjectId:
    """Return an id that tells when the point was inserted, as one that a server makes."""
    return ObjectId(int(at.timestamp()).to_bytes(4, "big") + sha256(f"{wallet} {at}".encode()).digest()[:8])


def _user_wallet(account: Account) -> dict[str, Any]:
    limits = account.limits
    assert limits is not None
    wallet = UserWallet(
        id=account.user_wallet_id,
        user_id=account.terms.user_id,
        wallet_id="benchmark",
        wallet_name="Demo Wallet",
        wallet_slug="demo-wallet-v1",
        custom_name=f"{account.seq} entries",
        risk_limits=limits,
        created_at=journal_life.START,
        updated_at=account.at,
        is_demo=True,
        status=UserWalletStatus.ACTIVE,
        connection=ConnectionState(is_connected=True, last_successful_ping=account.at),
        next_sync_at=account.at,
        journal_seq=account.seq,
        last_used_at=account.at,
    )
    return user_wallet_document(wallet)


def documents(found: Journal, collection: str) -> Iterator[RawBSONDocument]:
    """Yield the documents of one collection. They are not decoded."""
    with gzip.open(_file(found.folder, collection), "rb") as file:
        while length := file.read(_LENGTH_BYTES):
            yield RawBSONDocument(length + file.read(int.from_bytes(length, "little") - _LENGTH_BYTES))


def _file(folder: Path, collection: str) -> Path:
    return folder / f"{collection}.bson.gz"


async def load(database: Database, found: Journal) -> str:
    """Insert a journal and the seed of its market into a database that has neither, and return its wallet's id.

    Raises:
        ValueError: the database has the seed of another market.

    """
    await database[DEPLOYMENT].update_one({"_id": "simulation"}, {"$setOnInsert": {"seed": SEED}}, upsert=True)
    stored = await database[DEPLOYMENT].find_one({"_id": "simulation"})
    if stored is None or stored["seed"] != SEED:
        raise ValueError("The database has the seed of another market.")
    for collection in (ENTRIES, CHECKPOINTS, EQUITY, STATES, USER_WALLETS):
        rest = documents(found, collection)
        while batch := list(islice(rest, _BATCH)):
            await database[collection].insert_many(batch, ordered=False)
    definition = await database["wallets"].find_one({"slug": "demo-wallet-v1"})
    if definition is not None:
        await database[USER_WALLETS].update_one(
            {"_id": found.user_wallet_id}, {"$set": {"wallet_id": definition["_id"]}}
        )
    return found.user_wallet_id


async def give_own_user(database: Database, user_wallet_id: str) -> None:
    """Make a wallet the only one of a user, who has the id of the wallet."""
    for collection in (USER_WALLETS, STATES):
        await database[collection].update_one({"_id": user_wallet_id}, {"$set": {"user_id": user_wallet_id}})


async def _load_all(url: str, found: Sequence[Journal]) -> None:
    # It waits as long as the server needs, unlike the clients of the service.
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, w="majority")
    database = with_utc_times(client[os.environ.get("MONGODB_DATABASE", "moniqo")])
    await prepare(database)
    for each in found:
        await load(database, each)
    await client.close()


def main(sizes: Sequence[int]) -> None:
    """Make journals, and load them where MONGODB_URL says."""
    found = []
    for entries in sizes:
        began = time.process_time()
        found.append(journal(entries))
        seconds = time.process_time() - began
        print(f"{entries:>9,} entries  {found[-1].user_wallet_id}  {found[-1].folder}  {seconds:.0f} s of CPU")
    if url := os.environ.get("MONGODB_URL"):
        event_loop.run(_load_all(url, found))


if __name__ == "__main__":
    main([int(entries) for entries in sys.argv[1:]] or SIZES)
