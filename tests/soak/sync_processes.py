"""The processes of the sync soak: venues, workers, and the wallets between them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

SLUGS = ("binance-spot-v1", "binance-testnet-v1")
OWNER = "11111111-1111-4111-8111-111111111111"
DATABASE = "soak"
Context = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class WorkerSetup:
    """The addresses that a worker needs, and how long it waits for a wallet."""

    url: str
    queue: str
    ring: str
    seconds_per_wallet: float


def keys_of(venue: int, count: int) -> list[str]:
    """API keys of a venue's accounts. The id of a wallet is its key."""
    return [f"{venue}-{number:06d}" for number in range(count)]


def serve_venue(venue: int, count: int, latency: float, pipe: Any) -> None:
    """Serve a fake Binance with ``count`` accounts. A mapping sent through the pipe sets the faults by API key."""
    from tests.support.venues.binance import FakeBinance
    from tests.support.venues.server import Fault

    with FakeBinance(latency=latency) as fake:
        for key in keys_of(venue, count):
            fake.credentials(key=key, secret=f"secret-{key}", balances={"USDT": "1000", "BTC": "0.5"})
        pipe.send(fake.url)
        while True:
            troubles: Mapping[str, str] | None = pipe.recv()
            if troubles is None:
                return
            faults = {key: Fault(kind, times=None, status=500) for key, kind in troubles.items()}  # type: ignore[arg-type]
            fake.trouble = lambda _, key, faults=faults: faults.get(key or "")
            fake.seen.clear()
            pipe.send(True)


@contextmanager
def venues(counts: Sequence[int], latency: float) -> Iterator[list[tuple[str, Any]]]:
    """Run venues. Yield the address of each and the pipe that sets its faults."""
    found = []
    for venue, count in enumerate(counts):
        ours, theirs = Context.Pipe()
        process = Context.Process(target=serve_venue, args=(venue, count, latency, theirs), daemon=True)
        process.start()
        found.append((ours.recv(), ours, process))
    try:
        yield [(url, pipe) for url, pipe, _ in found]
    finally:
        for _, pipe, process in found:
            pipe.send(None)
            process.join(10)


async def prepare(url: str, addresses: Sequence[str], counts: Sequence[int], ring: str) -> None:
    """Create a database with connected wallets at these venues."""
    from pydantic import SecretStr
    from pymongo import AsyncMongoClient

    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.credentials.key_ring import read_ring
    from moniqo_core.credentials.key_source import FixedKeys
    from moniqo_core.domain.risk.limits import RiskLimits
    from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
    from moniqo_core.storage.indexes import ensure_indexes
    from moniqo_core.storage.wallets.definition_seeds import seed_definitions
    from moniqo_core.storage.wallets.user_wallet_codec import user_wallet_document

    now = datetime.now(UTC)
    cipher = CredentialCipher(FixedKeys(read_ring(ring), now))
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        db = client.get_database(DATABASE)
        await ensure_indexes(db, ("wallets", "wallet_sync_log", "equity"))
        # The emulation needs minutes to keep all the indexes of so many wallets, and uses none of them here.
        await seed_definitions(db)
        for venue, (address, count) in enumerate(zip(addresses, counts, strict=True)):
            config = {"api_config.base_url": address, "api_config.rate_limits": {"requests_per_second": 1000}}
            await db.wallets.update_one({"slug": SLUGS[venue]}, {"$set": config})
            definition = await db.wallets.find_one({"slug": SLUGS[venue]})
            assert definition is not None
            documents = []
            for key in keys_of(venue, count):
                secrets = {"api_key": SecretStr(key), "api_secret": SecretStr(f"secret-{key}")}
                wallet = UserWallet(
                    id=key,
                    user_id=OWNER,
                    wallet_id=definition["_id"],
                    wallet_name="Binance",
                    wallet_slug=SLUGS[venue],
                    custom_name=key,
                    risk_limits=RiskLimits(Decimal(1), Decimal(1), 1, daily_loss_limit_usd=Decimal(1)),
                    created_at=now,
                    updated_at=now,
                    is_demo=False,
                    status=UserWalletStatus.ACTIVE,
                    credentials=await cipher.encrypt(secrets, OWNER, key),
                    next_sync_at=now - timedelta(minutes=1),
                )
                documents.append(user_wallet_document(wallet))
            for start in range(0, len(documents), 500):
                await db.user_wallets.insert_many(documents[start : start + 500])


