"""The in-memory journal of a trial. It is applied as in the database, and every commit is decided a second time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import bson

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import Command, ResetAccount
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.paper import decide
from moniqo_core.storage.paper.account_codec import read_account, state_document
from moniqo_core.storage.paper.entry_codec import apply_entry, entry_document, snapshot_update


class DifferenceError(AssertionError):
    """The engine and the model differ, or an invariant is violated."""


class Decided(NamedTuple):
    """Everything needed to decide a commit again."""

    now: datetime
    reach: datetime
    paths: dict[str, list[PathPoint]]
    command: Command
    context: MarketContext | None
    commit: Commit


class Journal:
    """Every commit of a wallet from its first account on."""

    def __init__(self, first: Account, markets: Mapping[str, Market], usd_rate: Decimal) -> None:
        self.markets = markets
        self.usd_rate = usd_rate
        self.begun = state_document(first)
        self.folded = state_document(first)
        self.updated = state_document(first)
        self.history: list[Decided] = []
        self.done = 0

    def append(self, decided: Decided) -> None:
        self.history.append(decided)

    def replayed(self, account: Account) -> Account:
        """Apply the new entries to the stored snapshot, decide each of them again, and read the account."""
        for number, decided in enumerate(self.history[self.done :], self.done):
            apply_entry(self.folded, entry_document(decided.commit, str(number)))
            _update(self.updated, decided.commit)
        self.done = len(self.history)
        stored: dict[str, Any] = bson.decode(bson.encode(self.folded), bson.CodecOptions(tz_aware=True))
        for what, document in (("folded journal", stored), ("updated snapshot", self.updated)):
            _refuse(what, _differing(read_account(document), account))
        again = read_account(self.begun)
        for decided in self.history:
            draft = path_walk.walk(again, decided.paths, self.markets, decided.reach, decided.now, self.usd_rate)
            commit = decide.decide(draft, decided.command, decided.context)
            again = commit.after
            differing = _differing(again, decided.commit.after) + _differing(commit, decided.commit)
            _refuse(f"entry {again.seq} decided again", differing)
        return read_account(stored)


def _refuse(what: str, differing: list[str]) -> None:
    if differing:
        raise DifferenceError(f"{what} differs in {differing}")


def _differing(one: Account | Commit, other: Account | Commit) -> list[str]:
    """Names of the fields that differ. Terms have the current limits. A commit's account is compared separately."""
    names = [item.name for item in fields(one) if item.name not in {"after", "terms"}]
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def _update(document: dict[str, Any], commit: Commit) -> None:
    """Apply an update to a document as the server does."""
    if isinstance(commit.command, ResetAccount):
        document.clear()
        document.update(state_document(commit.after))
        return
    update = snapshot_update(entry_document(commit, ""))
    for path, value in update["$set"].items():
        *parents, last = path.split(".")
        target = document
        for name in parents:
            target = target.setdefault(name, {})
        target[last] = value
    for path in update.get("$unset", {}):
        document["orders"].pop(path.partition(".")[2], None)
