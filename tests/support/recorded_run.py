"""The folder of a local run as a release left it, and questions to a run that goes on with it."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from moniqo_core.storage.client import connect
from moniqo_core.storage.simulation_seed import simulation_seed
from tests.support import recorded
from tests.support.local_run import LocalRun
from tests.support.mongo import DurableServer
from tests.support.recorded_calls import Document, differences

NOT_PACKED = frozenset({"logs", "ports.json", "lock", "stack.json", "environment"})
"""The files that every run makes anew."""
PASSING = frozenset(
    {
        *("as_of", "evaluated_until", "last_synced_at", "stale", "updated_at", "value_usd", "total_value_usd"),
        *("balance", "connection", "statistics", "next_sync_at", "mark_price", "unrealised_pnl", "base_url"),
    }
)
"""Members that follow the market and the schedules, which go on."""
GROWING = frozenset({"/ledger"})
"""Members that grow at their end."""
EXTENDED = {"/wallets/definitions": "slug"}
"""Lists to which a later release adds items, with the member that names an item."""

_SHIFT = """\
import datetime

import {clock} as clock


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) - datetime.timedelta(seconds={seconds})


clock.datetime = Shifted
"""


def pack(state: Path, archive: Path) -> None:
    """Write a state folder to an archive, without what a run makes anew."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(state.rglob("*")):
            name = path.relative_to(state)
            if path.is_file() and name.parts[0] not in NOT_PACKED:
                packed.add(path, str(name), filter=_of_nobody)


def _of_nobody(found: tarfile.TarInfo) -> tarfile.TarInfo:
    found.uid = found.gid = 0
    found.uname = found.gname = ""
    return found


def unpack(archive: Path, state: Path) -> None:
    """Unpack an archive into a state folder that only its owner can read."""
    with tarfile.open(archive) as packed:
        for found in packed:
            content = packed.extractfile(found)
            assert content is not None, found.name
            path = state / found.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content.read())
            path.chmod(0o600)


def lead(state: Path, slug: str, url: str) -> None:
    """Let a definition in a state folder lead to where its venue is now, before a run starts there."""
    server = DurableServer(state / "mongodb")
    server.start()
    try:
        client: MongoClient[Document] = MongoClient(server.url)
        with client:
            done = client["moniqo"]["wallets"].update_one({"slug": slug}, {"$set": {"api_config.base_url": url}})
            assert done.modified_count == 1
    finally:
        server.kill()


def shifted_clock(folder: Path, moment: datetime) -> str:
    """Return a PYTHONPATH under which wallets take ``moment`` for the present. Tokens follow the real time."""
    folder.mkdir()
    seconds = (datetime.now(UTC) - moment).total_seconds()
    source = _SHIFT.format(clock=recorded.CLOCK, seconds=seconds)
    (folder / "sitecustomize.py").write_text(source, encoding="utf-8")
    return str(folder)


def ask(run: LocalRun, token: str | None, asked: Document) -> Document:
    """Send a described request and return the answer as it is recorded."""
    reply = run.call(asked["method"], asked["path"], asked.get("body"), token, asked.get("headers"))
    body = reply.json if "json" in reply.headers.get("content-type", "") else reply.body.decode()
    return {"status": reply.status, "replayed": "idempotent-replayed" in reply.headers, "body": body}


def unequal(run: LocalRun, token: str, questions: Sequence[Document]) -> list[str]:
    """Ask every recorded question again and say which answers differ, without the members that change with time."""
    found: list[str] = []
    for item in questions:
        found += changes(item["request"]["path"], item["answer"], ask(run, token, item["request"]))
    return found


def changes(path: str, before: Document, now: Document) -> list[str]:
    """Say where an answer differs from the recorded one, without items that were added since."""
    now = {**now, "body": _without_added_items(path, before["body"], now["body"])}
    return differences(_staying(before), _staying(now), path)


def _without_added_items(path: str, before: Any, now: Any) -> Any:
    if any(path.endswith(part) for part in GROWING):
        return {**now, "items": now["items"][: len(before["items"])], "next_cursor": before["next_cursor"]}
    for part, name in EXTENDED.items():
        if path.endswith(part):
            recorded = {item[name] for item in before["items"]}
            return {**now, "items": [item for item in now["items"] if item[name] in recorded]}
    return now


def _staying(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _staying(held) for name, held in value.items() if name not in PASSING}
    return [_staying(held) for held in value] if isinstance(value, list) else value


async def replays(run: LocalRun, wallets: Sequence[str], now: datetime) -> dict[str, Document]:
    """Decide the journals of a run's database again."""
    database = connect(run.description["mongodb_url"], "moniqo")
    try:
        seed = await simulation_seed(database)
        return {wallet: await recorded.replay_of(database, wallet, seed, now) for wallet in wallets}
    finally:
        await database.client.close()