def become_environment(place: WorkerSetup) -> None:
    """Make this process an execution environment of the soak's account."""
    os.environ.update(
        ENVIRONMENT="soak",
        MONGODB_URL=place.url,
        MONGODB_DATABASE=DATABASE,
        SYNC_QUEUE_URL=place.queue,
        AWS_ENDPOINT_URL=place.queue,
        AWS_DEFAULT_REGION="eu-central-1",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        LOOPBACK_VENUES="true",
        KEY_SECRET_ID="unused",
        POWERTOOLS_LOG_LEVEL="CRITICAL",
    )


def worker_handler(
    place: WorkerSetup, now: Callable[[], datetime]
) -> Callable[[Mapping[str, Any], None], Mapping[str, Any]]:
    """Make this process a worker and return the real handler of ``sync_wallets``, with ``now`` as its clock."""
    become_environment(place)
    from moniqo_core import bootstrap
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.credentials.key_ring import read_ring
    from moniqo_core.credentials.key_source import FixedKeys
    from moniqo_core.services.sync import balance_sync as sync
    from moniqo_core.services.sync import concurrent_account_queries
    from moniqo_core.storage.live.sync_findings import SyncFindings
    from moniqo_core.storage.user_wallets.store import UserWalletStore
    from moniqo_core.storage.wallets.due_wallets import DueWallets
    from moniqo_core.storage.wallets.sync_log import SyncLogStore
    from tests.support.lambdas import load_function

    concurrent_account_queries.SECONDS_PER_WALLET = place.seconds_per_wallet  # type: ignore[misc]
    cipher = CredentialCipher(FixedKeys(read_ring(place.ring), datetime.now(UTC)))
    bootstrap.cipher = lambda: cipher  # type: ignore[assignment]
    service = sync.BalanceSync(
        UserWalletStore(bootstrap.database()),
        DueWallets(bootstrap.database()),
        SyncLogStore(bootstrap.database()),
        SyncFindings(bootstrap.database()),
        bootstrap.wallets(),
        None,  # type: ignore[arg-type]  # no owner asks for a sync
        bootstrap.buy_cancellation,
        now=now,
    )
    bootstrap.balance_sync = lambda: service  # type: ignore[assignment]
    handler: Callable[[Mapping[str, Any], None], Mapping[str, Any]] = load_function("sync_wallets").handler
    return handler


def run_worker(place: WorkerSetup, number: int, pipe: Any) -> None:
    """Run the real handler on the events from the pipe, each at the time that comes with it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its metrics
    ahead = timedelta()
    handler = worker_handler(place, lambda: datetime.now(UTC) + ahead)
    while True:
        job = pipe.recv()
        if job is None:
            return
        ahead, event = job
        pipe.send((handler(event, None), _memory()))


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Worker:
    """One execution environment: a batch at a time."""

    def __init__(self, place: WorkerSetup, number: int) -> None:
        """Start it."""
        self._pipe, theirs = Context.Pipe()
        self._process = Context.Process(target=run_worker, args=(place, number, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._turn = threading.Lock()
        self.memory: list[float] = []

    def work(self, ahead: timedelta, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send it an event and wait for its answer."""
        with self._turn:
            self._pipe.send((ahead, event))
            answer, memory = self._pipe.recv()
            self.memory.append(memory)
        found: Mapping[str, Any] = answer
        return found

    def end(self) -> None:
        """Let it end."""
        self._pipe.send(None)
        self._process.join(10)
