"""Gather the state that a live order is decided on: one database read, and for a buy order a sync of the balance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import OrderRejectedError, WalletError
from moniqo_core.domain.live import exposure_limits
from moniqo_core.domain.live.order_rules import LiveDecision, VenueFunds
from moniqo_core.domain.live.preflight import preflight
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rule_check import Preflight
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.sync.outcome import SyncType
from moniqo_core.domain.wallets.user_wallet import SnapshotAsset
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.storage.live.pre_trade_state import PreTradeState

if TYPE_CHECKING:
    from moniqo_core.wallets.base import WalletBalance
    from moniqo_core.wallets.venue_wallet import VenueWallet


class PreTradeRead(NamedTuple):
    """The state read for an order with this ``client_order_id``. The read began at ``at``."""

    state: PreTradeState
    client_order_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PreTradeFindings:
    """The state gathered for one order. Orders in ``state`` are older than ``funds``, all others are newer.

    ``form`` is the order's market, or the error with which the venue's rules refuse the order.
    """

    order: OrderRequest
    state: PreTradeState
    form: Market | WalletError
    funds: VenueFunds | None
    at: datetime
    live_trading: bool

    def decision(self, latest: PreTradeState) -> LiveDecision:
        """Combine the gathered state with ``latest``, the newest state in the database."""
        first = self.state.next_seq
        buys = [exposure_limits.open_buy(item) for item in self.state.orders if item.request.side is OrderSide.BUY]
        newer = [item for item in latest.orders if item.seq >= first and item.request.side is OrderSide.BUY]
        buys += [exposure_limits.new_buy(item) for item in newer]
        waiting = sum(not item.has_ended for item in latest.orders)
        off = self._why_off(latest)
        return LiveDecision(
            self.order, latest.wallet, off, waiting, self.form, self.at, buys, self.funds, latest.sharing
        )

    def _why_off(self, state: PreTradeState) -> str | None:
        if not self.live_trading:
            return "Live trading is not turned on in this deployment."
        return "The operator of this deployment has stopped live trading." if state.stopped else None


class PreTradeCheck:
    """Gathers the state that orders are decided on. The caller has already checked who owns the wallet."""

    def __init__(self, sync: BalanceSync, *, live_trading: bool, now: Clock) -> None:
        """Read balances with ``sync``. ``live_trading`` is the deployment's parameter."""
        self._sync = sync
        self._live_trading = live_trading
        self._now = now

    async def gather(self, wallet: VenueWallet, order: OrderRequest, state: PreTradeState) -> PreTradeFindings:
        """Gather the state that an order is decided on. Balances are read for a buy order only.

        A loss limit that the sync finds reached pauses the wallet.

        Raises:
            WalletError: a rule refuses the order without reading balances, a loss limit is reached, or the venue does
                not answer.

        """
        findings = self._findings(order, state, await _form(wallet, order))
        findings.decision(state).check()
        if order.side is OrderSide.SELL:
            return findings
        synced = await self._sync.sync_open(state.wallet, wallet, SyncType.PRE_TRADE)
        if synced.breach is not None:
            raise synced.breach.refusal()
        funds = VenueFunds(_held(synced.after.balance.assets), await wallet.mids(), synced.run.started_at)
        return replace(findings, state=replace(state, wallet=synced.after), funds=funds)

    def check(self, order: OrderRequest, state: PreTradeState, market: Market) -> None:
        """Raise the error of a rule that refuses an order in ``market`` regardless of funds."""
        self._findings(order, state, market).decision(state).check()

    def check_wallet(self, order: OrderRequest, state: PreTradeState) -> None:
        """Raise the error of a wallet or a deployment that takes no such order now."""
        decision = self._findings(order, state, OrderRejectedError()).decision(state)
        for name, check in decision.rules():
            if name in {"live_trading", "status"}:
                check()

    def _findings(
        self,
        order: OrderRequest,
        state: PreTradeState,
        form: Market | WalletError,
        funds: VenueFunds | None = None,
    ) -> PreTradeFindings:
        return PreTradeFindings(order, state, form, funds, self._now(), self._live_trading)

    async def preflight(self, wallet: VenueWallet, order: OrderRequest, state: PreTradeState) -> Preflight:
        """Check an order against every rule. Raise MarketDataError, or WalletConnectionError without an answer."""
        now = self._now()
        form, funds = await _form(wallet, order), None
        if isinstance(form, Market):
            balances, mids = await asyncio.gather(wallet.get_balance(), wallet.mids())
            funds = VenueFunds(_held(balances), mids, now)
        return preflight(self._findings(order, state, form, funds).decision(state))


async def _form(wallet: VenueWallet, order: OrderRequest) -> Market | WalletError:
    """Return the market of an order, or the error with which the venue's rules refuse the order."""
    try:
        return await wallet.check_order(order)
    except WalletError as error:
        return error


def _held(found: Iterable[SnapshotAsset | WalletBalance]) -> dict[str, Holding]:
    return {item.asset: Holding(item.free, item.locked) for item in found}
