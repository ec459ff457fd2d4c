"""The rules that decide whether a paper order is accepted, in the order in which they are checked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.errors import (
    InsufficientBalanceError,
    InvalidOrderError,
    OrderRejectedError,
)
from moniqo_core.domain.ledger.account import without_order
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.marks import Mark, find_mark
from moniqo_core.domain.matching.locked_funds import buy_lock
from moniqo_core.domain.matching.order_book import NO_FILL
from moniqo_core.domain.matching.taker_fills import amount_for_quote, plan_taker_fill
from moniqo_core.domain.money import ZERO, increase_up, plain, scale_of
from moniqo_core.domain.orders import field_rules
from moniqo_core.domain.orders.fees import accrue_fee
from moniqo_core.domain.orders.field_rules import FormFault
from moniqo_core.domain.orders.open_order_limit import check_open_orders
from moniqo_core.domain.orders.order import Order, OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import execution_conditions as market_rules
from moniqo_core.domain.paper.account_rules import check_account_status, check_account_symbol
from moniqo_core.domain.paper.exit_prices import check_exit_prices
from moniqo_core.domain.paper.exposure_limits import (
    Exposure,
    check_position_size,
    check_positions,
    check_total_exposure,
    symbol_exposure,
)
from moniqo_core.domain.risk.limits import RiskLimits, check_symbol
from moniqo_core.domain.risk.loss_limits import find_breach

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Rule

_AT_ONCE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_TAKERS: Final = frozenset({OrderType.MARKET, OrderType.LIMIT})


class PaperDecision:
    """The decision on one order. Its checks find the amount and the fill plan with which the order is executed.

    ``waits`` tells whether the part that does not fill at once stays open.
    """

    def __init__(
        self, draft: AccountDraft, request: OrderRequest, context: MarketContext, replaced: Order | None = None
    ) -> None:
        """Take the input of the decision. Nothing is checked yet.

        ``replaced`` is an open order that the request takes the place of. The request then asks for what has not filled
        yet. The rules apply as if that order were gone, and its locked funds were free.
        """
        self.draft = draft
        self.replaced = replaced
        self.account = draft.account if replaced is None else without_order(draft.account, replaced)
        self.request = request
        self.context = context
        self.waits = request.type is not OrderType.MARKET and request.time_in_force not in _AT_ONCE
        self.amount = ZERO
        self.plan = NO_FILL
        self._exposure: Exposure | None = None
        self._mark: Mark | None = None

    def rules(self) -> tuple[Rule, ...]:
        """Name and check of every rule. A check raises when its rule forbids the order."""
        rules: tuple[Rule, ...] = (
            ("status", self._check_status),
            ("open_orders", self._check_open_orders),
            ("symbol", self._check_symbol),
            ("form", self._check_form),
            ("expiry", self._check_expiry),
            ("market", self._check_market),
        )
        limits = self.draft.account.limits
        if self.request.has_exits and self.draft.rules.compares_exits:
            rules += (("exits", lambda: check_exit_prices(self.request, limits, self.context)),)
        if self.request.side is OrderSide.BUY and limits is not None:
            rules += (
                ("max_position_size_usd", lambda: check_position_size(limits, self.exposure, self.context)),
                ("max_total_exposure_usd", lambda: check_total_exposure(limits, self.exposure, self.context)),
                ("max_open_positions", lambda: check_positions(limits, self.exposure, self.context)),
                ("losses", lambda: self._check_losses(limits)),
            )
        return (*rules, ("funds", self._check_funds))

    def _check_status(self) -> None:
        check_account_status(self.draft, self.request.side)

    def _check_open_orders(self) -> None:
        adds = self.waits + (self.request.stop_loss is not None) + (self.request.take_profit is not None)
        if adds:
            check_open_orders(self.open_orders, adds)

    def _check_symbol(self) -> None:
        market = self.context.market
        check_account_symbol(self.draft.account, market.symbol, market.quote)
        if self.draft.account.limits is not None:
            check_symbol(self.draft.account.limits, market.symbol)

    def _check_form(self) -> None:
        request, market = self.request, self.context.market
        faults = list(field_rules.field_faults(request))
        if self.draft.account.limits is None:
            faults += field_rules.exit_default_faults(request)
        faults += field_rules.price_faults(request, market)
        amount = request.amount
        if amount is None and not faults and request.quote_amount is not None:
            amount = amount_for_quote(self.draft, request.side, request.quote_amount, self.context)
        if amount is not None:
            faults += self._amount_faults(amount)
            self.amount = amount
        field_rules.refuse(faults)

    def _amount_faults(self, amount: Decimal) -> list[FormFault]:
        """Return the faults of the amount. The whole holding may be sold, even if it does not fit the lot or minimum.

        The amount of a replaced order is its total. If it does not change, it need not fit the lot.
        """
        request, market, snapshot = self.request, self.context.market, self.context.snapshot
        price = field_rules.named_price(request)
        if price is None:
            price = snapshot.ask if request.side is OrderSide.BUY else snapshot.bid
        sells_all = request.side is OrderSide.SELL and amount == self.draft.holding(market.base).total > 0
        total = amount if self.replaced is None else amount + self.replaced.filled_amount
        found: list[FormFault | None] = []
        if not sells_all:
            if self.replaced is None or total != self.replaced.amount:
                found.append(field_rules.amount_fault(total, market))
            found.append(field_rules.notional_fault(total, price, market))
        found.append(field_rules.largest_amount_fault(total, market))
        found.append(field_rules.largest_notional_fault(total, price, market))
        return [fault for fault in found if fault is not None]

    def _check_expiry(self) -> None:
        expires_at = self.request.expires_at
        if expires_at is not None and expires_at <= self.draft.at:
            raise InvalidOrderError(f"The expires_at {expires_at.isoformat()} has already passed.", field="expires_at")

    def _check_market(self) -> None:
        request, context, limits = self.request, self.context, self.draft.account.limits
        if not context.is_open and (not self.waits or (limits is not None and limits.respect_market_hours)):
            market_rules.refuse_closed(request, context)
        market_rules.check_trigger(request, context.snapshot)
        if request.reduce_only and not self.draft.position(request.symbol).amount:
            raise OrderRejectedError(
                f"There is no position in {request.symbol} to reduce.",
                hint="GET /wallets/{id}/positions lists the open positions.",
            )
        if request.type not in _TAKERS:
            return
        market_rules.check_post_only(request, context.snapshot)
        if context.is_open:
            self.plan = plan_taker_fill(self.draft, request.side, request.price, self.amount, context)
            market_rules.check_all_at_once(request, self.amount, self.plan, context.market.base)

    def _check_funds(self) -> None:
        asset, needed, free = self.funds()
        if needed > free:
            raise InsufficientBalanceError(
                f"Needs {plain(needed)} {asset}. {plain(free)} {asset} is available.",
                needed=needed,
                available=free,
                asset=asset,
            )

    def funds(self) -> tuple[str, Decimal, Decimal]:
        """Return the asset that the order pays with, the amount needed, and the amount available."""
        market = self.context.market
        buying = self.request.side is OrderSide.BUY
        asset = market.quote if buying else market.base
        available = self.draft.holding(asset).free + (ZERO if self.replaced is None else self.replaced.locked)
        return asset, self._cash_needed() if buying else self.amount, available

    def _cash_needed(self) -> Decimal:
        terms, asset, plan, before = self.draft.account.terms, self.context.market.quote, self.plan, self.replaced
        needed = filled = accrued = fee = ZERO
        if before is not None:
            filled, accrued, fee = before.filled_quote, before.fee_accrued, before.fee
        if plan.levels:
            # Quote and fee are rounded once for all fills of an order.
            scale = scale_of(asset)
            accrued, fee, charged = accrue_fee(accrued, fee, terms.taker_rate, plan.quote, scale)
            needed = increase_up(filled, plan.quote, scale) + charged
            filled += plan.quote
        price, rest = self.request.price, self.amount - plan.amount
        if self.waits and rest and price is not None:
            needed += buy_lock(rest * price, filled, accrued, fee, terms, asset)
        return needed

    @property
    def open_orders(self) -> int:
        """Number of open orders of the account before this order."""
        return sum([totals.orders for totals in self.account.open_order_totals.values()])

    @property
    def exposure(self) -> Exposure:
        """Exposure including this order, computed once."""
        if self._exposure is None:
            self._exposure = symbol_exposure(
                self.account, self.amount, self.request.price, self.mark.price, self.context, self.draft.rules
            )
        return self._exposure

    def _check_losses(self, limits: RiskLimits) -> None:
        """Refuse a buy while a loss limit is reached at current prices. The walk of the path pauses the wallet."""
        reached = find_breach(limits, self.equity(), self.draft.day, self.draft.peak, self.context.usd_rate)
        if reached is not None:
            raise reached.refusal()

    def equity(self) -> Decimal:
        """Return the value of cash and holdings at current prices, in the cash asset."""
        draft, own = self.draft, self.context.market.symbol
        total = draft.holding(draft.account.terms.cash_asset).total
        for symbol, position in draft.held_positions():
            total += position.amount * (self.mark.price if symbol == own else self.context.marks[symbol])
        return total

    @property
    def mark(self) -> Mark:
        """The mark of the order's symbol, computed once. Only the equity at a firm mark may set a new peak."""
        if self._mark is None:
            snapshot = self.context.snapshot
            if self.draft.rules.sane_marks:
                self._mark = find_mark(snapshot.bid, snapshot.ask, snapshot.last)
            else:
                self._mark = Mark(snapshot.mid, is_firm=True)
        return self._mark
