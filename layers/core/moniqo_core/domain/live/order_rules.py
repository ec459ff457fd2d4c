"""The rules that decide whether a live order is sent, in the order in which they are checked.

They refuse an order that would certainly fail. Everything else is left to the venue when the order is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from moniqo_core.domain.errors import (
    LiveTradingOffError,
    WalletError,
    WalletSuspendedError,
)
from moniqo_core.domain.live import exposure_limits
from moniqo_core.domain.live.exposure_limits import LiveExposure, PendingBuy
from moniqo_core.domain.live.loss_limits import check_losses, last_known_breach
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.usd_prices import usd_price
from moniqo_core.domain.money import ZERO, exact, floor_to
from moniqo_core.domain.orders.open_order_limit import check_open_orders
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rule_check import Rule
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.risk.funds import not_covered
from moniqo_core.domain.risk.limits import RiskLimits, check_symbol
from moniqo_core.domain.wallets.pause_level import PauseLevel, refuse_while_paused
from moniqo_core.domain.wallets.user_wallet import SnapshotAsset, UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import AccountWallet, order_refusal


@dataclass(frozen=True, slots=True)
class VenueFunds:
    """Holdings and mark prices that the venue reported at the time ``at``."""

    held: Mapping[str, Holding]
    mids: Mapping[str, Decimal]
    at: datetime


@dataclass(frozen=True)
class LiveDecision:
    """The decision on one live order at the time ``at``.

    ``off`` tells why this deployment sends no orders, and is None when it does. ``open_orders`` counts the orders that
    may still fill. ``form`` is the market, or the reason why the venue cannot take the order. ``buys`` may still fill,
    or may have filled since ``funds`` were read. ``funds`` are None if they were not requested, because a sell does not
    need them. ``sharing`` are the wallets of the same venue account, this one among them.
    """

    request: OrderRequest
    wallet: UserWallet
    off: str | None
    open_orders: int
    form: Market | WalletError
    at: datetime
    buys: Sequence[PendingBuy] = ()
    funds: VenueFunds | None = None
    sharing: Sequence[AccountWallet] = ()

    def check(self) -> None:
        """Raise the error with which the order is refused, if any."""
        with exact():
            for _, ask in self.rules():
                ask()

    def rules(self) -> tuple[Rule, ...]:
        """Name and check of every rule. A check raises when its rule forbids the order."""
        rules: tuple[Rule, ...] = (
            ("live_trading", self._check_live_trading),
            ("status", self._check_status),
            ("open_orders", self._check_open_orders),
            ("symbol", self._check_symbol),
            ("form", self._check_form),
        )
        if self.request.side is OrderSide.BUY and self.funds is not None:
            limits = self._limits
            rules += (
                ("max_position_size_usd", lambda: exposure_limits.check_position_size(limits, self.exposure)),
                ("max_total_exposure_usd", lambda: exposure_limits.check_total_exposure(limits, self.exposure)),
                ("max_open_positions", lambda: exposure_limits.check_positions(limits, self.exposure)),
                ("losses", self._check_losses),
            )
        return (*rules, ("funds", self._check_funds)) if self.funds is not None else rules

    @property
    def _limits(self) -> RiskLimits:
        return self.wallet.risk_limits

    @property
    def _market(self) -> Market:
        if isinstance(self.form, WalletError):
            raise self.form
        return self.form

    @cached_property
    def exposure(self) -> LiveExposure:
        """Exposure of the wallet if the order is accepted."""
        assert self.funds is not None  # noqa: S101  only rules that need funds use it
        held = {asset: holding.total for asset, holding in self.funds.held.items()}
        return exposure_limits.exposure(self.request, self._market, held, self.buys, self.funds.mids)

    @cached_property
    def holdings(self) -> tuple[SnapshotAsset, ...]:
        """What the wallet holds, at its present value. An asset without a price has no value."""
        assert self.funds is not None  # noqa: S101  only rules that need funds use it
        mids, held = self.funds.mids, self.funds.held
        return tuple(_valued(asset, holding, usd_price(asset, mids)) for asset, holding in held.items())

    def _check_live_trading(self) -> None:
        if self.off is not None:
            raise LiveTradingOffError(self.off)

    def _check_status(self) -> None:
        wallet = self.wallet
        if wallet.status is UserWalletStatus.SUSPENDED:
            raise WalletSuspendedError("The wallet is suspended.", reason=wallet.status_reason)
        if wallet.status is UserWalletStatus.PAUSED:
            level = wallet.pause_level or PauseLevel.FULL
            refuse_while_paused(
                level,
                self.request.side,
                wallet.status_reason,
                limit_reached=last_known_breach(wallet, self.at) is not None,
                key_can_withdraw=wallet.key_can_withdraw,
            )
        refusal = order_refusal(wallet.id, self.sharing)
        if refusal is not None:
            raise refusal

    def _check_open_orders(self) -> None:
        check_open_orders(self.open_orders, 1)

    def _check_symbol(self) -> None:
        check_symbol(self._limits, self.request.symbol)

    def _check_form(self) -> None:
        _ = self._market

    def _check_losses(self) -> None:
        assert self.funds is not None  # noqa: S101  without funds there is no such rule
        check_losses(self.wallet, self.holdings, self.funds.at)

    def needed(self) -> tuple[str, Decimal, Decimal]:
        """Return the asset that the order pays with, the minimum needed of it, and the amount available."""
        order, market = self.request, self._market
        held = {} if self.funds is None else self.funds.held
        mids = {} if self.funds is None else self.funds.mids
        if order.side is OrderSide.SELL:
            return market.base, order.amount or ZERO, held.get(market.base, Holding()).free
        free = held.get(market.quote, Holding()).free
        if order.amount is None:
            return market.quote, order.quote_amount or ZERO, free
        return market.quote, order.amount * (order.price or mids.get(market.symbol, ZERO)), free

    def _check_funds(self) -> None:
        asset, needed, free = self.needed()
        if needed > free:
            raise not_covered(asset, needed, free, self.affordable_amount(free))

    def affordable_amount(self, free: Decimal) -> Decimal:
        """Return the largest amount of the order that ``free`` funds pay for, in whole lots. A debt pays for none."""
        order, market, free = self.request, self._market, max(free, ZERO)
        if order.side is OrderSide.SELL:
            return floor_to(free, market.lot_step)
        price = order.price or (ZERO if self.funds is None else self.funds.mids.get(market.symbol, ZERO))
        return floor_to(free / price, market.lot_step) if price else ZERO


def _valued(asset: str, holding: Holding, price: Decimal | None) -> SnapshotAsset:
    total = holding.total
    with exact():
        return SnapshotAsset(asset, holding.free, holding.locked, total, None if price is None else price * total)
