"""The indexes."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from moniqo_core.storage import client
from moniqo_core.storage.client import UnsupportedServerError, url_from_secret
from moniqo_core.storage.indexes import INDEXES, ensure_indexes
from tests.conftest import Database, Run

pytestmark = pytest.mark.own_database


async def indexes_of(db: Database) -> dict[str, Any]:
    return {name: await db[name].index_information() for name in INDEXES}


def test_creating_indexes_again_changes_nothing(database: Database, run: Run) -> None:
    before = run(indexes_of(database))
    run(ensure_indexes(database))

    assert run(indexes_of(database)) == before
    for collection, models in INDEXES.items():
        assert {model.document["name"] for model in models} <= set(before[collection])


def test_ledger_client_order_id_is_unique_per_wallet_and_optional(database: Database, run: Run) -> None:
    ledger = database["demo_wallet_ledger"]

    async def insert(seq: int, **fields: object) -> None:
        await ledger.insert_one({"_id": f"w:{seq:012d}", "user_wallet_id": "w", "seq": seq, **fields})

    run(insert(1))
    run(insert(2))
    run(insert(3, client_order_id="a"))
    with pytest.raises(DuplicateKeyError):
        run(insert(4, client_order_id="a"))
    run(ledger.insert_one({"_id": "v:1", "user_wallet_id": "v", "seq": 1, "client_order_id": "a"}))


def test_deleted_definition_frees_its_slug(database: Database, run: Run) -> None:
    definitions = database["wallets"]
    run(definitions.insert_one({"_id": "1", "slug": "a", "deleted_at": "then"}))
    run(definitions.insert_one({"_id": "2", "slug": "a", "deleted_at": None}))
    with pytest.raises(DuplicateKeyError):
        run(definitions.insert_one({"_id": "3", "slug": "a", "deleted_at": None}))


def test_too_old_server_is_refused(database: Database, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OLDEST_SERVER", 1000)

    with pytest.raises(UnsupportedServerError, match="too old"):
        run(ensure_indexes(database))


@pytest.mark.parametrize("text", ["mongodb://host/", " mongodb://host/\n", '{"url": "mongodb://host/"}'])
def test_secret_may_be_the_url_or_an_object_with_it(text: str) -> None:
    assert url_from_secret(text) == "mongodb://host/"
