"""The markets that a replay walks: as they were at the time of each entry, and never as they are now.

The simulated market is computed again from its seed. For a venue, only the recorded minutes are read, until they
expire.
"""

from __future__ import annotations

from datetime import UTC, datetime

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.minute_candles import floor_hour
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.feeds.price_source import UnavailablePriceSource
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.feeds.venue_feed import VenueFeed
from moniqo_core.storage.document import Database
from moniqo_core.storage.market.recorded_minutes import KEPT, RecordedMinutes
from moniqo_core.storage.orders.order_codec import levels_document
from moniqo_core.storage.paper.replay.first_mismatch import Mismatch, first_mismatch
from moniqo_core.storage.paper.replay.stored_journal import PRICE_SOURCE


class ReplayedMarkets:
    """The markets of one database's wallets at earlier times."""

    def __init__(self, database: Database, seed: str, now: Clock) -> None:
        """Compute the simulated market from ``seed``. ``now`` tells which recorded minutes may have expired."""
        self._database = database
        self._now = now
        self._moment = datetime.max.replace(tzinfo=UTC)
        self._simulated = SimulatedFeed(seed, lambda: self._moment)
        self._venue_feeds: dict[str, VenueFeed] = {}

    def feed_at(self, moment: datetime, terms: AccountTerms) -> PriceFeed:
        """Return the feed of an account as it was at ``moment``. The next call changes the moment."""
        self._moment = moment
        if not terms.uses_venue_prices:
            return self._simulated
        if terms.feed not in self._venue_feeds:
            recorded = RecordedMinutes(self._database)
            self._venue_feeds[terms.feed] = VenueFeed([UnavailablePriceSource(terms.feed)], recorded)
        return self._venue_feeds[terms.feed]

    def may_have_expired(self, account: Account) -> bool:
        """Return whether recorded minutes that the next walk of ``account`` needs may have expired."""
        if not account.terms.uses_venue_prices:
            return False
        since = min((account.evaluated_until[symbol] for symbol in account.tracked_symbols), default=None)
        return since is not None and floor_hour(since) + KEPT <= self._now()

    async def mismatch(self, context: MarketContext, terms: AccountTerms) -> Mismatch | None:
        """Compare the market that an entry was decided on with the simulated one. Those of venues are not compared."""
        shown = context.snapshot
        if (shown.source == SIMULATED) is terms.uses_venue_prices:
            return Mismatch(PRICE_SOURCE, shown.source, terms.feed)
        if terms.uses_venue_prices:
            return None
        self._moment = shown.at
        real = await self._simulated.snapshot(shown.symbol)
        stored = {"at": shown.at, "last": shown.last, "market": context.market}
        expected = {"at": real.at, "last": real.last, "market": await self._simulated.market(shown.symbol)}
        for side, book, whole in (("bids", shown.bids, real.bids), ("asks", shown.asks, real.asks)):
            stored[side] = levels_document(book)
            expected[side] = levels_document(whole[: len(book)])
        return first_mismatch(stored, expected, "basis")
