"""Fixtures for every suite.

Handlers run in this process, on the event loop of :mod:`moniqo_core.event_loop`. Tests are therefore plain functions:
they call handlers through ``invoke`` and coroutines through ``run``. Every test gets a new database that is dropped
afterwards. With MONGODB_URL set, the databases are on that server instead of the embedded one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import hypothesis
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core import bootstrap, event_loop, observability
from moniqo_core.http import authentication
from moniqo_core.migrations.listed import REQUIRED
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.indexes import INDEXES, ensure_indexes
from moniqo_core.storage.migration_records import COLLECTION as MIGRATIONS
from moniqo_core.storage.wallets.definition_seeds import seed_definitions
from moniqo_core.storage.wallets.definitions import COLLECTION as DEFINITIONS
from tests.support import lambdas
from tests.support.mongo import close_patient_client, embedded_server, patient_client

Result = TypeVar("Result")
Database = AsyncDatabase[dict[str, Any]]

# How long an example takes says nothing on a machine that does other things as well.
hypothesis.settings.register_profile("ours", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ours")

_OURS = {
    *("KEY_SECRET_ID", "USER_POOL_ID", "SYNC_QUEUE_URL", "EVALUATION_QUEUE_URL", "LOOPBACK_VENUES"),
    *("PRICE_VENUES", "VENUE_HOSTS", "POLYGON_SECRET_ID", "POLYGON_URL"),
    *("WALLETS_PER_USER", "ORDERS_PER_MINUTE", "SYNCS_PER_MINUTE"),
}


SLOWEST = (
    *("test_runtime_client", "test_later_fields", "test_journals_of_any_length", "test_checkpoints", "test_all_orders"),
    *("test_mutants", "test_live_orders", "test_snap_start", "test_sync", "test_layer", "test_trade_totals"),
    *("test_venue_faults", "test_order_races", "test_killed_migrations", "test_rotation_under_load"),
    *("test_live_pre_trade", "test_all_live_orders", "test_login", "test_release_0_1_0_paper", "test_repeats"),
    *("test_bad_input", "test_sync_batches", "test_growth", "test_venue_accounts", "test_canaries", "test_fuzz"),
)
"""Files that take long, the longest first. They begin first, so that no process works alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest files, if several processes share the tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    places = {name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


_MIGRATED = [{"_id": each.number, "done_at": datetime(2026, 1, 1, tzinfo=UTC)} for each in REQUIRED]


class Run(Protocol):
    """Runs a coroutine on the loop of the handlers."""

    def __call__(self, work: Coroutine[Any, Any, Result], /) -> Result: ...


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """The server of this test run."""
    given = os.environ.get("MONGODB_URL")
    with nullcontext(given) if given else embedded_server() as url:
        yield url
        if url in _kept:
            event_loop.run(_check_and_drop(_kept.pop(url)))
        close_patient_client(url)


@contextmanager
def fresh_environment(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Behave like a new execution environment: only the variables set here, and nothing cached."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MONGODB_", "JWT_", "POWERTOOLS_")) or name in _OURS:
            patch.delenv(name)
    for name, value in {
        "ENVIRONMENT": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "JWT_ISSUER": "https://issuer.example.test/pool",
        "JWT_CLIENT_ID": "test-client",
        "KEY_SECRET_ID": "moniqo/test/keys",
        "LIVE_TRADING": "false",
    }.items():
        patch.setenv(name, value)
    forget()
    yield
    forget()


@contextmanager
def fresh_database(patch: pytest.MonkeyPatch, mongo_url: str) -> Iterator[Database]:
    """Use a migrated database without wallets and definitions, the one the handlers use.

    Set-ups have a client of their own. It waits as long as the server needs, which may be long on a busy machine.
    """
    db = event_loop.run(_migrated(mongo_url))
    patch.setenv("MONGODB_URL", mongo_url)
    patch.setenv("MONGODB_DATABASE", db.name)
    yield db
    event_loop.run(db.client.drop_database(db.name))


