"""Replay a demo wallet: decide every entry of its journal again and compare the result with the stored entry.

A commit follows from the account before it, the entry's command and market context, the version of the rules that
decided it, and the price path up to the time that the entry walked to. The path comes from the simulated market or from
the recorded minutes of a venue. An account opens on its terms, and a fork also on the marks of that time. Postings,
orders, fills, changes, the snapshot, checkpoints and totals are recomputed. Two parts are trusted without a check: the
order book of a venue, and an entry whose recorded minutes have expired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import OpenAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.ledger.invariants import account_violations, commit_violations
from moniqo_core.domain.ledger.rules import RULES_VERSION, Rules
from moniqo_core.domain.paper import account_lifecycle, decide
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.replay.first_mismatch import ABSENT
from moniqo_core.storage.paper.replay.stored_journal import (
    ORIGIN,
    SNAPSHOT_SEQ,
    TOTALS_SEQ,
    StoredAccount,
    StoredEntry,
    StoredJournals,
    StoredSnapshot,
    StoredTotalsDocument,
)
from moniqo_core.wallets.demo.path_from_feed import furthest, walk_to
from moniqo_core.wallets.demo.replayed_markets import ReplayedMarkets

_UNREADABLE: Final = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError)
"""Exceptions that an entry raises if it was not written by this program."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference between the stored and the recomputed journal or snapshot, as of entry ``seq``."""

    seq: int
    field: str
    stored: object
    recomputed: object


@dataclass(slots=True)
class Replay:
    """The result of a replay. ``postings`` counts postings per asset. A ``difference`` of None means a match.

    ``believed`` is the number of entries that were trusted, because the minutes that they walked have expired.
    """

    user_wallet_id: str
    entries: int = 0
    believed: int = 0
    orders: int = 0
    fills: int = 0
    epochs: int = 0
    postings: Counter[str] = field(default_factory=Counter)
    later_fields: set[str] = field(default_factory=set)
    difference: Difference | None = None


class _DifferenceFoundError(Exception):
    """Ends a replay. A ``seq`` of None means the entry that is being replayed."""

    def __init__(self, field: str, stored: object, recomputed: object, seq: int | None = None) -> None:
        super().__init__(field)
        self.seq = seq
        self.field = field
        self.stored = stored
        self.recomputed = recomputed


