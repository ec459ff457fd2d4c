"""Replay a demo wallet: decide every entry of its journal again and compare the result with the stored entry.

A commit follows from the account before it, the entry's command and basis, the version of the rules that decided it,
and the price path up to the time that the entry walked to. The path comes from the simulated market or from the
recorded minutes of a venue. An account opens on its terms, and a fork also on the marks of that time. Postings, orders,
fills, changes and the snapshot are recomputed. Two things are trusted without a check: the order book of a venue, and
an entry whose recorded minutes have expired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import OpenAccount
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.ledger.invariants import account_violations, commit_violations
from moniqo_core.domain.ledger.rules import RULES_VERSION, Rules
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.minute_candles import floor_hour
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.paper import account_lifecycle, decide
from moniqo_core.feeds.price_source import UnavailablePriceSource
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.feeds.venue_feed import VenueFeed
from moniqo_core.storage.document import Database
from moniqo_core.storage.market.recorded_minutes import KEPT, RecordedMinutes
from moniqo_core.storage.orders.order_codec import levels_document
from moniqo_core.storage.paper.first_mismatch import ABSENT, first_mismatch
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.stored_journal import (
    ORIGIN,
    PRICE_SOURCE,
    SNAPSHOT_SEQ,
    StoredAccount,
    StoredEntry,
    StoredJournals,
    StoredSnapshot,
)
from moniqo_core.wallets.demo.path_from_feed import furthest, walk_to

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
    """The result of a replay. ``postings`` counts postings per asset. A ``difference`` of None means that all agrees.

    ``believed`` is the number of entries that were trusted, because the minutes that they walked have expired.
    """

    user_wallet_id: str
    entries: int = 0
    believed: int = 0
    orders: int = 0
    fills: int = 0
    epochs: int = 0
    postings: Counter[str] = field(default_factory=Counter)
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
        self._now = now
        self._database = database
        self._journals = StoredJournals(database)
        self._moment = datetime.max.replace(tzinfo=UTC)
        self._simulated = SimulatedFeed(seed, lambda: self._moment)
        self._venue_feeds: dict[str, VenueFeed] = {}

    async def run(self, user_wallet_id: str, progress: Callable[[int], None] = lambda _: None) -> Replay | None:
        """Replay one wallet entry by entry, up to the first difference. Returns None when there is no such wallet.

        ``progress`` is called with the number of entries replayed so far.
        """
        # The snapshot is read first, so the journal that is read afterwards includes all of it.
        snapshot = await self._journals.snapshot(user_wallet_id)
        found = Replay(user_wallet_id)
        account: Account | None = None
        stored = StoredAccount()
        try:
            async for entry in self._journals.entries(user_wallet_id):
                account = await self._entry(account, entry, stored, found)
                if snapshot is not None and snapshot.seq == account.seq:
                    _compare_snapshot(snapshot, account)
                progress(found.entries)
            if account is None and snapshot is None:
                return None
            _check_end(snapshot, account)
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
            if self._has_expired_minutes(account, entry):
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
        _count(found, commit)
        stored.apply(entry)
        return commit.after

    async def _decide(self, account: Account | None, entry: StoredEntry, rules: Rules) -> Commit:
        command, context, at = entry.command, entry.context, entry.at
        if context is not None and account is not None:
            await self._check_market(context, account.terms)
        if isinstance(command, OpenAccount) is not (account is None):
            raise _DifferenceFoundError("kind", entry.kind, "open" if account is None else "anything else")
        if account is None:
            return await self._open(command, entry, rules)
        if entry.walked_to is None:
            return decide.decide(AccountDraft(account, at, rules), command, context)
        reach = min(entry.walked_to, furthest(account, at))
        self._moment = reach
        draft = await walk_to(self._feed_of(account.terms), account, reach, at, rules)
        return decide.decide(draft, command, context)

    def _has_expired_minutes(self, account: Account | None, entry: StoredEntry) -> bool:
        """Return whether an entry walked recorded minutes of a venue that may have expired."""
        if account is None or not account.terms.uses_venue_prices or entry.walked_to is None:
            return False
        since = min((account.evaluated_until[symbol] for symbol in account.tracked_symbols), default=None)
        return since is not None and floor_hour(since) + KEPT <= self._now()

    def _feed_of(self, terms: AccountTerms) -> PriceFeed:
        if not terms.uses_venue_prices:
            return self._simulated
        if terms.feed not in self._venue_feeds:
            recorded = RecordedMinutes(self._database)
            self._venue_feeds[terms.feed] = VenueFeed([UnavailablePriceSource(terms.feed)], recorded)
        return self._venue_feeds[terms.feed]

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

    async def _check_market(self, context: MarketContext, terms: AccountTerms) -> None:
        """Compare the market that an entry was decided on with the simulated one. A venue's cannot be recomputed."""
        shown = context.snapshot
        if (shown.source == SIMULATED) is terms.uses_venue_prices:
            raise _DifferenceFoundError(PRICE_SOURCE, shown.source, terms.feed)
        if terms.uses_venue_prices:
            return
        self._moment = shown.at
        real = await self._simulated.snapshot(shown.symbol)
        stored = {"at": shown.at, "last": shown.last, "market": context.market}
        expected = {"at": real.at, "last": real.last, "market": await self._simulated.market(shown.symbol)}
        for side, book, whole in (("bids", shown.bids, real.bids), ("asks", shown.asks, real.asks)):
            stored[side] = levels_document(book)
            expected[side] = levels_document(whole[: len(book)])
        mismatch = first_mismatch(stored, expected, "basis")
        if mismatch is not None:
            raise _DifferenceFoundError(*mismatch)


def _count(found: Replay, commit: Commit) -> None:
    accepted = f"o-{commit.after.seq}-"
    found.entries += 1
    found.epochs = commit.after.epoch
    found.orders += sum(order.order_id.startswith(accepted) for order in commit.orders)
    found.fills += len(commit.fills)
    found.postings.update(asset for _, asset, _ in commit.postings)


def _compare_snapshot(snapshot: StoredSnapshot, account: Account) -> None:
    mismatch = snapshot.mismatch(account)
    if mismatch is not None:
        raise _DifferenceFoundError(*mismatch, seq=account.seq)


def _check_end(snapshot: StoredSnapshot | None, account: Account | None) -> None:
    """Check that the journal reaches the snapshot. Only an interrupted opening may lack a snapshot."""
    if snapshot is None:
        if account is not None and account.seq > 1:
            raise _DifferenceFoundError("snapshot", ABSENT, f"as of {account.seq}", account.seq)
        return
    last = 0 if account is None else account.seq
    if not 0 < snapshot.seq <= last:
        raise _DifferenceFoundError(SNAPSHOT_SEQ, snapshot.seq, last)
