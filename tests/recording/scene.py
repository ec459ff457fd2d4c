"""A deployment in this process whose clock, market and chances are fixed, and a record of what was asked of it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from moniqo_core import event_loop
from moniqo_core.storage.simulation_seed import DEPLOYMENT
from moniqo_core.storage.wallets.definition_seeds import seed_definitions
from tests.conftest import Database, fresh_database, fresh_environment
from tests.support import recorded
from tests.support.engine import Clock
from tests.support.lambdas import TRADER, User
from tests.support.mongo import embedded_server
from tests.support.recorded_calls import BASE, request, send, send_for_all
from tests.support.wallets import KEY_SECRET, aws_services

SEED = "the market of release fixtures"
COUNTED = frozenset({"looks", "misses", "version", "settle_at"})


@dataclass
class Scene:
    """A deployment. :meth:`ask` keeps every request with its answer."""

    database: Database
    clock: Clock
    patch: pytest.MonkeyPatch
    transcript: list[dict[str, Any]] = field(default_factory=list)
    named: list[dict[str, Any]] = field(default_factory=list)
    """Requests whose client order id stands for an order or a wallet now."""

    def ask(self, method: str, path: str, expected: int = 200, *, user: User = TRADER, **given: Any) -> Any:
        """Send a request and return the body of its answer, whose status must be the expected one."""
        asked = request(method, BASE + path, user, **given)
        answer = send(asked)
        assert answer["status"] == expected, (asked, answer)
        self.transcript.append({"at": self.clock().isoformat(), "request": asked, "answer": answer})
        named = "Idempotency-Key" in given.get("headers", {}) or "client_order_id" in (given.get("body") or {})
        if named and not answer["replayed"] and answer["status"] in {200, 201}:
            self.named.append(asked)
        return answer["body"]

    def price(self, wallet: str, symbol: str, share: str = "0") -> str:
        """Return the price this share away from the present one, on a tick of a cent."""
        query = {"user_wallet_id": wallet, "symbol": symbol}
        mid = Decimal(self.ask("GET", "/markets/price", query=query)["mid"])
        return str((mid * (1 + Decimal(share))).quantize(Decimal("0.01")))

    def results(self, seed: str) -> dict[str, Any]:
        """Return what the present code makes of the journals that are stored now."""
        documents = event_loop.run(recorded.contents(self.database))
        now = self.clock()
        replays, states = {}, {}
        for wallet in recorded.wallets_in(documents):
            replays[wallet] = event_loop.run(recorded.replay_of(self.database, wallet, seed, now))
            assert replays[wallet]["difference"] is None, replays[wallet]
            states[wallet] = event_loop.run(recorded.states_of(self.database, wallet, replays[wallet]["entries"]))
        return {"replays": replays, "states": states, "body_hashes": recorded.body_hashes(documents)}

    def questions(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask questions, and return them with their answers. Nothing is stored, because each was asked before."""
        for question in questions:
            send_for_all(question)
        before = self._said()
        answers = [{"request": question, "answer": send_for_all(question)} for question in questions]
        assert self._said() == before
        return answers

    def _said(self) -> recorded.Documents:
        """Return what is stored, but for how often and until when a venue was asked about open orders."""
        documents = event_loop.run(recorded.contents(self.database))
        kept = [{name: order[name] for name in order.keys() - COUNTED} for order in documents["orders"]]
        return {**documents, "orders": kept}

    def repeats(self) -> list[dict[str, Any]]:
        """Repeat every named request, as it was and with another body. Return requests with their answers."""
        repeats = []
        for asked in self.named:
            same = send(asked)
            repeats.append({"request": asked, "answer": same})
            if same["status"] == 404:  # its wallet was deleted
                continue
            assert same["replayed"], (asked, same)
            if asked.get("body") is not None:
                other = {**asked, "body": _another(asked["body"])}
                refused = send(other)
                assert refused["body"]["code"] == "IDEMPOTENCY_MISMATCH", (other, refused)
                repeats.append({"request": other, "answer": refused})
        return repeats

    def write(self, folder: Path, seed: str, questions: list[dict[str, Any]], **more: object) -> None:
        """Write documents, results, answers and transcript to a folder."""
        answers = self.questions(questions)
        documents = event_loop.run(recorded.contents(self.database))
        repeats = self.repeats()
        recorded.write_file(folder / "documents.json.xz", recorded.as_extended_json(documents))
        recorded.write_file(folder / "results.json.xz", self.results(seed))
        recorded.write_file(folder / "transcript.json.xz", self.transcript)
        held = boto3.client("secretsmanager").get_secret_value(SecretId=KEY_SECRET, VersionStage="AWSCURRENT")
        about = {"at": self.clock().isoformat(), "seed": seed, "key_ring": held["SecretString"], **more}
        recorded.write_file(folder / "answers.json.xz", {**about, "questions": answers, "repeats": repeats})


def _another(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of another request under the same name."""
    if "symbol" in body:
        return {**body, "metadata": {"another": "body"}}
    return {**body, "custom_name": "Another name"}


@contextmanager
def scene(began: datetime) -> Iterator[Scene]:
    """Make a deployment with the definitions every deployment starts with."""
    with (
        pytest.MonkeyPatch.context() as patch,
        embedded_server() as url,
        fresh_environment(patch),
        aws_services(patch),
    ):
        patch.setenv("POWERTOOLS_LOG_LEVEL", "ERROR")
        recorded.allow_venues(patch)
        clock = recorded.stop_clocks(patch, began)
        with fresh_database(patch, url) as database:
            _draw_from(patch, random.Random(SEED))
            event_loop.run(database[DEPLOYMENT].insert_one({"_id": "simulation", "seed": SEED}))
            event_loop.run(seed_definitions(database))
            yield Scene(database, clock, patch)


def _draw_from(patch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Let ids and keys follow from the seed. Ports and the database's own ids differ from recording to recording."""
    patch.setattr(os, "urandom", chance.randbytes)
    patch.setattr(random, "_urandom", chance.randbytes)
