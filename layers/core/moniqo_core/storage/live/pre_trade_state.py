"""The state that a live order is decided on, read in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.order import OPEN_STATUSES, OrderStatus
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.domain.wallets.venue_account import AccountWallet
from moniqo_core.storage.document import Document
from moniqo_core.storage.live.journal.entry_codec import JournalEnd
from moniqo_core.storage.live.live_order_codec import ORDERS, read_live
from moniqo_core.storage.live.live_trading_switch import LIVE_TRADING_SWITCH
from moniqo_core.storage.rate_counters import COLLECTION as COUNTERS
from moniqo_core.storage.simulation_seed import DEPLOYMENT
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet
from moniqo_core.storage.wallets.venue_accounts import read_sharing, sharing_stage

MAY_STILL_FILL: Final = tuple(status.value for status in (*OPEN_STATUSES, OrderStatus.UNKNOWN))


@dataclass(frozen=True, slots=True)
class PreTradeState:
    """The state that an order is decided on, at one moment.

    ``orders`` are those that may still fill, and all from the requested number on. ``next_seq`` is the number of the
    next order. ``before`` is the order that already has the client order id. ``stopped`` says that the deployment's
    live trading switch stops orders. ``sharing`` are the wallets of the same venue account, this one among them.
    ``end`` is the last entry of the journal, None before it begins.
    """

    wallet: UserWallet
    orders: Sequence[LiveOrder]
    next_seq: int
    before: LiveOrder | None
    stopped: bool
    sharing: Sequence[AccountWallet] = ()
    end: JournalEnd | None = None


def pre_trade_stages(
    user_wallet_id: str, client_order_id: str | None, since: int | None, counter: str | None
) -> list[Document]:
    """Return the stages that add the state to a user wallet. They also read every order from number ``since`` on.

    ``counter`` is the id of a counter to read.
    """
    mine = {"user_wallet_id": user_wallet_id}
    wanted: Document = {"status": {"$in": list(MAY_STILL_FILL)}}
    if since is not None:
        wanted = {"$or": [wanted, {"seq": {"$gte": since}}]}
    stages = [
        # The last number is read before the orders. An order inserted between these two stages must not be counted by
        # the number while it is missing among the orders.
        _joined(ORDERS, "last", [{"$match": mine}, {"$sort": {"seq": -1}}, {"$limit": 1}]),
        _joined(ORDERS, "found", [{"$match": {**mine, **wanted}}]),
        switch_stage(),
        *sharing_stage(),
    ]
    if client_order_id is not None:
        named = {**mine, "client_order_id": client_order_id, "holds_client_id": True}
        stages.append(_joined(ORDERS, "before", [{"$match": named}]))
    if counter is not None:
        stages.append(_joined(COUNTERS, "counters", [{"$match": {"_id": counter}}]))
    return stages


def read_pre_trade_state(document: Document, end: JournalEnd | None) -> PreTradeState:
    """Return the state of a user wallet with :func:`pre_trade_stages`, as of the last entry of its journal."""
    before, last = document.get("before"), document["last"]
    return PreTradeState(
        wallet=read_user_wallet(document),
        orders=[read_live(order) for order in document["found"]],
        next_seq=last[0]["seq"] + 1 if last else 1,
        before=read_live(before[0]) if before else None,
        stopped=is_switched_off(document),
        sharing=read_sharing(document),
        end=end,
    )


def switch_stage() -> Document:
    """Return the stage that adds the live trading switch, for :func:`is_switched_off`."""
    return _joined(DEPLOYMENT, "switch", [{"$match": {"_id": LIVE_TRADING_SWITCH}}])


def is_switched_off(document: Document) -> bool:
    """Tell whether the switch of a result with :func:`switch_stage` stops orders."""
    return bool(document["switch"] and document["switch"][0]["stopped"])


def _joined(collection: str, name: str, pipeline: list[Document]) -> Document:
    return {"$lookup": {"from": collection, "pipeline": pipeline, "as": name}}
