"""Every index of the database. A migration creates them: see :mod:`moniqo_core.migrations.listed`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from moniqo_core.storage.client import server_version
from moniqo_core.storage.document import USER_WALLETS, Database

SYNC_LOG_SECONDS: Final = 30 * 24 * 3600

INDEXES: Final[dict[str, tuple[IndexModel, ...]]] = {
    "wallets": (
        IndexModel("slug", name="slug", unique=True, partialFilterExpression={"deleted_at": None}),
        IndexModel([("is_active", ASCENDING), ("order", ASCENDING)], name="is_active_order"),
        IndexModel("integration_type", name="integration_type"),
        IndexModel("is_demo", name="is_demo"),
        IndexModel("supported_markets", name="supported_markets"),
    ),
    USER_WALLETS: (
        IndexModel([("user_id", ASCENDING), ("is_active", ASCENDING)], name="user_id_is_active"),
        IndexModel([("user_id", ASCENDING), ("wallet_id", ASCENDING)], name="user_id_wallet_id"),
        IndexModel(
            [("user_id", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name="user_id_created_at"
        ),
        IndexModel("wallet_id", name="wallet_id"),
        IndexModel("status", name="status"),
        IndexModel("balance.last_synced_at", name="balance_last_synced_at"),
        IndexModel([("next_sync_at", ASCENDING), ("status", ASCENDING)], name="next_sync_at_status"),
        IndexModel(
            [("has_open_orders", ASCENDING), ("evaluated_until", ASCENDING)], name="has_open_orders_evaluated_until"
        ),
        # A ciphertext begins with the id of its key, so the wallets that use one key are a range of this index.
        IndexModel(
            [("credentials", ASCENDING), ("_id", ASCENDING)],
            name="credentials",
            partialFilterExpression={"credentials": {"$type": "string"}},
        ),
        # One wallet for each account at a venue. A duplicate from before this rule has its own id as the second field.
        IndexModel(
            [("account_fingerprints", ASCENDING), ("account_duplicate", ASCENDING)],
            name="account_fingerprints",
            unique=True,
            partialFilterExpression={"account_fingerprints": {"$gt": ""}},
        ),
    ),
    "wallet_sync_log": (
        IndexModel([("user_wallet_id", ASCENDING), ("started_at", DESCENDING)], name="user_wallet_id_started_at"),
        IndexModel("status", name="status"),
        IndexModel("started_at", name="expiry", expireAfterSeconds=SYNC_LOG_SECONDS),
    ),
    "demo_wallet_state": (IndexModel("user_wallet_id", name="user_wallet_id", unique=True),),
    "demo_wallet_ledger": (
        IndexModel(
            [("user_wallet_id", ASCENDING), ("client_order_id", ASCENDING)],
            name="client_order_id",
            unique=True,
            partialFilterExpression={"client_order_id": {"$exists": True}},
        ),
        IndexModel([("user_wallet_id", ASCENDING), ("order_ids", ASCENDING)], name="order_ids"),
        IndexModel([("user_wallet_id", ASCENDING), ("seq", DESCENDING)], name="seq"),
        # For reads by client order id. The embedded server does not see that the index above would serve them.
        IndexModel(
            [("user_wallet_id", ASCENDING), ("client_order_id", ASCENDING)],
            name="client_order_id_read",
            partialFilterExpression={"client_order_id": {"$gt": ""}},
        ),
        # Lists of orders and fills, newest first. A list by a rare value then reads no other entries.
        *(
            IndexModel([("user_wallet_id", ASCENDING), (field, ASCENDING), ("seq", DESCENDING)], name=field)
            for field in ("command.symbol", "orders.side", "orders.type", "fills.symbol")
        ),
    ),
    "orders": (
        IndexModel([("user_wallet_id", ASCENDING), ("status", ASCENDING)], name="user_wallet_id_status"),
        IndexModel([("user_wallet_id", ASCENDING), ("seq", DESCENDING)], name="seq"),
        IndexModel(
            [
                ("user_id", ASCENDING),
                ("created_at", DESCENDING),
                ("user_wallet_id", DESCENDING),
                ("seq", DESCENDING),
            ],
            name="user_id_created_at",
        ),
        IndexModel(
            [("user_wallet_id", ASCENDING), ("client_order_id", ASCENDING)],
            name="client_order_id",
            unique=True,
            partialFilterExpression={"client_order_id": {"$exists": True}, "holds_client_id": True},
        ),
        IndexModel(
            [("venue", ASCENDING), ("settle_at", ASCENDING)],
            name="to_settle",
            partialFilterExpression={"settle_at": {"$exists": True}},
        ),
    ),
    "live_wallet_ledger": (IndexModel([("user_wallet_id", ASCENDING), ("seq", DESCENDING)], name="seq"),),
    "order_fills": (
        IndexModel([("user_wallet_id", ASCENDING), ("at", DESCENDING), ("tie", DESCENDING)], name="user_wallet_id_at"),
        IndexModel([("user_wallet_id", ASCENDING), ("seq", ASCENDING)], name="seq"),
    ),
    "equity": (
        IndexModel([("user_wallet_id", ASCENDING), ("epoch", ASCENDING), ("at", ASCENDING)], name="point", unique=True),
        # A point stores its own expiry, because that depends on its resolution.
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    "market_minutes": (IndexModel("expires_at", name="expiry", expireAfterSeconds=0),),
    "rate_counters": (IndexModel("expires_at", name="expiry", expireAfterSeconds=0),),
    "venue_markets": (IndexModel("expires_at", name="expiry", expireAfterSeconds=0),),
}


async def ensure_indexes(db: Database, collections: Iterable[str] = tuple(INDEXES)) -> None:
    """Create the missing indexes of these collections. Repeating it changes nothing.

    Raises:
        UnsupportedServerError: the server is older than MongoDB 8.

    """
    await server_version(db)
    for collection in collections:
        await db[collection].create_indexes(list(INDEXES[collection]))
