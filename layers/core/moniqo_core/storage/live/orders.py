"""Orders of live wallets, in the collection ``orders``, which is a projection of the wallets' journals.

An intent is decided on all orders up to the previous number, and on the journal up to its last entry. Of two intents
that are decided at once, one is inserted and the other is decided again. So limits hold without a lock, which a crashed
process could leave behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pymongo import UpdateOne

from moniqo_core.domain.errors import NotFoundError, OrderNotFoundError, TemporarilyUnavailableError
from moniqo_core.domain.live.news import is_news
from moniqo_core.domain.live.order import SEND_WITHIN, LiveOrder
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus, order_age
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import order_refusal
from moniqo_core.storage.document import USER_WALLETS, Database, Document, begins_with
from moniqo_core.storage.live.fills import LiveFillStore
from moniqo_core.storage.live.journal.entry_codec import JournalEnd, intent_entry, news_entry, opened_entry
from moniqo_core.storage.live.journal.live_journal import CommitOutcome, LiveJournal
from moniqo_core.storage.live.live_order_codec import ORDERS, numbered_key, queries_update, read_live
from moniqo_core.storage.live.order_filter import wanted_orders
from moniqo_core.storage.live.pre_trade_state import (
    MAY_STILL_FILL,
    PreTradeState,
    is_switched_off,
    pre_trade_stages,
    read_pre_trade_state,
    switch_stage,
)
from moniqo_core.storage.rate_counters import Count
from moniqo_core.storage.wallets.last_use import mark_used
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet
from moniqo_core.storage.wallets.venue_accounts import read_sharing, sharing_stage


class Committed(NamedTuple):
    """The result of inserting an intent. ``end`` is its entry if it is stored."""

    outcome: CommitOutcome
    end: JournalEnd | None = None


class LiveOrderStore:
    """Reads orders of live wallets, and writes them through their journals.

    The caller has already checked who owns the wallet.
    """

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._database = database
        self._wallets = database[USER_WALLETS]
        self._orders = database[ORDERS]
        self._journal = LiveJournal(database)
        self.fills = LiveFillStore(database)

    async def pre_trade_state(
        self,
        user_wallet_id: str,
        client_order_id: str | None,
        since: int | None = None,
        *,
        owner: str | None = None,
        count: Count | None = None,
    ) -> PreTradeState:
        """Read everything that an order is decided on, and every order from number ``since`` on. One round trip.

        The same read tells ``count`` whether its limit is reached. It takes more round trips if an interrupted commit
        left the journal ahead of its projection.

        Raises:
            NotFoundError: there is no such wallet, or it belongs to another user than ``owner``.

        """
        wallet = {"_id": user_wallet_id, "deleted_at": None, **({} if owner is None else {"user_id": owner})}
        counter = None if count is None else count.id
        found = await self._journal.read(wallet, pre_trade_stages(user_wallet_id, client_order_id, since, counter))
        if found is None:
            raise NotFoundError("There is no such wallet.")
        if count is not None:
            count.was_read(next(iter(found.wallet["counters"]), None))
        return read_pre_trade_state(*found)

    async def insert(self, order: LiveOrder, state: PreTradeState, count: Count | None = None) -> Committed:
        """Insert an intent that was decided on ``state``. ``count`` counts it.

        Raises:
            TemporarilyUnavailableError: it is unknown whether the intent was stored. It must not be sent to the venue.

        """
        try:
            end = state.end
            if end is None:
                opened = [item for item in state.orders if not item.has_ended]
                end = await self._begin_journal(order.user_wallet_id, state.next_seq - 1, opened, order.created_at)
            if end is None:
                return Committed(CommitOutcome.OVERTAKEN)
            entry = intent_entry(order, end)
            outcome = await self._journal.commit(entry, count=count)
        except TemporarilyUnavailableError:
            raise TemporarilyUnavailableError(
                "The database did not answer. No order was sent.", retry_after=2
            ) from None
        return Committed(outcome, JournalEnd(entry["seq"], entry["at"]))

    async def update(
        self,
        before: LiveOrder,
        after: LiveOrder,
        fills: Sequence[Fill] = (),
        *,
        at: datetime,
        follows: JournalEnd | None = None,
        used_at: datetime | None = None,
    ) -> LiveOrder | None:
        """Change the version ``before`` to ``after``, and add fills.

        News are an entry of the journal. Anything else only concerns later queries, and changes the order alone.

        Args:
            before: The order as it was read.
            after: The order as it should be.
            fills: Its fills. Those that are stored already are not stored again.
            at: The time of the change.
            follows: The last entry of the journal, if no writer can have changed the order since.
            used_at: The time of the owner's command that the change is the outcome of. The same write sets it as the
                wallet's time of last use.

        Returns:
            The order as stored, or None if another writer was faster.

        """
        if after == before:
            return before
        used = [] if used_at is None else [mark_used(self._database.name, after.user_wallet_id, used_at)]
        if not is_news(before, after):
            return after if await self._set_queries(before, after, used) else None
        end = follows or await self._end_if_unchanged(before, at)
        if end is None:
            return None
        known = await self.fills.ids_of(before) if before.stored_fill_amount else ()
        newer, new = replace(after, version=before.version + 1), [fill for fill in fills if fill.fill_id not in known]
        outcome = await self._journal.commit(news_entry(newer, new, end, at), used)
        return newer if outcome is CommitOutcome.DONE else None

    async def _set_queries(self, before: LiveOrder, after: LiveOrder, used: Sequence[UpdateOne]) -> bool:
        """Set when an order was queried and will be again, unless another writer did or changed it."""
        read = {
            "_id": numbered_key(before.user_wallet_id, before.seq),
            "version": before.version,
            "looks": before.queries_without_news,
            "misses": before.misses,
        }
        write = UpdateOne(read, queries_update(after), namespace=f"{self._database.name}.{ORDERS}")
        done = await self._database.client.bulk_write([write, *used], ordered=True, verbose_results=True)
        return bool(done.update_results[0].matched_count)

    async def _end_if_unchanged(self, before: LiveOrder, at: datetime) -> JournalEnd | None:
        """Return the last entry of the journal, or None if the order has changed. A missing journal begins."""
        wallet, key = before.user_wallet_id, numbered_key(before.user_wallet_id, before.seq)
        order = {"$lookup": {"from": ORDERS, "pipeline": [{"$match": {"_id": key}}], "as": "orders"}}
        found = await self._journal.read({"_id": wallet}, [order])
        if found is None or [order["version"] for order in found.wallet["orders"]] != [before.version]:
            return None
        if found.end is not None:
            return found.end
        return await self.begin_journal(wallet, at)

    async def begin_journal(self, user_wallet_id: str, at: datetime) -> JournalEnd | None:
        """Return what the first entry of a wallet's journal follows. None if another writer began the journal."""
        opened = await self.in_flight(user_wallet_id)
        last = await self._orders.find_one({"user_wallet_id": user_wallet_id}, {"seq": 1}, sort=[("seq", -1)])
        return await self._begin_journal(user_wallet_id, last["seq"] if last else 0, opened, at)

    async def without_journal(self) -> AsyncIterator[str]:
        """Yield the ids of the wallets that have orders and no journal."""
        last = ""
        # One wallet after the other: it may have many orders.
        while order := await self._orders.find_one({"_id": {"$gt": last}}, {"user_wallet_id": 1}, sort=[("_id", 1)]):
            wallet: str = order["user_wallet_id"]
            if not await self._journal.has_begun(wallet):
                yield wallet
            last = f"{wallet}:~"

    async def _begin_journal(
        self, user_wallet_id: str, last_order: int, orders: Sequence[LiveOrder], at: datetime
    ) -> JournalEnd | None:
        """Return what the next entry follows in a wallet without a journal. None if another writer began it.

        The journal of a wallet that has orders begins above their numbers, with those that may still fill.
        """
        if not last_order:
            return JournalEnd(0, at)
        seq = last_order + 1
        outcome = await self._journal.commit(opened_entry(user_wallet_id, seq, orders, at))
        return JournalEnd(seq, at) if outcome is CommitOutcome.DONE else None

    async def get(self, user_wallet_id: str, order_id: str) -> LiveOrder:
        """Return one order of a wallet.

        Raises:
            OrderNotFoundError: the wallet has no such order.

        """
        try:
            seq, number = order_age(order_id)
        except ValueError:
            seq, number = 0, 0
        found = await self._orders.find_one({"_id": numbered_key(user_wallet_id, seq)}) if number == 1 else None
        if found is None or found["user_wallet_id"] != user_wallet_id:
            raise OrderNotFoundError(f"This wallet has no order {order_id[:40]!r}.")
        return read_live(found)

    async def in_flight(self, user_wallet_id: str, symbol: str | None = None) -> list[LiveOrder]:
        """Return the orders that may still fill, oldest first."""
        query: Document = {"user_wallet_id": user_wallet_id, "status": {"$in": list(MAY_STILL_FILL)}}
        if symbol is not None:
            query["symbol"] = symbol
        return [read_live(document) async for document in self._orders.find(query).sort("seq", 1)]

    async def any_to_be_sent(self, now: datetime, user_wallet_ids: Sequence[str] | None = None) -> bool:
        """Tell whether an intent of these wallets, or of any, has no outcome and may still be sent at ``now``."""
        query: Document = {"status": OrderStatus.PENDING.value, "created_at": {"$gte": now - SEND_WITHIN}}
        if user_wallet_ids is not None:
            query["user_wallet_id"] = {"$in": list(user_wallet_ids)}
        return await self._orders.find_one(query, {"_id": 1}) is not None

    async def has_changed(self, decided: UserWallet) -> bool:
        """Tell whether the switch or another wallet of the account now stops orders, or the wallet changed.

        Its stop and its limits are compared with those that were ``decided`` on. A paused wallet still sells, so only a
        stop that the decision did not know is a change. An intent is written first. A change that is committed later
        finds the intent and waits for it.
        """
        pipeline = [{"$match": {"_id": decided.id, "deleted_at": None}}, switch_stage(), *sharing_stage()]
        found = await (await self._wallets.aggregate(pipeline)).to_list()
        if not found or is_switched_off(found[0]) or order_refusal(decided.id, read_sharing(found[0])) is not None:
            return True
        stored = read_user_wallet(found[0])
        return _stop(stored) not in {None, _stop(decided)} or stored.risk_limits != decided.risk_limits

    async def expedite(self, user_wallet_ids: Sequence[str], at: datetime) -> None:
        """Make the buys of these wallets that may still fill due for reconciliation by ``at``."""
        open_buys = {
            "user_wallet_id": {"$in": list(user_wallet_ids)},
            "status": {"$in": list(MAY_STILL_FILL)},
            "request.side": OrderSide.BUY.value,
        }
        await self._orders.update_many(open_buys, {"$min": {"settle_at": at}})

    async def page(self, user_wallet_id: str, query: OrderQuery) -> list[LiveOrder]:
        """Return orders, newest first, whose number is below that of the cursor ``query.after``."""
        wanted = {"user_wallet_id": user_wallet_id, **wanted_orders(query)}
        if query.after is not None:
            wanted["seq"] = {"$lt": query.after[0]}
        newest_first = self._orders.find(wanted).sort("seq", -1).limit(query.limit)
        return [read_live(document) async for document in newest_first]

    async def accepted_under(self, user_wallet_id: str, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": begins_with(prefix), "holds_client_id": True}
        found = self._orders.find(query, {"client_order_id": 1, "body_hash": 1})
        return {order["client_order_id"]: order["body_hash"] async for order in found}

    async def counts(self) -> Mapping[str, int]:
        """Return the number of orders of all wallets that may still fill, by status."""
        pipeline: list[Document] = [
            {"$match": {"status": {"$in": list(MAY_STILL_FILL)}}},
            {"$group": {"_id": "$status", "count": {"$sum": 1}}},
        ]
        return {found["_id"]: found["count"] async for found in await self._orders.aggregate(pipeline)}

    async def venues_to_reconcile(self, now: datetime) -> list[str]:
        """Return the venues that have an order due for reconciliation, sorted by name."""
        return sorted(await self._orders.distinct("venue", {"settle_at": {"$lte": now}}))

    async def to_reconcile(self, venue: str, now: datetime, limit: int) -> list[LiveOrder]:
        """Return up to ``limit`` orders at one venue that are due for reconciliation, longest overdue first."""
        query = {"venue": venue, "settle_at": {"$lte": now}}
        return [read_live(document) async for document in self._orders.find(query).sort("settle_at", 1).limit(limit)]


def _stop(wallet: UserWallet) -> tuple[UserWalletStatus, PauseLevel | None] | None:
    """Return what stops a wallet, None for one in use."""
    return (wallet.status, wallet.pause_level) if wallet.status in STOPPED_STATUSES else None
