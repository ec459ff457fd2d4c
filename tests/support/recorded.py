"""The data that a release wrote (the files under tests/fixtures), and functions that read it with the present code.

Only this module and its neighbours ``recorded_run`` and ``recorded_venues`` import the package.
"""

from __future__ import annotations

import json
import lzma
import time
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.json_util import CANONICAL_JSON_OPTIONS, JSONOptions, dumps, loads
from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain import clock as package_clock
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.storage.live.live_order_codec import read_live
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.decision_input_decoder import read_command
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.support.engine import Clock
from tests.support.lambdas import ROOT

Document = dict[str, Any]
Documents = dict[str, list[Document]]
Database = AsyncDatabase[Document]

FIXTURES = ROOT / "tests" / "fixtures"
ENTRIES = "demo_wallet_ledger"
CLOCK = package_clock.__name__
"""The module that all code asks for the time."""
NOT_RECORDED = frozenset({"rate_counters"})
"""Counts of the calls within a minute say nothing afterwards."""

_UTC_TIMES: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
_READING = JSONOptions(tz_aware=True, tzinfo=UTC)


def read_file(path: Path) -> Any:
    """Return the JSON content of a compressed file."""
    return json.loads(lzma.decompress(path.read_bytes()))


def write_file(path: Path, content: object) -> None:
    """Write JSON content, compressed. Equal content gives equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


@dataclass(frozen=True)
class Recording:
    """One part of a recording, in ``folder``."""

    folder: Path

    @cached_property
    def answers(self) -> Any:
        """The questions at the end of a recording, their answers, and the time, seed and keys they depend on."""
        return read_file(self.folder / "answers.json.xz")

    @cached_property
    def results(self) -> Any:
        """The results of the journals: replays, the account after each entry, and hashes of commands."""
        return read_file(self.folder / "results.json.xz")

    @property
    def at(self) -> datetime:
        """When the recording ended."""
        return datetime.fromisoformat(self.answers["at"])

    @property
    def seed(self) -> str:
        """The seed of the simulated market."""
        return str(self.answers["seed"])

    def documents(self) -> Documents:
        """Return the database as it was, a new copy each time."""
        found: Documents = from_extended_json(read_file(self.folder / "documents.json.xz"))
        return found

    def transcript(self) -> list[Document]:
        """Return every request that made the documents, with its answer."""
        found: list[Document] = read_file(self.folder / "transcript.json.xz")
        return found


def as_extended_json(value: object) -> Any:
    """Return database content as canonical Extended JSON."""
    return json.loads(dumps(value, json_options=CANONICAL_JSON_OPTIONS))


def from_extended_json(value: object) -> Any:
    """Reverse :func:`as_extended_json`."""
    return loads(json.dumps(value), json_options=_READING)


def stop_clocks(patch: pytest.MonkeyPatch, moment: datetime) -> Clock:
    """Let the package, CCXT and the fake venues see ``moment`` until the returned clock is moved.

    Each reading in nanoseconds advances the clock by a millisecond, because a venue wants every nonce to increase.
    """
    clock = Clock()
    clock.now = moment
    asked = 0

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls.fromtimestamp(clock.now.timestamp(), tz)

    def milliseconds() -> int:
        return round(clock.now.timestamp() * 1000) + asked

    def nanoseconds() -> int:
        nonlocal asked
        asked += 1
        return milliseconds() * 10**6

    patch.setattr(package_clock, "datetime", Stopped)
    patch.setattr("jwt.api_jwt.datetime", Stopped)
    patch.setattr(time, "time", lambda: milliseconds() / 1000)
    patch.setattr(time, "time_ns", nanoseconds)
    return clock


def allow_venues(patch: pytest.MonkeyPatch) -> None:
    """Let prices come from venues on this machine, and live orders go there."""
    for name, value in {"LOOPBACK_VENUES": "true", "PRICE_VENUES": "binance-spot-v1", "LIVE_TRADING": "true"}.items():
        patch.setenv(name, value)


async def store(database: Database, documents: Documents) -> None:
    """Insert recorded documents. Nothing of them expires, however old they are by now."""
    for name in await database.list_collection_names():
        for index, described in (await database[name].index_information()).items():
            if "expireAfterSeconds" in described:
                await database[name].drop_index(index)
    for name, found in documents.items():
        if found:
            await database[name].insert_many(found)


async def contents(database: Database) -> Documents:
    """Return every document, ordered by id."""
    names = sorted(set(await database.list_collection_names()) - NOT_RECORDED)
    return {name: await database[name].find().sort("_id", 1).to_list() for name in names}


def wallets_in(documents: Documents) -> list[str]:
    """Return the ids of the paper wallets that have a journal."""
    return sorted({entry["user_wallet_id"] for entry in documents[ENTRIES]})


async def replay_of(database: Database, wallet: str, seed: str, now: datetime) -> Document:
    """Decide a journal again. ``difference`` is None when every entry and the snapshot are as stored."""
    found = await WalletReplay(database, seed, lambda: now).run(wallet)
    assert found is not None, wallet
    difference = found.difference
    told = None if difference is None else [difference.seq, difference.field, str(difference.stored)]
    counts = {name: getattr(found, name) for name in ("entries", "believed", "orders", "fills", "epochs")}
    return {**counts, "postings": dict(sorted(found.postings.items())), "difference": told}


async def states_of(database: Database, wallet: str, entries: int) -> dict[str, Any]:
    """Rebuild the account as it was after the last entry and after every fourth before it, in Extended JSON."""
    history = DemoHistory(database)
    states = {}
    for seq in range(entries, 0, -4):
        account = await history.account_at(wallet, seq)
        assert account is not None, (wallet, seq)
        state = state_document(account)
        state["orders"] = {name: bson.decode(packed, _UTC_TIMES) for name, packed in state["orders"].items()}
        states[str(seq)] = as_extended_json(state)
    return states


def body_hashes(documents: Documents) -> dict[str, str]:
    """Hash the command of every entry that placed an order, whether its order was named or not."""
    placed = (entry for entry in documents[ENTRIES] if entry["kind"] == "place")
    return {entry["_id"]: _hash_of(entry) for entry in placed}


def _hash_of(entry: Document) -> str:
    command: Any = read_command(entry)
    return str(command.body_hash())


def ids_at_venues(documents: Documents) -> dict[str, str]:
    """Work out the id under which each named order goes to its venue: it is sent under no other."""
    named = (document for document in documents["orders"] if "client_order_id" in document)
    return {order["_id"]: venue_client_id(order["user_wallet_id"], order["client_order_id"]) for order in named}


def live_body_hashes(documents: Documents) -> dict[str, str]:
    """Hash what was asked for, of every order at a venue."""
    return {document["_id"]: read_live(document).request.body_hash() for document in documents["orders"]}