class WalletReplay:
    """Replays wallets of one database on the markets of their time. It only reads, so wallets may trade meanwhile."""

    def __init__(self, database: Database, seed: str, now: Clock = utc_now) -> None:
        """Replay wallets of ``database``. ``seed`` is that of the deployment's simulated market."""
        self._database = database
        self._journals = StoredJournals(database)
        self._markets = ReplayedMarkets(database, seed, now)

    async def run(self, user_wallet_id: str, progress: Callable[[int], None] = lambda _: None) -> Replay | None:
        """Replay one wallet entry by entry, up to the first difference. Returns None when there is no such wallet.

        ``progress`` is called with the number of entries replayed so far.
        """
        # The snapshot and the totals are read first, so the journal that is read afterwards includes all of them.
        snapshot = await self._journals.snapshot(user_wallet_id)
        totals = await self._journals.totals(user_wallet_id)
        found = Replay(user_wallet_id)
        account: Account | None = None
        stored = StoredAccount()
        try:
            async for entry in self._journals.entries(user_wallet_id):
                account = await self._entry(account, entry, stored, found)
                if snapshot is not None and snapshot.seq == account.seq:
                    _compare(snapshot, account)
                checkpoint = await self._journals.checkpoint(user_wallet_id, account.seq)
                if checkpoint is not None:
                    _compare(checkpoint, account)
                if totals is not None:
                    _compare_totals(totals, entry, account.seq)
                progress(found.entries)
            if account is None and snapshot is None:
                return None
            _check_end(snapshot, account)
            if totals is not None and totals.seq not in range(1, found.entries + 1):
                raise _DifferenceFoundError(TOTALS_SEQ, totals.seq, found.entries, found.entries)
        except _DifferenceFoundError as error:
            found.difference = Difference(error.seq or found.entries + 1, error.field, error.stored, error.recomputed)
        return found

    async def _entry(
        self, account: Account | None, entry: StoredEntry, stored: StoredAccount, found: Replay
    ) -> Account:
        """Recompute one entry, compare it, and return the account after it. ``stored`` is updated to the same state."""
        seq = found.entries + 1
        if entry.seq != seq:
            raise _DifferenceFoundError("seq", entry.seq, seq)
        rules = entry.rules
        if rules is None:
            raise _DifferenceFoundError("rules_version", entry.rules_version, RULES_VERSION)
        try:
            if account is not None and entry.walked_to is not None and self._markets.may_have_expired(account):
                stored.apply(entry)
                found.entries, found.believed = seq, found.believed + 1
                return stored.read()
            commit = await self._decide(account, entry, rules)
            mismatch = entry.mismatch(commit)
        except WalletError as error:
            raise _DifferenceFoundError("decision", "accepted", f"{error.code}: {error.detail}") from error
        except _UNREADABLE as error:
            raise _DifferenceFoundError("entry", f"cannot be read: {error!r}", "readable") from error
        if mismatch is not None:
            raise _DifferenceFoundError(*mismatch)
        faults = account_violations(commit.after)
        if account is not None:
            faults += commit_violations(account, commit)
        if faults:
            raise _DifferenceFoundError("invariants", "; ".join(faults), "hold")
        found.later_fields |= entry.later_fields
        _count(found, commit)
        stored.apply(entry)
        return commit.after

    async def _decide(self, account: Account | None, entry: StoredEntry, rules: Rules) -> Commit:
        command, context, at = entry.command, entry.context, entry.at
        if context is not None and account is not None:
            mismatch = await self._markets.mismatch(context, account.terms)
            if mismatch is not None:
                raise _DifferenceFoundError(*mismatch)
        if isinstance(command, OpenAccount) is not (account is None):
            raise _DifferenceFoundError("kind", entry.kind, "open" if account is None else "anything else")
        if account is None:
            return await self._open(command, entry, rules)
        if entry.walked_to is None:
            return decide.decide(AccountDraft(account, at, rules), command, context)
        reach = min(entry.walked_to, furthest(account, at))
        draft = await walk_to(self._markets.feed_at(reach, account.terms), account, reach, at, rules)
        return decide.decide(draft, command, context)

    async def _open(self, command: object, entry: StoredEntry, rules: Rules) -> Commit:
        opened = entry.account
        origin = command.forked_from if isinstance(command, OpenAccount) else None
        if origin is None:
            return account_lifecycle.open_account(opened.user_wallet_id, opened.terms, entry.at, rules)
        source_id, _, seq = origin.rpartition(":")
        source = await DemoHistory(self._database).account_at(source_id, int(seq))
        if source is None:
            raise _DifferenceFoundError(ORIGIN, origin, ABSENT)
        return account_lifecycle.fork_account(
            opened.user_wallet_id, source, opened.terms, entry.at, opened.marks, rules
        )


def _count(found: Replay, commit: Commit) -> None:
    accepted = f"o-{commit.after.seq}-"
    found.entries += 1
    found.epochs = commit.after.epoch
    found.orders += sum(order.order_id.startswith(accepted) for order in commit.orders)
    found.fills += len(commit.fills)
    found.postings.update(asset for _, asset, _ in commit.postings)


def _compare(stored: StoredSnapshot, account: Account) -> None:
    mismatch = stored.mismatch(account)
    if mismatch is not None:
        raise _DifferenceFoundError(*mismatch, seq=account.seq)


def _compare_totals(totals: StoredTotalsDocument, entry: StoredEntry, seq: int) -> None:
    try:
        mismatch = totals.follow(entry)
    except _UNREADABLE as error:
        raise _DifferenceFoundError("entry", f"cannot be read: {error!r}", "readable", seq) from error
    if mismatch is not None:
        raise _DifferenceFoundError(*mismatch, seq=seq)


def _check_end(snapshot: StoredSnapshot | None, account: Account | None) -> None:
    """Check that the journal reaches the snapshot. Only an interrupted opening may lack a snapshot."""
    if snapshot is None:
        if account is not None and account.seq > 1:
            raise _DifferenceFoundError("snapshot", ABSENT, f"as of {account.seq}", account.seq)
        return
    last = 0 if account is None else account.seq
    if not 0 < snapshot.seq <= last:
        raise _DifferenceFoundError(SNAPSHOT_SEQ, snapshot.seq, last)
