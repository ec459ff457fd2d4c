"""Orders of live wallets, in the collection ``orders``.

The ``_id`` of an order contains its number in the wallet. An intent is decided on all orders up to the previous number.
Of two intents that are decided at once, one is inserted and the other is decided again. So limits hold without a lock,
which a crashed process could leave behind. Later writes name the version that they replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final, cast

from pymongo import UpdateOne
from pymongo.errors import ClientBulkWriteException, DuplicateKeyError, WriteConcernError

from moniqo_core.domain.errors import NotFoundError, OrderNotFoundError, TemporarilyUnavailableError
from moniqo_core.domain.live.order import SEND_WITHIN, LiveOrder
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus, order_age
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import order_refusal
from moniqo_core.storage.client import DatabaseError, is_outage
from moniqo_core.storage.document import USER_WALLETS, Database, Document, begins_with
from moniqo_core.storage.live.fills import LiveFillStore
from moniqo_core.storage.live.live_order_codec import live_document, live_update, order_key, read_live
from moniqo_core.storage.live.order_filter import wanted_orders
from moniqo_core.storage.live.pre_trade_state import (
    MAY_STILL_FILL,
    ORDERS,
    PreTradeState,
    is_switched_off,
    pre_trade_pipeline,
    read_pre_trade_state,
    switch_stage,
)
from moniqo_core.storage.wallets.last_use import mark_used
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet
from moniqo_core.storage.wallets.venue_accounts import read_sharing, sharing_stage

SENDS: Final = 3


class InsertOutcome(Enum):
    """The result of inserting an intent."""

    DONE = auto()
    OVERTAKEN = auto()
    """Another order took the number. Read and decide again."""
    REPEATED = auto()
    """Another order already has the client order id."""


class LiveOrderStore:
    """Reads and writes orders of live wallets. The caller has already checked who owns the wallet."""

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._database = database
        self._wallets = database[USER_WALLETS]
        self._orders = database[ORDERS]
        self.fills = LiveFillStore(database)

    async def pre_trade_state(
        self, user_wallet_id: str, client_order_id: str | None, since: int | None = None, *, owner: str | None = None
    ) -> PreTradeState:
        """Read everything that an order is decided on, and every order from number ``since`` on. One round trip.

        Raises:
            NotFoundError: there is no such wallet, or it belongs to another user than ``owner``.

        """
        pipeline = pre_trade_pipeline(user_wallet_id, client_order_id, since, owner)
        found = await (await self._wallets.aggregate(pipeline)).to_list()
        if not found:
            raise NotFoundError("There is no such wallet.")
        return read_pre_trade_state(found[0])

    async def insert(self, order: LiveOrder) -> InsertOutcome:
        """Insert an intent.

        Raises:
            TemporarilyUnavailableError: it is unknown whether the intent was stored. It must not be sent to the venue.

        """
        document = live_document(order)
        for _ in range(SENDS):
            try:
                await self._orders.insert_one(document)
            except DuplicateKeyError as error:
                # A write that was sent twice finds its own document.
                stored = await self._orders.find_one({"_id": document["_id"]}, {"token": 1})
                if stored is not None and stored["token"] == document["token"]:
                    return InsertOutcome.DONE
                named = "client_order_id" in cast("Mapping[str, Any]", error.details)["keyPattern"]
                return InsertOutcome.REPEATED if named else InsertOutcome.OVERTAKEN
            except WriteConcernError:
                break  # the intent may be stored, but an election may undo it
            except DatabaseError as error:
                if not is_outage(error):
                    raise
                continue
            return InsertOutcome.DONE
        raise TemporarilyUnavailableError("The database did not answer. No order was sent.", retry_after=2)

    async def update(
        self, before: LiveOrder, after: LiveOrder, fills: Sequence[Fill] = (), *, used_at: datetime | None = None
    ) -> bool:
        """Change the version ``before`` to ``after``, and add fills. Return False if another writer was faster.

        ``used_at`` is the time of the owner's command that the change is the outcome of. The same write sets it as the
        wallet's time of last use.
        """
        if after == before and not fills:
            return True
        document = live_document(after)
        document["version"] = before.version + 1
        # Fills come first, because an order must not count fills as stored before they are.
        writes: list[Any] = self.fills.inserts(after, fills)
        orders = f"{self._database.name}.{ORDERS}"
        position = len(writes)
        version = {"_id": document["_id"], "version": before.version}
        writes.append(UpdateOne(version, live_update(document), namespace=orders))
        if used_at is not None:
            writes.append(mark_used(self._database.name, after.user_wallet_id, used_at))
        try:
            done = await self._database.client.bulk_write(writes, ordered=True, verbose_results=True)
        except ClientBulkWriteException as error:
            if is_outage(error):
                raise
            return False  # another writer inserts the same fill at this moment
        return bool(done.update_results[position].matched_count)

    async def get(self, user_wallet_id: str, order_id: str) -> LiveOrder:
        """Return one order of a wallet.

        Raises:
            OrderNotFoundError: the wallet has no such order.

        """
        try:
            seq, number = order_age(order_id)
        except ValueError:
            seq, number = 0, 0
        found = await self._orders.find_one({"_id": order_key(user_wallet_id, seq)}) if number == 1 else None
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
