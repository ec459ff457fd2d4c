"""The embedded database of the tests lasts as long as the longest test run."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient

from tests.support.mongo import embedded_server

PADDING = "x" * 5_000


def test_embedded_server_keeps_answering_however_much_was_written_and_dropped() -> None:
    """More than its cache is written, which is smaller here to save time.

    A batch stays small against the cache, because the server fails a transaction that takes much of it.
    """
    with embedded_server("--cache-size", "40M") as url, MongoClient[dict[str, Any]](url) as client:
        for number in range(100):
            things = client[f"test_{number}"].things
            things.insert_many([{"_id": each, "padding": PADDING} for each in range(100)])
            client.drop_database(things.database.name)
        client["test"].things.insert_one({"_id": "last"})
        assert client["test"].things.count_documents({}) == 1