async def _migrated(mongo_url: str) -> Database:
    db = with_utc_times(patient_client(mongo_url)[f"test_{uuid.uuid4().hex}"])
    await ensure_indexes(db)
    await db[MIGRATIONS].insert_many([dict(record) for record in _MIGRATED])
    return db


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A new execution environment: only the variables set here, and nothing cached."""
    with fresh_environment(monkeypatch):
        yield monkeypatch


@pytest.fixture
def database(request: pytest.FixtureRequest, environment: pytest.MonkeyPatch, mongo_url: str) -> Iterator[Database]:
    """An empty database with every index, the one the handlers use.

    To make one takes longer than most tests. So the tests of a process use one in turn, and each empties it. A test
    that changes indexes is marked ``own_database``.
    """
    if request.node.get_closest_marker("own_database"):
        with fresh_database(environment, mongo_url) as db:
            yield db
        return
    if mongo_url not in _kept:
        _kept[mongo_url] = event_loop.run(_migrated(mongo_url))
    db = _kept[mongo_url]
    environment.setenv("MONGODB_URL", mongo_url)
    environment.setenv("MONGODB_DATABASE", db.name)
    yield db
    event_loop.run(_empty(db))


_kept: dict[str, Database] = {}


async def _check_and_drop(db: Database) -> None:
    for name, models in INDEXES.items():
        found = set(await db[name].index_information())
        assert found == {"_id_", *(model.document["name"] for model in models)}, f"a test changed indexes of {name}"
    await db.client.drop_database(db.name)


async def _empty(db: Database) -> None:
    """Leave the database as it was made."""
    names = await db.list_collection_names()
    made = {*INDEXES, MIGRATIONS}
    await asyncio.gather(*(db[name].delete_many({}) if name in made else db[name].drop() for name in names))
    await db[MIGRATIONS].insert_many([dict(record) for record in _MIGRATED])


@pytest.fixture(scope="session")
def definitions(mongo_url: str) -> list[dict[str, Any]]:
    """The seeded definitions, made once: seeding takes ten times as long as copying them."""

    async def seed() -> list[dict[str, Any]]:
        db = with_utc_times(patient_client(mongo_url)[f"test_{uuid.uuid4().hex}"])
        try:
            await seed_definitions(db)
            return await db[DEFINITIONS].find().to_list()
        finally:
            await db.client.drop_database(db.name)

    return event_loop.run(seed())


@pytest.fixture
def seeded(database: Database, definitions: list[dict[str, Any]]) -> Database:
    """The database with the definitions every deployment starts with."""
    event_loop.run(database[DEFINITIONS].insert_many(definitions))
    return database


@pytest.fixture
def seed() -> int:
    """The random seed of a test: printed when the test fails, and read from TEST_SEED to repeat it."""
    number = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"TEST_SEED={number}")
    return number


@pytest.fixture
def run() -> Run:
    """Run a coroutine on the loop of the handlers."""
    return event_loop.run


@pytest.fixture
def invoke(database: Database) -> lambdas.Invoke:
    """Call a function: ``invoke("get_health", "GET", "/health", user=..., body=..., query=..., headers=...)``."""
    return lambdas.invoke


def forget() -> None:
    """Drop everything an execution environment caches, its connections first."""
    if bootstrap.wallets.cache_info().currsize:
        event_loop.run(bootstrap.wallets().close())
    if bootstrap.database.cache_info().currsize:
        event_loop.run(bootstrap.database().client.close())
    for module in (bootstrap, authentication):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@pytest.fixture(autouse=True)
def _quiet_loggers() -> Iterator[None]:
    """Remove the log handlers that a function added."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before
    observability.logger.setLevel(logging.NOTSET)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured (``record_property``), from every process."""
    measured = [entry for report in terminalreporter.getreports("passed") for entry in report.user_properties]
    for name, value in measured:
        terminalreporter.write_line(f"{name}: {value}")
